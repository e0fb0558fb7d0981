//! Messages to equal agents in turn, which answer with the same content.

use crate::sampling::open_loop::generator::{Reply, Script, Verdict};
use crate::{Error, Result};
use sandlab_runtime::{AgentId, Message};

/// The script of agents that echo.
pub struct Echo {
    agents: Vec<AgentId>,
    next: usize,
    payload: Vec<u8>,
}

impl Echo {
    /// For these agents, with so many bytes a message, at least 8.
    pub fn new(agents: Vec<AgentId>, size: usize) -> Self {
        Self { agents, next: 0, payload: vec![0x5a; size.max(8)] }
    }
}

impl Script for Echo {
    fn next_request(&mut self, id: u64) -> (AgentId, Vec<u8>) {
        let agent = self.agents[self.next];
        self.next = (self.next + 1) % self.agents.len();
        (agent, numbered(&self.payload, id))
    }

    fn on_reply(&mut self, reply: Reply) -> Result<Verdict> {
        match reply.outcome {
            Ok(message) => check(reply.id, &message, self.payload.len()).map(|()| Verdict::Good),
            Err(_) => Ok(Verdict::Failed),
        }
    }
}

/// The content of a message: its number, and padding.
pub fn numbered(payload: &[u8], id: u64) -> Vec<u8> {
    let mut content = payload.to_vec();
    content[..8].copy_from_slice(&id.to_le_bytes());
    content
}

/// A reply has the length of its message, and its number.
///
/// # Errors
/// If it does not.
pub fn check(id: u64, reply: &Message, length: usize) -> Result<()> {
    if reply.content.len() == length && reply.content.starts_with(&id.to_le_bytes()) {
        return Ok(());
    }
    Err(Error::Path(format!(
        "message {id} was answered with {} bytes of something else",
        reply.content.len()
    )))
}

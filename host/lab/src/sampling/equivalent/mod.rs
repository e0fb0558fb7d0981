//! Native equivalents of commands and services, as backends: what they reply has the form of a
//! sandboxed subject's replies, so that the same checks hold for both.

mod program;
mod server;

use crate::Result;
use crate::bundle::Equivalent;
use sandlab_runtime::{Backend, Handled, Message, Performative, SandboxConfig};
use std::sync::Arc;

/// Makes a native equivalent ready.
///
/// # Errors
/// If a program is not found, or a server does not answer.
pub fn load(equivalent: &Equivalent, config: &SandboxConfig) -> Result<Arc<dyn Backend>> {
    Ok(match equivalent {
        Equivalent::Program { command } => Arc::new(program::Programs::find(command, config)?),
        Equivalent::Server { url, start } => {
            Arc::new(server::Server::connect(url, start.as_deref(), config)?)
        }
    })
}

/// Returns a reply with this content, if it could be written.
fn reply(to: &Message, content: serde_json::Result<Vec<u8>>) -> Handled {
    let reply = Message {
        id: to.id,
        conversation: to.conversation,
        in_reply_to: Some(to.id),
        sender: to.recipient,
        recipient: to.sender,
        performative: Performative::Inform,
        // Neither keys that are no text nor a writer that fails: there is nothing to go wrong.
        content: content.unwrap_or_default(),
    };
    Handled { replies: vec![reply], sent: Vec::new() }
}

//! The messages of agents on the message path, and the check of their replies.

use crate::record::Mix;
use crate::sampling::departures::Departures;
use crate::sampling::fleet::Fleet;
use crate::sampling::open_loop::{Reply, Script, Verdict};
use crate::workload::{Case, Exchange};
use crate::{Error, Result};
use sandlab_runtime::messaging::DeliveryError;
use sandlab_runtime::{AgentId, Message};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The messages that agents are sent.
#[derive(Debug, Clone)]
pub enum Traffic {
    /// Content of this many bytes, at least 8, which begins with the message's number. Agents
    /// reply with the same.
    Echo {
        /// Bytes per message.
        size: usize,
    },
    /// The messages of a case, in order and over again, to each agent its own series.
    Series(Arc<Case>),
}

impl Traffic {
    /// Returns a case as traffic.
    ///
    /// # Errors
    /// If one of its messages does not come to exactly one reply, by which its end is seen.
    pub fn series(case: Case) -> Result<Self> {
        let several = case.exchanges.iter().find_map(|exchange| {
            let replies = exchange.expected.replies().filter(|replies| *replies != 1)?;
            Some((exchange, replies))
        });
        if let Some((exchange, replies)) = several {
            let place = exchange.place();
            return Err(Error::Usage(format!(
                "{place}{replies} replies are expected; under a load a message ends with its reply, \
                 so that each has to have exactly one"
            )));
        }
        Ok(Self::Series(Arc::new(case)))
    }

    /// Returns the stated size of all messages, bytes; `None` if they come from a file.
    pub fn size(&self) -> Option<usize> {
        match self {
            Self::Echo { size } => Some(*size),
            Self::Series(case) => case.size,
        }
    }

    /// Returns which mix of messages it is; `None` for an echo, whose messages are all alike.
    pub fn mix(&self) -> Option<Mix> {
        match self {
            Self::Echo { .. } => None,
            Self::Series(case) => Some(Mix::from(&**case)),
        }
    }

    /// Returns whether a user wrote it.
    pub fn is_of_user(&self) -> bool {
        matches!(self, Self::Series(case) if case.source.is_some())
    }

    /// Returns the content of the message at a place in the series.
    pub fn content(&self, id: u64, place: u32) -> Vec<u8> {
        let mut content = Vec::new();
        self.write(id, place, &mut content);
        content
    }

    /// Replaces a buffer's bytes by the content of the message at a place in the series.
    fn write(&self, id: u64, place: u32, content: &mut Vec<u8>) {
        content.clear();
        match self {
            Self::Echo { size } => {
                content.reserve_exact((*size).max(8));
                content.extend(id.to_le_bytes());
                content.resize((*size).max(8), 0x5a);
            }
            Self::Series(case) => content.extend(&exchange(case, place).request.content),
        }
    }

    /// Checks the reply to the message at a place in the series.
    ///
    /// # Errors
    /// If it is not what it must be.
    pub fn check(&self, id: u64, place: u32, reply: &Message) -> Result<()> {
        let size = match self {
            Self::Echo { size } => (*size).max(8),
            Self::Series(case) => {
                let exchange = exchange(case, place);
                return exchange.check(&reply.content).map_err(|reason| {
                    let which = exchange.line.map_or_else(
                        || format!("message {} of {}", number(case, place), case.exchanges.len()),
                        |line| format!("line {line} of the workload"),
                    );
                    Error::Path(format!("{which}: {reason}"))
                });
            }
        };
        if reply.content.len() == size && reply.content.starts_with(&id.to_le_bytes()) {
            return Ok(());
        }
        Err(Error::Path(format!(
            "message {id} was answered with {} bytes of something else",
            reply.content.len()
        )))
    }
}

fn number(case: &Case, place: u32) -> usize {
    place as usize % case.exchanges.len() + 1
}

fn exchange(case: &Case, place: u32) -> &Exchange {
    &case.exchanges[number(case, place) - 1]
}

/// Agents that are sent traffic in turn, by one sender, under any loop. Where each of them is in
/// its series is kept with the fleet: one load goes on where the one before ended.
pub struct Conversation {
    traffic: Traffic,
    /// The agents, each with its index in the fleet.
    agents: Vec<(AgentId, usize)>,
    next: usize,
    places: Arc<[AtomicU32]>,
    /// The messages on their way; of an echo, whose content says it, nothing.
    out: Departures<(AgentId, u32)>,
    /// Agents that ended: the next instance is not where the series is.
    ended: HashSet<AgentId>,
    /// The buffers of replies, for the messages to come.
    spare: Vec<Vec<u8>>,
}

impl Conversation {
    /// Returns a conversation with all agents of a fleet.
    pub fn new(fleet: &Fleet, traffic: &Traffic) -> Self {
        Self::with(fleet, traffic, fleet.agents.iter().copied().zip(0..).collect())
    }

    /// Returns a conversation with some agents of a fleet, each with its index in it.
    pub fn with(fleet: &Fleet, traffic: &Traffic, agents: Vec<(AgentId, usize)>) -> Self {
        Self {
            traffic: traffic.clone(),
            agents,
            next: 0,
            places: fleet.places.clone(),
            out: Departures::default(),
            ended: HashSet::new(),
            spare: Vec::new(),
        }
    }

    /// Begins with the agent at this place of its list.
    #[must_use]
    pub fn beginning_at(self, next: usize) -> Self {
        Self { next: next % self.agents.len().max(1), ..self }
    }

    /// Returns the next message: its recipient and its content.
    pub fn next(&mut self, id: u64) -> (AgentId, Vec<u8>) {
        let (agent, index) = self.agents[self.next];
        self.next = (self.next + 1) % self.agents.len();
        (agent, self.to(agent, index, id))
    }

    /// Returns the next message to this agent.
    pub fn to(&mut self, agent: AgentId, index: usize, id: u64) -> Vec<u8> {
        let place = match &self.traffic {
            Traffic::Echo { .. } => 0,
            Traffic::Series(_) => {
                let place = self.places[index].fetch_add(1, Ordering::Relaxed);
                self.out.push(id, (agent, place));
                place
            }
        };
        let mut content = self.spare.pop().unwrap_or_default();
        self.traffic.write(id, place, &mut content);
        content
    }

    /// Keeps the buffer of a reply for a message to come. Whoever frees a batch of replies and then
    /// allocates one of messages overflows glibc's cache of 7 buffers per size and thread, and the
    /// rest go through the allocator's locks: a quarter of a message's time.
    pub fn reuse(&mut self, content: Vec<u8>) {
        self.spare.push(content);
    }

    /// Notes a message, of somebody else's making, that ends its agent: the next instance has seen
    /// nothing of the series, which begins again.
    pub fn fault(&mut self, agent: AgentId, index: usize, id: u64) {
        self.places[index].store(0, Ordering::Relaxed);
        self.ended.insert(agent);
        if let Traffic::Series(_) = self.traffic {
            self.out.push(id, (agent, 0));
        }
    }

    /// Forgets a message whose end somebody else has judged.
    pub fn forget(&mut self, id: u64) {
        self.out.take(id);
    }

    /// Judges what came of a message.
    ///
    /// # Errors
    /// If it is a reply that it must not be.
    pub fn judge(&mut self, id: u64, outcome: &Result<Message, DeliveryError>) -> Result<Verdict> {
        let sent = match self.traffic {
            Traffic::Echo { .. } => None,
            Traffic::Series(_) => self.out.take(id),
        };
        match outcome {
            // Hosts and other agents tell by the conversation what a reply belongs to.
            Ok(reply) if reply.conversation != id => Err(Error::Path(format!(
                "message {id} was answered in conversation {}, and not in its own",
                reply.conversation
            ))),
            Ok(reply) => {
                let place = sent.map_or(0, |(_, place)| place);
                match self.traffic.check(id, place, reply) {
                    // It answers as one does that has not seen what came before.
                    Err(_) if sent.is_some_and(|(agent, _)| self.ended.contains(&agent)) => {
                        Ok(Verdict::Failed)
                    }
                    checked => checked.map(|()| Verdict::Good),
                }
            }
            Err(why) => {
                if let (DeliveryError::Ended(_), Some((agent, _))) = (why, sent) {
                    self.ended.insert(agent);
                }
                Ok(Verdict::Failed)
            }
        }
    }
}

impl Script for Conversation {
    fn next_request(&mut self, id: u64) -> (AgentId, Vec<u8>) {
        self.next(id)
    }

    fn on_reply(&mut self, reply: Reply) -> Result<Verdict> {
        self.judge(reply.id, &reply.outcome)
    }
}

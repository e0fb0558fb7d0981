//! The state that all shards and clients share: inboxes, names, and which agents are alive.

use super::address::Address;
use super::foreign::{Carrier, foreign};
use super::inbox::Inbox;
use super::link::Link;
use crate::agent::{Directory, Peers};
use crate::{AgentId, SendError};
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, Weak};

/// The state that all shards and clients share.
pub struct Registry {
    pub inboxes: Vec<Inbox>,
    names: RwLock<HashMap<String, AgentId>>,
    links: RwLock<Vec<Option<Arc<dyn Link>>>>,
    /// Not owned: it may own a way into this runtime.
    carrier: OnceLock<Weak<dyn Carrier>>,
    /// For each shard and slot: the generation that is alive there, and whether its mailbox is
    /// full; 0 if none is alive. Only its own shard writes it, others only read, both relaxed:
    /// the answer may be a moment old, as it would be in any case when the message arrives.
    alive: Vec<Box<[AtomicU32]>>,
}

impl Registry {
    pub fn new(shards: usize, slots: u32) -> Self {
        let alive = || (0..slots).map(|_| AtomicU32::new(0)).collect();
        Self {
            inboxes: (0..shards).map(|_| Inbox::default()).collect(),
            names: RwLock::default(),
            links: RwLock::default(),
            carrier: OnceLock::new(),
            alive: (0..shards).map(|_| alive()).collect(),
        }
    }

    /// Returns the inbox of an agent's shard. `None` if no shard has the id's number.
    pub fn inbox_of(&self, agent: AgentId) -> Option<&Inbox> {
        self.inboxes.get(usize::from(Address::from(agent).shard))
    }

    /// Publishes that an agent is alive, and whether its mailbox is full. For its shard only.
    pub fn set_alive(&self, address: Address, full: bool) {
        let state = address.generation << 1 | u32::from(full);
        self.cell(address).inspect(|cell| cell.store(state, Ordering::Relaxed));
    }

    /// Publishes that its slot is free. For its shard only.
    pub fn set_dead(&self, address: Address) {
        self.cell(address).inspect(|cell| cell.store(0, Ordering::Relaxed));
    }

    fn cell(&self, address: Address) -> Option<&AtomicU32> {
        let shard = self.alive.get(usize::from(address.shard))?;
        shard.get(address.slot as usize)
    }

    /// Gives an agent a name. Returns `false` if another one has it.
    pub fn add_name(&self, name: &str, agent: AgentId) -> bool {
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        if names.contains_key(name) {
            return false;
        }
        names.insert(name.to_owned(), agent);
        true
    }

    /// Gives an agent a name, which it takes from whoever has it.
    pub fn take_name(&self, name: &str, agent: AgentId) {
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        names.insert(name.to_owned(), agent);
    }

    /// Removes an agent's name, unless another one has taken it.
    pub fn remove_name(&self, name: &str, agent: AgentId) {
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        if names.get(name) == Some(&agent) {
            names.remove(name);
        }
    }

    /// Adds a client's link; returns its number, which is never reused.
    pub fn add_link(&self, link: Arc<dyn Link>) -> u32 {
        let mut links = self.links.write().unwrap_or_else(PoisonError::into_inner);
        links.push(Some(link));
        (links.len() - 1) as u32
    }

    pub fn remove_link(&self, number: u32) {
        let mut links = self.links.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = links.get_mut(number as usize) {
            *link = None;
        }
    }

    /// Returns the link of a client. `None` if the client is gone.
    pub fn link(&self, number: u32) -> Option<Arc<dyn Link>> {
        let links = self.links.read().unwrap_or_else(PoisonError::into_inner);
        links.get(number as usize)?.clone()
    }
}

impl Registry {
    /// Returns the live agent with this name on this host.
    pub fn local(&self, name: &str) -> Option<AgentId> {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        names.get(name).copied()
    }

    /// Sets what carries messages to other hosts. Returns `false` if something does already.
    pub fn set_carrier(&self, carrier: Weak<dyn Carrier>) -> bool {
        self.carrier.set(carrier).is_ok()
    }

    /// Returns what carries messages to other hosts. `None` if nothing does.
    pub fn carrier(&self) -> Option<Arc<dyn Carrier>> {
        self.carrier.get()?.upgrade()
    }
}

impl Directory for Registry {
    fn find(&self, name: &str) -> Option<AgentId> {
        self.local(name).or_else(|| self.carrier()?.find(name).map(foreign))
    }

    fn accept(&self, recipient: AgentId) -> Result<(), SendError> {
        let address = Address::from(recipient);
        if address.is_client() {
            let link = self.link(address.slot);
            return link.map(drop).ok_or(SendError::UnknownRecipient);
        }
        if address.is_foreign() {
            let knows = self.carrier().is_some_and(|carrier| carrier.knows(address.slot));
            return knows.then_some(()).ok_or(SendError::UnknownRecipient);
        }
        let cell = self.cell(address);
        let state = cell.map_or(0, |cell| cell.load(Ordering::Relaxed));
        match (state >> 1 == address.generation && state != 0, state & 1) {
            (true, 0) => Ok(()),
            (true, _) => Err(SendError::MailboxFull),
            (false, _) => Err(SendError::UnknownRecipient),
        }
    }

    fn snapshot(&self) -> Peers {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        names.iter().map(|(name, id)| (name.as_str(), *id)).collect()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registry of {} shards", self.inboxes.len())
    }
}

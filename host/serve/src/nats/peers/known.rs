//! The agents of other hosts that this one knows, each by a number.

use crate::nats::between::Place;
use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Agents of other hosts that are known at most, by which a flood of made-up senders is bounded.
const MOST: usize = 1 << 20;

/// An agent of another host, by the way in which it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Peer {
    /// On whichever host has an agent with this name.
    Named(String),
    /// One instance on one host.
    At(Place),
}

/// The known agents. Numbers are never reused.
#[derive(Default)]
pub struct Known(RwLock<Inner>);

#[derive(Default)]
struct Inner {
    /// The names that other hosts have now.
    names: HashSet<String>,
    numbers: HashMap<Peer, u32>,
    peers: Vec<Peer>,
}

impl Known {
    /// Returns the number of the agent with this name, if a host has one now.
    pub fn find(&self, name: &str) -> Option<u32> {
        let is_known = self.read().names.contains(name);
        is_known.then(|| self.number(Peer::Named(name.to_owned())))?
    }

    /// Returns the number of an agent. `None` if as many are known as can be.
    pub fn number(&self, peer: Peer) -> Option<u32> {
        if let Some(number) = self.read().numbers.get(&peer) {
            return Some(*number);
        }
        let mut inner = self.write();
        if let Some(number) = inner.numbers.get(&peer) {
            return Some(*number);
        }
        let number = inner.peers.len();
        if number >= MOST {
            return None;
        }
        inner.peers.push(peer.clone());
        inner.numbers.insert(peer, number as u32);
        Some(number as u32)
    }

    /// Returns the agent with this number.
    pub fn peer(&self, number: u32) -> Option<Peer> {
        self.read().peers.get(number as usize).cloned()
    }

    /// Returns whether an agent has this number.
    pub fn has(&self, number: u32) -> bool {
        (number as usize) < self.read().peers.len()
    }

    /// Adds names that a host has.
    pub fn add(&self, names: impl IntoIterator<Item = String>) {
        self.write().names.extend(names);
    }

    /// Keeps only these names.
    pub fn keep(&self, names: HashSet<String>) {
        self.write().names = names;
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_keeps_its_number_and_a_name_that_is_gone_is_not_found() {
        let known = Known::default();
        assert_eq!(known.find("a"), None);
        known.add(["a".to_owned(), "b".to_owned()]);
        let (a, b) = (known.find("a").unwrap(), known.find("b").unwrap());
        assert_ne!(a, b);
        known.keep(HashSet::from(["b".to_owned()]));
        assert_eq!((known.find("a"), known.find("b")), (None, Some(b)));
        assert_eq!(known.peer(a), Some(Peer::Named("a".to_owned())));
        assert!(known.has(b) && !known.has(b + 1));
        let at = Peer::At(Place { host: "h".to_owned(), agent: 1 });
        assert_eq!(known.number(at.clone()), known.number(at));
    }
}

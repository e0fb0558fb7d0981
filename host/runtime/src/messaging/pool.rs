//! Equal agents, of which any can take a task.

use super::client::{Client, DeliveryError};
use crate::{AgentId, Message, Performative, SendError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

/// The rule by which a pool chooses the agent of the next task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Routing {
    /// One agent after another.
    #[default]
    RoundRobin,
    /// The agent with the fewest tasks of this pool.
    LeastLoaded,
    /// Always the same agent for the same key.
    ByKey,
}

/// A router to equal agents.
pub struct Pool {
    members: Vec<Member>,
    routing: Routing,
    next: AtomicUsize,
    hasher: RandomState,
}

struct Member {
    agent: AgentId,
    tasks: AtomicU32,
}

impl Pool {
    /// Returns a pool of these agents; `None` if there are none.
    pub fn of(agents: impl IntoIterator<Item = AgentId>, routing: Routing) -> Option<Self> {
        let member = |agent| Member { agent, tasks: AtomicU32::new(0) };
        let members: Vec<_> = agents.into_iter().map(member).collect();
        (!members.is_empty()).then(|| Self {
            members,
            routing,
            next: AtomicUsize::new(0),
            hasher: RandomState::new(),
        })
    }

    /// Sends a task to one of the agents and awaits its reply. The key is used by
    /// [`Routing::ByKey`] only.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub async fn ask(
        &self,
        client: &Client,
        key: impl Hash,
        content: impl Into<Vec<u8>>,
        timeout: Duration,
    ) -> Result<Message, DeliveryError> {
        let task = self.assign(key, |agent| client.accepts(agent));
        client.ask(task.agent(), Performative::Request, content, timeout).await
    }

    /// Chooses the agent of a task that the caller sends itself. One that is not alive, or has a
    /// full mailbox, is passed over if there is another; with [`Routing::ByKey`] only one that is
    /// not alive.
    pub fn assign(
        &self,
        key: impl Hash,
        accepts: impl Fn(AgentId) -> Result<(), SendError>,
    ) -> Task<'_> {
        Task::of(self.pick(key, accepts))
    }

    /// Returns all agents.
    pub fn agents(&self) -> impl Iterator<Item = AgentId> + '_ {
        self.members.iter().map(|member| member.agent)
    }

    fn pick(&self, key: impl Hash, accepts: impl Fn(AgentId) -> Result<(), SendError>) -> &Member {
        let count = self.members.len();
        let start = match self.routing {
            Routing::ByKey => (self.hasher.hash_one(key) % count as u64) as usize,
            // Also of the least loaded, or the first of equally loaded agents got all.
            Routing::RoundRobin | Routing::LeastLoaded => {
                self.next.fetch_add(1, Ordering::Relaxed) % count
            }
        };
        let is_ready = |member: &&Member| match accepts(member.agent) {
            Ok(()) => true,
            Err(SendError::MailboxFull) => self.routing == Routing::ByKey,
            Err(_) => false,
        };
        let order = (0..count).map(|offset| &self.members[(start + offset) % count]);
        let mut ready = order.filter(is_ready);
        let picked = match self.routing {
            Routing::RoundRobin | Routing::ByKey => ready.next(),
            Routing::LeastLoaded => ready.min_by_key(|member| member.tasks.load(Ordering::Relaxed)),
        };
        picked.unwrap_or(&self.members[start])
    }
}

/// A task of one of a pool's agents, which counts as its load until this is dropped.
pub struct Task<'a>(&'a Member);

impl<'a> Task<'a> {
    fn of(member: &'a Member) -> Self {
        member.tasks.fetch_add(1, Ordering::Relaxed);
        Self(member)
    }

    /// Returns the agent.
    pub fn agent(&self) -> AgentId {
        self.0.agent
    }
}

impl Drop for Task<'_> {
    fn drop(&mut self) {
        self.0.tasks.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picks(routing: Routing, keys: [u32; 4]) -> Vec<AgentId> {
        let pool = Pool::of([1, 2], routing).unwrap();
        let picks = keys.map(|key| pool.pick(key, |_| Ok(())).agent);
        picks.to_vec()
    }

    #[test]
    fn each_policy_picks_as_it_says() {
        assert_eq!(picks(Routing::RoundRobin, [0; 4]), [1, 2, 1, 2]);
        let [a, b, c, d] = picks(Routing::ByKey, [7, 7, 8, 8])[..] else { unreachable!() };
        assert!(a == b && c == d);
        let pool = Pool::of([1, 2], Routing::LeastLoaded).unwrap();
        let _busy = Task::of(&pool.members[0]);
        assert_eq!([(); 3].map(|()| pool.pick(0, |_| Ok(())).agent), [2; 3]);
        assert!(Pool::of([], Routing::RoundRobin).is_none());
    }

    #[test]
    fn the_dead_and_the_full_are_passed_over_but_a_key_stays_with_the_full() {
        let fails = |error| move |agent| if agent == 1 { Err(error) } else { Ok(()) };
        for routing in [Routing::RoundRobin, Routing::LeastLoaded, Routing::ByKey] {
            let pool = Pool::of([1, 2], routing).unwrap();
            let keys = [1, 2, 3, 4, 5, 6, 7, 8];
            let dead = keys.map(|key| pool.pick(key, fails(SendError::UnknownRecipient)).agent);
            assert_eq!(dead, [2; 8], "{routing:?}");
            let full = keys.map(|key| pool.pick(key, fails(SendError::MailboxFull)).agent);
            assert_eq!(full == [2; 8], routing != Routing::ByKey, "{routing:?}: {full:?}");
            let none = pool.pick(0, |_| Err(SendError::UnknownRecipient)).agent;
            assert!([1, 2].contains(&none));
        }
    }
}

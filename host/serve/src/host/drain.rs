//! A host ends: it takes no more messages, and waits for those that it has accepted.

use super::served::Served;
use super::{Host, LOOK, ROSTER_WITHIN, alive};
use sandlab_runtime::messaging::{Accounts, Roster, Runtime};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// The messages that a host left unfinished when it stopped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Left {
    /// Messages that wait for a reply, or in a mailbox, by agent; only agents that have some. If no
    /// message is known, but not all are known to have ended, one of each agent of `unknown`.
    pub agents: BTreeMap<String, u64>,
    /// Agents on threads that had no time to answer, or passed on messages to the last: how many
    /// messages between agents are left there is not known.
    pub unknown: BTreeSet<String>,
}

/// All that is left at one moment.
struct Look {
    /// By agent, as in [`Left`].
    agents: BTreeMap<String, u64>,
    /// The accounts of each thread; `None` of one that did not answer.
    accounts: Vec<Option<Accounts>>,
    /// Whether somebody is about to send a message that was taken.
    has_senders: bool,
    /// The agents on each thread.
    names: Vec<BTreeSet<String>>,
}

impl Host {
    /// Refuses messages from now on, and waits until all that were accepted have ended. Returns
    /// those that are left after the longest wait.
    pub async fn drain(&self, within: Duration) -> Left {
        self.0.draining.send_replace(true);
        let until = Instant::now() + within;
        let mut before = self.look().await;
        let left = loop {
            let is_late = Instant::now() >= until;
            if is_late && before.knows_of_some() {
                break before.left(&before);
            }
            tokio::time::sleep(LOOK).await;
            let now = self.look().await;
            // Twice the same, or a message could have been between two threads.
            let is_over = now.is_at_rest() && now.accounts == before.accounts;
            if is_over || is_late {
                break now.left(&before);
            }
            before = now;
        };
        self.0.drained.send_replace(true);
        left
    }

    /// Signals when the host has drained.
    pub(crate) fn watch_drained(&self) -> watch::Receiver<bool> {
        self.0.drained.subscribe()
    }

    async fn look(&self) -> Look {
        let told = self.0.runtime.roster(ROSTER_WITHIN).await;
        let rosters: Vec<Roster> = told.iter().flatten().cloned().collect();
        let alive: HashMap<_, _> = alive(&rosters).collect();
        let mut names = vec![BTreeSet::new(); told.len()];
        // Of each agent, the messages of clients and those in mailboxes.
        let mut found: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        let mut add = |name: String, served: &Served| {
            for agent in served.pool.agents() {
                if let Some(names) = names.get_mut(Runtime::shard_of(agent)) {
                    names.insert(name.clone());
                }
            }
            let (waiting, queued) = found.entry(name).or_default();
            // Versions of an agent count those of clients together.
            *waiting = served.waiting().max(*waiting);
            *queued += served.queued(&alive);
        };
        let mut has_senders = false;
        for (name, served) in self.all_served() {
            // The host has one, and this another.
            has_senders |= Arc::strong_count(&served) > 2;
            add(name, &served);
        }
        for (name, served) in self.retiring() {
            add(name, &served);
        }
        let agents = found.into_iter().map(|(name, (waiting, queued))| (name, waiting.max(queued)));
        Look {
            agents: agents.filter(|(_, left)| *left > 0).collect(),
            accounts: told.into_iter().map(|told| Some(told?.accounts)).collect(),
            has_senders,
            names,
        }
    }

    /// Returns the versions that were replaced or removed and are not finished yet.
    fn retiring(&self) -> Vec<(String, Arc<Served>)> {
        let retiring = self.0.retiring.lock().unwrap_or_else(PoisonError::into_inner);
        let live =
            |(name, served): &(String, Weak<Served>)| Some((name.clone(), served.upgrade()?));
        retiring.iter().filter_map(live).collect()
    }
}

impl Look {
    /// Returns true if there are messages, or a thread that may have some.
    fn knows_of_some(&self) -> bool {
        !self.agents.is_empty() || self.accounts.iter().any(Option::is_none)
    }

    /// Returns true if no message is left, as far as one look can tell.
    fn is_at_rest(&self) -> bool {
        let sum: Accounts = self.accounts.iter().flatten().copied().sum();
        let is_done = sum.queued == 0 && sum.is_balanced();
        is_done && !self.knows_of_some() && !self.has_senders
    }

    /// Returns what is left, by this look and the one before.
    fn left(&self, before: &Self) -> Left {
        let threads = self.names.iter().zip(self.accounts.iter().zip(&before.accounts));
        let unsure = threads.filter(|(_, (now, before))| now.is_none() || now != before);
        let unknown: BTreeSet<_> = unsure.flat_map(|(names, _)| names.clone()).collect();
        let agents = match self.agents.is_empty() {
            true => unknown.iter().map(|name| (name.clone(), 1)).collect(),
            false => self.agents.clone(),
        };
        Left { agents, unknown }
    }
}

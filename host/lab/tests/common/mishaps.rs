//! Random messages, many of which end their agents, to agents that come and go.

use super::path::at_rest;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sandlab_runtime::messaging::{
    AgentOptions, MailboxLimits, Restarts, Runtime, Settings, WhenFull,
};
use sandlab_runtime::{Backend, Performative};
use std::sync::Arc;
use std::time::Duration;

/// Messages of each seed.
const MESSAGES: u64 = 400;

/// A seeded generator of random choices.
pub struct Lot(ChaCha8Rng);

impl Lot {
    pub fn below(&mut self, end: u64) -> u64 {
        self.0.next_u64() % end
    }

    pub fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize].clone()
    }

    /// Options with a small mailbox, of so many messages at most, and few restarts.
    pub fn options(&mut self, messages: u64) -> AgentOptions {
        AgentOptions {
            mailbox: MailboxLimits {
                messages: 1 + self.below(messages) as u32,
                when_full: self.of(&[WhenFull::PushBack, WhenFull::Refuse]),
                ..MailboxLimits::default()
            },
            restarts: Restarts { intensity: self.below(4) as u32, ..Restarts::default() },
            ..AgentOptions::default()
        }
    }
}

/// Whatever happens, each message has exactly one end, and its sender hears of it.
pub fn account_for_all(
    faulty: &[Arc<dyn Backend>],
    contents: &[&str],
    options: impl Fn(&mut Lot) -> AgentOptions,
) {
    for seed in 0..8 {
        let mut lot = Lot(ChaCha8Rng::seed_from_u64(seed));
        let settings = Settings { shards: 2, max_hops: 20, ..Settings::default() };
        let runtime = Runtime::start(settings).unwrap();
        let mut agents = Vec::new();
        let mut connections = [runtime.connect(64), runtime.connect(64)];
        let mut told = 0;
        for _ in 0..MESSAGES {
            if agents.len() < 4 || lot.below(40) == 0 {
                let options = options(&mut lot);
                agents.push(runtime.spawn(None, lot.of(faulty), options).unwrap());
            }
            if lot.below(60) == 0 {
                let index = lot.below(agents.len() as u64) as usize;
                runtime.stop(agents.swap_remove(index));
            }
            let connection = &mut connections[lot.below(2) as usize];
            let (content, agent) = (lot.of(contents), lot.of(&agents));
            while connection.send(agent, Performative::Request, content).is_err() {
                told += u64::from(connection.wait().is_some());
            }
            if lot.below(4) == 0 {
                connection.flush();
            }
        }
        for connection in &mut connections {
            connection.flush();
            while connection.in_flight() > 0 {
                told += u64::from(connection.wait().is_some());
            }
            told += std::iter::from_fn(|| connection.try_next()).count() as u64;
        }
        let accounts = at_rest(&runtime);
        let ends = (accounts.accepted, told);
        assert_eq!(ends, (MESSAGES, MESSAGES), "seed {seed}: {accounts:?}");
        let end = runtime.shutdown(Duration::from_secs(5));
        assert!(end.is_balanced() && end.agents == 0, "seed {seed}: {end:?}");
    }
}

//! When an agent that ended is started again, and when no longer.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How often an agent may end before it stays ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Restarts {
    /// Restarts within the period; one more end stops the agent. Default 5.
    pub intensity: u32,
    /// Over which restarts are counted. Default 10 s.
    #[serde(with = "humantime_serde")]
    pub period: Duration,
    /// The wait before the second restart within the period; it doubles with each. The
    /// first one is at once, so that a single fault costs its neighbours nothing. Default 1 ms.
    #[serde(with = "humantime_serde")]
    pub backoff: Duration,
    /// The longest wait. Default 1 s.
    #[serde(with = "humantime_serde")]
    pub max_backoff: Duration,
}

impl Default for Restarts {
    fn default() -> Self {
        Self {
            intensity: 5,
            period: Duration::from_secs(10),
            backoff: Duration::from_millis(1),
            max_backoff: Duration::from_secs(1),
        }
    }
}

/// One agent's restarts.
#[derive(Debug)]
pub struct Supervisor {
    policy: Restarts,
    recent: VecDeque<Instant>,
}

/// What to do with an agent that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Start it again after this wait.
    Restart(Duration),
    /// Leave it.
    Stop,
}

impl Supervisor {
    pub fn new(policy: Restarts) -> Self {
        Self {
            policy,
            recent: VecDeque::new(),
        }
    }

    /// Decides about an agent that ended now.
    pub fn decide(&mut self, now: Instant) -> Decision {
        let Restarts {
            intensity,
            period,
            backoff,
            max_backoff,
        } = self.policy;
        while self
            .recent
            .pop_front_if(|then| now.duration_since(*then) >= period)
            .is_some()
        {}
        let before = self.recent.len() as u32;
        if before >= intensity {
            return Decision::Stop;
        }
        self.recent.push_back(now);
        let Some(doublings) = before.checked_sub(1) else {
            return Decision::Restart(Duration::ZERO);
        };
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        Decision::Restart(backoff.saturating_mul(factor).min(max_backoff))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_and_the_intensity_ends_it() {
        let mut supervisor = Supervisor::new(Restarts {
            intensity: 4,
            max_backoff: Duration::from_millis(3),
            ..Restarts::default()
        });
        let now = Instant::now();
        let waits = [0, 1, 2, 3]
            .map(Duration::from_millis)
            .map(Decision::Restart);
        assert_eq!([(); 4].map(|()| supervisor.decide(now)), waits);
        assert_eq!(supervisor.decide(now), Decision::Stop);
        let later = now + Duration::from_secs(11);
        assert_eq!(supervisor.decide(later), Decision::Restart(Duration::ZERO));
    }
}

//! Decides whether an agent that ended is restarted, and when.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The restarts of an agent before it is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Restarts {
    /// Restarts within the period; the next end stops the agent. Default 5.
    pub intensity: u32,
    /// The period over which restarts are counted. Default 10 s.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub period: Duration,
    /// The wait before the second restart within the period; it doubles with each further one.
    /// The first restart is immediate, so that a single fault costs its neighbours nothing.
    /// Default 1 ms.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub backoff: Duration,
    /// The longest wait. Default 1 s.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
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
    /// Consecutive starts that failed. They count however long they take, or a start that takes
    /// longer than the period would be tried forever.
    failed: u32,
}

/// The supervisor's answer to an agent's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Restart it after this wait.
    Restart(Duration),
    /// Stop it.
    Stop,
}

impl Supervisor {
    pub fn new(policy: Restarts) -> Self {
        Self { policy, recent: VecDeque::new(), failed: 0 }
    }

    /// Notes that the agent has started.
    pub fn started(&mut self) {
        self.failed = 0;
    }

    /// Decides about an agent that failed to start; never to restart it immediately.
    pub fn start_failed(&mut self) -> Decision {
        const SHORTEST: Duration = Duration::from_millis(1);
        if self.failed >= self.policy.intensity {
            return Decision::Stop;
        }
        let wait = self.backoff(self.failed);
        self.failed += 1;
        Decision::Restart(wait.max(SHORTEST))
    }

    fn backoff(&self, doublings: u32) -> Duration {
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        let wait = self.policy.backoff.saturating_mul(factor);
        wait.min(self.policy.max_backoff)
    }

    /// Decides about an agent that ended now.
    pub fn decide(&mut self, now: Instant) -> Decision {
        let Restarts { intensity, period, .. } = self.policy;
        while self.recent.pop_front_if(|then| now.duration_since(*then) >= period).is_some() {}
        let before = self.recent.len() as u32;
        if before >= intensity {
            return Decision::Stop;
        }
        self.recent.push_back(now);
        let Some(doublings) = before.checked_sub(1) else {
            return Decision::Restart(Duration::ZERO);
        };
        Decision::Restart(self.backoff(doublings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_that_never_starts_is_stopped_however_long_each_start_takes() {
        let mut supervisor = Supervisor::new(Restarts {
            intensity: 2,
            period: Duration::ZERO,
            ..Restarts::default()
        });
        let wait = |millis| Decision::Restart(Duration::from_millis(millis));
        assert_eq!([(); 3].map(|()| supervisor.start_failed()), [wait(1), wait(2), Decision::Stop]);
        supervisor.started();
        assert_eq!(supervisor.start_failed(), wait(1));
    }

    #[test]
    fn the_wait_doubles_and_the_intensity_ends_it() {
        let mut supervisor = Supervisor::new(Restarts {
            intensity: 4,
            max_backoff: Duration::from_millis(3),
            ..Restarts::default()
        });
        let now = Instant::now();
        let waits = [0, 1, 2, 3].map(Duration::from_millis).map(Decision::Restart);
        assert_eq!([(); 4].map(|()| supervisor.decide(now)), waits);
        assert_eq!(supervisor.decide(now), Decision::Stop);
        let later = now + Duration::from_secs(11);
        assert_eq!(supervisor.decide(later), Decision::Restart(Duration::ZERO));
    }
}

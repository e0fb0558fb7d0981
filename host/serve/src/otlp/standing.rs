//! The standing of the collector, of which a change is told once.

use super::client::Signal;
use crate::alerts::Say;
use std::time::Duration;

/// The pause after the first failure, which doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The standing of the collector with one kind of telemetry.
pub struct Standing {
    signal: Signal,
    /// The collector, for people.
    collector: String,
    say: Say,
    /// The next pause; `None` while all is taken.
    pause: Option<Duration>,
}

impl Standing {
    /// Returns the standing of a collector that has got nothing yet.
    pub fn new(signal: Signal, collector: String, say: Say) -> Self {
        Self { signal, collector, say, pause: None }
    }

    /// Notes that the collector took everything.
    pub fn taken(&mut self) {
        if self.pause.take().is_some() {
            self.tell(&format!("takes {} again", self.signal.name()));
        }
    }

    /// Notes the reason that it did not. Returns the pause before the next try.
    pub fn not_taken(&mut self, why: &str) -> Duration {
        if self.pause.is_none() {
            let until = match self.signal {
                Signal::Metrics => "it is sent the newest at each interval",
                Signal::Traces => "spans wait, and are dropped where there is no room or no hope",
            };
            self.tell(&format!("takes no {}: {why}; until it does, {until}", self.signal.name()));
        }
        let pause = self.pause.unwrap_or(FIRST_PAUSE);
        self.pause = Some((2 * pause).min(LONGEST_PAUSE));
        pause
    }

    fn tell(&self, what: &str) {
        (self.say)(&format!("OTLP: {} {what}", self.collector));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[test]
    fn a_change_is_told_once_and_pauses_grow_to_half_a_minute() {
        let said = Arc::<Mutex<Vec<String>>>::default();
        let ear = said.clone();
        let say: Say = Arc::new(move |text: &str| ear.lock().unwrap().push(text.to_owned()));
        let mut standing = Standing::new(Signal::Traces, "http://a".to_owned(), say);
        standing.taken();
        let pauses: Vec<_> = (0..8).map(|_| standing.not_taken("refused").as_millis()).collect();
        assert_eq!(pauses, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        standing.taken();
        standing.taken();
        let said = said.lock().unwrap();
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].contains("takes no traces: refused"));
        assert!(said[1].ends_with("takes traces again"));
    }
}

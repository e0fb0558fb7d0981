//! The alerts that one destination has yet to get, and those that are active there.

use super::{Alert, State};
use std::cmp::Reverse;
use std::time::{Duration, Instant};

/// The pause after the first failure, which doubles with each further one.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause between two tries.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The alerts of one destination, at most one per objective and urgency: a later state of an alert
/// replaces one that was never sent. Each is tried again by itself: one that the other side does
/// not take holds back no other.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: Vec<Waiting>,
    /// Alerts that were sent and are not resolved yet.
    on: Vec<Alert>,
}

#[derive(Debug)]
struct Waiting {
    alert: Alert,
    /// The time of the next try.
    due: Instant,
    /// The pause before it; zero for the first.
    pause: Duration,
}

impl Waiting {
    /// Returns its place among others, the highest first: those that have not failed yet, and of
    /// them the most urgent.
    fn rank(&self) -> impl Ord + use<> {
        (self.pause.is_zero(), self.alert.severity, Reverse(self.due))
    }
}

impl Outbox {
    /// Adds an alert.
    pub(super) fn push(&mut self, alert: Alert, now: Instant) {
        self.waiting.retain(|waiting| !waiting.alert.is_same(&alert));
        self.waiting.push(Waiting { alert, due: now, pause: Duration::ZERO });
    }

    /// Returns the alert that is to be sent now; `None` if none is due.
    pub(super) fn next(&self, now: Instant) -> Option<&Alert> {
        // Of equal ones the last would be taken, and the first has waited longest.
        let due = self.waiting.iter().rev().filter(|waiting| waiting.due <= now);
        due.max_by_key(|waiting| waiting.rank()).map(|waiting| &waiting.alert)
    }

    /// Returns the time of the next try; `None` if no alert waits.
    pub(super) fn due(&self) -> Option<Instant> {
        self.waiting.iter().map(|waiting| waiting.due).min()
    }

    /// Notes that an alert has arrived; it still waits if its state has changed since.
    pub(super) fn arrived(&mut self, alert: &Alert) {
        self.waiting.retain(|waiting| waiting.alert != *alert);
        self.on.retain(|on| !on.is_same(alert));
        if alert.state == State::Firing {
            self.on.push(alert.clone());
        }
    }

    /// Notes that an alert has not arrived. Returns the pause until it is tried again.
    pub(super) fn failed(&mut self, alert: &Alert, now: Instant) -> Duration {
        let waiting = self.waiting.iter_mut().find(|waiting| waiting.alert == *alert);
        // A later state has taken its place, and is due.
        let Some(waiting) = waiting else { return Duration::ZERO };
        waiting.pause = next_pause(waiting.pause);
        waiting.due = now + waiting.pause;
        waiting.pause
    }

    /// Returns all alerts that wait, the most urgent first.
    pub(super) fn all(&self) -> Vec<Alert> {
        let mut all: Vec<_> = self.waiting.iter().collect();
        all.sort_by_key(|waiting| Reverse(waiting.rank()));
        all.into_iter().map(|waiting| waiting.alert.clone()).collect()
    }

    /// Returns the active alerts that were sent.
    pub(super) fn on(&self) -> &[Alert] {
        &self.on
    }

    /// Returns how many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

/// Returns the pause after one more failure.
pub(super) fn next_pause(pause: Duration) -> Duration {
    (2 * pause).clamp(FIRST_PAUSE, LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slo::Severity;

    fn alert(objective: &str, severity: Severity) -> Alert {
        Alert { objective: objective.to_owned(), severity, ..Alert::example() }
    }

    fn next(outbox: &Outbox, now: Instant) -> Option<&str> {
        outbox.next(now).map(|alert| alert.objective.as_str())
    }

    #[test]
    fn one_that_is_not_taken_holds_back_no_other_and_pages_go_first() {
        let (mut outbox, now) = (Outbox::default(), Instant::now());
        let wrong = alert("wrong", Severity::Page);
        outbox.push(wrong.clone(), now);
        outbox.push(alert("slow", Severity::Ticket), now);
        outbox.push(alert("down", Severity::Page), now);
        assert_eq!(next(&outbox, now), Some("wrong"));
        assert_eq!(outbox.failed(&wrong, now), FIRST_PAUSE);
        for expected in ["down", "slow"] {
            assert_eq!(next(&outbox, now), Some(expected));
            let sent = outbox.next(now).unwrap().clone();
            outbox.arrived(&sent);
        }
        assert_eq!((next(&outbox, now), outbox.due()), (None, Some(now + FIRST_PAUSE)));
        // By then, one that is new goes before it, even if it is less urgent.
        let later = now + FIRST_PAUSE;
        outbox.push(alert("slow", Severity::Ticket), later);
        assert_eq!(next(&outbox, later), Some("slow"));
        let pauses: Vec<_> = (0..7).map(|_| outbox.failed(&wrong, later).as_secs()).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn a_later_state_takes_the_place_of_one_that_did_not_arrive() {
        let (mut outbox, now) = (Outbox::default(), Instant::now());
        let begins = alert("slow", Severity::Page);
        outbox.push(begins.clone(), now);
        outbox.failed(&begins, now);
        let ends = Alert { state: State::Resolved, ..begins.clone() };
        outbox.push(ends.clone(), now);
        assert_eq!((outbox.waiting(), outbox.next(now)), (1, Some(&ends)));
        // It came while the first was sent.
        outbox.arrived(&begins);
        assert_eq!((outbox.waiting(), outbox.on()), (1, &[begins][..]));
        outbox.arrived(&ends);
        assert_eq!((outbox.waiting(), outbox.on()), (0, &[][..]));
    }
}

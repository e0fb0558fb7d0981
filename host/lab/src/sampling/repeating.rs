//! Decides what is measured again because it did not count.

use crate::Result;
use crate::record::{ClosedLoop, Disturbance};
use crate::sampling::closed_loop::windows_of;
use crate::sampling::fleet::Fleet;
use crate::sampling::open_loop::Go;
use crate::sampling::recorder::Recorder;
use crate::sampling::traffic::Traffic;
use sandlab_runtime::span;
use std::time::Duration;

/// Of windows and rounds that do not count, as many are repeated as take half of the time that
/// was planned: where more than a third of all did not count, what is left is hardly undisturbed
/// either.
const BUDGET: usize = 2;

/// Returns how many of so many rounds are repeated at most.
pub fn repeats(planned: usize) -> usize {
    planned / BUDGET
}

/// Loads a fleet as fast as it goes, for as long as windows that count are missing and the budget
/// lasts. The part is called `name` where it took longer than planned.
///
/// # Errors
/// If a message comes to nothing or to a wrong reply, and those of what takes the windows.
pub fn closed_loop(
    fleet: &Fleet,
    traffic: &Traffic,
    load: &ClosedLoop,
    name: &str,
    to: &mut dyn Recorder,
) -> Result<()> {
    // The first load takes all of the time; a repeated one ends when enough windows count.
    let mut repeats = Repeats::of(load.duration);
    while repeats.next(load.window()).is_some() && !to.stopped() {
        windows_of(fleet, traffic, load, |window| {
            repeats.count(window.seconds, window.invalid);
            let went = to.closed(window)?;
            Ok(repeats.next(load.window()).map_or(Go::Stop, |_| went))
        })?;
        fleet.drain()?;
    }
    repeats.note(name, load.duration, to)
}

/// The number of equal steps that may still be measured again.
pub struct Again(usize);

impl Again {
    /// Returns the budget of so many planned steps.
    pub fn of(planned: usize) -> Self {
        Self(repeats(planned))
    }

    /// Returns whether a step is measured again, since it does not count.
    pub fn take(&mut self, invalid: Option<Disturbance>) -> bool {
        let again = invalid.is_some() && self.0 > 0;
        self.0 -= usize::from(again);
        again
    }
}

/// The rest of a load whose windows do not all count.
pub struct Repeats {
    /// The time of windows that count which is still missing.
    missing: Duration,
    /// The time that may still be spent on them.
    budget: Duration,
    spent: Duration,
}

impl Repeats {
    /// Begins with a load of this length, of which nothing was measured yet.
    pub fn of(planned: Duration) -> Self {
        Self { missing: planned, budget: planned + planned / BUDGET as u32, spent: Duration::ZERO }
    }

    /// Counts a window of this many seconds.
    pub fn count(&mut self, seconds: f64, invalid: Option<Disturbance>) {
        let length = Duration::from_secs_f64(seconds.max(0.0));
        self.spent += length;
        if invalid.is_none() {
            self.missing = self.missing.saturating_sub(length);
        }
    }

    /// Returns how long to measure next; `None` if nothing is missing, or no window of this
    /// length fits into the budget. All that was planned is measured once, however short.
    pub fn next(&self, window: Duration) -> Option<Duration> {
        if self.spent.is_zero() {
            return (!self.missing.is_zero()).then_some(self.missing);
        }
        let left = self.budget.saturating_sub(self.spent);
        // A window ends a little before or after its time.
        let is_missing = self.missing > window / 2;
        (is_missing && left > window / 2).then(|| self.missing.max(window).min(left.max(window)))
    }

    /// Notes how much longer a load was than planned, if it was.
    ///
    /// # Errors
    /// Those of what takes it.
    pub fn note(&self, name: &str, planned: Duration, to: &mut dyn Recorder) -> Result<()> {
        let more = self.spent.saturating_sub(planned + planned / 10);
        match more.is_zero() {
            true => Ok(()),
            false => to.note(format!(
                "{name}: measured for {} instead of {}, since windows did not count",
                span(self.spent),
                span(planned)
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEAL: Option<Disturbance> = Some(Disturbance::Steal { share: 0.5 });
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn only_what_does_not_count_is_repeated_and_not_for_ever() {
        let mut repeats = Repeats::of(10 * SECOND);
        (0..7).for_each(|_| repeats.count(1.0, None));
        (0..3).for_each(|_| repeats.count(1.0, STEAL));
        assert_eq!(repeats.next(SECOND), Some(3 * SECOND));
        (0..2).for_each(|_| repeats.count(1.0, None));
        repeats.count(1.0, STEAL);
        assert_eq!(repeats.next(SECOND), Some(SECOND));
        repeats.count(1.0, None);
        assert_eq!(repeats.next(SECOND), None);
        let mut disturbed = Repeats::of(10 * SECOND);
        (0..14).for_each(|_| disturbed.count(1.0, STEAL));
        assert_eq!(disturbed.next(SECOND), Some(SECOND));
        disturbed.count(1.0, STEAL);
        assert_eq!(disturbed.next(SECOND), None);
    }

    #[test]
    fn a_step_that_does_not_count_is_measured_again_while_the_budget_lasts() {
        let mut again = Again::of(5);
        assert!(!again.take(None));
        assert!(again.take(STEAL) && again.take(STEAL));
        assert!(!again.take(STEAL));
    }

    #[test]
    fn a_load_that_is_shorter_than_a_window_is_measured_once() {
        let mut short = Repeats::of(SECOND / 50);
        assert_eq!(short.next(SECOND / 10), Some(SECOND / 50));
        short.count(0.02, STEAL);
        assert_eq!(short.next(SECOND / 10), None);
    }

    #[test]
    fn a_quiet_load_is_as_long_as_planned() {
        let mut repeats = Repeats::of(SECOND);
        (0..10).for_each(|_| repeats.count(0.0999, None));
        assert_eq!(repeats.next(SECOND / 10), None);
    }
}

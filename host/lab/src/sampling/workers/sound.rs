//! Range checks on messages: counts that can be added up, rates that can be sent, names that are
//! valid parts of subjects.

use super::protocol::{Answer, Find, Job, Offer, Order, Report, Said};
use crate::record::Window;
use crate::sampling::recipe::Recipe;
use std::time::Duration;

/// A message whose values can be checked for their ranges.
pub trait Sound {
    /// Checks that every value is in range.
    ///
    /// # Errors
    /// If one is not; the text names it.
    fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }
}

/// The largest valid count: the sum of thousands fits in a `u64`.
const MOST: u64 = 1 << 48;

/// The longest stretch of time.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3_600);

/// The highest rate, messages per second.
const RATE: f64 = 1e12;

/// The most windows of a load.
const WINDOWS: f64 = 1e6;

/// The most content of a generated message, bytes.
const CONTENT: usize = 64 << 20;

impl Sound for Find {}
impl Sound for Answer {}

impl Sound for Offer {
    fn check(&self) -> Result<(), &'static str> {
        let is_token =
            !self.id.is_empty() && self.id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_token.then_some(()).ok_or("the id is no part of a subject")
    }
}

impl Sound for Job {
    fn check(&self) -> Result<(), &'static str> {
        let size = match self.recipe {
            Recipe::Echo { size }
            | Recipe::Reference { size, .. }
            | Recipe::Unknown { size, .. } => size,
            Recipe::Workload { .. } => 0,
        };
        let is_token = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"*>".contains(&byte))
        };
        match () {
            () if size > CONTENT => Err("its messages are too large"),
            () if self.agents == 0 || self.agents > 1 << 20 => Err("too many agents, or none"),
            () if self.place >= self.of => Err("the worker's place is not among the workers"),
            () if self.targets.is_empty() => Err("it has no target"),
            () if !is_token(&self.run) || !is_token(&self.reports) => Err("a subject is none"),
            () if self.deadline > LONGEST || self.timeout > LONGEST => Err("a time is too long"),
            () => Ok(()),
        }
    }
}

impl Sound for Order {
    fn check(&self) -> Result<(), &'static str> {
        let Self::Start { after, longest, segments, .. } = self else { return Ok(()) };
        let is_rate = |rate: f64| (0.0..=RATE).contains(&rate);
        let total: Duration =
            segments.iter().fold(Duration::ZERO, |all, next| all.saturating_add(next.duration));
        match () {
            () if !segments.iter().all(|one| is_rate(one.from) && is_rate(one.to)) => {
                Err("a rate is none")
            }
            () if total > LONGEST || *after > LONGEST => Err("a time is too long"),
            () if longest.is_zero() || total.div_duration_f64(*longest) > WINDOWS => {
                Err("it has too many windows")
            }
            () => Ok(()),
        }
    }
}

impl Sound for Report {
    fn check(&self) -> Result<(), &'static str> {
        let fits = match &self.said {
            Said::Window { window, .. } => {
                let Window { start_ns, end_ns, due, sent, good, late, meant, failed, .. } =
                    **window;
                let Window { refused, backlog, peak_backlog, .. } = **window;
                let counts = [due, sent, good, late, meant, failed, refused, backlog, peak_backlog];
                let times = [window.generator_cpu_ns, window.process_cpu_ns];
                let resident = window.resident.unwrap_or_default();
                start_ns <= end_ns
                    && u128::from(end_ns) <= LONGEST.as_nanos()
                    && counts.into_iter().all(|count| count <= MOST)
                    && times.into_iter().all(|time| time <= u64::MAX >> 10)
                    && resident <= MOST
            }
            Said::Ended { counts, failures, .. } => {
                counts.iter().all(|counts| counts.most() <= MOST)
                    && failures.iter().all(|(_, count)| *count <= MOST)
            }
            Said::Beat | Said::Starts { .. } | Said::Wrong { .. } | Said::Leaves { .. } => true,
        };
        fits.then_some(()).ok_or("a count is beyond reason")
    }
}

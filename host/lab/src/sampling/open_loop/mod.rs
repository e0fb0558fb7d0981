//! An open loop: messages leave when they are due, whatever has become of those before.
//!
//! A closed loop waits for what it measures, and so leaves out the very moments in which
//! the system stalls (Tene, "How not to measure latency": coordinated omission). Here the
//! clock of a message starts when it was due, and nothing is filled in afterwards.

mod failures;
mod generator;
mod schedule;

pub use generator::{DEADLINE, Generator, Reply, Script, Verdict};
pub use schedule::{Schedule, Segment};

use crate::record::{Disturbance, Watch, Window};
use crate::sampling::cpu::process_cpu;
use crate::sampling::process_memory::resident;
use crate::{Error, Result};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// Messages that may be on their way: what is due beyond that waits at the generator, with
/// its clock running. 65,536 of 1 KiB are 64 MiB.
pub const WINDOW: u32 = 1 << 16;

/// Lets a generator go through a schedule on a thread of its own, and passes every interval
/// on when it is over. It ends early when what takes them says so: returns the last word of that.
///
/// # Errors
/// The generator's, and those of what takes the intervals.
pub fn drive<S: Script>(
    generator: &mut Generator<S>,
    schedule: Schedule,
    longest: Duration,
    mut each: impl FnMut(Window) -> Result<Go>,
) -> Result<Go> {
    let (sender, intervals) = mpsc::channel();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let stop = &stop;
        let thread = std::thread::Builder::new().name("generator".to_owned());
        let thread = thread
            .spawn_scoped(scope, move || generator.run(schedule, longest, stop, &sender))
            .map_err(|error| Error::not_started("the generator", &error))?;
        let (mut cpu, mut watch) = (process_cpu(), Watch::start());
        let mut before = Before::default();
        let mut went = Ok(Go::On);
        for mut interval in intervals {
            let now = process_cpu();
            interval.process_cpu_ns = (now - cpu).as_nanos() as u64;
            interval.resident = resident();
            cpu = now;
            interval.invalid = before.judge(&interval, watch.lap());
            if went.is_ok() {
                went = each(interval);
                stop.store(!matches!(went, Ok(Go::On)), Ordering::Relaxed);
            }
        }
        let generated = thread.join();
        let panicked = |_| Err(Error::Machine("the generator panicked".to_owned()));
        let went = went?;
        generated.unwrap_or_else(panicked).map(|()| went)
    })
}

/// The window before.
#[derive(Default)]
struct Before {
    invalid: Option<Disturbance>,
    backlog: u64,
}

/// A generator that is later than this sends what a reader would take for the path's latency:
/// targets are in milliseconds.
const MOST_LAG: Duration = Duration::from_millis(1);

impl Before {
    /// Returns why the next window does not count, given what the machine did; `None` if it does.
    fn judge(&mut self, window: &Window, machine: Option<Disturbance>) -> Option<Disturbance> {
        let invalid = match window.due {
            // What comes back after the last message counts as the window that it was due in.
            0 => self.invalid,
            _ => machine.or_else(|| late(window)).or_else(|| self.aftermath(window)),
        };
        *self = Self { invalid, backlog: window.backlog };
        invalid
    }

    /// Returns the disturbance of a backlog that is left from one. A queue that grew while nothing
    /// counted is not the path's doing until it is gone. One that still grows is.
    fn aftermath(&self, window: &Window) -> Option<Disturbance> {
        let messages = self.backlog;
        let is_left = self.invalid.is_some() && messages > window.due / 100;
        (is_left && window.backlog < messages).then_some(Disturbance::Aftermath { messages })
    }
}

/// Returns the disturbance of a generator that was late and caught up, since something kept it from
/// its core. One that falls further and further behind is asked for more than goes through, which
/// is a result.
fn late(window: &Window) -> Option<Disturbance> {
    let lag_ns = window.lag.quantile(0.99)?;
    let is_late = lag_ns > MOST_LAG.as_nanos() as f64 && window.is_generator_limited();
    (is_late && window.backlog <= window.due / 10).then_some(Disturbance::LateGenerator { lag_ns })
}

/// The answer to whether a load goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Go {
    /// It does.
    On,
    /// No more is sent; what is on its way comes back.
    Stop,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Phase;

    /// Returns a window of 1,000 messages that all left this late, with the backlog at its end.
    fn window(lag_ms: u64, backlog: u64) -> Window {
        let mut window = Window::new(Phase::Steady, 0);
        (window.due, window.sent, window.good) = (1_000, 1_000, 1_000);
        window.backlog = backlog;
        for _ in 0..1_000 {
            window.lag.record(lag_ms * 1_000_000);
            window.latency.record((lag_ms + 2) * 1_000_000);
        }
        window
    }

    #[test]
    fn a_late_generator_does_not_count_and_one_that_is_asked_for_too_much_does() {
        let judged = |window: &Window| Before::default().judge(window, None);
        assert_eq!(judged(&window(0, 3)), None);
        assert!(matches!(judged(&window(40, 3)), Some(Disturbance::LateGenerator { .. })));
        assert_eq!(judged(&window(40, 900)), None);
    }

    #[test]
    fn a_queue_that_a_disturbance_left_does_not_count_until_it_is_gone() {
        let steal = Disturbance::Steal { share: 0.5 };
        let mut before = Before::default();
        assert_eq!(before.judge(&window(0, 500), Some(steal)), Some(steal));
        let aftermath = Some(Disturbance::Aftermath { messages: 500 });
        assert_eq!(before.judge(&window(0, 5), None), aftermath);
        assert_eq!(before.judge(&window(0, 0), None), None);
        // Who has more and more to do is not waiting for the end of a disturbance.
        assert_eq!(before.judge(&window(0, 500), Some(steal)), Some(steal));
        assert_eq!(before.judge(&window(0, 900), None), None);
    }
}

//! An open loop: messages leave when they are due, whatever has become of those before.
//!
//! A closed loop waits for what it measures, and so leaves out the very moments in which
//! the system stalls (Tene, "How not to measure latency": coordinated omission). Here the
//! clock of a message starts when it was due, and nothing is filled in afterwards.

mod echo;
mod generator;

mod schedule;

pub use echo::{Echo, check, numbered};
pub use generator::{Generator, Reply, Script, Verdict};

pub use schedule::{Schedule, Segment};

use crate::record::Window;
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
/// on when it is over. It ends early when what takes them says so.
///
/// # Errors
/// The generator's, and those of what takes the intervals.
pub fn drive<S: Script>(
    generator: &mut Generator<S>,
    schedule: Schedule,
    longest: Duration,
    mut each: impl FnMut(Window) -> Result<Go>,
) -> Result<()> {
    let (sender, intervals) = mpsc::channel();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let stop = &stop;
        let thread = std::thread::Builder::new().name("generator".to_owned());
        let thread = thread
            .spawn_scoped(scope, move || {
                generator.run(schedule, longest, stop, &sender)
            })
            .map_err(|error| Error::Machine(format!("cannot start the generator: {error}")))?;
        let mut cpu = process_cpu();
        let mut taken = Ok(());
        for mut interval in intervals {
            let now = process_cpu();
            interval.process_cpu_ns = (now - cpu).as_nanos() as u64;
            interval.resident = resident();
            cpu = now;
            if taken.is_ok() {
                let went = each(interval);
                stop.store(!matches!(went, Ok(Go::On)), Ordering::Relaxed);
                taken = went.map(drop);
            }
        }
        let generated = thread.join();
        let panicked = |_| Err(Error::Machine("the generator panicked".to_owned()));
        taken.and(generated.unwrap_or_else(panicked))
    })
}

/// Whether a load goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Go {
    /// It does.
    On,
    /// No more is sent; what is on its way comes back.
    Stop,
}

//! Starts agents, sends them nothing, and reads the CPU clock of the process.

use super::found::Found;
use crate::Result;
use crate::record::Part;
use crate::sampling::cpu::process_cpu;
use crate::sampling::open_loop::Go;
use crate::sampling::program::Program;
use crate::sampling::recorder::Recorder;
use std::thread;
use std::time::{Duration, Instant};

/// Windows of one measurement, each a sample.
const WINDOWS: u32 = 10;

/// Shards look for work a while before they sleep.
const SETTLE: Duration = Duration::from_millis(50);

/// Measures so many idle agents.
///
/// # Errors
/// If an agent does not start, or a message is on its way though none was sent.
pub(super) fn run(
    program: &Program,
    agents: usize,
    shards: usize,
    duration: Duration,
    to: &mut dyn Recorder,
) -> Result<()> {
    to.part(Part {
        backend: Some(program.backend),
        agents,
        shards,
        ..Part::new("idle", &program.agent)
    })?;
    if let Some(why) = program.refuses(agents) {
        return to.unavailable(why);
    }
    let fleet = program.fleet(agents, shards)?;
    thread::sleep(SETTLE);
    let mut cpu = Vec::new();
    for _ in 0..WINDOWS {
        let (start, before) = (Instant::now(), process_cpu());
        if to.sleep(duration / WINDOWS) == Go::Stop {
            break;
        }
        let used = process_cpu() - before;
        cpu.push(used.as_secs_f64() / start.elapsed().as_secs_f64());
    }
    to.found(&Found::Idle { cpu })?;
    to.accounts(&fleet)
}

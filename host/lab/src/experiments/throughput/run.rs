//! As many messages as go through, with a stated number in flight.

use crate::Result;
use crate::record::{ClosedLoop, Part};
use crate::sampling::closed_loop::windows_of;
use crate::sampling::open_loop::Go;
use crate::sampling::program::Program;
use crate::sampling::recorder::Recorder;
use crate::sampling::repeating::Repeats;

/// Loads a program's agents on so many shards.
///
/// # Errors
/// If an agent does not start, or a message comes to nothing or to a wrong reply.
pub fn throughput(
    program: &Program,
    load: &ClosedLoop,
    shards: usize,
    to: &mut dyn Recorder,
) -> Result<()> {
    let load = &ClosedLoop { size: program.bytes(), ..*load };
    to.part(Part { closed: Some(*load), ..program.part("throughput", load.agents, None, shards) })?;
    let offered = load.strategy.offered_by(&*program.start);
    let refused = program.refuses(load.agents);
    if let Some(why) = refused.or_else(|| offered.err().map(|why| why.to_string())) {
        return to.unavailable(why);
    }
    let fleet = program.fleet_of(load.agents, shards, load.strategy)?;
    // The first load takes all of the time; a repeated one ends when enough windows count.
    let mut repeats = Repeats::of(load.duration);
    while repeats.next(load.window()).is_some() && !to.stopped() {
        windows_of(&fleet, &program.traffic, load, |window| {
            repeats.count(window.seconds, window.invalid);
            let went = to.closed(window)?;
            Ok(repeats.next(load.window()).map_or(Go::Stop, |_| went))
        })?;
        fleet.drain()?;
    }
    let name = program.part("throughput", load.agents, None, shards).name();
    repeats.note(&name, load.duration, to)?;
    to.accounts(&fleet)
}

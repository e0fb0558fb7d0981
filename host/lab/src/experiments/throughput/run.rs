//! As many messages as go through, with a stated number in flight.

use crate::Result;
use crate::record::{ClosedLoop, Part};
use crate::sampling::program::Program;
use crate::sampling::recorder::Recorder;
use crate::sampling::repeating::closed_loop;

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
    let name = program.part("throughput", load.agents, None, shards).name();
    closed_loop(&fleet, &program.traffic, load, &name, to)?;
    to.accounts(&fleet)
}

//! As many messages as go through, with a stated number in flight.

use crate::Result;
use crate::experiments::load::Program;
use crate::experiments::record::{Experiment, Finding, Part, Recorder};
use crate::record::Entry;
use crate::sampling::closed_loop::{Load, intervals_of};
use crate::sampling::fleet::Fleet;
use crate::sampling::open_loop::Go;
use sandlab_runtime::messaging::Settings;

/// Loads a program's agents on so many shards.
///
/// # Errors
/// If an agent does not start, or a message comes to nothing or to a wrong reply.
pub fn closed(program: &Program, load: &Load, shards: usize, to: &mut dyn Recorder) -> Result<()> {
    let part = program.part(Experiment::Throughput, load.agents, load.size, None, shards);
    to.record(Entry::Part(Part {
        closed: Some(*load),
        ..part
    }))?;
    let offered = load.strategy.offered_by(&*program.start);
    let refused = program.refuses(load.agents);
    if let Some(why) = refused.or_else(|| offered.err().map(|why| why.to_string())) {
        return to.finding(Finding::Unavailable { why });
    }
    let settings = Settings {
        shards,
        ..Settings::default()
    };
    let fleet = Fleet::start(&program.start, load.agents, settings, &load.options())?;
    intervals_of(&fleet, load, |interval| {
        to.finding(Finding::Closed(*interval))?;
        Ok(if to.stopped() { Go::Stop } else { Go::On })
    })?;
    to.accounts(&fleet)
}

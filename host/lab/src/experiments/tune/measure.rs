//! Measures of sides, a round each. All replies are checked.

use super::goal::Measure;
use super::rounds::{Limit, Sampled, once, sample, there_and_back};
use super::side::{Ground, Side, checked};
use crate::experiments::plan::{Capacity, Cost, DensityProbe, Machine};
use crate::sampling::at_once::at_once;
use crate::sampling::setup::Loaded;
use crate::sampling::timing::slice;
use crate::workload::Case;
use crate::{Error, Result};
use std::thread;
use std::time::Instant;

/// Starts of each side in its turn; the first finds its code not yet in the caches.
const STARTS: usize = 5;

/// The costs of a measure, with those of memory where agents that fit are measured.
pub struct Measured {
    /// The measure's costs.
    pub sampled: Sampled,
    /// Costs of [`Measure::Memory`], if that was measured.
    pub memory: Option<Vec<Vec<f64>>>,
}

/// Measures all sides, in the same rounds.
///
/// # Errors
/// If an instance does not start or gives a wrong reply, or the lab was stopped.
pub fn measure(
    ground: &Ground,
    sides: &[&Side],
    what: Measure,
    limit: Limit,
    stopped: &dyn Fn() -> bool,
) -> Result<Measured> {
    let anew = |round| ground.anew(sides, round);
    let count = sides.len();
    let sampled = match what {
        Measure::Message => {
            sample(count, limit, stopped, |round| messages(ground, &anew(round)?, round))
        }
        Measure::AllCores => {
            sample(count, limit, stopped, |round| on_all_cores(ground, &anew(round)?, round))
        }
        Measure::Start => {
            sample(count, limit, stopped, |round| starts(ground, &anew(round)?, round))
        }
        Measure::Compile => sample(count, limit, stopped, |round| {
            let mut costs = vec![0.0; count];
            for side in once(count, round) {
                costs[side] = ground.compile(sides[side])?.as_nanos() as f64;
            }
            Ok(costs)
        }),
        Measure::Agents | Measure::Memory => return agents(ground, sides, limit, stopped),
        Measure::Code => Ok(Sampled {
            costs: sides.iter().map(|side| vec![side.code as f64]).collect(),
            withheld: None,
        }),
    };
    Ok(Measured { sampled: sampled?, memory: None })
}

/// Returns nanoseconds per message of each side, the geometric mean over all cases.
fn messages(ground: &Ground, loaded: &Loaded, round: usize) -> Result<Vec<f64>> {
    let count = loaded.sides.len();
    let mut logs = vec![0.0; count];
    for (case, cycles) in ground.cases.iter().zip(&ground.cycles) {
        let mut agents = Vec::new();
        for side in &loaded.sides {
            agents.push(checked(loaded, side, case)?);
        }
        let mut ns = vec![0.0; count];
        for index in there_and_back(count, round) {
            let (agent, answers) = &mut agents[index];
            let side = &loaded.sides[index];
            let timed = slice(agent.as_mut(), case, *cycles)
                .map_err(|error| loaded.failed(side, "while it was timed", error))?;
            require(loaded, index, timed.answers, *answers * u64::from(*cycles))?;
            ns[index] += timed.ns / 2.0;
        }
        for (side, (agent, _)) in loaded.sides.iter().zip(&mut agents) {
            crate::sampling::interleave::verify(loaded, side, agent.as_mut(), case)?;
        }
        logs.iter_mut().zip(ns).for_each(|(log, ns)| *log += ns.ln());
    }
    let cases = ground.cases.len() as f64;
    Ok(logs.into_iter().map(|log| (log / cases).exp()).collect())
}

/// Returns nanoseconds per message of each side, where an instance on every core is busy.
fn on_all_cores(ground: &Ground, loaded: &Loaded, round: usize) -> Result<Vec<f64>> {
    let count = loaded.sides.len();
    let typical = ground.typical();
    let (case, cycles) = (&ground.cases[typical], ground.cycles[typical]);
    let mut ns = vec![0.0; count];
    for index in there_and_back(count, round) {
        ns[index] += busy(loaded, index, case, cycles)? / 2.0;
    }
    Ok(ns)
}

fn busy(loaded: &Loaded, index: usize, case: &Case, cycles: u32) -> Result<f64> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let side = &loaded.sides[index];
    let mut agents = Vec::new();
    for _ in 0..cores {
        agents.push(checked(loaded, side, case)?);
    }
    let ends = at_once(agents.into_iter().map(|(mut agent, answers)| {
        move || {
            let start = Instant::now();
            let timed = slice(agent.as_mut(), case, cycles)
                .map_err(|error| loaded.failed(side, "while all cores were busy", error))?;
            let end = Instant::now();
            require(loaded, index, timed.answers, answers * u64::from(cycles))?;
            Ok::<_, Error>((start, end))
        }
    }))?;
    let start = ends.iter().map(|(start, _)| *start).min();
    let end = ends.iter().map(|(_, end)| *end).max();
    let took = end.zip(start).map_or(0, |(end, start)| end.duration_since(start).as_nanos());
    let messages = f64::from(cycles) * case.exchanges.len() as f64 * cores as f64;
    Ok(took as f64 / messages)
}

/// Returns nanoseconds of each side from the start of an instance over its first reply to its end,
/// in which a pool makes its slot ready for the next.
fn starts(ground: &Ground, loaded: &Loaded, round: usize) -> Result<Vec<f64>> {
    let count = loaded.sides.len();
    let case = &ground.cases[ground.typical()];
    let exchange = &case.exchanges[0];
    let mut ns = vec![0.0; count];
    for index in there_and_back(count, round) {
        let side = &loaded.sides[index];
        for turn in 0..STARTS {
            let start = Instant::now();
            let mut agent = loaded.start(side, case)?;
            let handled = agent.handle(&exchange.request);
            drop(agent);
            let took = start.elapsed().as_nanos() as f64;
            let handled = handled.map_err(|it| loaded.failed(side, "at its first message", it))?;
            exchange.check_all(&handled).map_err(|reason| wrong(loaded, index, reason))?;
            if turn > 0 {
                ns[index] += took / (2 * (STARTS - 1)) as f64;
            }
        }
    }
    Ok(ns)
}

/// Returns the share of this machine that an agent of each side takes, and its memory.
fn agents(
    ground: &Ground,
    sides: &[&Side],
    limit: Limit,
    stopped: &dyn Fn() -> bool,
) -> Result<Measured> {
    let machine = Machine::now().ok_or_else(|| {
        Error::Machine("the kernel does not tell what there is: /proc is needed".to_owned())
    })?;
    let probes = sides.iter().map(|side| ground.density(side)).collect::<Result<Vec<_>>>()?;
    let count = sides.len();
    // Memory and mappings are what they are, however busy the machine is.
    let limit = Limit { is_timed: false, ..limit };
    let mut sampled = sample(2 * count, limit, stopped, |round| {
        let mut costs = vec![0.0; 2 * count];
        for side in once(count, round) {
            let (share, memory) = share(&probes[side], sides[side], &machine, stopped)?;
            costs[side] = share;
            costs[count + side] = memory;
        }
        Ok(costs)
    })?;
    let memory = sampled.costs.split_off(count);
    Ok(Measured { sampled, memory: Some(memory) })
}

fn share(
    probe: &DensityProbe,
    side: &Side,
    machine: &Machine,
    stopped: &dyn Fn() -> bool,
) -> Result<(f64, f64)> {
    let layout = side.sandbox.allocation.layout;
    let cost: Cost = probe.cost(layout, machine, stopped)?;
    let capacity = Capacity::predict(probe, layout, machine, cost);
    // An agent takes some memory, however little the kernel sees of it.
    Ok((1.0 / capacity.agents().max(1) as f64, cost.each().max(1.0)))
}

fn require(loaded: &Loaded, side: usize, answers: u64, expected: u64) -> Result<()> {
    match answers == expected {
        true => Ok(()),
        false => {
            let reason = format!("expected {expected} answers in all, got {answers}");
            Err(wrong(loaded, side, reason))
        }
    }
}

fn wrong(loaded: &Loaded, side: usize, reason: String) -> Error {
    Error::WrongReply {
        agent: loaded.agent.clone(),
        side: loaded.sides[side].name.clone(),
        step: "while it was timed".to_owned(),
        reason,
    }
}

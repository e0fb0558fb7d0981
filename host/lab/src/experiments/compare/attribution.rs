//! Shows the sources of the sandbox's cost: the ladder's steps, and the residual.

use super::ladder::IN_USE;
use super::{Part, answers, charts};
use crate::metrics::Topic;
use crate::metrics::format::{difference, range, size};
use crate::record::{Rounds, Samples};
use crate::stats::{Estimate, median_interval};
use crate::view::{Form, Table, View};

/// One ladder, summed up.
pub(super) struct Ladder {
    pub(super) agent: String,
    /// The message's mean size, bytes.
    pub(super) bytes: u64,
    /// From the native call up. The last is the sandbox in use, and its step the residual.
    pub(super) rungs: Vec<Rung>,
    /// What is not in use, with its step from the sandbox in use.
    pub(super) beyond: Vec<Rung>,
    /// The reason why the ladder is not judged; `None` if it is.
    pub(super) withheld: Option<String>,
}

/// One rung.
pub(super) struct Rung {
    /// The setting that this step turns on.
    pub(super) name: String,
    /// Nanoseconds per message.
    pub(super) ns: Estimate,
    /// Nanoseconds more than the rung below, in the same round; `None` for the lowest.
    pub(super) step: Option<Estimate>,
    rounds: usize,
}

pub(super) fn show(parts: &[&Part], to: &mut View) {
    let ladders: Vec<Ladder> = parts.iter().map(|part| Ladder::of(part)).collect();
    to.table(table(&ladders));
    to.answer(answers::largest_step(&ladders));
    for ladder in &ladders {
        if let Some(sentence) = ladder.sentence() {
            to.finding(Topic::Overhead, sentence);
        }
        charts::waterfall(ladder, to);
    }
}

/// The last column is each step's share of all that the sandbox costs.
fn table(ladders: &[Ladder]) -> Table {
    let rows = ladders.iter().flat_map(|ladder| {
        let whole = ladder.whole();
        let rungs = ladder.rungs.iter().map(move |rung| (ladder, rung, whole));
        rungs.chain(ladder.beyond.iter().map(move |rung| (ladder, rung, None)))
    });
    let rows: Vec<(&Ladder, &Rung, Option<f64>)> = rows.collect();
    Table::of("ladder", "Where the cost comes from", Topic::Overhead, &rows)
        .text("agent", "agent", |(ladder, ..)| ladder.agent.clone())
        .number("message", "message", Form::Size, |(ladder, ..)| Some(ladder.bytes as f64))
        .text("rung", "rung", |(_, rung, _)| rung.name.clone())
        .number("time", "time/msg", Form::Time, |(_, rung, _)| Some(rung.ns.value))
        .number("step", "step", Form::TimeDifference, |(_, rung, _)| Some(rung.step?.value))
        .strong()
        .interval("step", Form::TimeDifference, |(_, rung, _)| rung.step)
        .number("cost", "of the cost", Form::Share, |(_, rung, whole)| {
            Some(rung.step?.value / (*whole)?)
        })
        .number("rounds", "rounds", Form::Integer, |(_, rung, _)| Some(rung.rounds as f64))
        .done()
}

impl Ladder {
    /// Returns the ladder of a part.
    fn of(part: &Part) -> Self {
        let (rungs, beyond) = rungs(&part.rounds);
        Self {
            agent: part.part.agent.clone(),
            bytes: part.part.bytes().unwrap_or(0),
            rungs,
            beyond,
            withheld: part.rounds_tally().withheld("rounds"),
        }
    }

    /// Returns the whole cost of the sandbox in use, nanoseconds: the highest rung less the lowest.
    fn whole(&self) -> Option<f64> {
        let (lowest, highest) = (self.rungs.first()?, self.rungs.last()?);
        Some(highest.ns.value - lowest.ns.value).filter(|whole| *whole > 0.0)
    }

    /// Returns a sentence on the residual, the only step that is the product's own.
    fn sentence(&self) -> Option<String> {
        let residual = self.rungs.last()?.step?;
        Some(format!(
            "residual of {} at {}: sandlab-runtime adds {} ({}) to wasmtime with the same things on",
            self.agent,
            size(self.bytes),
            difference(residual.value),
            range(residual, difference)
        ))
    }
}

/// Returns the rungs up to the sandbox in use, and those of what is not in use.
fn rungs(rounds: &Rounds) -> (Vec<Rung>, Vec<Rung>) {
    let in_use = rounds.sides.iter().position(|side| side.side == IN_USE);
    let height = in_use.map_or(rounds.sides.len(), |at| at + 1);
    let (ladder, beyond) = rounds.sides.split_at(height);
    let below = std::iter::once(None).chain(ladder.iter().map(Some));
    let rungs = ladder.iter().zip(below).filter_map(|(side, below)| rung(side, below));
    let beyond = beyond.iter().filter_map(|side| rung(side, ladder.last()));
    (rungs.collect(), beyond.collect())
}

/// Returns a rung, with its step from the one below; `None` without samples.
fn rung(side: &Samples, below: Option<&Samples>) -> Option<Rung> {
    let step = below.and_then(|below| {
        let pairs = side.ns.iter().zip(&below.ns);
        median_interval(&pairs.map(|(here, below)| here - below).collect::<Vec<_>>())
    });
    Some(Rung {
        name: side.side.clone(),
        ns: median_interval(&side.ns)?,
        step,
        rounds: side.ns.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_the_difference_in_the_same_round() {
        let side = |side: &str, ns: [f64; 6]| Samples { side: side.to_owned(), ns: ns.to_vec() };
        let (rungs, beyond) = rungs(&Rounds {
            sides: vec![
                side("native call", [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]),
                side(IN_USE, [15.0, 25.0, 35.0, 45.0, 55.0, 65.0]),
                side("if fuel is on", [18.0, 28.0, 38.0, 48.0, 58.0, 68.0]),
                side("if calls are async", [19.0, 29.0, 39.0, 49.0, 59.0, 69.0]),
            ],
            ..Rounds::default()
        });
        assert_eq!(rungs[0].step, None);
        assert_eq!(rungs[1].step, Some(Estimate::exact(5.0)));
        let steps: Vec<_> = beyond.iter().map(|rung| rung.step).collect();
        assert_eq!(steps, [Some(Estimate::exact(3.0)), Some(Estimate::exact(4.0))]);
    }
}

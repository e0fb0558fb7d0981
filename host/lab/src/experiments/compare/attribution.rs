//! Shows the sources of the sandbox's cost: the ladder's steps, and the residual.

use super::{Part, answers, charts};
use crate::metrics::Topic;
use crate::metrics::format::{difference, range, size};
use crate::record::Rounds;
use crate::stats::{Estimate, median_interval};
use crate::view::{Form, Table, View};

/// One ladder, summed up.
pub(super) struct Ladder {
    pub(super) agent: String,
    /// The message's mean size, bytes.
    pub(super) bytes: u64,
    /// From the native call up. The last is sandlab-runtime, and its step the residual.
    pub(super) rungs: Vec<Rung>,
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
        let rungs = ladder.rungs.iter();
        rungs.map(move |rung| (ladder, rung))
    });
    let rows: Vec<(&Ladder, &Rung)> = rows.collect();
    Table::of("ladder", "Where the cost comes from", Topic::Overhead, &rows)
        .text("agent", "agent", |(ladder, _)| ladder.agent.clone())
        .number("message", "message", Form::Size, |(ladder, _)| Some(ladder.bytes as f64))
        .text("rung", "rung", |(_, rung)| rung.name.clone())
        .number("time", "time/msg", Form::Time, |(_, rung)| Some(rung.ns.value))
        .number("step", "step", Form::TimeDifference, |(_, rung)| Some(rung.step?.value))
        .strong()
        .interval("step", Form::TimeDifference, |(_, rung)| rung.step)
        .number("cost", "of the cost", Form::Share, |(ladder, rung)| {
            Some(rung.step?.value / ladder.whole()?)
        })
        .number("rounds", "rounds", Form::Integer, |(_, rung)| Some(rung.rounds as f64))
        .done()
}

impl Ladder {
    /// Returns the ladder of a part.
    fn of(part: &Part) -> Self {
        Self {
            agent: part.part.agent.clone(),
            bytes: part.part.bytes().unwrap_or(0),
            rungs: rungs(&part.rounds),
            withheld: part.rounds_tally().withheld("rounds"),
        }
    }

    /// Returns the whole cost of the sandbox, nanoseconds: the highest rung less the lowest.
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

fn rungs(rounds: &Rounds) -> Vec<Rung> {
    let below = std::iter::once(None).chain(rounds.sides.iter().map(Some));
    let rungs = rounds.sides.iter().zip(below).filter_map(|(side, below)| {
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
    });
    rungs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Samples;

    #[test]
    fn a_step_is_the_difference_in_the_same_round() {
        let side = |side: &str, ns: [f64; 6]| Samples { side: side.to_owned(), ns: ns.to_vec() };
        let rungs = rungs(&Rounds {
            sides: vec![
                side("native call", [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]),
                side("component call", [15.0, 25.0, 35.0, 45.0, 55.0, 65.0]),
            ],
            ..Rounds::default()
        });
        assert_eq!(rungs[0].step, None);
        assert_eq!(rungs[1].step, Some(Estimate::exact(5.0)));
    }
}

//! Where the sandbox's cost comes from: the ladder's steps, and what they leave over.

use super::table::{Align, Cell, Table};
use crate::metrics::format::{difference, plain, quoted, range, size, time};
use crate::sampling::interleave::Sampled;
use crate::stats::{Estimate, median_interval};
use std::fmt::Write;

/// One ladder, summed up.
pub struct Ladder {
    /// The agent.
    pub agent: String,
    /// The message's mean size, bytes.
    pub bytes: u64,
    /// From the native call up. The last is sandlab-runtime, and its step the residual.
    pub rungs: Vec<Rung>,
}

/// One rung.
pub struct Rung {
    /// What it turns on.
    pub name: String,
    /// Nanoseconds a message.
    pub ns: Estimate,
    /// Nanoseconds more than the rung below, in the same round; none for the lowest.
    pub step: Option<Estimate>,
    /// Rounds.
    pub rounds: usize,
}

impl Ladder {
    /// Sums up what was sampled.
    pub fn of(case: &Sampled) -> Self {
        let below = std::iter::once(None).chain(case.sides.iter().map(Some));
        let rungs = case.sides.iter().zip(below).filter_map(|(side, below)| {
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
        Self {
            agent: case.agent.clone(),
            bytes: case.mean_bytes,
            rungs: rungs.collect(),
        }
    }

    /// For a person. The last column is each step's share of all that the sandbox costs.
    pub(super) fn table(ladders: &[Self]) -> Table {
        let mut table = Table::new([
            ("agent", Align::Left),
            ("message", Align::Right),
            ("rung", Align::Left),
            ("a message", Align::Right),
            ("step", Align::Right),
            ("95 % interval", Align::Right),
            ("of the cost", Align::Right),
        ]);
        let dash = || "-".to_owned();
        for ladder in ladders {
            let whole = ladder.whole();
            for rung in &ladder.rungs {
                let step = rung.step;
                let share = step.zip(whole).map(|(step, whole)| step.value / whole);
                table.add([
                    Cell::plain(&ladder.agent),
                    Cell::plain(size(ladder.bytes)),
                    Cell::plain(&rung.name),
                    Cell::plain(time(rung.ns.value)),
                    Cell::strong(step.map_or_else(dash, |step| difference(step.value))),
                    Cell::dim(step.map_or_else(dash, |step| range(step, difference))),
                    Cell::plain(share.map_or_else(dash, |share| format!("{:.0} %", share * 100.0))),
                ]);
            }
        }
        table
    }

    /// What the sandbox costs in all, nanoseconds: the highest rung above the lowest.
    fn whole(&self) -> Option<f64> {
        let (lowest, highest) = (self.rungs.first()?, self.rungs.last()?);
        Some(highest.ns.value - lowest.ns.value).filter(|whole| *whole > 0.0)
    }

    /// The residual, in a sentence: it is the only part that is the product's own.
    pub(super) fn sentence(&self) -> Option<String> {
        let residual = self.rungs.last()?.step?;
        Some(format!(
            "residual of {} at {}: sandlab-runtime adds {} ({}) to wasmtime with the same things on",
            self.agent,
            size(self.bytes),
            difference(residual.value),
            range(residual, difference)
        ))
    }

    /// One line a rung; times in nanoseconds.
    pub(super) fn csv(ladders: &[Self]) -> String {
        let mut text =
            "agent,bytes,rung,rounds,ns,ns_low,ns_high,step,step_low,step_high\n".to_owned();
        for ladder in ladders {
            for rung in &ladder.rungs {
                let step = rung.step;
                let numbers = [
                    Some(rung.ns.value),
                    rung.ns.low,
                    rung.ns.high,
                    step.map(|step| step.value),
                    step.and_then(|step| step.low),
                    step.and_then(|step| step.high),
                ];
                let _ = writeln!(
                    text,
                    "{},{},{},{},{}",
                    quoted(&ladder.agent),
                    ladder.bytes,
                    quoted(&rung.name),
                    rung.rounds,
                    numbers.map(plain).join(",")
                );
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampling::interleave::Samples;

    #[test]
    fn a_step_is_the_difference_in_the_same_round() {
        let side = |side: &str, ns: [f64; 6]| Samples {
            side: side.to_owned(),
            ns: ns.to_vec(),
        };
        let ladder = Ladder::of(&Sampled {
            agent: "echo".to_owned(),
            size: Some(16),
            mean_bytes: 16,
            sides: vec![
                side("native call", [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]),
                side("component call", [15.0, 25.0, 35.0, 45.0, 55.0, 65.0]),
            ],
            timing_ns: None,
        });
        assert_eq!(ladder.rungs[0].step, None);
        let step = ladder.rungs[1].step.unwrap();
        assert_eq!(
            (step.low, step.value, step.high),
            (Some(5.0), 5.0, Some(5.0))
        );
    }
}

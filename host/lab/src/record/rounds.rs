//! Interleaved rounds: how they were measured, and each side's samples.

use super::{Disturbance, Tally};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

/// The number and length of interleaved rounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RoundSettings {
    /// The most rounds per case that count, each with fresh instances.
    pub rounds: u32,
    /// The shortest slice: long enough that the cost of reading the clock vanishes.
    #[serde(rename = "slice_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub slice: Duration,
    /// The seed of the generated messages.
    pub seed: u64,
    /// The time after which a case ends as soon as it has the default number of rounds; `None` if it
    /// takes all.
    #[serde(skip)]
    pub within: Option<Duration>,
}

/// A duration as a whole number of nanoseconds.
mod nanoseconds {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;

    pub fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(duration.as_nanos() as u64)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_nanos)
    }
}

impl Default for RoundSettings {
    fn default() -> Self {
        Self { rounds: Self::USUAL, slice: Duration::from_millis(2), seed: 1, within: None }
    }
}

impl RoundSettings {
    /// The default number of rounds.
    pub const USUAL: u32 = 30;

    /// Returns the number of rounds to take of a case that has run for this long.
    pub fn wanted(&self, elapsed: Duration) -> usize {
        let is_late = self.within.is_some_and(|within| elapsed >= within);
        (if is_late { self.rounds.min(Self::USUAL) } else { self.rounds }) as usize
    }
}

/// Times of interleaved rounds, on every side.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rounds {
    /// The sides, in the order of each round's numbers.
    pub sides: Vec<Samples>,
    /// The most that timing added to a message, nanoseconds; null if the part ended before that was
    /// measured.
    pub timing_ns: Option<f64>,
    /// The rounds that do not count, in order.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
    /// The time of a fixed computation of sandlab's in each round, nanoseconds: what a machine that is
    /// faster or slower for a while does to a round, it does to this too. Empty if it was not measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reference_ns: Vec<f64>,
}

/// A round that does not count.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// Its index among the samples of each side.
    pub round: usize,
    /// The disturbance that makes the round invalid.
    pub invalid: Disturbance,
}

/// One round.
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    /// Nanoseconds per message, of each side in their order.
    pub ns: Vec<f64>,
    /// Nanoseconds of the fixed computation.
    pub reference_ns: f64,
    /// The disturbance for which it does not count; `None` if it counts.
    pub invalid: Option<Disturbance>,
}

/// The samples of one side of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Samples {
    /// The side's name: a backend, or a rung of the ladder.
    pub side: String,
    /// Nanoseconds per message by round; equal indices are the same round on every side.
    pub ns: Vec<f64>,
}

impl Rounds {
    /// Returns sides without rounds.
    pub fn of<'a>(sides: impl IntoIterator<Item = &'a str>) -> Self {
        let sides = sides.into_iter().map(|side| Samples { side: side.to_owned(), ns: Vec::new() });
        Self { sides: sides.collect(), ..Self::default() }
    }

    /// Returns the number of rounds.
    pub fn len(&self) -> usize {
        self.sides.first().map_or(0, |side| side.ns.len())
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a round: nanoseconds per message of each side.
    pub fn push(&mut self, round: impl IntoIterator<Item = f64>) {
        for (side, ns) in self.sides.iter_mut().zip(round) {
            side.ns.push(ns);
        }
    }

    /// Adds a round, and why it does not count.
    pub fn add(&mut self, Round { ns, reference_ns, invalid }: Round) {
        let round = self.len();
        self.left_out.extend(invalid.map(|invalid| LeftOut { round, invalid }));
        self.push(ns);
        self.reference_ns.push(reference_ns);
    }

    /// Returns one side ÷ another by round; empty if one of the two is missing.
    pub fn ratios(&self, side: &str, base: &str) -> Vec<f64> {
        let find = |name: &str| self.sides.iter().find(|side| side.side == name);
        let (Some(side), Some(base)) = (find(side), find(base)) else {
            return Vec::new();
        };
        let pairs = side.ns.iter().zip(&base.ns);
        pairs.map(|(side, base)| side / base).collect()
    }

    /// Adds whole rounds, each a little-endian f64 per side; one per round for the fixed computation,
    /// or none; and why all of them do not count.
    pub(crate) fn add_bytes(
        &mut self,
        rounds: &[u8],
        reference: &[u8],
        invalid: Option<Disturbance>,
    ) {
        let first = self.len();
        let (samples, _) = rounds.as_chunks::<8>();
        let sides = self.sides.len().max(1);
        for round in samples.chunks_exact(sides) {
            self.push(round.iter().map(|ns| f64::from_le_bytes(*ns)));
        }
        let (reference, _) = reference.as_chunks::<8>();
        self.reference_ns.extend(reference.iter().map(|ns| f64::from_le_bytes(*ns)));
        if let Some(invalid) = invalid {
            let added = first..self.len();
            self.left_out.extend(added.map(|round| LeftOut { round, invalid }));
        }
    }

    /// Returns the number of rounds, and the disturbances of those that do not count.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        (self.left_out.len()..self.len()).for_each(|_| tally.add(None));
        self.left_out.iter().for_each(|it| tally.add(Some(it.invalid)));
        tally
    }

    /// Takes out the rounds that do not count.
    pub(crate) fn keep_valid(&mut self) {
        let left_out: BTreeSet<usize> = self.left_out.drain(..).map(|it| it.round).collect();
        let sides = self.sides.iter_mut().map(|side| &mut side.ns);
        for ns in sides.chain([&mut self.reference_ns]) {
            let mut rounds = 0..;
            ns.retain(|_| rounds.next().is_none_or(|round| !left_out.contains(&round)));
        }
    }

    /// Cuts the rounds into stretches that count, or do not for one reason, each of at most so
    /// many rounds.
    pub(crate) fn stretches(&self, most: usize) -> Vec<(Range<usize>, Option<Disturbance>)> {
        let mut stretches: Vec<(Range<usize>, Option<Disturbance>)> = Vec::new();
        let mut left_out = self.left_out.iter().peekable();
        for round in 0..self.len() {
            let invalid = left_out.next_if(|it| it.round == round).map(|it| it.invalid);
            match stretches.last_mut() {
                Some((range, of)) if *of == invalid && range.len() < most => range.end += 1,
                _ => stretches.push((round..round + 1, invalid)),
            }
        }
        stretches
    }

    /// Returns a stretch of rounds as little-endian f64, one per side and round.
    pub(crate) fn bytes(&self, rounds: Range<usize>) -> Vec<u8> {
        let samples = rounds.flat_map(|round| self.sides.iter().map(move |side| side.ns[round]));
        samples.flat_map(f64::to_le_bytes).collect()
    }

    /// Returns the fixed computation's times of a stretch of rounds as little-endian f64; none if it
    /// was not measured.
    pub(crate) fn reference_bytes(&self, rounds: Range<usize>) -> Vec<u8> {
        let ns = self.reference_ns.get(rounds).unwrap_or_default();
        ns.iter().flat_map(|ns| ns.to_le_bytes()).collect()
    }
}

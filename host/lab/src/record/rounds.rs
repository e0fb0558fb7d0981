//! Interleaved rounds: how they were measured, and each side's samples.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long and how often interleaved rounds are measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RoundSettings {
    /// Rounds per case, each with fresh instances.
    pub rounds: u32,
    /// How long a slice takes at least, so that the clock's own cost vanishes.
    #[serde(rename = "slice_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub slice: Duration,
    /// The seed of the generated messages.
    pub seed: u64,
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
        Self {
            rounds: 30,
            slice: Duration::from_millis(2),
            seed: 1,
        }
    }
}

/// What interleaved rounds took, on every side.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rounds {
    /// The sides, in the order of each round's numbers.
    pub sides: Vec<Samples>,
    /// What timing added to a message, nanoseconds, at most; null if the part ended before that
    /// was measured.
    pub timing_ns: Option<f64>,
}

/// What one side took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Samples {
    /// The side's name: a backend, or a rung of the ladder.
    pub side: String,
    /// Nanoseconds per message: the same index is the same round on every side.
    pub ns: Vec<f64>,
}

impl Rounds {
    /// Returns sides without rounds.
    pub fn of<'a>(sides: impl IntoIterator<Item = &'a str>) -> Self {
        let sides = sides.into_iter().map(|side| Samples {
            side: side.to_owned(),
            ns: Vec::new(),
        });
        Self {
            sides: sides.collect(),
            timing_ns: None,
        }
    }

    /// Returns the number of rounds.
    pub fn len(&self) -> usize {
        self.sides.first().map_or(0, |side| side.ns.len())
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a round: nanoseconds per message of each side.
    pub fn push(&mut self, round: impl IntoIterator<Item = f64>) {
        for (side, ns) in self.sides.iter_mut().zip(round) {
            side.ns.push(ns);
        }
    }

    /// Returns one side ÷ another of each round; nothing if one of the two is not there.
    pub fn ratios(&self, side: &str, base: &str) -> Vec<f64> {
        let find = |name: &str| self.sides.iter().find(|side| side.side == name);
        let (Some(side), Some(base)) = (find(side), find(base)) else {
            return Vec::new();
        };
        let pairs = side.ns.iter().zip(&base.ns);
        pairs.map(|(side, base)| side / base).collect()
    }

    /// Adds whole rounds, each a little-endian f64 per side.
    pub(crate) fn add_bytes(&mut self, rounds: &[u8]) {
        let (samples, _) = rounds.as_chunks::<8>();
        let sides = self.sides.len().max(1);
        for round in samples.chunks_exact(sides) {
            self.push(round.iter().map(|ns| f64::from_le_bytes(*ns)));
        }
    }

    /// Returns a stretch of rounds as little-endian f64, one per side and round.
    pub(crate) fn bytes(&self, rounds: std::ops::Range<usize>) -> Vec<u8> {
        let samples = rounds.flat_map(|round| self.sides.iter().map(move |side| side.ns[round]));
        samples.flat_map(f64::to_le_bytes).collect()
    }
}

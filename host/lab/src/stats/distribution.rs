//! Distributions of times, of any shape, in constant memory: an HDR histogram (Tene,
//! <https://hdrhistogram.org>).

use super::median::{Estimate, median_ranks};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::ser::{Error as _, SerializeStruct};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use std::borrow::Cow;

/// Times in nanoseconds, with three significant digits unless it is [coarse](Self::coarse).
/// Distributions are merged by adding them; percentiles are never averaged.
#[derive(Clone, PartialEq)]
pub struct Distribution(Histogram<u64>);

/// Nanoseconds of the longest time, an hour; longer ones count as this.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// The percentiles in reports, with their names in files.
pub const PERCENTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999)];

impl Distribution {
    /// Creates one with two significant digits and a resolution of a microsecond, which takes a
    /// tenth of the memory: for hundreds of them at once.
    pub fn coarse() -> Self {
        Self::bounded(1_000, 2)
    }

    fn bounded(shortest_ns: u64, digits: u8) -> Self {
        let bounds = Histogram::new_with_bounds(shortest_ns, LONGEST_NS, digits);
        Self(bounds.unwrap_or_else(|_| unreachable!("the bounds are constants that fit")))
    }

    /// Adds a time in nanoseconds.
    pub fn record(&mut self, ns: u64) {
        self.0.saturating_record(ns);
    }

    /// Adds all times of another distribution.
    pub fn merge(&mut self, other: &Self) {
        // All have the same longest time, so every value fits.
        let _ = self.0.add(&other.0);
    }

    /// Removes all times.
    pub fn clear(&mut self) {
        self.0.reset();
    }

    /// Returns the number of times.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// Returns the quantile at this share, nanoseconds; `None` if it is empty.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.value_at_quantile(share) as f64)
    }

    /// Returns the time that this share of all is not above, nanoseconds, if there are enough
    /// times for it: the 99th percentile of fewer than 100 times would be the longest one.
    pub fn supported_quantile(&self, share: f64) -> Option<f64> {
        let is_enough = self.count() as f64 * (1.0 - share) >= 1.0 - 1e-9;
        self.quantile(share).filter(|_| is_enough)
    }

    /// Returns the median with its 95 % interval, which assumes independent times; `None` if it is
    /// empty.
    pub fn median_interval(&self) -> Option<Estimate> {
        let count = self.count();
        let value = self.quantile(0.5)?;
        let ranks = median_ranks(count as usize);
        // Ranks start at 0, the histogram's counts at 1.
        let at = |rank: usize| self.quantile((rank as f64 + 1.0) / count as f64);
        Some(Estimate {
            value,
            low: ranks.and_then(|(low, _)| at(low)),
            high: ranks.and_then(|(_, high)| at(high)),
        })
    }

    /// Returns how many of the times are longer than this, but for its resolution.
    pub fn above(&self, ns: u64) -> u64 {
        let longest = self.0.high();
        if ns >= longest { 0 } else { self.0.count_between(ns + 1, longest) }
    }

    /// Returns the longest time, nanoseconds; `None` if it is empty.
    pub fn max(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.max() as f64)
    }

    /// Returns the mean, nanoseconds; `None` if it is empty.
    pub fn mean(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.mean())
    }

    /// Returns it in HDR's standard encoding (V2, deflated); `None` if it cannot be encoded.
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut serializer = V2DeflateSerializer::new();
        serializer.serialize(&self.0, &mut bytes).ok()?;
        Some(bytes)
    }

    /// Decodes HDR's standard encoding, also of other tools; `None` if it is not valid.
    pub(crate) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let read: Histogram<u64> = Deserializer::new().deserialize(&mut bytes).ok()?;
        // Copied into our bounds, so that it can be merged whichever tool wrote it.
        let mut distribution = Self::default();
        distribution.0.add(read).ok()?;
        Some(distribution)
    }
}

impl Default for Distribution {
    fn default() -> Self {
        Self::bounded(1, 3)
    }
}

impl std::fmt::Debug for Distribution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} times, p50 {:?} ns", self.count(), self.quantile(0.5))
    }
}

/// Serialised as percentiles for readers, and as the whole histogram in its standard encoding (V2,
/// deflated, base64) for programs that merge it.
impl Serialize for Distribution {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let hdr = self
            .encode()
            .map(|bytes| BASE64_STANDARD.encode(bytes))
            .ok_or_else(|| S::Error::custom("the histogram cannot be encoded"))?;
        let mut fields = to.serialize_struct("Distribution", PERCENTILES.len() + 3)?;
        fields.serialize_field("count", &self.count())?;
        for (name, share) in PERCENTILES {
            fields.serialize_field(name, &self.quantile(share))?;
        }
        fields.serialize_field("max", &self.max())?;
        fields.serialize_field("hdr", &hdr)?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for Distribution {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Fields {
            hdr: String,
        }
        let Fields { hdr } = Fields::deserialize(from)?;
        let bytes = BASE64_STANDARD.decode(hdr).ok();
        let read = bytes.and_then(|bytes| Self::decode(&bytes));
        read.ok_or_else(|| D::Error::custom("`hdr` is no HDR histogram (V2, base64)"))
    }
}

impl schemars::JsonSchema for Distribution {
    fn schema_name() -> Cow<'static, str> {
        "Distribution".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut properties = Map::new();
        properties.insert("count".to_owned(), json!({"type": "integer", "minimum": 0}));
        let names = PERCENTILES.iter().map(|(name, _)| *name).chain(["max"]);
        for name in names {
            properties.insert(name.to_owned(), json!({"type": ["number", "null"]}));
        }
        let hdr = "the whole HDR histogram: V2, deflated, base64";
        properties.insert("hdr".to_owned(), json!({"type": "string", "description": hdr}));
        json_schema!({
            "type": "object",
            "description": "Times in nanoseconds. `hdr` is read back; the other fields are for readers.",
            "properties": properties,
            "required": ["hdr"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_every_percentile() {
        let mut times = Distribution::default();
        (1..=100_000).for_each(|n| times.record(n * 10));
        let text = serde_json::to_string(&times).unwrap();
        assert!(text.contains("\"p50\":50"), "{text}");
        let mut read: Distribution = serde_json::from_str(&text).unwrap();
        assert_eq!(read, times);
        read.merge(&times);
        assert_eq!(read.count(), 200_000);
        assert_eq!(read.quantile(0.99), times.quantile(0.99));
        assert!(serde_json::from_str::<Distribution>(r#"{"hdr":"no"}"#).is_err());
    }

    #[test]
    fn what_is_too_long_is_kept_as_the_longest_and_nothing_has_no_percentile() {
        let mut times = Distribution::default();
        assert_eq!((times.quantile(0.5), times.max()), (None, None));
        times.record(u64::MAX);
        assert!(times.max().unwrap() >= LONGEST_NS as f64);
    }
}

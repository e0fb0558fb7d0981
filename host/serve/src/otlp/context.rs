//! The context of a trace: read from a message's headers as W3C's Trace Context has it, and made
//! where a trace begins.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of a trace.
pub type TraceId = [u8; 16];

/// The number of a span within its trace.
pub type SpanId = [u8; 8];

/// The most bytes of a `tracestate` that have to be passed on.
const LONGEST_STATE: usize = 512;

/// The span that led to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    /// Its trace.
    pub trace: TraceId,
    /// The span.
    pub span: SpanId,
    /// Set if the trace is kept.
    pub is_sampled: bool,
}

impl Parent {
    /// Reads the values of a message's `traceparent` headers. `None` if there is not one, or if it
    /// is not valid: the trace then begins anew.
    pub fn read<'a>(mut values: impl Iterator<Item = &'a str>) -> Option<Self> {
        let value = values.next()?.trim_matches([' ', '\t']);
        if values.next().is_some() || !value.is_ascii() {
            return None;
        }
        // version "-" trace-id "-" parent-id "-" trace-flags, and in later versions perhaps more.
        let (known, more) = value.split_at_checked(55)?;
        let mut parts = known.split('-');
        let [version] = hex(parts.next()?)?;
        let (trace, span): (TraceId, SpanId) = (hex(parts.next()?)?, hex(parts.next()?)?);
        let [flags] = hex(parts.next()?)?;
        let is_whole = match version {
            0 => more.is_empty(),
            0xff => false,
            _ => more.is_empty() || more.starts_with('-'),
        };
        let is_valid = is_whole && trace != TraceId::default() && span != SpanId::default();
        is_valid.then_some(Self { trace, span, is_sampled: flags & 1 == 1 })
    }
}

/// Reads lower-case hexadecimal digits, two for each byte.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// Returns the values of a message's `tracestate` headers as one; empty if it is too long.
pub fn state<'a>(values: impl Iterator<Item = &'a str>) -> String {
    let mut state = String::new();
    for value in values {
        if !state.is_empty() {
            state.push(',');
        }
        state += value;
        if state.len() > LONGEST_STATE {
            return String::new();
        }
    }
    state
}

/// Makes numbers of traces and spans that nobody else has: those of a counter, hashed with keys
/// that the system draws for each process.
#[derive(Default)]
pub struct Ids {
    keys: RandomState,
    next: AtomicU64,
}

impl Ids {
    /// Returns the number of a new trace.
    pub fn trace(&self) -> TraceId {
        let number = self.draw();
        let halves = [self.keys.hash_one((number, 0)), self.keys.hash_one((number, 1))];
        // Zeros alone would be no number.
        let id = u128::from(halves[0]) << 64 | u128::from(halves[1]);
        id.max(1).to_be_bytes()
    }

    /// Returns the number of a new span.
    pub fn span(&self) -> SpanId {
        self.keys.hash_one(self.draw()).max(1).to_be_bytes()
    }

    fn draw(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}

/// Decides which of the traces that begin here are kept, by their numbers: hosts with the same
/// share decide alike.
#[derive(Debug, Clone, Copy)]
pub struct Sampler {
    below: u64,
}

impl Sampler {
    /// Keeps this share of traces, from 0 to 1.
    pub fn new(share: f64) -> Self {
        Self { below: (share * (1_u64 << 63) as f64) as u64 }
    }

    /// Returns whether a trace is kept.
    pub fn keeps(self, trace: TraceId) -> bool {
        let low = u128::from_be_bytes(trace) as u64;
        low >> 1 < self.below
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn read(value: &str) -> Option<Parent> {
        Parent::read([value].into_iter())
    }

    #[test]
    fn a_parent_is_read_as_the_recommendation_has_it() {
        let parent = read(VALID).unwrap();
        assert_eq!(parent.trace[..2], [0x4b, 0xf9]);
        assert_eq!(parent.span[6..], [0x02, 0xb7]);
        assert!(parent.is_sampled);
        assert!(!read(&VALID.replace("-01", "-00")).unwrap().is_sampled);
        assert!(read(&VALID.replace("-01", "-03")).unwrap().is_sampled);
        assert_eq!(read(&format!("{}-more", VALID.replace("00-4", "01-4"))), Some(parent));
    }

    #[test]
    fn what_is_no_parent_begins_a_trace() {
        for wrong in [
            "".to_owned(),
            VALID.to_uppercase(),
            VALID[..54].to_owned(),
            format!("{VALID}0"),
            format!("{VALID}-more"),
            VALID.replace("00-4", "ff-4"),
            format!("{}more", VALID.replace("00-4", "01-4")),
            VALID.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            VALID.replace("00f067aa0ba902b7", &"0".repeat(16)),
            VALID.replace("00f067aa0ba902b7", "00f067aa0ba902bg"),
        ] {
            assert_eq!(read(&wrong), None, "{wrong:?}");
        }
        assert_eq!(Parent::read([VALID, VALID].into_iter()), None);
        assert_eq!(Parent::read([].into_iter()), None);
    }

    #[test]
    fn a_state_is_passed_on_unless_it_is_too_long() {
        assert_eq!(state(["a=1", "b=2"].into_iter()), "a=1,b=2");
        assert_eq!(state([].into_iter()), "");
        assert_eq!(state(["a=1", &"x".repeat(LONGEST_STATE)].into_iter()), "");
    }

    #[test]
    fn numbers_are_not_drawn_twice_and_the_share_is_kept() {
        let ids = Ids::default();
        let drawn: std::collections::HashSet<_> = (0..10_000).map(|_| ids.trace()).collect();
        assert_eq!(drawn.len(), 10_000);
        let kept = |share: f64| drawn.iter().filter(|id| Sampler::new(share).keeps(**id)).count();
        assert_eq!((kept(0.0), kept(1.0)), (0, 10_000));
        // Ten standard deviations to each side.
        assert!((2_000..=3_000).contains(&kept(0.25)), "{}", kept(0.25));
    }

    proptest! {
        #[test]
        fn no_header_panics(value in any::<String>(), near in "[0-9a-f-]{50,60}") {
            let _ = read(&value);
            let _ = read(&near);
        }
    }
}

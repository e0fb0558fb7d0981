//! Matchers of bytes: equal, of a pattern, or JSON with at least the stated members.

use super::excerpt;
use regex::bytes::Regex;
use serde_json::Value;
use std::sync::OnceLock;

/// The expectation on a reply, or on a part of one.
#[derive(Debug, Clone)]
pub enum Matcher {
    /// These bytes.
    Equal(Vec<u8>),
    /// Bytes in which the pattern is found; anchor it to match all of them.
    Regex(Regex),
    /// JSON with at least these members and values; lists have to be as long as stated.
    Json(Value),
    /// The same bytes as the first time.
    Repeats(OnceLock<Vec<u8>>),
}

/// The expectation on a number, such as an exit code.
#[derive(Debug, Clone)]
pub enum Number<T> {
    /// This number.
    Is(T),
    /// The same as the first time.
    Repeats(OnceLock<T>),
}

impl<T: Copy> Number<T> {
    /// Returns the only number that it may be, which is this one if none was before.
    pub fn expected(&self, got: T) -> T {
        match self {
            Self::Is(expected) => *expected,
            Self::Repeats(first) => *first.get_or_init(|| got),
        }
    }
}

impl<T> From<Option<T>> for Number<T> {
    fn from(stated: Option<T>) -> Self {
        stated.map_or_else(|| Self::Repeats(OnceLock::new()), Self::Is)
    }
}

impl Matcher {
    /// Checks bytes.
    ///
    /// # Errors
    /// With the difference between `got` and what is expected, in words.
    pub fn check(&self, got: &[u8]) -> Result<(), String> {
        match self {
            Self::Equal(expected) => same(expected, got),
            Self::Regex(pattern) if pattern.is_match(got) => Ok(()),
            Self::Regex(pattern) => {
                Err(format!("expected a match of the pattern {pattern}, got {}", excerpt(got)))
            }
            Self::Json(expected) => {
                let value: Value = serde_json::from_slice(got)
                    .map_err(|error| format!("expected JSON, got {}: {error}", excerpt(got)))?;
                contains(expected, &value, &mut String::new())
            }
            Self::Repeats(first) => same(first.get_or_init(|| got.to_vec()), got)
                .map_err(|error| format!("{error}; state what has to hold")),
        }
    }
}

/// Checks that two series of bytes are equal.
pub(super) fn same(expected: &[u8], got: &[u8]) -> Result<(), String> {
    if expected == got {
        return Ok(());
    }
    let at = expected.iter().zip(got).take_while(|(a, b)| a == b).count();
    let (expected, got) = (excerpt(expected), excerpt(got));
    Err(format!("expected {expected}, got {got}: they differ from byte {at} on"))
}

fn contains(expected: &Value, got: &Value, path: &mut String) -> Result<(), String> {
    let length = path.len();
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            for (name, value) in expected {
                path.push('.');
                path.push_str(name);
                let found = got.get(name);
                let found = found.ok_or_else(|| format!("expected {path} = {value}, got none"))?;
                contains(value, found, path)?;
                path.truncate(length);
            }
            Ok(())
        }
        (Value::Array(expected), Value::Array(got)) if expected.len() == got.len() => {
            for (index, (value, found)) in expected.iter().zip(got).enumerate() {
                path.push_str(&format!("[{index}]"));
                contains(value, found, path)?;
                path.truncate(length);
            }
            Ok(())
        }
        (Value::Number(a), Value::Number(b)) if is_same(a, b) => Ok(()),
        _ if expected == got => Ok(()),
        _ => {
            let at = if path.is_empty() { "the whole" } else { path.as_str() };
            let (expected, got) = (expected.to_string(), got.to_string());
            let (expected, got) = (excerpt(expected.as_bytes()), excerpt(got.as_bytes()));
            Err(format!("expected {expected} at {at}, got {got}"))
        }
    }
}

/// Compares numbers however they are written, integers exactly.
fn is_same(a: &serde_json::Number, b: &serde_json::Number) -> bool {
    let integer = |number: &serde_json::Number| {
        number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
    };
    match (integer(a), integer(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a.as_f64() == b.as_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_last_bit_of_a_large_number_counts() {
        let stated = Matcher::Json(json!({"id": 9_007_199_254_740_993_u64}));
        assert_eq!(stated.check(br#"{"id": 9007199254740993}"#), Ok(()));
        assert!(stated.check(br#"{"id": 9007199254740992}"#).is_err());
        let stated = Matcher::Json(json!({"id": u64::MAX}));
        assert!(stated.check(br#"{"id": 18446744073709551614}"#).is_err());
        assert_eq!(Matcher::Json(json!({"n": 3})).check(br#"{"n": 3.0}"#), Ok(()));
    }

    #[test]
    fn json_may_have_more_than_is_stated() {
        let stated = Matcher::Json(json!({"a": [1, {"b": "x"}], "n": 2}));
        assert_eq!(
            stated.check(br#"{"n": 2.0, "a": [1, {"b": "x", "c": 3}], "date": "d"}"#),
            Ok(())
        );
        for (got, told) in [
            (&br#"{"a": [1, {"b": "y"}], "n": 2}"#[..], ".a[1].b"),
            (br#"{"a": [1], "n": 2}"#, ".a"),
            (br#"{"a": [1, {"b": "x"}]}"#, "expected .n = 2, got none"),
            (b"[]", "the whole"),
            (b"hello", "expected JSON"),
        ] {
            let error = stated.check(got).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn a_pattern_is_of_bytes() {
        let pattern = Matcher::Regex(Regex::new("^took [0-9]+ ms$").unwrap());
        assert_eq!(pattern.check(b"took 12 ms"), Ok(()));
        assert!(pattern.check(b"took \xff ms").unwrap_err().contains("pattern"));
    }
}

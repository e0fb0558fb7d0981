//! Values in WAVE, which has more than one way to write most of them.

use std::collections::{BTreeMap, BTreeSet};
use wasmtime::component::wasm_wave::ast::Node;
use wasmtime::component::wasm_wave::untyped::UntypedValue;

/// Returns true if both texts are values, and the same one. Neither spaces matter nor how a number
/// or a text is spelt, nor the order of fields and flags, and `x` stands for `some(x)` and `ok(x)`.
pub fn is_same(a: &str, b: &str) -> bool {
    let read = |text| UntypedValue::parse(text).ok().map(|v| Value::of(v.node(), v.source()));
    read(a).is_some_and(|a| Some(a) == read(b))
}

/// A value without its type.
#[derive(PartialEq)]
enum Value {
    Number(Number),
    Char(char),
    Text(String),
    List(Vec<Value>),
    Tuple(Vec<Value>),
    Record(BTreeMap<String, Value>),
    Flags(BTreeSet<String>),
    /// A case with its value, also `some`, `ok` and `true`.
    Case(String, Option<Box<Value>>),
    /// What WAVE reads and this does not know, as it is written.
    Other(String),
}

/// A number as it is written: a large one of 64 bits may be written as an integer, with digits that it
/// does not have.
#[derive(Clone, Copy)]
enum Number {
    Integer(i128),
    Float(f64),
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        match (*self, *other) {
            (Self::Integer(a), Self::Integer(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b || (a.is_nan() && b.is_nan()),
            (Self::Integer(a), Self::Float(b)) | (Self::Float(b), Self::Integer(a)) => {
                a as f64 == b
            }
        }
    }
}

impl Value {
    fn of(node: &Node, source: &str) -> Self {
        let each = |nodes: Vec<&Node>| nodes.into_iter().map(|n| Self::of(n, source)).collect();
        let case = |name: &str, payload: Option<&Node>| {
            match payload.map(|of| Self::of(of, source)) {
                // WAVE lets both be left out around what is neither.
                Some(value) if ["some", "ok"].contains(&name) && !value.is_wrapped() => value,
                payload => Self::Case(name.to_owned(), payload.map(Box::new)),
            }
        };
        if let Ok(number) = node.as_number(source) {
            return Self::Number(Number::Integer(number));
        }
        if let Ok(number) = node.as_number(source) {
            return Self::Number(Number::Float(number));
        }
        if let Ok(char) = node.as_char(source) {
            return Self::Char(char);
        }
        if let Ok(text) = node.as_str(source) {
            return Self::Text(text.into_owned());
        }
        if let Ok(list) = node.as_list() {
            return Self::List(each(list.collect()));
        }
        if let Ok(tuple) = node.as_tuple() {
            return Self::Tuple(each(tuple.collect()));
        }
        if let Ok(fields) = node.as_record(source) {
            // A field without a value may be left out.
            let fields = fields.filter(|(_, of)| !matches!(of.as_option(), Ok(None)));
            let fields = fields.map(|(name, of)| (name.to_owned(), Self::of(of, source)));
            return Self::Record(fields.collect());
        }
        if let Ok(names) = node.as_flags(source) {
            return Self::Flags(names.map(str::to_owned).collect());
        }
        if let Ok(is_true) = node.as_bool() {
            return case(if is_true { "true" } else { "false" }, None);
        }
        if let Ok(payload) = node.as_option() {
            return case(if payload.is_some() { "some" } else { "none" }, payload);
        }
        match (node.as_result(), node.as_variant(source)) {
            (Ok(Ok(payload)), _) => case("ok", payload),
            (Ok(Err(payload)), _) => case("err", payload),
            (_, Ok((name, payload))) => case(&format!("%{name}"), payload),
            _ => Self::Other(source.get(node.span()).unwrap_or_default().to_owned()),
        }
    }

    /// Returns true if it is an option or a result that says which.
    fn is_wrapped(&self) -> bool {
        let names = ["some", "none", "ok", "err"];
        matches!(self, Self::Case(name, _) if names.contains(&name.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_be_written_in_several_ways() {
        for (a, b) in [
            ("2.0", "2"),
            ("1e3", "1000"),
            ("nan", "nan"),
            ("{a: 1, b: none}", "{ a:1 }"),
            ("{b: 2, a: 1}", "{a: 1, b: 2}"),
            ("{x, y}", "{y, x}"),
            ("some([1, 2])", "[1,2]"),
            ("ok(\"\\u{e9}\")", "\"é\""),
            ("[some(1), none]", "[1, none]"),
            ("(1, 'a')", "(1,'\\u{61}')"),
            ("1e20", "100000000000000000000"),
            ("12345678901234567000000000", "1.2345678901234567e25"),
            ("ok(1)", "ok(some(1))"),
            ("[some(some(1))]", "[some(1)]"),
        ] {
            assert!(is_same(a, b), "{a} {b}");
        }
        for (a, b) in [
            ("2.5", "2"),
            ("some(none)", "none"),
            ("ok(none)", "none"),
            ("1e20", "100000000000000100000"),
            ("err(1)", "ok(1)"),
            ("[1, 2]", "[2, 1]"),
            ("\"a b\"", "\"ab\""),
            ("{a: 1}", "{a: 1, b: 2}"),
            ("%ok", "ok"),
            ("18446744073709551615", "18446744073709551614"),
            ("((", "(("),
        ] {
            assert!(!is_same(a, b), "{a} {b}");
        }
    }
}

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
    Integer(i128),
    /// The bits of a number that is no integer.
    Float(u64),
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

impl Value {
    fn of(node: &Node, source: &str) -> Self {
        let each = |nodes: Vec<&Node>| nodes.into_iter().map(|n| Self::of(n, source)).collect();
        let case = |name: &str, payload: Option<&Node>| match payload {
            // WAVE lets both be left out around what is neither.
            Some(of) if ["some", "ok"].contains(&name) && !is_wrapped(of) => Self::of(of, source),
            payload => {
                let payload = payload.map(|of| Box::new(Self::of(of, source)));
                Self::Case(name.to_owned(), payload)
            }
        };
        if let Ok(number) = node.as_number(source) {
            return Self::Integer(number);
        }
        if let Ok(number) = node.as_number::<f64>(source) {
            return Self::number(number);
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

    fn number(number: f64) -> Self {
        /// From here on not every integer is a number of 64 bits.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        match number {
            _ if number.is_nan() => Self::Float(f64::NAN.to_bits()),
            _ if number.fract() == 0.0 && number.abs() < EXACT => Self::Integer(number as i128),
            _ => Self::Float(number.to_bits()),
        }
    }
}

fn is_wrapped(node: &Node) -> bool {
    node.as_option().is_ok() || node.as_result().is_ok()
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
        ] {
            assert!(is_same(a, b), "{a} {b}");
        }
        for (a, b) in [
            ("2.5", "2"),
            ("some(none)", "none"),
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

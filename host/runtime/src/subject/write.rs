//! A component's values as WAVE text, as `wasm_wave` writes them, but sooner: that one asks each value
//! for its kind and its parts through a trait, and writes texts character by character.

use std::fmt::{Display, Write};
use wasmtime::component::Val;

/// Writes a value in WAVE; `length` is how long it may be, and costs time if it is wrong.
///
/// # Errors
/// If its type is none that WAVE can write.
pub fn wave(value: &Val, length: usize) -> Result<String, String> {
    let mut text = String::with_capacity(length);
    write(&mut text, value)?;
    Ok(text)
}

fn write(to: &mut String, value: &Val) -> Result<(), String> {
    match value {
        Val::Bool(value) => to.push_str(if *value { "true" } else { "false" }),
        Val::S8(value) => signed(to, i64::from(*value)),
        Val::U8(value) => unsigned(to, u64::from(*value)),
        Val::S16(value) => signed(to, i64::from(*value)),
        Val::U16(value) => unsigned(to, u64::from(*value)),
        Val::S32(value) => signed(to, i64::from(*value)),
        Val::U32(value) => unsigned(to, u64::from(*value)),
        Val::S64(value) => signed(to, *value),
        Val::U64(value) => unsigned(to, *value),
        Val::Float32(value) if value.is_nan() => to.push_str("nan"),
        Val::Float32(value) => display(to, value),
        Val::Float64(value) if value.is_nan() => to.push_str("nan"),
        Val::Float64(value) => display(to, value),
        Val::Char(value) => quoted(to, '\'', value.encode_utf8(&mut [0; 4])),
        Val::String(value) => quoted(to, '"', value),
        Val::List(values) | Val::FixedLengthList(values) => several(to, ['[', ']'], values)?,
        Val::Tuple(values) => several(to, ['(', ')'], values)?,
        Val::Record(fields) => record(to, fields)?,
        Val::Variant(name, payload) => {
            case(to, name);
            in_parentheses(to, payload.as_deref())?;
        }
        Val::Enum(name) => case(to, name),
        Val::Option(None) => to.push_str("none"),
        Val::Option(some) => {
            to.push_str("some");
            in_parentheses(to, some.as_deref())?;
        }
        Val::Result(result) => {
            let (name, payload) = match result {
                Ok(payload) => ("ok", payload),
                Err(payload) => ("err", payload),
            };
            to.push_str(name);
            in_parentheses(to, payload.as_deref())?;
        }
        Val::Flags(names) => {
            to.push('{');
            to.push_str(&names.join(", "));
            to.push('}');
        }
        Val::Resource(_) | Val::Map(_) | Val::Future(_) | Val::Stream(_) | Val::ErrorContext(_) => {
            return Err("WAVE cannot write the result: it has a type that WAVE has not".to_owned());
        }
    }
    Ok(())
}

fn display(to: &mut String, value: &impl Display) {
    // A text takes whatever is written.
    let _ = write!(to, "{value}");
}

fn signed(to: &mut String, value: i64) {
    if value < 0 {
        to.push('-');
    }
    unsigned(to, value.unsigned_abs());
}

/// Records are full of numbers, most of few digits, which `Display` takes longer to write.
fn unsigned(to: &mut String, mut value: u64) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    to.extend(digits[first..].iter().map(|digit| char::from(*digit)));
}

fn several(to: &mut String, [open, close]: [char; 2], values: &[Val]) -> Result<(), String> {
    to.push(open);
    for (n, value) in values.iter().enumerate() {
        if n > 0 {
            to.push_str(", ");
        }
        write(to, value)?;
    }
    to.push(close);
    Ok(())
}

/// Fields without a value are left out; `{:}` if all are.
fn record(to: &mut String, fields: &[(String, Val)]) -> Result<(), String> {
    to.push('{');
    let mut is_first = true;
    for (name, value) in fields {
        if matches!(value, Val::Option(None)) {
            continue;
        }
        if !std::mem::take(&mut is_first) {
            to.push_str(", ");
        }
        to.push_str(name);
        to.push_str(": ");
        write(to, value)?;
    }
    to.push_str(if is_first { ":}" } else { "}" });
    Ok(())
}

/// The name of a case, marked if it is a word of WAVE's own.
fn case(to: &mut String, name: &str) {
    const WORDS: [&str; 8] = ["true", "false", "some", "none", "ok", "err", "inf", "nan"];
    if WORDS.contains(&name) {
        to.push('%');
    }
    to.push_str(name);
}

fn in_parentheses(to: &mut String, value: Option<&Val>) -> Result<(), String> {
    let Some(value) = value else {
        return Ok(());
    };
    to.push('(');
    write(to, value)?;
    to.push(')');
    Ok(())
}

fn quoted(to: &mut String, quote: char, text: &str) {
    to.push(quote);
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\'' | b'\\');
    // Without a way out of the loop, the compiler tests many bytes at once.
    if text.bytes().fold(true, |all, byte| all & is_plain(byte)) {
        to.push_str(text);
    } else {
        text.chars().for_each(|char| escaped(to, char));
    }
    to.push(quote);
}

fn escaped(to: &mut String, char: char) {
    match char {
        '\\' | '"' | '\'' | '\t' | '\r' | '\n' => to.extend(char.escape_default()),
        char if char.is_control() => to.extend(char.escape_unicode()),
        char => to.extend(char.escape_debug()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime::component::wasm_wave;

    #[test]
    fn every_value_is_written_as_the_reference_writes_it() {
        let text = |text: &str| Val::String(text.to_owned());
        let some = |value| Val::Option(Some(Box::new(value)));
        let variant =
            |name: &str, payload: Option<Val>| Val::Variant(name.to_owned(), payload.map(Box::new));
        let field = |name: &str, value| (name.to_owned(), value);
        let words = ["true", "false", "some", "none", "ok", "err", "inf", "nan", "other"];
        let mut values = vec![
            Val::Bool(true),
            Val::S8(-1),
            Val::U8(255),
            Val::S16(-300),
            Val::U16(300),
            Val::S32(i32::MIN),
            Val::U32(u32::MAX),
            Val::S64(i64::MIN),
            Val::S64(i64::MAX),
            Val::U64(u64::MAX),
            Val::U64(0),
            Val::U64(10),
            Val::Float32(1.5),
            Val::Float32(f32::NAN),
            Val::Float64(-0.0),
            Val::Float64(1e300),
            Val::Float64(f64::INFINITY),
            Val::Float64(f64::NEG_INFINITY),
            Val::Float64(f64::NAN),
            text(""),
            text("plain ~ text"),
            text("a\"b'c\\d\te\rf\ng\u{0}\u{7f}\u{200b}ä€😀e\u{301}"),
            Val::List(vec![]),
            Val::List(vec![Val::U8(1), Val::U8(2)]),
            Val::FixedLengthList(vec![Val::U8(1), Val::U8(2)]),
            Val::Tuple(vec![Val::U8(1), text("x")]),
            Val::Record(vec![
                field("a", Val::Option(None)),
                field("b", Val::U8(1)),
                field("c", some(text("x"))),
            ]),
            Val::Record(vec![field("a", Val::Option(None))]),
            Val::Option(None),
            some(Val::Option(None)),
            Val::Result(Ok(None)),
            Val::Result(Err(Some(Box::new(text("why"))))),
            Val::Flags(vec![]),
            Val::Flags(vec!["a".to_owned(), "b-c".to_owned()]),
        ];
        values.extend(['x', '\'', '"', '\\', '\n', '\u{1}', 'ß', '\u{301}'].map(Val::Char));
        values.extend(words.map(|word| Val::Enum(word.to_owned())));
        values.extend(words.map(|word| variant(word, None)));
        values.extend(words.map(|word| variant(word, Some(Val::U8(1)))));
        for value in &values {
            assert_eq!(wave(value, 0), Ok(wasm_wave::to_string(value).unwrap()), "{value:?}");
        }
    }
}

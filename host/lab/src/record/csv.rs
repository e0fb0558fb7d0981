//! JSON as a table: a line for each value, with its place and its type.

use serde_json::{Map, Value};
use std::fmt::Write;

const HEADER: &str = "path,type,value";

/// Writes a value.
pub fn write(value: &Value) -> String {
    let mut text = format!("{HEADER}\n");
    lines(value, &mut String::new(), &mut text);
    text
}

fn lines(value: &Value, path: &mut String, text: &mut String) {
    let length = path.len();
    let (kind, shown) = match value {
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                let _ = write!(path, "/{index}");
                lines(item, path, text);
                path.truncate(length);
            }
            return;
        }
        Value::Object(fields) if !fields.is_empty() => {
            for (name, field) in fields {
                let _ = write!(path, "/{}", step(name));
                lines(field, path, text);
                path.truncate(length);
            }
            return;
        }
        Value::Array(_) => ("list", String::new()),
        Value::Object(_) => ("object", String::new()),
        Value::Null => ("null", String::new()),
        Value::Bool(truth) => ("bool", truth.to_string()),
        Value::Number(number) => ("number", number.to_string()),
        Value::String(string) => ("text", string.clone()),
    };
    let _ = writeln!(text, "{},{kind},{}", quoted(path), quoted(&shown));
}

/// What a field's name begins with that would be taken for a place in a list.
const DIGITS: &str = "~2";

/// A field's name in a path.
fn step(name: &str) -> String {
    let name = name.replace('~', "~0").replace('/', "~1");
    match name.parse::<usize>() {
        Ok(_) => DIGITS.to_owned() + &name,
        Err(_) => name,
    }
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", field.replace('"', "\"\""));
    }
    field.to_owned()
}

/// Reads what [`write`] wrote, also after a spreadsheet has put quotes elsewhere.
///
/// # Errors
/// Where it is something else.
pub fn read(text: &str) -> Result<Value, String> {
    let mut rest = text;
    let mut number = 1;
    let mut root = Value::Null;
    if record(&mut rest, number)?.as_deref()
        != Some(&HEADER.split(',').map(str::to_owned).collect::<Vec<_>>()[..])
    {
        return Err(format!("line 1 is not {HEADER:?}"));
    }
    loop {
        number += 1;
        let Some(fields) = record(&mut rest, number)? else {
            return Ok(root);
        };
        let wrong = |reason: &str| format!("value {}: {reason}", number - 1);
        let [path, kind, shown] = &fields[..] else {
            return Err(wrong("three fields are needed"));
        };
        let value = match kind.as_str() {
            "list" => Value::Array(Vec::new()),
            "object" => Value::Object(Map::new()),
            "null" => Value::Null,
            "bool" => Value::Bool(shown == "true"),
            "number" => shown
                .parse()
                .map(Value::Number)
                .map_err(|_| wrong("no number"))?,
            "text" => Value::String(shown.clone()),
            _ => return Err(wrong("its type is not known")),
        };
        let place = path
            .strip_prefix('/')
            .ok_or_else(|| wrong("its place must begin with /"))?;
        *at(&mut root, place).ok_or_else(|| wrong("its place does not fit what is before"))? =
            value;
    }
}

/// The place in a value, which is made if it is the next one.
fn at<'a>(mut value: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    for step in path.split('/') {
        let index = step.parse::<usize>().ok();
        if value.is_null() {
            *value = match index {
                Some(0) => Value::Array(Vec::new()),
                _ => Value::Object(Map::new()),
            };
        }
        value = match value {
            Value::Array(items) => {
                let index = index?;
                if index == items.len() {
                    items.push(Value::Null);
                }
                items.get_mut(index)?
            }
            Value::Object(fields) => {
                let name = step.strip_prefix(DIGITS).unwrap_or(step);
                let name = name.replace("~1", "/").replace("~0", "~");
                fields.entry(name).or_insert(Value::Null)
            }
            _ => return None,
        };
    }
    Some(value)
}

/// The fields of the next record; none at the end.
fn record(rest: &mut &str, number: usize) -> Result<Option<Vec<String>>, String> {
    if rest.is_empty() {
        return Ok(None);
    }
    let mut fields = Vec::new();
    loop {
        let mut field = String::new();
        if let Some(mut quoted) = rest.strip_prefix('"') {
            loop {
                let end = quoted
                    .find('"')
                    .ok_or_else(|| format!("value {number}: a quote is open"))?;
                field.push_str(&quoted[..end]);
                quoted = &quoted[end + 1..];
                match quoted.strip_prefix('"') {
                    Some(more) => {
                        field.push('"');
                        quoted = more;
                    }
                    None => break,
                }
            }
            *rest = quoted;
        } else {
            let end = rest.find([',', '\n']).unwrap_or(rest.len());
            field.push_str(rest[..end].trim_end_matches('\r'));
            *rest = &rest[end..];
        }
        fields.push(field);
        match rest.strip_prefix(',') {
            Some(more) => *rest = more,
            None => break,
        }
    }
    *rest = rest
        .strip_prefix("\r\n")
        .or_else(|| rest.strip_prefix('\n'))
        .unwrap_or(rest);
    Ok(Some(fields))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whatever_is_written_is_read() {
        let value = json!({
            "text": "a \"b\", c\r\nd", "path/~": [1, [2.5, null], {}, []], "0": true,
            "small": 1e-300, "large": u64::MAX, "third": 1.0 / 3.0, "number": "12",
        });
        let text = write(&value);
        assert_eq!(read(&text).unwrap(), value);
        assert_eq!(read(&text.replace("\n/", "\r\n/")).unwrap(), value);
        for wrong in [
            "",
            "a,b\n",
            "path,type,value\n/a/1,number,1\n/a/0/b,number,x\n",
            "path,type,value\n\"a",
        ] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}

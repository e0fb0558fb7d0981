//! Writes figures to claims.toml, and leaves all else in it as it is.

use crate::claim::Figure;
use anyhow::{Context, Result};
use toml_edit::{DocumentMut, Item, Table, Value};

/// Returns the text of claims.toml with a new figure for one claim.
///
/// # Errors
/// If the text is not TOML, or has no such claim.
pub fn with_figure(text: &str, key: &str, figure: &Figure) -> Result<String> {
    let mut file: DocumentMut = text.parse()?;
    let claims = file.get_mut("claim").and_then(Item::as_array_of_tables_mut);
    let claims = claims.context("there is no list of claims")?;
    let is_wanted = |claim: &&mut Table| claim.get("key").and_then(Item::as_str) == Some(key);
    let claim = claims.iter_mut().find(is_wanted);
    let claim = claim.with_context(|| format!("there is no claim {key}"))?;
    let measured = claim.entry("measured").or_insert_with(toml_edit::table);
    let measured = measured.as_table_mut().context("`measured` is no table")?;
    set(measured, "value", Some(figure.value.into()));
    set(measured, "low", figure.low.map(Value::from));
    set(measured, "high", figure.high.map(Value::from));
    set(measured, "date", Some(figure.date.to_string().into()));
    set(measured, "machine", Some(figure.machine.as_str().into()));
    set(measured, "commit", figure.commit.as_deref().map(Value::from));
    Ok(file.to_string())
}

/// Sets or removes a key; a comment behind the old value stays.
fn set(table: &mut Table, key: &str, value: Option<Value>) {
    let Some(mut value) = value else {
        table.remove(key);
        return;
    };
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        None => {
            table.insert(key, Item::Value(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# Above all.

[[claim]] # the first
key = 'a'
how = { measure = \"call\" } # how

[claim.measured]
# Before the value.
value = 1.0 # behind it
low = 0.5
high = 2
date = '2026-01-01'
machine = 'old'

[[claim]]
key = 'b'
bound = 1.10

# At the end.
";

    fn figure(low: Option<f64>) -> Figure {
        Figure {
            value: 1.5,
            low,
            high: low,
            date: "2026-02-03".parse().unwrap(),
            machine: "new".to_owned(),
            commit: Some("abc".to_owned()),
        }
    }

    #[test]
    fn a_new_figure_replaces_the_old_one_and_nothing_else() {
        let kept = with_figure(FILE, "a", &figure(None)).unwrap();
        let should = FILE
            .replace("value = 1.0", "value = 1.5")
            .replace("low = 0.5\nhigh = 2\n", "")
            .replace("'2026-01-01'", "\"2026-02-03\"")
            .replace("machine = 'old'\n", "machine = \"new\"\ncommit = \"abc\"\n");
        assert_eq!(kept, should);
    }

    #[test]
    fn a_first_figure_stands_with_its_claim() {
        let kept = with_figure(FILE, "b", &figure(Some(1.25))).unwrap();
        let claims: toml::Table = toml::from_str(&kept).unwrap();
        let second = claims["claim"][1].as_table().unwrap();
        assert_eq!(second["measured"]["low"].as_float(), Some(1.25));
        assert!(kept.ends_with("# At the end.\n"), "{kept}");
    }

    #[test]
    fn a_claim_that_is_not_there_is_an_error() {
        let error = with_figure(FILE, "c", &figure(None)).unwrap_err();
        assert_eq!(error.to_string(), "there is no claim c");
    }
}

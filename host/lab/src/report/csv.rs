//! Tables for a spreadsheet, as RFC 4180 says. Numbers are in the unit that the header names,
//! and what is missing is empty.

use crate::metrics::format::exactly;
use crate::printable::printable;
use crate::view::{Cell, Head, Table, Value};
use crate::{Error, Result};

/// Writes one table.
///
/// # Errors
/// If it cannot be encoded.
pub fn csv(table: &Table) -> Result<String> {
    written(|writer| {
        writer.write_record(header(table))?;
        for row in &table.rows {
            writer.write_record(fields(table, row))?;
        }
        Ok(())
    })
}

/// Writes several tables into one: the first column names the table, and the others are those
/// of all tables, each name once.
///
/// # Errors
/// If they cannot be encoded.
pub fn csv_of_all(tables: &[Table]) -> Result<String> {
    let mut names: Vec<String> = Vec::new();
    for name in tables.iter().flat_map(header) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    written(|writer| {
        writer.write_record(["table".to_owned()].iter().chain(&names))?;
        for table in tables {
            let own = header(table);
            let places: Vec<_> =
                names.iter().map(|name| own.iter().position(|own| own == name)).collect();
            for row in &table.rows {
                let fields = fields(table, row);
                let field = |place: &Option<usize>| place.map_or("", |place| &fields[place]);
                let fields = places.iter().map(field);
                writer.write_record([table.key].into_iter().chain(fields))?;
            }
        }
        Ok(())
    })
}

fn written(
    write: impl FnOnce(&mut csv::Writer<&mut Vec<u8>>) -> csv::Result<()>,
) -> Result<String> {
    let failed = |error: String| Error::Machine(format!("cannot encode a table: {error}"));
    let mut bytes = Vec::new();
    let mut writer = csv::Writer::from_writer(&mut bytes);
    write(&mut writer).map_err(|error| failed(error.to_string()))?;
    drop(writer);
    String::from_utf8(bytes).map_err(|error| failed(error.to_string()))
}

/// Returns the names of the columns in a file, with their units; an interval has two.
fn header(table: &Table) -> Vec<String> {
    let names = table.columns.iter().flat_map(|column| {
        let Head { key, form, is_range, .. } = column;
        let unit = form.map_or("", |form| form.suffix());
        let unit = if key.ends_with(unit) { "" } else { unit };
        match is_range {
            true => vec![format!("{key}_low{unit}"), format!("{key}_high{unit}")],
            false => vec![format!("{key}{unit}")],
        }
    });
    names.collect()
}

fn fields(table: &Table, row: &[Cell]) -> Vec<String> {
    let cells = row.iter().zip(&table.columns);
    let fields = cells.flat_map(|(cell, column)| match (&cell.value, column.is_range) {
        (Value::Range(low, high, _), true) => vec![exactly(*low), exactly(*high)],
        (_, true) => vec![String::new(), String::new()],
        (Value::Number(number, _), false) => vec![exactly(*number)],
        (Value::Missing(_), false) => vec![String::new()],
        (value, false) => vec![text(printable(&value.show()))],
    });
    fields.collect()
}

/// Returns a text that no spreadsheet takes for a formula: names are those of files and of guests'
/// functions, which others may have chosen.
fn text(text: String) -> String {
    // Numbers and words, such as the rung `+ limiter`, calculate nothing.
    let is_plain = |rest: &str| {
        let number = rest.trim_end_matches([' ', '%']);
        let mut letters = rest.chars();
        number.parse::<f64>().is_ok() || letters.all(|c| c == ' ' || c.is_alphanumeric())
    };
    let is_formula = text.starts_with(['=', '@'])
        || text.strip_prefix(['+', '-']).is_some_and(|rest| !is_plain(rest));
    if is_formula { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Topic;
    use crate::stats::Estimate;
    use crate::view::Form;

    fn table(key: &'static str, rows: &[(&str, f64)]) -> Table {
        Table::of(key, "Times", Topic::Overhead, rows)
            .text("agent", "agent", |row| row.0)
            .number("time", "time/msg", Form::Time, |row| Some(row.1))
            .interval("time", Form::Time, |row| Some(Estimate::exact(row.1)))
            .done()
    }

    #[test]
    fn a_header_names_units_and_an_interval_has_two_columns() {
        let text = csv(&table("times", &[("a,\"b", 0.5)])).unwrap();
        assert_eq!(text, "agent,time_ns,time_low_ns,time_high_ns\n\"a,\"\"b\",0.5,0.5,0.5\n");
    }

    #[test]
    fn a_name_is_no_formula() {
        for name in ["=1+1", "@SUM(A1)", "+1+cmd", "-2*A1"] {
            let text = csv(&table("times", &[(name, 0.5)])).unwrap();
            assert!(text.contains(&format!("\n'{name},")), "{text}");
        }
        for name in ["-", "+2.5 %", "+ limiter", "a=b"] {
            let text = csv(&table("times", &[(name, 0.5)])).unwrap();
            assert!(text.contains(&format!("\n{name},")), "{text}");
        }
    }

    #[test]
    fn several_tables_have_one_header() {
        let other = Table::of("sizes", "Sizes", Topic::Overhead, &[5.0])
            .number("size", "size", Form::Size, |size| Some(*size))
            .done();
        let text = csv_of_all(&[table("times", &[("a", 1.0)]), other]).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "table,agent,time_ns,time_low_ns,time_high_ns,size_bytes");
        assert_eq!(lines[1..], ["times,a,1,1,1,", "sizes,,,,,5"]);
    }
}

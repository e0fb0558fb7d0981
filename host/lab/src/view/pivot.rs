//! A table as a person compares it: what stands below each other for a program stands side by
//! side.

use super::table::{Head, Table};
use super::value::{Cell, Value};

impl Table {
    /// Returns the table with the values of its pivot side by side, each row of the other
    /// columns once; as it is if it has no pivot, or one that takes a single value.
    pub fn pivoted(&self) -> Self {
        let Some((by, values)) = &self.pivot else {
            return self.clone();
        };
        let Some(by) = self.columns.iter().position(|column| column.key == *by) else {
            return self.clone();
        };
        let mut names: Vec<String> = Vec::new();
        for row in &self.rows {
            let name = row[by].value.show();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let all = 0..self.columns.len();
        let is_value = |index: &usize| values.contains(&self.columns[*index].key.as_str());
        let keys: Vec<usize> = all
            .clone()
            .filter(|index| *index != by && !is_value(index) && !self.columns[*index].is_aside)
            .collect();
        let spread: Vec<(usize, usize)> = values
            .iter()
            .flat_map(|key| (0..names.len()).map(move |name| (*key, name)))
            .flat_map(|(key, name)| {
                let of_key = all.clone().filter(move |index| self.columns[*index].key == key);
                of_key.map(move |index| (index, name))
            })
            .collect();
        let mut groups: Vec<(Vec<String>, Vec<&Vec<Cell>>)> = Vec::new();
        for row in &self.rows {
            let key: Vec<String> = keys.iter().map(|index| row[*index].value.show()).collect();
            match groups.iter_mut().find(|(known, _)| *known == key) {
                Some((_, rows)) => rows.push(row),
                None => groups.push((key, vec![row])),
            }
        }
        // What a person would not see is not left out silently.
        if groups.iter().map(|(_, rows)| rows.len()).max() > Some(names.len()) {
            return self.clone();
        }
        let rows = groups.iter().map(|(_, of_group)| {
            let first = keys.iter().map(|index| of_group[0][*index].clone());
            let cells = spread.iter().map(|(index, name)| {
                let found = of_group.iter().find(|row| row[by].value.show() == names[*name]);
                found.map_or_else(|| Cell::from(Value::missing()), |row| row[*index].clone())
            });
            first.chain(cells).collect()
        });
        let heads =
            spread.iter().map(|(index, name)| self.spread_head(*index, &names[*name], values[0]));
        let pivoted = Self {
            columns: keys.iter().map(|index| self.columns[*index].clone()).chain(heads).collect(),
            rows: rows.collect(),
            pivot: None,
            ..self.clone()
        };
        // A side is not compared with itself.
        pivoted.without(|column, cells| cells.iter().all(is_missing) && column.form.is_some())
    }

    /// Returns the head of a value of one name; the first value needs no title but the name.
    fn spread_head(&self, index: usize, name: &str, first: &str) -> Head {
        let head = &self.columns[index];
        let title = match (head.is_range, head.key == first) {
            (true, _) => head.title.clone(),
            (false, true) => name.to_owned(),
            (false, false) => format!("{name} {}", head.title),
        };
        Head { key: format!("{name}_{}", head.key), title, ..head.clone() }
    }

    /// Returns the table without the columns that this holds of.
    pub fn without(&self, is_left_out: impl Fn(&Head, &[&Cell]) -> bool) -> Self {
        let kept: Vec<usize> = (0..self.columns.len())
            .filter(|index| {
                let cells: Vec<&Cell> = self.rows.iter().map(|row| &row[*index]).collect();
                !is_left_out(&self.columns[*index], &cells)
            })
            .collect();
        let row = |row: &Vec<Cell>| kept.iter().map(|index| row[*index].clone()).collect();
        Self {
            columns: kept.iter().map(|index| self.columns[*index].clone()).collect(),
            rows: self.rows.iter().map(row).collect(),
            ..self.clone()
        }
    }

    /// Returns the table with each interval in the cell of what it is the interval of.
    pub fn folded(&self) -> Self {
        let mut folded = self.clone();
        for index in (1..folded.columns.len()).rev() {
            let (value, range) = (&folded.columns[index - 1], &folded.columns[index]);
            if !range.is_range || value.is_range || value.key != range.key {
                continue;
            }
            folded.columns.remove(index);
            for row in &mut folded.rows {
                let range = row.remove(index);
                if let (Value::Number(number, form), Value::Range(low, high, _)) =
                    (&row[index - 1].value, &range.value)
                {
                    row[index - 1].value = Value::Estimate(*number, (*low, *high), *form);
                }
            }
        }
        folded
    }

    /// Returns the table with what costs most first, by the first column that says so.
    pub fn by_cost(&self) -> Self {
        let Some(cost) = self.columns.iter().position(|column| column.is_cost) else {
            return self.clone();
        };
        let mut sorted = self.clone();
        let number = |row: &Vec<Cell>| row[cost].value.as_number().unwrap_or(f64::NEG_INFINITY);
        sorted.rows.sort_by(|a, b| number(b).total_cmp(&number(a)));
        sorted
    }
}

fn is_missing(cell: &&Cell) -> bool {
    matches!(&cell.value, Value::Missing(reason) if reason.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Topic;
    use crate::stats::Estimate;
    use crate::view::Form;

    fn table() -> Table {
        let rows = [
            ("echo", "wasm", 400.0, Some(4.0)),
            ("echo", "native", 100.0, None),
            ("hash", "wasm", 900.0, Some(9.0)),
            ("hash", "native", 100.0, None),
        ];
        Table::of("times", "Times", Topic::Overhead, &rows)
            .text("agent", "agent", |row| row.0)
            .text("backend", "backend", |row| row.1)
            .number("time", "time/msg", Form::Time, |row| Some(row.2))
            .number("ratio", "vs native", Form::Ratio, |row| row.3)
            .cost()
            .interval("ratio", Form::Ratio, |row| row.3.map(Estimate::exact))
            .number("rounds", "rounds", Form::Integer, |_| Some(6.0))
            .aside()
            .pivot("backend", &["time", "ratio"])
            .done()
    }

    fn shown(table: &Table) -> Vec<Vec<String>> {
        let titles = table.columns.iter().map(|column| column.title.clone()).collect();
        let rows = table.rows.iter().map(|row| row.iter().map(|cell| cell.value.show()).collect());
        std::iter::once(titles).chain(rows).collect()
    }

    #[test]
    fn backends_stand_side_by_side_and_what_costs_most_comes_first() {
        let pivoted = table().pivoted();
        assert_eq!(
            shown(&pivoted),
            [
                vec!["agent", "wasm", "native", "wasm vs native", "95 % interval"],
                vec!["echo", "400 ns", "100 ns", "4.00", "4.00 – 4.00"],
                vec!["hash", "900 ns", "100 ns", "9.00", "9.00 – 9.00"],
            ]
        );
        let sorted = shown(&pivoted.folded().by_cost());
        assert_eq!(sorted[0], ["agent", "wasm", "native", "wasm vs native"]);
        assert_eq!(sorted[1], ["hash", "900 ns", "100 ns", "9.00 (9.00–9.00)"]);
    }
}

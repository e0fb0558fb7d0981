//! Numbers in as few signs as a sentence needs: two or three digits, and the unit of a range once.

use super::value::Form;
use crate::metrics::format;

impl Form {
    /// Writes a number with the digits that a comparison by eye needs: `13 µs`, `1.1 M/s`,
    /// `4.9 ×`.
    pub fn brief(self, number: f64) -> String {
        match self {
            Self::Time => brief_time(number),
            Self::TimeDifference if number < 0.0 => brief_time(number),
            Self::TimeDifference => format!("+{}", brief_time(number)),
            Self::Rate => match number {
                ..1e3 => format!("{}/s", digits(number)),
                ..1e6 => format!("{} K/s", digits(number / 1e3)),
                _ => format!("{} M/s", digits(number / 1e6)),
            },
            Self::Ratio => format!("{} ×", digits(number)),
            _ => self.show(number),
        }
    }

    /// Writes a range as briefly, with its unit only where the figure beside it has another:
    /// `252–281`, `900 ns–1.2 µs`.
    pub fn span(self, low: f64, high: f64, beside: &str) -> String {
        match self {
            // The figure has the sign.
            Self::TimeDifference if low >= 0.0 => Self::Time.span(low, high, beside),
            _ => within(&self.brief(low), &self.brief(high), beside),
        }
    }

    /// Writes a range in full, as [`Form::span`] does briefly.
    pub fn full_span(self, low: f64, high: f64, beside: &str) -> String {
        within(&self.show(low), &self.show(high), beside)
    }
}

fn within(low: &str, high: &str, beside: &str) -> String {
    match (low.rsplit_once(' '), high.rsplit_once(' '), beside.rsplit_once(' ')) {
        (Some((low, a)), Some((high, b)), Some((_, unit))) if a == unit && b == unit => {
            format!("{low}–{high}")
        }
        _ => format!("{low}–{high}"),
    }
}

fn brief_time(ns: f64) -> String {
    let (unit, name) = match ns.abs() {
        ..1e3 => return format!("{ns:.0} ns"),
        ..1e6 => (1e3, "µs"),
        ..1e9 => (1e6, "ms"),
        _ => (1e9, "s"),
    };
    format!("{} {name}", digits(ns / unit))
}

/// Returns a number with one digit after the point if it is below ten, and else with none.
fn digits(number: f64) -> String {
    // 9.96 has one digit less than it seems to have.
    match number.abs() < 9.95 && number != 0.0 {
        true => format!("{number:.1}"),
        false => format::grouped(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brief_number_has_two_or_three_digits() {
        let brief = [
            (Form::Time, 270.4, "270 ns"),
            (Form::Time, 13_400.0, "13 µs"),
            (Form::Time, 5_710_000.0, "5.7 ms"),
            (Form::TimeDifference, 270.0, "+270 ns"),
            (Form::TimeDifference, -1_200.0, "-1.2 µs"),
            (Form::Rate, 1_134_000.0, "1.1 M/s"),
            (Form::Rate, 46_200.0, "46 K/s"),
            (Form::Rate, 0.0, "0/s"),
            (Form::Ratio, 4.87, "4.9 ×"),
            (Form::Ratio, 1_358.57, "1,359 ×"),
            (Form::Size, 29_696.0, "29 KiB"),
        ];
        for (form, number, text) in brief {
            assert_eq!(form.brief(number), text);
        }
    }

    #[test]
    fn a_range_has_its_unit_where_the_figure_has_another() {
        assert_eq!(Form::TimeDifference.span(252.0, 281.0, "+270 ns"), "252–281");
        assert_eq!(Form::Time.span(252.0, 281.0, "270 ns"), "252–281");
        assert_eq!(Form::Time.span(900.0, 1_200.0, "1.1 µs"), "900 ns–1.2 µs");
        assert_eq!(Form::Ratio.full_span(4.27, 4.36, "4.32"), "4.27–4.36");
    }
}

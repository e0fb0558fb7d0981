//! Numbers as a person reads them.

use crate::stats::Estimate;

/// `1 guest`, `2 guests`
pub fn counted(number: usize, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {what}{ending}")
}

/// The number from which on digits are not counted any more: beyond it a number is written with its
/// power of ten, so that no cell or sentence is wider than a person reads.
const COUNTABLE: f64 = 1e10;

/// Returns a number with so many digits after the point, or with its power of ten if it is too large
/// for that: `12.5`, `1.0e308`.
pub fn fixed(number: f64, digits: usize) -> String {
    match number.abs() {
        ..COUNTABLE => format!("{number:.digits$}"),
        _ if number.is_nan() => "-".to_owned(),
        _ if number.is_finite() => scientific(number),
        _ if number < 0.0 => "under -1.8e308".to_owned(),
        _ => "over 1.8e308".to_owned(),
    }
}

/// `1.0e308`, `1.235e10`
fn scientific(number: f64) -> String {
    let text = format!("{number:.3e}");
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    let short = digits.trim_end_matches('0');
    let zero = if short.ends_with('.') { "0" } else { "" };
    format!("{short}{zero}e{power}")
}

/// Returns a number exactly, for a program: `0.5`, `1e308`.
pub fn exactly(number: f64) -> String {
    match number.abs() {
        ..1e16 => number.to_string(),
        _ => format!("{number:e}"),
    }
}

/// Returns a number as short as it can be, with six digits at most: `0.5`, `0.3`, `1.0e308`.
pub fn short(number: f64) -> String {
    let exact = number.to_string();
    match number.abs() {
        _ if exact.len() <= 8 => exact,
        1e-3..1e6 => {
            let text = format!("{number:.6}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        1e6..COUNTABLE => format!("{number:.0}"),
        ..1e-3 => scientific(number),
        _ => fixed(number, 0),
    }
}

/// `64 KiB`
pub fn size(bytes: u64) -> String {
    bytes_as(bytes as f64)
}

/// `64 KiB`, of bytes that were estimated
pub fn bytes_as(bytes: f64) -> String {
    match bytes.abs() {
        ..1_024.0 => format!("{bytes:.0} B"),
        ..1_048_576.0 => format!("{:.0} KiB", bytes / 1_024.0),
        _ => format!("{} MiB", fixed(bytes / 1_048_576.0, 1)),
    }
}

/// `10 MB`, `64 MiB` or `1408 KiB`: exactly, in the unit in which a person may have given it
pub fn limit(bytes: u64) -> String {
    let units = [(1_000_000, "MB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let fits = |(unit, _): &&(u64, &str)| bytes > 0 && bytes.is_multiple_of(*unit);
    match units.iter().find(fits) {
        Some((unit, name)) => format!("{} {name}", bytes / unit),
        None => format!("{bytes} B"),
    }
}

/// `4.12 µs`, of nanoseconds
pub fn time(ns: f64) -> String {
    match ns.abs() {
        ..1e3 => format!("{ns:.0} ns"),
        ..1e6 => format!("{:.2} µs", ns / 1e3),
        ..1e9 => format!("{:.2} ms", ns / 1e6),
        _ => format!("{} s", fixed(ns / 1e9, 2)),
    }
}

/// `+4.12 µs`, of nanoseconds
pub fn difference(ns: f64) -> String {
    let sign = if ns < 0.0 { "" } else { "+" };
    format!("{sign}{}", time(ns))
}

/// `1.25`
pub fn times(ratio: f64) -> String {
    fixed(ratio, 2)
}

/// `1.20 – 1.31`; a dash where there is no interval
pub fn range(interval: Estimate, show: impl Fn(f64) -> String) -> String {
    match (interval.low, interval.high) {
        (Some(low), Some(high)) => format!("{} – {}", show(low), show(high)),
        _ => "-".to_owned(),
    }
}

/// `12.3 %`, of a share
pub fn percent(share: f64) -> String {
    format!("{} %", fixed(share * 100.0, 1))
}

/// `+12.3 %`, of a change as a share; `1.5e4 times` where it is a thousandfold or more
pub fn change(share: f64) -> String {
    const THOUSANDFOLD: f64 = 999.0;
    match share {
        share if share.is_nan() => "-".to_owned(),
        share if share.abs() < THOUSANDFOLD => format!("{:+.1} %", share * 100.0),
        share if share.is_finite() => format!("{:.1e} times", share + 1.0),
        share if share < 0.0 => format!("less than {:.1e} times", f64::MIN),
        _ => format!("more than {:.1e} times", f64::MAX),
    }
}

/// Returns the number as `show` writes it, or a dash if there is none.
pub fn or_dash(number: Option<f64>, show: impl Fn(f64) -> String) -> String {
    number.map_or_else(|| "-".to_owned(), show)
}

/// `1,234,567`; `1.0e308` where there is no end of groups
pub fn grouped(number: f64) -> String {
    if number.is_nan() || number.abs() >= COUNTABLE {
        return fixed(number, 0);
    }
    let digits = format!("{:.0}", number.abs());
    let sign = if number < 0.0 && digits != "0" { "-" } else { "" };
    let grouped = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = grouped.map(String::from_utf8_lossy).collect();
    sign.to_owned() + &groups.join(",")
}

/// `1,234,567`, of events per second; `0.5` where they are few
pub fn rate(number: f64) -> String {
    match number.abs() < 10.0 && number.fract() != 0.0 {
        true => short((number * 10.0).round() / 10.0),
        false => grouped(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_its_unit_and_three_digits() {
        assert_eq!(time(61.4), "61 ns");
        assert_eq!(time(4_123.0), "4.12 µs");
        assert_eq!(difference(-4_123.0), "-4.12 µs");
        assert_eq!(difference(3.0), "+3 ns");
        assert_eq!((change(-0.5), change(34.0)), ("-50.0 %".to_owned(), "+3400.0 %".to_owned()));
        assert_eq!(change(1e307), "1.0e307 times");
        assert_eq!(change(f64::INFINITY), "more than 1.8e308 times");
        assert_eq!(change(-1e307), "-1.0e307 times");
        assert_eq!(size(65_536), "64 KiB");
        assert_eq!(
            (limit(10_000_000), limit(1_441_792)),
            ("10 MB".to_owned(), "1408 KiB".to_owned())
        );
        assert_eq!((limit(64 << 20), limit(1)), ("64 MiB".to_owned(), "1 B".to_owned()));
        assert_eq!(
            (grouped(1_234_567.4), grouped(999.0)),
            ("1,234,567".to_owned(), "999".to_owned())
        );
        assert_eq!((grouped(-123_456.0), grouped(-0.2)), ("-123,456".to_owned(), "0".to_owned()));
        assert_eq!((rate(0.1), rate(2.0), rate(1e4)), ("0.1".into(), "2".into(), "10,000".into()));
        assert_eq!(short(0.1 + 0.2), "0.3");
        assert_eq!(
            (short(1e-300), short(1.0 / 3.0)),
            ("1.0e-300".to_owned(), "0.333333".to_owned())
        );
    }

    #[test]
    fn no_number_is_wider_than_a_person_reads() {
        let all: [fn(f64) -> String; 7] =
            [time, bytes_as, times, percent, grouped, short, |number| fixed(number, 3)];
        for power in 0..=308 {
            for number in
                [10f64.powi(power), -10f64.powi(power), 1.234_567_8 * 10f64.powi(power - 9)]
            {
                for show in all {
                    let text = show(number);
                    assert!(text.chars().count() <= 17, "{number:e}: {text}");
                }
            }
        }
        assert_eq!(grouped(1e308), "1.0e308");
        assert_eq!(
            (grouped(9_999_999_999.0).as_str(), grouped(12_345e6).as_str()),
            ("9,999,999,999", "1.234e10")
        );
        assert_eq!(fixed(f64::NAN, 1), "-");
    }
}

//! Numbers as a person reads them.

use crate::stats::Estimate;

/// `1 guest`, `2 guests`
pub fn counted(number: usize, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {what}{ending}")
}

/// `64 KiB`
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{:.0} KiB", bytes as f64 / 1_024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
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
        _ => format!("{:.2} s", ns / 1e9),
    }
}

/// `+4.12 µs`, of nanoseconds
pub fn difference(ns: f64) -> String {
    let sign = if ns < 0.0 { "" } else { "+" };
    format!("{sign}{}", time(ns))
}

/// `1.25`
pub fn times(ratio: f64) -> String {
    format!("{ratio:.2}")
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
    format!("{:.1} %", share * 100.0)
}

/// `+12.3 %`, of a change as a share; `1.5e4 times` where it is a thousandfold or more
pub fn change(share: f64) -> String {
    const THOUSANDFOLD: f64 = 999.0;
    match share {
        share if share < THOUSANDFOLD => format!("{:+.1} %", share * 100.0),
        share if share.is_finite() => format!("{:.1e} times", share + 1.0),
        _ => format!("more than {:.1e} times", f64::MAX),
    }
}

/// Returns the number as `show` writes it, or a dash if there is none.
pub fn or_dash(number: Option<f64>, show: impl Fn(f64) -> String) -> String {
    number.map_or_else(|| "-".to_owned(), show)
}

/// `1,234,567`
pub fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let grouped = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = grouped.map(String::from_utf8_lossy).collect();
    groups.join(",")
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
    }
}

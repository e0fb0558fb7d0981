//! Values on the command line.

use bytesize::ByteSize;
use clap::builder::RangedI64ValueParser;
use std::time::Duration;

/// The longest duration: the windows of so long a load, 10 s each, are still few, and no
/// arithmetic with it overflows.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// The most memory that a guest can have: 32 bits of addresses.
const MOST: u64 = 1 << 32;

/// Reads a number of agents. The bound is that of the largest address space with the densest
/// layout.
pub fn agents() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=4_000_000)
}

/// Reads the size of a message's content, bytes: at least a number, at most what a guest of the
/// default memory limit could hold.
pub fn size() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(8..=64 << 20)
}

/// Reads a count of what the lab itself keeps at once, such as messages in flight.
pub fn count() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=1_000_000)
}

/// Reads a duration of at least 10 ms.
///
/// # Errors
/// If it is none.
pub fn duration(text: &str) -> Result<Duration, String> {
    let duration = any_duration(text)?;
    if duration < Duration::from_millis(10) {
        return Err("at least 10ms".to_owned());
    }
    Ok(duration)
}

/// Reads how long a message may take: at least 1 µs.
///
/// # Errors
/// If it is none.
pub fn wait(text: &str) -> Result<Duration, String> {
    let wait = any_duration(text)?;
    if wait < Duration::from_micros(1) {
        return Err("at least 1us".to_owned());
    }
    Ok(wait)
}

/// Reads the limit of an agent's memory, bytes. Its unit is needed: the 10 of a person is no 10 bytes.
///
/// # Errors
/// If it is none, or more than a guest can have.
pub fn memory_limit(text: &str) -> Result<u64, String> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("give its unit: {text}MB, {text}MiB, or {text}B"));
    }
    let bytes = text.parse::<ByteSize>()?.as_u64();
    if (1..=MOST).contains(&bytes) {
        return Ok(bytes);
    }
    Err("a limit is between 1B and 4GiB, which is what a 32-bit memory can have".to_owned())
}

/// Reads a duration, which can be zero.
///
/// # Errors
/// If it is none, or longer than any measurement.
pub fn any_duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration > LONGEST {
        return Err("at most 30days".to_owned());
    }
    Ok(duration)
}

/// Reads a rate in messages per second.
///
/// # Errors
/// If it is no positive number.
pub fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.replace('_', "").parse().map_err(|_| "not a number")?;
    if (0.1..=1e9).contains(&rate) {
        return Ok(rate);
    }
    Err("a rate is between 0.1 and 1,000,000,000 messages per second".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_of_a_duration_is_named() {
        for (text, part) in [
            ("18446744073709551615s", "at most 30days"),
            ("31days", "at most 30days"),
            ("1ms", "at least 10ms"),
            ("soon", "expected number"),
        ] {
            let error = duration(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert_eq!(duration("30days").unwrap(), LONGEST);
        assert_eq!(any_duration("0s").unwrap(), Duration::ZERO);
    }

    #[test]
    fn a_message_may_have_to_be_faster_than_any_measurement_is_short() {
        assert_eq!(wait("2ms").unwrap(), Duration::from_millis(2));
        assert_eq!(wait("0s").unwrap_err(), "at least 1us");
    }

    #[test]
    fn a_limit_has_a_unit_and_is_one_that_a_guest_can_have() {
        assert_eq!(memory_limit("10MB").unwrap(), 10_000_000);
        for (text, part) in [("10", "10MiB"), ("0B", "between"), ("5GiB", "between")] {
            let error = memory_limit(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}

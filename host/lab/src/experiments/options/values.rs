//! Values on the command line.

use bytesize::ByteSize;
use clap::builder::TypedValueParser;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The longest duration: the windows of so long a load, 10 s each, are still few, and no
/// arithmetic with it overflows.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// The most memory that a guest can have: 32 bits of addresses.
const MOST: u64 = 1 << 32;

/// Reads a whole number of a range, which an error names whatever was typed instead.
pub fn whole<T>(range: RangeInclusive<u64>) -> impl TypedValueParser<Value = T>
where
    T: TryFrom<u64> + Clone + Send + Sync + 'static,
{
    move |text: &str| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        let number = number.and_then(|number: u64| T::try_from(number).ok());
        number.ok_or_else(|| format!("a whole number from {} to {}", range.start(), range.end()))
    }
}

/// Reads a seed: any number of 64 bits.
pub fn seed() -> impl TypedValueParser<Value = u64> {
    whole::<u64>(0..=u64::MAX)
}

/// Reads how often something is repeated: at least once.
pub fn times() -> impl TypedValueParser<Value = u32> {
    whole::<u32>(1..=u32::MAX.into())
}

/// Reads a number of agents. The bound is that of the largest address space with the densest
/// layout.
pub fn agents() -> impl TypedValueParser<Value = u32> {
    whole::<u32>(1..=4_000_000)
}

/// Reads the size of a message's content, bytes: at least a number, at most what a guest of the
/// default memory limit could hold.
pub fn size() -> impl TypedValueParser<Value = u32> {
    whole::<u32>(8..=64 << 20)
}

/// Reads a count of what the lab itself keeps at once, such as messages in flight.
pub fn count() -> impl TypedValueParser<Value = u32> {
    whole::<u32>(1..=1_000_000)
}

/// Reads a duration of at least 10 ms.
///
/// # Errors
/// If it is none.
pub fn duration(text: &str) -> Result<Duration, String> {
    at_least(text, Duration::from_millis(10), "10ms")
}

/// Reads how long a message may take: at least 1 µs.
///
/// # Errors
/// If it is none.
pub fn wait(text: &str) -> Result<Duration, String> {
    at_least(text, Duration::from_micros(1), "1us")
}

/// Reads a duration, which can be zero.
///
/// # Errors
/// If it is none, or longer than any measurement.
pub fn any_duration(text: &str) -> Result<Duration, String> {
    at_least(text, Duration::ZERO, "0s")
}

/// Reads a duration between a shortest one, as it is written, and the longest.
///
/// # Errors
/// If it is none.
pub fn at_least(text: &str, shortest: Duration, named: &str) -> Result<Duration, String> {
    let bounds = format!("at least {named} and at most 30days");
    match humantime::parse_duration(text) {
        Ok(duration) if (shortest..=LONGEST).contains(&duration) => Ok(duration),
        Ok(_) => Err(bounds),
        Err(error) => Err(format!("{error}: write a time such as 500ms, 10s or 2h, {bounds}")),
    }
}

/// Reads the limit of an agent's memory, bytes. Its unit is needed: the 10 of a person is no 10 bytes.
///
/// # Errors
/// If it is none, or more than a guest can have.
pub fn memory_limit(text: &str) -> Result<u64, String> {
    const BOUNDS: &str = "a limit is between 1B and 4GiB, which is what a 32-bit memory can have";
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("give its unit: {text}MB, {text}MiB, or {text}B; {BOUNDS}"));
    }
    let bytes = text.parse::<ByteSize>();
    let bytes = bytes.map_err(|_| format!("not a size such as 10MB or 64MiB; {BOUNDS}"))?.as_u64();
    match (1..=MOST).contains(&bytes) {
        true => Ok(bytes),
        false => Err(BOUNDS.to_owned()),
    }
}

/// Reads a rate in messages per second.
///
/// # Errors
/// If it is none that a generator could keep.
pub fn rate(text: &str) -> Result<f64, String> {
    let rate = text.replace('_', "").parse().ok();
    let rate = rate.filter(|rate: &f64| (0.1..=1e9).contains(rate));
    rate.ok_or_else(|| {
        "a rate is a number between 0.1 and 1,000,000,000 messages per second".to_owned()
    })
}

/// Reads a slowdown as a share.
///
/// # Errors
/// If it is none that is worth an injection.
pub fn slowdown(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share: &f64| (0.0..=10.0).contains(share));
    share.ok_or_else(|| "a slowdown is a share from 0 to 10, as 0.1 for 10 %".to_owned())
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
            ("soon", "at most 30days"),
            ("1e30y", "at least 10ms"),
            ("-1s", "at least 10ms"),
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
        assert_eq!(wait("0s").unwrap_err(), "at least 1us and at most 30days");
    }

    #[test]
    fn a_limit_has_a_unit_and_is_one_that_a_guest_can_have() {
        assert_eq!(memory_limit("10MB").unwrap(), 10_000_000);
        for (text, part) in [
            ("10", "10MiB"),
            ("10", "between"),
            ("0B", "between"),
            ("5GiB", "between"),
            ("nan", "between"),
            ("-5MB", "between"),
            ("", "between"),
        ] {
            let error = memory_limit(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}

//! Values on the command line.

use std::time::Duration;

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

/// Reads a duration, which can be zero.
///
/// # Errors
/// If it is none.
pub fn any_duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| error.to_string())
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

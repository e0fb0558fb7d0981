//! The functions behind a regression.

use crate::metrics::format::{percent, size, time};
use serde::Serialize;

/// A function that takes more of a message's time than it did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Growth {
    /// The messages' size, bytes.
    pub bytes: u64,
    /// The function's name.
    pub function: String,
    /// Its own share of the old build's time.
    pub before: f64,
    /// Its own share of the new build's time.
    pub after: f64,
    /// Its own time per message in the old build, nanoseconds.
    pub before_ns: f64,
    /// Its own time per message in the new build, nanoseconds.
    pub after_ns: f64,
}

impl Growth {
    /// Returns it in words.
    pub fn sentence(&self) -> String {
        format!(
            "grew at {}: {}, from {} to {} of the time, {} to {} per message",
            size(self.bytes),
            self.function,
            percent(self.before),
            percent(self.after),
            time(self.before_ns),
            time(self.after_ns)
        )
    }
}

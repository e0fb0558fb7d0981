//! Statistics, one assumption a file.

mod median;
mod ratios;

pub use median::{Interval, median_interval};
pub use ratios::geometric_mean;

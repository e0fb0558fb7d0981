//! Statistics, one assumption a file.

mod bootstrap;
mod distribution;
mod median;
mod ratios;
mod scalability;

pub use bootstrap::change_over_time;
pub use distribution::{Distribution, PERCENTILES};
pub use median::{Interval, median_interval};
pub use ratios::geometric_mean;
pub use scalability::Scalability;

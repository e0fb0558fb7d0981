//! Statistics, one assumption per file.

mod change;
mod dependence;
mod detectable;
mod distribution;
mod exceedances;
mod holm;
mod median;
mod ratios;
mod scalability;
mod separation;
mod signed_rank;
#[cfg(test)]
pub mod simulation;
mod trend;

pub use change::change_over_time;
pub use detectable::detectable;
pub use distribution::{Distribution, PERCENTILES};
pub use exceedances::exceedances;
pub use holm::holm;
pub use median::{Estimate, median_interval, spread};
pub use ratios::geometric_mean;
pub use scalability::Scalability;
pub use separation::separation;
pub use signed_rank::{location, p_above, p_below, smallest_p};
pub use trend::{FEWEST, Trend, trend};

//! What memory limits do to an agent: a sweep over limits, and the search for the right one.
//!
//! What any agent shows is measured of any: whether it starts, and how its workload goes.
//! What asks for a vocabulary (the largest allocation, how it is to be nearly full, what
//! growth costs, running out) is measured of those that have the words of the `allocator`
//! agent, and is unavailable of the others, with the reason.

mod bisect;
mod figure;
mod growth;
mod held;
mod largest;
mod pace;
mod probe;
mod recovery;
mod start;
mod sweep;
mod tested;
mod tune;
mod workload;

pub use figure::Figure;
pub use growth::{Growth, NEXT, Step};
pub use held::{Full, Held, SHARES};
pub use largest::{Allocation, Largest, Outcome};
pub use pace::Pace;
pub use recovery::Recovery;
pub use start::{Refused, Start, describe};
pub use sweep::{AtLimit, sweep};
pub use tested::{MOST, PAGE, Tested};
pub use tune::{Curve, Search, Tried, Tuned, tune};
pub use workload::{Ran, RanOut};

//! Options that several experiments have.

mod at;
mod deadline;
mod loading;
mod messages;
mod rounds;
mod strategy;
mod subject;
mod values;
mod workers;

pub use at::{At, Shown};
pub use deadline::Deadline;
pub use loading::{Load, Loading};
pub use messages::Messages;
pub use rounds::Rounds;
pub use strategy::Strategies;
pub use subject::SubjectOptions;
pub use values::{
    agents, any_duration, at_least, count, duration, memory_limit, rate, seed, size, slowdown,
    times, wait, whole,
};
pub use workers::{Workers, meeting};

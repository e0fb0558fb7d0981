//! The ways to take samples, which experiments share.

pub mod backends;
pub mod closed_loop;
pub mod compiling;
pub mod counted;
pub mod cpu;
pub mod departures;
pub mod deployed;
mod equivalent;
mod exchange;
pub mod fleet;
pub mod interleave;
pub mod open_loop;
pub mod pairs;
pub mod perf;
pub mod probe;
pub mod process_memory;
pub mod program;
pub mod recorder;
pub mod repeating;
pub mod response;
pub mod ring;
pub mod setup;
pub mod stacks;
pub mod steady;
pub mod timing;
pub mod traffic;

//! What can be measured, one experiment a file, and what they share.

pub mod attribute;
pub mod by_hand;
pub mod clock;
pub mod compare;
pub mod departures;
pub mod fleet;
pub mod greeting;
pub mod interleave;
pub mod load;
pub mod memory;
pub mod memory_limits;
pub mod open_loop;
pub mod pairs;
pub mod plan;
pub mod profile;
pub mod record;
pub mod ring;
pub mod setup;
pub mod spawn;
mod tasks;
pub mod throughput;
pub mod timing;
pub mod torture;

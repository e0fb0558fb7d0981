//! What can be measured, one experiment a file, and what they share.

pub mod attribute;
pub mod by_hand;
pub mod clock;
pub mod compare;
pub mod interleave;
pub mod ring;
pub mod setup;
pub mod throughput;
pub mod timing;

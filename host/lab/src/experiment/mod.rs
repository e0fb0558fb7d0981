//! What can be measured, one experiment a file, and what they share.

pub mod attribute;
pub mod by_hand;
pub mod compare;
pub mod interleave;
pub mod setup;
pub mod timing;

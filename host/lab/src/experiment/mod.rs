//! What can be measured, one experiment a file. Each returns samples, and judges nothing.

pub mod compare;
pub mod setup;
pub mod timing;

//! What can be measured, one experiment a folder.

pub mod by_hand;
pub mod compare;
pub mod footprint;
pub mod load;
pub mod memory;
pub mod plan;
pub mod record;
pub mod spawn;
pub mod torture;

//! What the benches and the claims share.

pub mod reference;

//! A twin in a child process: what a user would pick instead of a sandbox, for isolation.
//!
//! The child is this very program, started again; [`serve_if_child`] turns it into one at
//! the start of `main`. The two speak over a Unix socket pair, of which the child has one
//! end as its standard input: when the parent is gone, the child reads the end and exits.

mod child;
mod frame;
mod parent;

pub use child::serve_if_child;
pub use frame::read_answer;
pub use parent::Children;

//! What a message costs on each backend, and on each rung from native to the sandbox.

pub mod ladder;

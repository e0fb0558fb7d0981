//! The `sandlab` command.

use sandlab_runtime::allocator::Allocator;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

fn main() -> ExitCode {
    sandlab_runtime::process::serve_if_child();
    sandlab::cli::parse().execute()
}

//! The `sandlab` command.

use std::process::ExitCode;

sandlab::use_allocator!();

fn main() -> ExitCode {
    sandlab_runtime::process::serve_if_child();
    sandlab::cli::parse().execute()
}

//! The `sandlab` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    sandlab_runtime::process::serve_if_child();
    sandlab::cli::parse().execute()
}

//! The `sandlab` command with an allocator that counts, for the loads that look for leaks:
//! `sandlab` hands them over to it. Counting costs every allocation two atomics that all
//! threads share, which the measured paths of other commands must not pay.

use sandlab::sampling::process_memory;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    process_memory::allocator_counts();
    sandlab_runtime::process::serve_if_child();
    sandlab::cli::parse().execute()
}

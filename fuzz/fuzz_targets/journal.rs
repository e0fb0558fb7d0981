//! Any bytes as a run's journal: what it has can be reported, or it says which line is wrong.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sandlab::results::{Lines, Results};
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    let _ = Results::of(Lines::of(bytes, Path::new("journal.jsonl")));
});

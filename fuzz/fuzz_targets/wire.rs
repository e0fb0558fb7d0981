//! Any bytes as a child process's answer: it is one, or is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sandlab_runtime::process::read_answer;

fuzz_target!(|bytes: &[u8]| {
    let mut from = bytes;
    let _ = read_answer(&mut from, 1 << 20);
    // As often without the length before, which few inputs get right.
    let length = (bytes.len() as u32).to_le_bytes();
    let _ = read_answer(&mut [&length, bytes].concat().as_slice(), 1 << 20);
});

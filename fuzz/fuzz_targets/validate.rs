//! Any bytes as a guest: every stage that only reads has a diagnosis, and none panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sandlab::validate::examine;

fuzz_target!(|bytes: &[u8]| {
    let reports = examine(bytes).expect("the stages run");
    assert!(!reports.is_empty());
});

//! Any text as an exported run: it is one, or it says what is wrong.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sandlab::record::Document;

fuzz_target!(|text: &str| {
    if let Ok(run) = Document::read(text) {
        // What was read is written, and read again.
        assert!(run.json().is_ok_and(|text| Document::read(&text).is_ok()));
    }
});

//! Any bytes as a component that a page interrupts: it does what it does with epochs.
#![no_main]

mod both_ways;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|component: &[u8]| {
    if let Some([epochs, page]) = both_ways::answers(component) {
        assert_eq!(epochs, page);
    }
});

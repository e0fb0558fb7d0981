//! Any text as a policy of `sandlab validate`: it is one, or is refused in words.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sandlab::validate::Policies;
use std::path::Path;

fuzz_target!(|text: &str| {
    let _ = Policies::parse(text, Path::new("/folder"), toml::Table::new());
});

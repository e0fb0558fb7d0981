//! Any text as a profile: it is one, or is refused in words.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sandlab_runtime::Profile;

fuzz_target!(|text: &str| {
    if let Ok(profile) = toml::from_str::<Profile>(text) {
        // What was read can be written, and read again. Sizes are then rounded.
        let written = toml::to_string(&profile).expect("a profile can be written");
        toml::from_str::<Profile>(&written).expect("a written profile can be read");
    }
});

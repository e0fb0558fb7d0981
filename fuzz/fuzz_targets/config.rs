//! Any text as a sandbox config: it is one, or is refused in words.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sandlab_runtime::SandboxConfig;

fuzz_target!(|text: &str| {
    if let Ok(config) = toml::from_str::<SandboxConfig>(text) {
        // What was read can be written, and read again. Sizes are then rounded.
        let written = toml::to_string(&config).expect("a sandbox config can be written");
        toml::from_str::<SandboxConfig>(&written).expect("a written config can be read");
    }
});

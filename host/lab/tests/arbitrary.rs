//! Whatever is read of somebody else is read without a panic. The targets in `fuzz/` do the
//! same with inputs that they find by themselves; these take damaged good ones.

#[path = "../../../fuzz/fuzz_targets/both_ways.rs"]
mod both_ways;

use proptest::prelude::*;
use proptest::sample::Index;
use sandlab::hostile::WITNESS;
use sandlab::record::Document;
use sandlab::validate::{Overrides, Policies, examine};
use sandlab_runtime::SandboxConfig;
use sandlab_runtime::process::read_answer;
use std::path::Path;

const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds");

fn seed(name: &str) -> Vec<u8> {
    let path = Path::new(SEEDS).join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What becomes of a good input: bytes that are others, and an end that comes too soon.
#[derive(Debug, Clone)]
struct Damage {
    bytes: Vec<(Index, u8)>,
    end: Option<Index>,
}

fn damage() -> impl Strategy<Value = Damage> {
    let bytes = prop::collection::vec((any::<Index>(), any::<u8>()), 0..4);
    let end = prop::option::weighted(0.3, any::<Index>());
    (bytes, end).prop_map(|(bytes, end)| Damage { bytes, end })
}

impl Damage {
    fn done_to(&self, mut good: Vec<u8>) -> Vec<u8> {
        for (index, byte) in &self.bytes {
            let at = index.index(good.len());
            good[at] = *byte;
        }
        if let Some(end) = self.end {
            good.truncate(end.index(good.len()));
        }
        good
    }
}

proptest! {
    #[test]
    fn a_guest_gets_a_diagnosis(damage in damage(), noise: Vec<u8>) {
        for bytes in [damage.done_to(WITNESS.component()), noise] {
            prop_assert!(!examine(&bytes).unwrap().is_empty());
        }
    }

    #[test]
    fn a_guest_that_a_page_interrupts_does_the_same(damage in damage()) {
        let damaged = damage.done_to(seed("interrupt/run.wasm"));
        if let Some([epochs, page]) = both_ways::answers(&damaged) {
            prop_assert_eq!(epochs, page);
        }
    }

    #[test]
    fn a_sandbox_config_is_one_or_is_refused(damage in damage(), noise: String) {
        let damaged = damage.done_to(seed("config/all.toml"));
        for text in [String::from_utf8_lossy(&damaged).into_owned(), noise] {
            if let Ok(sandbox) = toml::from_str::<SandboxConfig>(&text) {
                let written = toml::to_string(&sandbox).unwrap();
                prop_assert!(toml::from_str::<SandboxConfig>(&written).is_ok(), "{written}");
            }
        }
    }

    #[test]
    fn a_policy_is_one_or_is_refused(damage in damage(), noise: String) {
        let damaged = damage.done_to(seed("policy/standard.toml"));
        for text in [String::from_utf8_lossy(&damaged).into_owned(), noise] {
            if let Err(why) = Policies::parse(&text, Path::new("/here"), Overrides::default()) {
                prop_assert!(!why.is_empty());
            }
        }
    }

    #[test]
    fn an_answer_is_one_or_is_refused(damage in damage(), noise: Vec<u8>) {
        let good = seed("wire/done.bin");
        prop_assert!(read_answer(&mut good.as_slice(), 1 << 20).is_ok());
        for bytes in [damage.done_to(good), noise] {
            let _ = read_answer(&mut bytes.as_slice(), 1 << 20);
        }
    }

    #[test]
    fn an_exported_run_is_one_or_is_refused(damage in damage(), noise: String) {
        let damaged = damage.done_to(seed("run/latency.json"));
        for text in [String::from_utf8_lossy(&damaged).into_owned(), noise] {
            if let Err(why) = Document::read(&text) {
                prop_assert!(!why.is_empty());
            }
        }
    }
}

#[test]
fn the_seeds_are_good() {
    assert!(examine(&seed("validate/echo.wasm")).unwrap().len() == 5);
    let [epochs, page] = both_ways::answers(&seed("interrupt/run.wasm")).unwrap();
    assert_eq!(epochs, page);
    assert!(page.len() == 4 && page.iter().all(Result::is_ok), "{page:?}");
    // Of an earlier version: what is read of it is written as today's, and read again.
    let text = String::from_utf8(seed("run/latency.json")).unwrap();
    let written = Document::read(&text).unwrap().json().unwrap();
    assert_eq!(Document::read(&written).unwrap().json().unwrap(), written);
}

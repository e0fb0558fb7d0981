//! Whether epochs or a page interrupt a component, it does the same.

mod common;

use common::bundle;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use sandlab_runtime::config::Interrupt;
use sandlab_runtime::subject::{self, Options};
use sandlab_runtime::wasm::interrupt::{self, Refusal};
use sandlab_runtime::wasm::{Cache, SandboxEngine};
use sandlab_runtime::{Agent, Handled, Identity, Message, SandboxConfig};
use std::path::Path;

/// An instance that is interrupted so, and what is in force.
fn start(component: &Path, interrupt: Interrupt) -> (Box<dyn Agent>, Interrupt) {
    let mut config = SandboxConfig { interrupt, ..SandboxConfig::default() };
    config.allocation.slots = 16;
    let engine = SandboxEngine::with_cache(&config, Cache::none()).unwrap();
    let loaded = subject::load(&engine, component, &Options::default()).unwrap();
    let in_force = loaded.prepared().interrupt;
    let peers = [("next", 2), ("other", 3)].into_iter().collect();
    (loaded.backend.spawn(Identity::with_peers(peers)).unwrap(), in_force)
}

/// What an agent did, and the memory that it then has.
fn outcome(agent: &mut dyn Agent, message: &Message) -> (Result<Handled, String>, Option<u64>) {
    let handled = agent.handle(message).map_err(|error| error.to_string());
    (handled, agent.usage().memory)
}

fn contents() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        "[a-z]{1,8}",
        "[ \n#*_|`>&<-]{1,3}",
        "[0-9{}\\[\\]\":,]{1,6}",
        any::<char>().prop_map(String::from),
    ];
    let text = prop::collection::vec(piece, 0..200);
    prop_oneof![
        text.prop_map(|pieces| pieces.concat().into_bytes()),
        prop::collection::vec(any::<[u8; 8]>(), 0..200).prop_map(|numbers| numbers.concat()),
    ]
}

#[test]
fn whatever_the_message_an_agents_reply_is_the_same() {
    for (name, config) in [
        ("echo", &b""[..]),
        ("hash", b""),
        ("compress", b""),
        ("sort", b""),
        ("markdown", b""),
        ("wordcount", b""),
        ("notebook", b""),
        ("allocator", b""),
        ("json", b""),
        ("search", br"[a-c]+\s?[#*]"),
        ("matrix", b""),
    ] {
        let component = bundle(name).component();
        let (mut page, in_force) = start(&component, Interrupt::Page);
        assert_eq!(in_force, Interrupt::Page, "{name}");
        let (mut epochs, _) = start(&component, Interrupt::Epoch);
        if !config.is_empty() {
            page.configure(config).unwrap();
            epochs.configure(config).unwrap();
        }
        let both = std::cell::RefCell::new((page, epochs));
        let settings = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let mut runner = TestRunner::new_with_rng(settings, rng);
        let checked = runner.run(&contents(), |content| {
            let (page, epochs) = &mut *both.borrow_mut();
            let message = Message::request(content);
            prop_assert_eq!(outcome(&mut **page, &message), outcome(&mut **epochs, &message));
            Ok(())
        });
        checked.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// Subjects that others made, in several languages. `make foreign` fetches them.
#[test]
fn subjects_of_others_can_be_rewritten() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/foreign");
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for file in files.map(|file| file.path()) {
        if file.extension().is_none_or(|extension| extension != "wasm") {
            continue;
        }
        let given = std::fs::read(&file).unwrap();
        let (component, _) = subject::adapt(&given).unwrap();
        let rewritten = match interrupt::rewrite(&component, true) {
            Err(Refusal::Async) => continue,
            rewritten => rewritten.unwrap(),
        };
        let valid = wasmparser::Validator::new().validate_all(&rewritten);
        assert!(valid.is_ok(), "{}: {:?}", file.display(), valid.err());
    }
}

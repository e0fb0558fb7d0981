//! A twin and its component do the same: byte for byte, failures too.

mod common;

use common::{bundle, sandbox, say, twin};
use proptest::prelude::*;
use sandlab_runtime::{Agent, Backend, CallError, Handled, Identity, Message, Profile};
use sandlab_runtime::{native::Twin, wasm::Sandbox};

/// What an agent did, without what may differ: nothing.
fn outcome(result: Result<Handled, CallError>) -> Result<Handled, String> {
    result.map_err(|error| error.to_string())
}

fn assert_same(wasm: &mut dyn Agent, native: &mut dyn Agent, content: &[u8]) {
    let message = Message::request(content);
    assert_eq!(
        outcome(wasm.handle(&message)),
        outcome(native.handle(&message))
    );
}

fn same_for(name: &str, config: &[u8], contents: impl Strategy<Value = Vec<u8>>) {
    let mut pair = [
        sandbox(name, &Profile::default()),
        twin(name, &Profile::default()),
    ];
    for agent in &mut pair {
        if !config.is_empty() {
            agent.configure(config).unwrap();
        }
    }
    let [wasm, native] = &mut pair;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let pair = std::cell::RefCell::new((wasm, native));
    let checked = runner.run(&contents, |content| {
        let mut pair = pair.borrow_mut();
        let (wasm, native) = &mut *pair;
        assert_same(wasm.as_mut(), native.as_mut(), &content);
        Ok(())
    });
    checked.unwrap_or_else(|error| panic!("{name}: {error}"));
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..2_000)
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        "[a-z]{1,8}",
        "[ \n#*_|`>&<-]{1,3}",
        any::<char>().prop_map(String::from)
    ];
    prop::collection::vec(piece, 0..200).prop_map(|pieces| pieces.concat().into_bytes())
}

fn multiples_of_eight() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<[u8; 8]>(), 0..200).prop_map(|numbers| numbers.concat())
}

#[test]
fn whatever_the_message_the_reply_is_the_same() {
    for name in ["echo", "hash", "compress", "sort"] {
        same_for(name, b"", bytes());
    }
    same_for("sort", b"", multiples_of_eight());
    for name in ["markdown", "wordcount", "notebook", "allocator", "json"] {
        same_for(name, b"", text());
    }
    same_for("search", br"[a-c]+\s?[#*]", text());
}

#[test]
fn a_product_of_matrices_is_the_same_unless_it_is_not_a_number() {
    let finite = prop::collection::vec(-1e6..1e6_f64, 2 * 36).prop_map(|numbers| {
        numbers
            .iter()
            .flat_map(|n| n.to_le_bytes())
            .collect::<Vec<u8>>()
    });
    same_for("matrix", b"", finite);
    same_for(
        "matrix",
        b"",
        prop::collection::vec(any::<u8>(), 0..100)
            .prop_filter("no square matrices", |content| content.len() % 16 != 0),
    );
}

#[test]
fn every_reference_agent_answers_what_its_workload_expects() {
    let agents = [
        "allocator",
        "compress",
        "echo",
        "faulty",
        "files",
        "hash",
        "json",
        "markdown",
        "matrix",
        "notebook",
        "relay",
        "search",
        "sort",
        "wordcount",
    ];
    for name in agents {
        let folder = tempfile::tempdir().unwrap();
        let profile = common::granting(folder.path(), sandlab_runtime::profile::Access::Write);
        let bundle = bundle(name);
        let backends: [Box<dyn Backend>; 2] = [
            Box::new(Sandbox::load(&bundle.component(), &profile).unwrap()),
            Box::new(Twin::load(&bundle.twin(), &profile).unwrap()),
        ];
        for backend in backends {
            for case in sandlab::workload::of_agent(name, 3).unwrap() {
                let peers = case.peers.iter().zip(2..).map(|(n, id)| (n.as_str(), id));
                let identity = Identity::with_peers(peers.collect());
                let mut agent = backend.spawn(identity).unwrap();
                if !case.config.is_empty() {
                    agent.configure(&case.config).unwrap();
                }
                for exchange in &case.exchanges {
                    let handled = agent.handle(&exchange.request).unwrap();
                    let checked = exchange.expected.check(&handled);
                    checked.unwrap_or_else(|e| panic!("{name} on {}: {e}", backend.kind()));
                }
            }
        }
    }
}

#[test]
fn a_batch_is_as_many_messages() {
    let messages = [b"one".as_slice(), b"two"].map(Message::request);
    for mut agent in [
        sandbox("echo", &Profile::default()),
        twin("echo", &Profile::default()),
    ] {
        let batch = agent.handle_batch(&messages).unwrap();
        let contents = batch
            .results
            .iter()
            .map(|r| r.as_ref().unwrap()[0].content.clone());
        assert_eq!(contents.collect::<Vec<_>>(), [b"one", b"two"]);
    }
}

#[test]
fn notes_survive_in_a_checkpoint_of_either() {
    let mut first = sandbox("notebook", &Profile::default());
    say(first.as_mut(), "put a\nkept").unwrap();
    let state = first.checkpoint().unwrap();
    let mut second = twin("notebook", &Profile::default());
    second.restore(&state).unwrap();
    assert_eq!(
        say(second.as_mut(), "get a").unwrap().replies[0].content,
        b"kept"
    );
    assert!(second.restore(b"not notes").is_err());
    assert_eq!(
        say(second.as_mut(), "get a").unwrap().replies[0].content,
        b"kept"
    );
}

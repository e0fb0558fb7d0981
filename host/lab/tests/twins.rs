//! A twin and its component do the same: byte for byte, failures too.

mod common;

use common::{bundle, sandbox, say, twin};
use proptest::prelude::*;
use sandlab_runtime::config::{Access, FileIo};
use sandlab_runtime::{Agent, Backend, CallError, Handled, Identity, Message, SandboxConfig};
use sandlab_runtime::{native::Twin, wasm::Sandbox};

/// What an agent did, without what may differ: nothing.
fn outcome(result: Result<Handled, CallError>) -> Result<Handled, String> {
    result.map_err(|error| error.to_string())
}

fn assert_same(wasm: &mut dyn Agent, native: &mut dyn Agent, content: &[u8]) {
    let message = Message::request(content);
    assert_eq!(outcome(wasm.handle(&message)), outcome(native.handle(&message)));
}

/// An agent's two sides, started with the same configuration and the same peers.
fn pair(name: &str, config: &[u8]) -> [Box<dyn Agent>; 2] {
    let bundle = bundle(name);
    let sandbox = SandboxConfig::default();
    let backends: [Box<dyn Backend>; 2] = [
        Box::new(Sandbox::load(&bundle.component(), &sandbox).unwrap()),
        Box::new(Twin::load(&bundle.twin(), &sandbox).unwrap()),
    ];
    backends.map(|backend| {
        let peers = [("next", 2), ("other", 3)].into_iter().collect();
        let mut agent = backend.spawn(Identity::with_peers(peers)).unwrap();
        if !config.is_empty() {
            agent.configure(config).unwrap();
        }
        agent
    })
}

fn same_for(name: &str, config: &[u8], contents: impl Strategy<Value = Vec<u8>>) {
    same_between(name, pair(name, config), contents);
}

fn same_between(name: &str, pair: [Box<dyn Agent>; 2], contents: impl Strategy<Value = Vec<u8>>) {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let pair = std::cell::RefCell::new(pair);
    let checked = runner.run(&contents, |content| {
        let mut pair = pair.borrow_mut();
        let [wasm, native] = &mut *pair;
        assert_same(wasm.as_mut(), native.as_mut(), &content);
        Ok(())
    });
    checked.unwrap_or_else(|error| panic!("{name}: {error}"));
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..2_000)
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece =
        prop_oneof!["[a-z]{1,8}", "[ \n#*_|`>&<-]{1,3}", any::<char>().prop_map(String::from)];
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
fn what_is_forwarded_is_the_same() {
    same_for("relay", b"ring next", bytes());
    same_for("relay", b"fan-out next other next", bytes());
    same_for("relay", b"forward next", bytes());
    same_for("relay", b"answer", bytes());
}

#[test]
fn a_parcel_is_handled_as_the_message_is() {
    for config in [
        "ring next",
        "ring nobody",
        "fan-out next other next",
        "forward next",
        "forward nobody",
        "answer",
    ] {
        let [mut wasm, mut native] = pair("relay", config.as_bytes());
        let messages = (bytes(), any::<Option<u64>>(), any::<[u64; 3]>());
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let agents = std::cell::RefCell::new((&mut wasm, &mut native));
        let checked =
            runner.run(&messages, |(content, in_reply_to, [id, conversation, sender])| {
                let message =
                    Message { id, conversation, in_reply_to, sender, ..Message::request(content) };
                let mut agents = agents.borrow_mut();
                let by_value = outcome(agents.0.handle(&message));
                let parcel = outcome(agents.0.handle_parcel(message.clone()));
                prop_assert_eq!(&by_value, &parcel);
                prop_assert_eq!(by_value, outcome(agents.1.handle_parcel(message)));
                Ok(())
            });
        checked.unwrap_or_else(|error| panic!("{config}: {error}"));
    }
}

#[test]
fn what_goes_wrong_is_the_same_as_long_as_the_agent_lives() {
    let commands = prop_oneof![
        Just("ok".to_owned()),
        "fail [a-zé ]{0,20}",
        "return [0-9]{1,4}",
        "replies [0-9]{1,2}",
        "flood [0-9]{1,3}",
        "[a-z]{1,8}( [0-9x-]{1,5})?",
    ];
    let harmless = |command: &String| {
        let word = command.split(' ').next();
        !["panic", "loop", "recurse", "abort", "exit", "sleep"].map(Some).contains(&word)
    };
    let commands = commands.prop_filter("it would end", harmless);
    same_for("faulty", b"", commands.prop_map(String::into_bytes));
}

#[test]
fn files_are_the_same_whatever_the_path() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for folder in &folders {
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        std::os::unix::fs::symlink("a", folder.path().join("link")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("out")).unwrap();
    }
    let [inside, outside] =
        folders.each_ref().map(|folder| common::granting(folder.path(), Access::Write));
    // The other way is the default, which the reference workload runs on.
    let mut direct = inside.clone();
    direct.grants.file_io = FileIo::Direct;
    let pair = [sandbox("files", &direct), twin("files", &outside)];
    let name = prop_oneof![
        "[ab]",
        "sub/[ab]",
        "(\\.\\./){0,2}[ab]",
        prop::sample::select(
            ["", ".", "/", "sub", "sub/", "link", "out", "/a", "./a", "a/b", "sub/../a"].as_slice()
        )
        .prop_map(str::to_owned)
    ];
    let command =
        (prop::sample::select(["read", "write", "remove", "list"].as_slice()), name, "[xy]{0,3}");
    let commands = command.prop_map(|(verb, name, content)| match verb {
        "write" => format!("write {name}\n{content}"),
        "list" => "list".to_owned(),
        verb => format!("{verb} {name}"),
    });
    same_between("files", pair, commands.prop_map(String::into_bytes));
}

#[test]
fn a_product_of_matrices_is_the_same_unless_it_is_not_a_number() {
    let finite = prop::collection::vec(-1e6..1e6_f64, 2 * 36)
        .prop_map(|numbers| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>());
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
        let sandbox = common::granting(folder.path(), sandlab_runtime::config::Access::Write);
        let bundle = bundle(name);
        let backends: [Box<dyn Backend>; 2] = [
            Box::new(Sandbox::load(&bundle.component(), &sandbox).unwrap()),
            Box::new(Twin::load(&bundle.twin(), &sandbox).unwrap()),
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
    for mut agent in
        [sandbox("echo", &SandboxConfig::default()), twin("echo", &SandboxConfig::default())]
    {
        let batch = agent.handle_batch(&messages).unwrap();
        let contents = batch.results.iter().map(|r| r.as_ref().unwrap()[0].content.clone());
        assert_eq!(contents.collect::<Vec<_>>(), [b"one", b"two"]);
    }
}

#[test]
fn notes_survive_in_a_checkpoint_of_either() {
    let mut first = sandbox("notebook", &SandboxConfig::default());
    say(first.as_mut(), "put a\nkept").unwrap();
    let state = first.checkpoint().unwrap();
    let mut second = twin("notebook", &SandboxConfig::default());
    second.restore(&state).unwrap();
    assert_eq!(say(second.as_mut(), "get a").unwrap().replies[0].content, b"kept");
    assert!(second.restore(b"not notes").is_err());
    assert_eq!(say(second.as_mut(), "get a").unwrap().replies[0].content, b"kept");
}

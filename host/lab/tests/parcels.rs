//! Content that stays in the host's memory: nobody copies it, and nobody hoards it.

mod common;

use bytesize::ByteSize;
use common::bundle;
use common::path::{all_ways, at_rest, content, ended, outcomes, parcels, runtime, wasm};
use sandlab_runtime::config::{Calls, ContentBudget};
use sandlab_runtime::native::Twin;
use sandlab_runtime::{Agent, Backend, Cause, Identity, Message, Performative, SandboxConfig};
use std::sync::Arc;

/// More than its memory and more than a call may hand over: it cannot have had the content,
/// nor could the host have copied it out of it.
#[test]
fn content_goes_through_an_agent_whose_memory_it_does_not_fit_in() {
    let sandbox = |calls| SandboxConfig {
        memory_limit: ByteSize::mib(2),
        result_limit: ByteSize::kib(64),
        calls,
        ..SandboxConfig::default()
    };
    let twin = Twin::load(&bundle("relay").twin(), &sandbox(Calls::Auto)).unwrap();
    let ways: [Arc<dyn Backend>; 3] = [
        wasm("relay", &sandbox(Calls::Sync)),
        wasm("relay", &sandbox(Calls::Async)),
        Arc::new(twin),
    ];
    for backend in ways {
        let runtime = runtime(2);
        let relay = runtime.spawn(None, backend.clone(), parcels("answer"));
        let relay = relay.unwrap();
        let mut connection = runtime.connect(10);
        for size in [0, 1, 1 << 20, 8 << 20] {
            let content: Vec<u8> = (0..size).map(|byte: u32| byte as u8).collect();
            let (address, copy) = (content.as_ptr(), content.clone());
            connection.send(relay, Performative::Request, content).unwrap();
            let replied = std::iter::from_fn(|| Some(connection.wait())).flatten();
            let (_, reply) = { replied }.next().unwrap();
            let reply = reply.unwrap();
            assert!(reply.content == copy, "{size}");
            assert_eq!(reply.content.as_ptr(), address, "{size}: it was copied");
        }
        assert_eq!(at_rest(&runtime).handled, 4);

        let peers = [("next", 7)].into_iter().collect();
        let mut agent = backend.spawn(Identity::with_peers(peers)).unwrap();
        agent.configure(b"forward next").unwrap();
        let memory = agent.usage().memory;
        let message = Message::request(vec![7; 8 << 20]);
        let address = message.content.as_ptr();
        let handled = agent.handle_parcel(message).unwrap();
        let [sent] = &handled.sent[..] else {
            panic!("{} were sent", handled.sent.len());
        };
        assert_eq!((sent.recipient, sent.sender), (7, 1));
        assert_eq!((sent.content.as_ptr(), sent.content.len()), (address, 8 << 20));
        assert_eq!(agent.usage().memory, memory);
    }
}

#[test]
fn reading_past_the_end_is_short() {
    let content_of = |offset: u64, length: u64| {
        let mut content = format!("read {offset} {length}\n").into_bytes();
        content.resize(100, b'.');
        content
    };
    for backend in all_ways("faulty") {
        let mut agent = backend.spawn(Identity::alone()).unwrap();
        for offset in [0, 1, 99, 100, 101, u64::MAX] {
            for length in [0, 1, 99, 100, 101, u64::MAX] {
                let content = content_of(offset, length);
                let begin = offset.min(100) as usize;
                let end = offset.saturating_add(length).min(100) as usize;
                let expected = content[begin..end].to_vec();
                let handled = agent.handle_parcel(Message::request(content)).unwrap();
                assert_eq!(handled.replies[0].content, expected, "{offset} {length}");
            }
        }
    }
}

#[test]
fn an_agent_may_keep_contents_but_not_hoard_them() {
    for calls in [Calls::Sync, Calls::Async] {
        let sandbox = SandboxConfig {
            contents: ContentBudget { count: 3, size: ByteSize::mib(1) },
            result_limit: ByteSize::kib(256),
            calls,
            ..SandboxConfig::default()
        };
        let sandbox = wasm("faulty", &sandbox);
        let spawn = || sandbox.spawn(Identity::alone()).unwrap();
        let say = |agent: &mut dyn Agent, text: &str| {
            let handled = agent.handle_parcel(Message::request(text));
            handled.map_err(|error| error.fault().cloned().expect("a fault"))
        };
        let mut keeper = spawn();
        for _ in 0..3 {
            say(keeper.as_mut(), "keep").unwrap();
        }
        // What it keeps does not hinder it from handling more.
        say(keeper.as_mut(), "ok").unwrap();
        let fault = say(keeper.as_mut(), "keep").unwrap_err();
        assert!(
            matches!(&fault.cause, Cause::OverLimit(text) if text.contains("`count`")),
            "{fault}"
        );
        assert_eq!(say(keeper.as_mut(), "ok"), Err(Cause::Ended.into()));

        let large = format!("keep\n{}", "x".repeat(1 << 20));
        let fault = say(spawn().as_mut(), &large).unwrap_err();
        assert!(
            matches!(&fault.cause, Cause::OverLimit(text) if text.contains("`size`")),
            "{fault}"
        );
        let fault = say(spawn().as_mut(), "hoard 1000000 1").unwrap_err();
        assert!(matches!(fault.cause, Cause::OverLimit(_)), "{fault}");
        let fault = say(spawn().as_mut(), "hoard 3 100000").unwrap_err();
        assert!(matches!(fault.cause, Cause::ResultTooLarge(_)), "{fault}");
    }
    // What a twin keeps is still there after its call, and goes with it.
    let twin = Twin::load(&bundle("faulty").twin(), &SandboxConfig::default()).unwrap();
    let mut agent = twin.spawn(Identity::alone()).unwrap();
    for _ in 0..100 {
        let kept = Message::request(format!("keep\n{}", "x".repeat(10_000)));
        agent.handle_parcel(kept).unwrap();
    }
    agent.handle_parcel(Message::request("hoard 100 10000")).unwrap();
    agent.handle_parcel(Message::request("panic so")).unwrap_err();
}

#[test]
fn parcels_are_accounted_for_whatever_goes_wrong() {
    for backend in all_ways("faulty") {
        let runtime = runtime(1);
        let faulty = runtime.spawn(None, backend, parcels("")).unwrap();
        let mut connection = runtime.connect(10);
        let contents = ["ok", "panic so", "fail so", "return 9", "nonsense"];
        let all = outcomes(&mut connection, faulty, &contents);
        assert!(all[0].is_ok() && ended(&all[1]), "{all:?}");
        assert_eq!(content(&all[3]), [b'x'; 9]);
        let accounts = at_rest(&runtime);
        assert_eq!((accounts.handled, accounts.failed, accounts.restarts), (2, 3, 1));
    }
}

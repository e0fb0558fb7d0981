//! Twins in child processes. The children are this program: hence its own `main`.

mod common;

use common::{bundle, fault, say};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use sandlab::sampling::process_memory;
use sandlab_runtime::messaging::{
    AgentOptions, Batching, Runtime, Settings, SpawnError, Strategy as Handing,
};
use sandlab_runtime::process::{Children, serve_if_child};
use sandlab_runtime::{
    Agent, Backend, CallError, Cause, Identity, Interface, Message, Performative, SandboxConfig,
    Started,
};
use std::cell::RefCell;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn main() {
    serve_if_child();
    let tests: [(&str, fn()); 8] = [
        ("a_child_answers_as_the_twin_does", a_child_answers_as_the_twin_does),
        ("whatever_the_message_a_child_replies_as_the_twin_does", whatever_the_message),
        ("a_child_that_aborts_does_not_take_the_host_along", a_child_that_aborts),
        ("a_batch_is_accounted_for_message_by_message", a_batch_is_accounted_for),
        ("a_loop_ends_at_the_deadline", a_loop_ends_at_the_deadline),
        ("memory_is_limited", memory_is_limited),
        ("a_call_that_is_given_up_ends_its_child", a_call_that_is_given_up),
        ("no_path_leaves_its_grant", || common::refuses_to_leave(&|p| child("files", p))),
    ];
    for (name, test) in tests {
        test();
        println!("test {name} ... ok");
    }
}

fn child(name: &str, sandbox: &SandboxConfig) -> Box<dyn Agent> {
    let children = Children::of(&bundle(name).twin(), sandbox).unwrap();
    children.spawn(Identity::alone()).unwrap()
}

fn a_child_answers_as_the_twin_does() {
    let (mut child, mut twin) = (
        child("faulty", &SandboxConfig::default()),
        common::twin("faulty", &SandboxConfig::default()),
    );
    for command in ["ok", "return 70000", "replies 3", "fail so", "flood 200", "nonsense"] {
        let (here, there) = (say(twin.as_mut(), command), say(child.as_mut(), command));
        assert_eq!(here.map_err(|e| e.to_string()), there.map_err(|e| e.to_string()));
        assert_eq!(twin.take_log(), child.take_log(), "{command}");
    }
    assert!(child.usage().memory.unwrap() > 0);
    let panicked = fault(child.as_mut(), "panic so");
    assert!(matches!(&panicked.cause, Cause::Panic(text) if text.contains("so")), "{panicked}");
}

fn whatever_the_message() {
    for name in ["echo", "hash", "sort", "json", "markdown"] {
        let sandbox = SandboxConfig::default();
        let pair = RefCell::new((child(name, &sandbox), common::twin(name, &sandbox)));
        let contents = prop::collection::vec(any::<u8>(), 0..3_000);
        // Without a harness proptest knows no file to keep failures in.
        let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let mut runner = TestRunner::new_with_rng(config, rng);
        let checked = runner.run(&contents, |content| {
            let (child, twin) = &mut *pair.borrow_mut();
            let message = Message::request(content);
            let there = child.handle(&message).map_err(|error| error.to_string());
            let here = twin.handle(&message).map_err(|error| error.to_string());
            assert_eq!(there, here);
            Ok(())
        });
        checked.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

fn a_child_that_aborts() {
    let mut child = child("faulty", &SandboxConfig::default());
    let ended = fault(child.as_mut(), "abort");
    assert!(matches!(&ended.cause, Cause::ProcessEnded(why) if why.contains("signal")), "{ended}");
    assert_eq!(fault(child.as_mut(), "ok"), Cause::Ended);
}

fn a_batch_is_accounted_for() {
    let children = |name| Children::of(&bundle(name).twin(), &SandboxConfig::default()).unwrap();
    let runtime = Runtime::start(Settings::default()).unwrap();
    let options = || AgentOptions {
        strategy: Handing::Batch(Batching {
            size: NonZeroU32::new(2).unwrap(),
            timeout: Duration::from_secs(3_600),
        }),
        ..AgentOptions::default()
    };
    let refused = runtime.spawn(None, Arc::new(children("sort")), options());
    assert!(matches!(refused, Err(SpawnError::NotOffered { .. })));
    let copied = children("relay").offers(Interface::Parcels).unwrap_err();
    assert!(copied.to_string().contains("not available"), "{copied}");
    let faulty = runtime.spawn(None, Arc::new(children("faulty")), options());
    let faulty = faulty.unwrap();
    let mut connection = runtime.connect(10);
    for content in ["ok", "fail so", "ok", "panic so", "lose", "ok", "ok", "ok"] {
        connection.send(faulty, Performative::Request, content).unwrap();
    }
    let mut oks = 0;
    for _ in 0..8 {
        let (_, outcome) = std::iter::from_fn(|| Some(connection.wait())).flatten().next().unwrap();
        oks += u32::from(outcome.is_ok());
    }
    let accounts = runtime.shutdown(Duration::from_secs(10));
    assert_eq!(oks, 3);
    assert_eq!((accounts.handled, accounts.failed, accounts.restarts), (3, 5, 2));
}

fn a_loop_ends_at_the_deadline() {
    let sandbox =
        SandboxConfig { deadline: Duration::from_millis(500), ..SandboxConfig::default() };
    let mut child = child("faulty", &sandbox);
    assert_eq!(fault(child.as_mut(), "loop"), Cause::Deadline(sandbox.deadline));
}

fn memory_is_limited() {
    let mut child = child("allocator", &SandboxConfig::default());
    say(child.as_mut(), "touch 10000000").unwrap();
    let refused = say(child.as_mut(), "try-allocate 1000000000");
    assert!(matches!(refused, Err(CallError::Failure(_))), "{refused:?}");
    let ended = fault(child.as_mut(), "allocate 1000000000");
    assert!(ended.to_string().contains("memory allocation"), "{ended}");
}

fn a_call_that_is_given_up() {
    let sandbox =
        SandboxConfig { deadline: Duration::from_secs(3_600), ..SandboxConfig::default() };
    let children = Children::of(&bundle("faulty").twin(), &sandbox).unwrap();
    let Ok(Started::Async(agent)) = children.start(Identity::alone()) else {
        panic!("a child's calls wait");
    };
    assert_eq!(process_memory::children().len(), 1);
    let tokio = tokio::runtime::Runtime::new().unwrap();
    let _context = tokio.enter();
    drop(agent.call(Message::request(b"loop")));
    let until = Instant::now() + Duration::from_secs(60);
    while !process_memory::children().is_empty() {
        assert!(Instant::now() < until, "the child lives on");
        std::thread::sleep(Duration::from_millis(1));
    }
}

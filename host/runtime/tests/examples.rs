//! The examples do what they say, with the agents that `make guests` built.

#![allow(dead_code, reason = "an example's `main` reads the command line")]

#[path = "../examples/embed.rs"]
mod embed;
#[path = "../examples/limits.rs"]
mod limits;
#[path = "../examples/supervised.rs"]
mod supervised;

use sandlab_runtime::Cause;
use std::path::{Path, PathBuf};

fn component(agent: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let component = target.join("agents").join(agent).join("agent.wasm");
    assert!(component.exists(), "run `make guests` first");
    component
}

#[test]
fn an_embedded_agent_replies() {
    let handled = embed::run(&component("echo")).unwrap();
    assert_eq!(handled.replies[0].content, b"hello");
}

#[test]
fn an_agent_that_panics_is_restarted_and_its_neighbours_go_on() {
    let accounts = supervised::run(&component("faulty")).unwrap();
    assert!(accounts.is_balanced(), "{accounts:?}");
    assert_eq!((accounts.handled, accounts.failed), (5, 1));
    assert_eq!(accounts.restarts, 1);
}

#[test]
fn each_limit_has_its_fault() {
    let faults = limits::run(&component("faulty")).unwrap();
    let [deadline, stack, result, panic] = &faults[..] else {
        panic!("{faults:?}");
    };
    assert!(matches!(deadline.cause, Cause::Deadline { .. }), "{deadline}");
    assert!(matches!(stack.cause, Cause::StackOverflow { .. }), "{stack}");
    assert!(matches!(result.cause, Cause::ResultTooLarge { .. }), "{result}");
    assert!(matches!(&panic.cause, Cause::Panic(text) if text.contains("on purpose")));
}

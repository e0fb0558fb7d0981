//! Loads on an agent that is deployed: the accounts of both sides agree, or the run has failed.

mod common;

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use common::host::{Host, post};
use predicates::prelude::PredicateBooleanExt;
use predicates::prelude::predicate::in_iter;
use predicates::str::{contains, is_match};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Runs a load on a target, without judging how fast it was beside other tests.
fn load(kind: &str, target: &str, more: &str) -> Assert {
    let nothing = tempfile::NamedTempFile::new().unwrap();
    let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    sandlab.args(kind.split(' ')).args(["--target", target, "--no-store"]);
    sandlab.args(more.split_whitespace()).arg("--targets").arg(nothing.path());
    sandlab.assert()
}

const SHORT: &str = "--rate 500 --duration 500ms --ramp-up 100ms --agents 4";

#[test]
fn every_load_comes_to_the_same_accounts_on_both_sides() {
    let host = Host::start(&["echo", "json"]);
    let url = |agent: &str| format!("http://{}/agents/{agent}", host.address);
    let words = r"by\s+the\s+client\s+and\s+by\s+the\s+host\s+alike";
    let alike = || is_match(words).unwrap().and(contains("deployed"));
    load("latency", &url("echo"), SHORT).code(in_iter([0, 4])).stdout(alike());
    load("load peak", &url("json"), SHORT).code(in_iter([0, 4])).stdout(alike());
    let closed = "--duration 300ms --agents 2 --depth 4";
    load("throughput", &url("echo"), closed).code(in_iter([0, 4])).stdout(alike());
    // Of two hosts, each has its own accounts.
    let other = Host::start(&["echo"]);
    let both = format!("{},http://{}/agents/echo", url("echo"), other.address);
    let each = contains(&host.address).and(contains(&other.address)).and(alike());
    load("latency", &both, SHORT).code(in_iter([0, 4])).stdout(each);
    // Replies are checked as those of any other agent.
    load("latency", &url("echo"), &format!("{SHORT} --like json")).code(1);
}

#[test]
fn what_somebody_else_sends_meanwhile_is_a_difference() {
    let host = Host::start(&["echo"]);
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        let (address, ends) = (&host.address, &ends);
        scope.spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                post(address, "/agents/echo", "from elsewhere");
            }
        });
        let loaded = load("latency", &format!("http://{}/agents/echo", host.address), SHORT);
        ends.store(true, Ordering::Relaxed);
        loaded.code(1).stderr(contains("the accounts differ"));
    });
}

#[test]
fn a_target_that_is_none_is_told_before_anything_is_sent() {
    let host = Host::start(&["echo"]);
    let nobody = format!("http://{}/agents/nobody", host.address);
    load("latency", &nobody, SHORT).code(2).stderr(contains("no messages of this agent"));
    let gone = "http://127.0.0.1:9/agents/echo";
    load("latency", gone, SHORT).code(2).stderr(contains("sandlab serve"));
    load("latency", "http://127.0.0.1:9", SHORT).code(2).stderr(contains("/agents/NAME"));
    let two = format!("http://{0}/agents/a,http://{0}/agents/b", host.address);
    load("latency", &two, SHORT).code(2).stderr(contains("another agent"));
    let backends = format!("{SHORT} --backends wasm");
    load("latency", &nobody, &backends).code(2).stderr(contains("--backends"));
    load("latency echo", &nobody, SHORT).code(2).stderr(contains("cannot be used with"));
}

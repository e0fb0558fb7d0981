//! Loads on an agent that is deployed: the accounts of both sides agree, or the run has failed.

mod common;
#[allow(dead_code, reason = "of what all tests share, each file uses its share")]
#[path = "../../serve/tests/nats/server.rs"]
mod server;

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use common::host::{Host, post};
use predicates::prelude::PredicateBooleanExt;
use predicates::prelude::predicate::in_iter;
use predicates::str::{contains, is_match};
use server::NatsServer;
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
    // One note of both, where their figures are alike, would name one.
    let all = format!("{SHORT} --verbose");
    load("latency", &both, &all).code(in_iter([0, 4])).stdout(each);
    // Replies are checked as those of any other agent.
    load("latency", &url("echo"), &format!("{SHORT} --like json")).code(1);
}

#[test]
fn over_nats_all_hosts_together_count_what_was_sent() {
    let nats = NatsServer::start();
    let serve = |agents: &[&str]| Host::on_nats(&nats.url(), "tests.lab", agents);
    let hosts = [serve(&["echo", "faulty"]), serve(&["echo"])];
    let url = |agent: &str| format!("{}/agents/{agent}", nats.url());
    let metrics = hosts.each_ref().map(|host| format!("http://{}", host.address)).join(",");
    let more = format!("{SHORT} --subject-prefix tests.lab");
    let counted = format!("{more} --metrics {metrics}");
    let words = r"by\s+the\s+client\s+and\s+by\s+the\s+host\s+alike";
    let alike = || is_match(words).unwrap();
    load("latency", &url("echo"), &counted).code(in_iter([0, 4])).stdout(alike());
    load("load peak", &url("echo"), &counted).code(in_iter([0, 4])).stdout(alike());
    let closed = "--duration 300ms --agents 2 --depth 4 --subject-prefix tests.lab --metrics";
    let closed = format!("{closed} {metrics}");
    load("throughput", &url("echo"), &closed).code(in_iter([0, 4])).stdout(alike());
    // Without the hosts' figures it is said that there are none.
    let alone = is_match(r"by\s+the\s+client\s+alone").unwrap();
    load("latency", &url("echo"), &more).code(in_iter([0, 4])).stdout(alone);
    // One host's figures are not those of both.
    let one = format!("{more} --metrics http://{}", hosts[0].address);
    load("latency", &url("echo"), &one).code(1).stderr(contains("the accounts differ"));
    // Messages that fail are counted as such by both sides.
    let faults = format!("{more} --metrics http://{} --workload", hosts[0].address);
    let workload = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(workload.path(), "{\"request\": \"fail loudly\"}\n").unwrap();
    let faults = format!("{faults} {}", workload.path().display());
    load("latency", &url("faulty"), &faults).stdout(alike().and(contains(" failed")));
}

#[test]
fn over_https_both_sides_show_their_certificates() {
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../serve/tests/certificates");
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let config = format!(
        "watch = '0s'\n[agents.echo]\ncomponent = 'echo'\n[listen.tls]\ncertificate = '{}'\n\
         key = '{}'\nclient-authorities = '{}'\n",
        file("server.pem"),
        file("server.key"),
        file("authority.pem")
    );
    let written = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    std::fs::write(written.path(), config).unwrap();
    let host = Host::start(&[written.path().to_str().unwrap()]);
    let port = host.address.rsplit(':').next().unwrap();
    let url = format!("https://localhost:{port}/agents/echo");
    let trusts = format!("{SHORT} --root-certificates {}", file("authority.pem"));
    let shows = format!(
        "{trusts} --client-certificate {} --client-key {}",
        file("client.pem"),
        file("client.key")
    );
    let words = r"by\s+the\s+client\s+and\s+by\s+the\s+host\s+alike";
    load("latency", &url, &shows).code(in_iter([0, 4])).stdout(is_match(words).unwrap());
    // Without its own, the host turns it away; and a host that nobody knows is not believed.
    load("latency", &url, &trusts).code(2).stderr(contains("ertificate"));
    load("latency", &url, SHORT).code(2).stderr(contains("ertificate"));
    let key = format!("{SHORT} --root-certificates {}", file("server.key"));
    load("latency", &url, &key).code(2).stderr(contains("server.key"));
}

#[test]
fn nats_without_a_server_or_the_agent_is_told() {
    let nobody = "nats://127.0.0.1:9/agents/echo";
    load("latency", nobody, SHORT).code(2).stderr(contains("no NATS server at"));
    let nats = NatsServer::start();
    let nobody = format!("{}/agents/nobody", nats.url());
    let failed = load("latency", &nobody, SHORT).code(1);
    let words = r"no\s+host\s+that\s+can\s+be\s+reached\s+has\s+this\s+agent";
    failed.stdout(is_match(words).unwrap());
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

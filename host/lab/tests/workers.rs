//! Loads that workers send, here in processes of their own on one machine.

mod common;
#[allow(dead_code, reason = "of what all tests share, each file uses its share")]
#[path = "../../serve/tests/nats/server.rs"]
mod server;

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use common::host::{Host, Running};
use predicates::prelude::PredicateBooleanExt;
use predicates::prelude::predicate::in_iter;
use predicates::str::{contains, is_match};
use serde_json::Value;
use server::NatsServer;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

/// Starts a worker, and returns when it can be found.
fn worker(nats: &NatsServer, name: &str) -> Running {
    let worker = Running::start(&["worker", "--nats", &nats.url(), "--name", name]);
    worker.says("waits for loads");
    worker
}

/// Runs a load without judging how fast it was beside other tests.
fn load(kind: &str, nats: &str, target: &str, more: &str) -> Assert {
    let nothing = tempfile::NamedTempFile::new().unwrap();
    let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    sandlab.args(kind.split(' ')).args(["--target", target, "--nats", nats, "--no-store"]);
    sandlab.args(more.split_whitespace()).arg("--targets").arg(nothing.path());
    sandlab.assert()
}

fn json(assert: &Assert) -> Value {
    serde_json::from_slice(&assert.get_output().stdout).unwrap()
}

/// Returns what a part's windows have of a count, but for the ramp-up's.
fn sum(run: &Value, field: &str) -> u64 {
    let windows = run["parts"][0]["windows"].as_array().unwrap();
    let measured = windows.iter().filter(|window| window["phase"] != "ramp-up");
    measured.map(|window| window[field].as_u64().unwrap()).sum()
}

fn shares(run: &Value) -> Vec<Value> {
    let findings = run["parts"][0]["findings"].as_array().unwrap();
    let workers = findings.iter().find(|finding| finding["finding"] == "workers").unwrap();
    workers["workers"].as_array().unwrap().clone()
}

const SHORT: &str = "--rate 400 --duration 600ms --ramp-up 100ms --agents 5 --workers 2";

#[test]
fn what_workers_send_is_one_load_whose_accounts_agree() {
    let nats = NatsServer::start();
    let serve = || Host::on_nats(&nats.url(), "sandlab", &["echo", "json"]);
    let hosts = [serve(), serve()];
    let _workers = [worker(&nats, "left"), worker(&nats, "right")];
    let both = |agent: &str| {
        hosts.each_ref().map(|host| format!("http://{}/agents/{agent}", host.address)).join(",")
    };
    let alike = || is_match(r"by\s+the\s+client\s+and\s+by\s+the\s+host\s+alike").unwrap();
    let named = contains("left").and(contains("right"));
    let peak = load("load peak", &nats.url(), &both("json"), SHORT);
    peak.code(in_iter([0, 4])).stdout(alike().and(named).and(contains("lag p99")));

    let of_nats = format!("{}/agents/echo", nats.url());
    let metrics = hosts.each_ref().map(|host| format!("http://{}", host.address)).join(",");
    let more = format!("{SHORT} --metrics {metrics} --format json");
    let run = json(&load("latency", &nats.url(), &of_nats, &more).code(in_iter([0, 4])));
    let shares = shares(&run);
    assert_eq!(
        shares.iter().map(|share| share["agents"].as_u64().unwrap()).collect::<Vec<_>>(),
        [3, 2]
    );
    let sent: Vec<u64> = shares.iter().map(|share| share["sent"].as_u64().unwrap()).collect();
    assert_eq!(sent.iter().sum::<u64>(), sum(&run, "sent"));
    assert!(sent.iter().all(|sent| sent.abs_diff(sent_by(&run) / 2) < 20), "{sent:?}");
    // Percentiles are of all messages: the merged histograms have as many.
    let counted = run["parts"][0]["windows"].as_array().unwrap();
    let counted = counted.iter().filter(|window| window["phase"] != "ramp-up");
    let latencies: u64 = counted.map(|window| window["latency"]["count"].as_u64().unwrap()).sum();
    assert_eq!(latencies, sum(&run, "good") + sum(&run, "late"));

    // Cycles of a long load, and a burst, are orders to the same workers.
    let long = "--rate 200 --duration 800ms --cycles 2 --ramp-up 100ms --agents 4 --workers 2";
    load("load sustained", &nats.url(), &both("echo"), long).code(in_iter([0, 4])).stdout(alike());
    let burst = "--rate 100 --burst-rate 400 --duration 300ms --baseline 300ms --watch 500ms \
                 --ramp-up 100ms --agents 4 --workers 2";
    load("load burst", &nats.url(), &both("echo"), burst).stdout(alike());
    // A wrong reply at a worker is one.
    let wrong = format!("{SHORT} --like json");
    load("latency", &nats.url(), &both("echo"), &wrong).code(1).stderr(contains("the worker "));
}

fn sent_by(run: &Value) -> u64 {
    sum(run, "sent")
}

#[test]
fn the_share_of_a_worker_that_dies_is_missing_and_nothing_is_judged() {
    let nats = NatsServer::start();
    let host = Host::start(&["echo"]);
    let target = format!("http://{}/agents/echo", host.address);
    let (dies, stays) = (worker(&nats, "dies"), worker(&nats, "stays"));
    let long = "--rate 300 --duration 4s --ramp-up 100ms --agents 4 --workers 2 --format json";
    let at = nats.url();
    let run = thread::scope(|scope| {
        let load = scope.spawn(|| load("load peak", &at, &target, long));
        dies.says("armed");
        // In the middle of what it sends.
        thread::sleep(Duration::from_millis(1_500));
        dies.signal("KILL");
        load.join().unwrap().code(4).stderr(contains("the worker dies died"))
    });
    let run = json(&run);
    let shares = shares(&run);
    assert!(shares[0]["died"].as_str().unwrap().contains("not heard of"), "{shares:?}");
    assert!(shares[1]["died"].is_null());
    let (due, sent) = (sum(&run, "due"), sum(&run, "sent"));
    assert!((1_100..=1_300).contains(&due), "all that was to be sent is due: {due}");
    assert!(sent < due - 100, "{sent} of {due}");
    // Whoever is left takes the next load.
    stays.says(": over");
    let alone = "--rate 100 --duration 300ms --ramp-up 0s --agents 1 --workers 1";
    load("latency", &nats.url(), &target, alone).code(in_iter([0, 4])).stdout(contains("stays"));
}

#[test]
fn workers_that_are_not_there_or_cannot_are_told_of() {
    let nats = NatsServer::start();
    let host = Host::start(&["echo"]);
    let target = format!("http://{}/agents/echo", host.address);
    let refused = load("latency", &nats.url(), &target, SHORT);
    refused.code(2).stdout("").stderr(contains("0 of 2 workers"));
    let worker = worker(&nats, "only");
    load("latency", &nats.url(), &target, SHORT).code(2).stderr(contains("1 of 2 workers"));
    let few = SHORT.replace("--agents 5", "--agents 1");
    load("latency", &nats.url(), &target, &few).code(2).stderr(contains("too few"));
    load("latency", &nats.url(), &target, "--workers 1 --max-rate").code(2);
    // Whatever else is said on its subjects, it stays.
    let id = "nobody";
    for subject in ["sandlab-workers.find", &format!("sandlab-workers.worker.{id}")] {
        for payload in
            ["", "{", "{\"protocol\": 2, \"body\": {}}", "{\"protocol\": 1, \"body\": 7}"]
        {
            publish(&nats, subject, payload);
        }
    }
    let one = SHORT.replace("--workers 2", "--workers 1");
    load("latency", &nats.url(), &target, &one).code(in_iter([0, 4])).stdout(contains("only"));
    worker.signal("TERM");
    assert_eq!(worker.ends(), Some(0));
}

/// A machine as far away as a test can have one: a network namespace, joined to this one by a pair
/// of virtual cards whose every packet takes 10 ms. Gone when it is dropped.
struct Elsewhere {
    name: String,
    /// This machine's address, as it is seen from there.
    address: String,
    is_delayed: bool,
}

impl Elsewhere {
    /// Returns why the machine does not allow it, if it does not.
    fn open() -> Result<Self, String> {
        let id = std::process::id();
        let (name, ours, theirs) =
            (format!("sandlab-{id}"), format!("sl{id}a"), format!("sl{id}b"));
        let net = |host: u8| format!("10.213.{}.{host}", id % 250);
        run("ip", &format!("netns add {name}"))?;
        let mut elsewhere = Self { name: name.clone(), address: net(1), is_delayed: false };
        run("ip", &format!("link add {ours} type veth peer name {theirs} netns {name}"))?;
        run("ip", &format!("addr add {}/24 dev {ours}", net(1)))?;
        run("ip", &format!("link set {ours} up"))?;
        run("ip", &format!("-n {name} addr add {}/24 dev {theirs}", net(2)))?;
        run("ip", &format!("-n {name} link set {theirs} up"))?;
        match run("tc", &format!("qdisc add dev {ours} root netem delay 10ms")) {
            Ok(()) => elsewhere.is_delayed = true,
            Err(why) => eprintln!("without delays, since {why}"),
        }
        Ok(elsewhere)
    }

    /// Starts a worker there.
    fn worker(&self, nats: &NatsServer, name: &str, token: &str) -> Running {
        let mut command = std::process::Command::new("ip");
        command.args(["netns", "exec", &self.name, env!("CARGO_BIN_EXE_sandlab"), "worker"]);
        command.args(["--nats", &nats.url(), "--name", name, "--token-file", token]);
        let worker = Running::of(&mut command);
        worker.says("waits for loads");
        worker
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = run("ip", &format!("netns del {}", self.name));
    }
}

fn run(program: &str, arguments: &str) -> Result<(), String> {
    let ran = std::process::Command::new(program).args(arguments.split(' ')).output();
    let ran = ran.map_err(|error| format!("{program}: {error}"))?;
    let said = String::from_utf8_lossy(&ran.stderr).trim().to_owned();
    ran.status.success().then_some(()).ok_or(format!("{program} {arguments}: {said}"))
}

#[test]
fn a_worker_on_another_network_has_a_longer_way() {
    let elsewhere = match Elsewhere::open() {
        Ok(elsewhere) => elsewhere,
        Err(why) => return eprintln!("skipped: no network namespaces here, since {why}"),
    };
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name).to_str().unwrap().to_owned()
    };
    let token = file("token", "a-token-of-a-test");
    let config = "watch = '0s'\n[listen]\ntoken-file = 'token'\n[agents.echo]\ncomponent = 'echo'";
    let host = Host::at(&elsewhere.address, &[&file("serve.toml", config)]);
    let nats = NatsServer::start_at(&elsewhere.address);
    let near = Running::start(&[
        "worker",
        "--nats",
        &nats.url(),
        "--name",
        "near",
        "--token-file",
        &token,
    ]);
    near.says("waits for loads");
    let _far = elsewhere.worker(&nats, "far", &token);
    let more = format!("{SHORT} --format json --token-file {token}");
    let target = format!("http://{}/agents/echo", host.address);
    let run = json(&load("latency", &nats.url(), &target, &more).code(in_iter([0, 4])));
    let shares = shares(&run);
    let names: Vec<_> = shares.iter().map(|share| share["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["far", "near"]);
    assert!(shares.iter().all(|share| share["died"].is_null() && share["good"] != 0), "{shares:?}");
    if elsewhere.is_delayed {
        let p50 = shares[0]["latency"]["p50"].as_f64().unwrap();
        assert!(p50 >= 10e6, "every reply to it takes 10 ms and more: {p50}");
    }
}

/// Publishes as any client of NATS can.
fn publish(nats: &NatsServer, subject: &str, payload: &str) {
    let url = nats.url();
    let mut stream = TcpStream::connect(url.strip_prefix("nats://").unwrap()).unwrap();
    let length = payload.len();
    let lines = "CONNECT {\"verbose\":false}\r\n";
    let sent = format!("{lines}PUB {subject} {length}\r\n{payload}\r\nPING\r\n");
    stream.write_all(sent.as_bytes()).unwrap();
    // The server has it when it answers.
    let (mut read, mut buffer) = (String::new(), [0; 4_096]);
    while !read.contains("PONG") {
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "{read}");
        read.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
}

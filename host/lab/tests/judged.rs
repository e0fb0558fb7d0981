//! What a load is held against: only what was asked, and only by as many messages as that needs.

mod common;

use assert_cmd::Command;
use common::lab::Lab;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::Value;

/// A bound that everything meets, on all backends.
const ANY_P99: &str = "[[target]]\nmetric = \"latency-p99\"\n\
                       backend = [\"wasm\", \"native\", \"process\"]\n\
                       target = \"1 h\"\nacceptable = \"1 h\"\ncritical = \"1 h\"\n";

fn sandlab(arguments: &str) -> Command {
    let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    sandlab.args(arguments.split_whitespace()).env("SANDLAB_NO_STORE", "true");
    sandlab
}

/// The report of a command that holds, or is not judged beside other processes.
fn report(command: &mut Command) -> Value {
    let output = command.args(["--format", "json"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 4)), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn list<'a>(report: &'a Value, name: &str) -> &'a [Value] {
    report["derived"][name].as_array().unwrap()
}

/// The quantities of a report, such as `latency-p99`.
fn quantities<'a>(report: &'a Value, name: &str) -> Vec<&'a str> {
    let metric = |of: &'a Value| of.get("metric").unwrap_or(of)["key"].as_str().unwrap();
    list(report, name).iter().map(metric).collect()
}

#[test]
fn a_percentile_that_few_messages_do_not_support_is_told_as_that_and_not_graded() {
    let lab = Lab::new();
    let targets = lab.file("targets.toml", ANY_P99);
    // Half as many again may be repeated beside other processes, which is fewer than 100, or 1,000.
    let load = |rate: u32| {
        let load = "latency --backends native --duration 300ms --ramp-up 0s --verbose --wide";
        let mut latency = sandlab(&format!("{load} --rate {rate}"));
        latency.arg("--targets").arg(&targets);
        latency
    };
    let row = |rate| {
        let output = load(rate).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let row = text.lines().find(|line| line.contains(" latency ")).unwrap_or(&text);
        row.matches("too few").count()
    };
    // p99 and p99.9, then p99.9 alone.
    assert_eq!((row(200), row(1_000)), (2, 1));
    let few = report(&mut load(200));
    assert!(!quantities(&few, "metrics").contains(&"latency-p99"));
    assert!(quantities(&few, "metrics").contains(&"latency-p50"));
    assert!(list(&few, "grades").is_empty(), "{few:#}");
    let enough = report(&mut load(1_000));
    assert!(quantities(&enough, "metrics").contains(&"latency-p99"));
}

#[test]
fn throughput_and_scale_hold_on_a_healthy_machine_and_grade_the_sandbox_alone() {
    for command in ["throughput echo --duration 300ms", "scale echo --agents 1,10 --duration 100ms"]
    {
        let report = report(&mut sandlab(command));
        let backends = |name: &str| {
            let of = list(&report, name).iter();
            let of = of.map(|of| of.get("metric").unwrap_or(of)["labels"]["backend"].clone());
            of.collect::<Vec<_>>()
        };
        assert!(backends("metrics").contains(&"process".into()), "{command}");
        let held = [backends("grades"), backends("not_judged")].concat();
        assert!(!held.is_empty() && held.iter().all(|backend| *backend == "wasm"), "{held:?}");
    }
}

#[test]
fn a_reply_after_the_deadline_is_not_a_good_one() {
    // Nothing is answered within a microsecond.
    for load in [
        "latency --rate 500 --duration 300ms",
        "load sustained --agents 2 --rate 500 --duration 1s",
        "load peak --agents 2 --rate 500 --duration 300ms",
    ] {
        let of = format!("{load} echo --backends native --ramp-up 0s --deadline 1us");
        // The sandbox alone has targets.
        let late = report(&mut sandlab(&of));
        let windows = late["parts"][0]["windows"].as_array().unwrap();
        let sum = |field: &str| windows.iter().map(|it| it[field].as_u64().unwrap()).sum::<u64>();
        assert_eq!((sum("good"), sum("failed")), (0, 0), "{load}");
        assert_eq!(sum("late"), sum("due"), "{load}");
        let success = list(&late, "metrics").iter().find(|metric| metric["key"] == "success");
        assert_eq!(success.unwrap()["value"]["value"], 0.0, "{load}");
    }
    let missed = sandlab("latency echo --backends wasm --rate 500 --duration 300ms --deadline 1us");
    let missed = { missed }.assert().code(predicates::ord::eq(1).or(predicates::ord::eq(4)));
    missed.stdout(contains("0.0 %"));
}

#[test]
fn a_reference_agent_that_is_named_by_its_path_is_sent_its_own_messages() {
    let agents = [
        "allocator",
        "compress",
        "echo",
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
    let lab = Lab::new();
    let targets = lab.file("targets.toml", "");
    for name in agents {
        let folder = common::bundle(name).folder.canonicalize().unwrap();
        // By another name, too: what it is does not hang on how it is called.
        let link = lab.0.path().join(format!("my-{name}"));
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        for path in [folder, link] {
            let mut throughput = sandlab("throughput --backends wasm --agents 2 --duration 20ms");
            let done = throughput.arg(&path).arg("--targets").arg(&targets).assert();
            done.code(0).stdout(contains("handled, failed or dead-lettered"));
        }
    }
}

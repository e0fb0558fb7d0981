//! Loads as a user types them: short, on the real path, with real agents.

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::{contains, is_match};
use sandlab::hostile::Guest;
use serde_json::Value;
use std::collections::HashSet;
use std::path::PathBuf;
use tempfile::TempDir;

/// The command, with its runs in a store of its own.
struct Lab(TempDir);

impl Lab {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn store(&self) -> PathBuf {
        self.0.path().join("results.db")
    }

    /// Held against nothing: the machine may be busy with other tests.
    fn command(&self, arguments: &str) -> Command {
        self.held_against("", arguments)
    }

    fn held_against(&self, targets: &str, arguments: &str) -> Command {
        let file = self.0.path().join("targets.toml");
        std::fs::write(&file, targets).unwrap();
        let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        sandlab.args(arguments.split_whitespace());
        sandlab.arg("--store").arg(self.store());
        sandlab.arg("--targets").arg(file);
        sandlab
    }

    /// What the report has, of a command that does what it should.
    fn report(&self, arguments: &str) -> Value {
        let done = self.command(arguments).args(["--format", "json"]).assert();
        serde_json::from_slice(&done.code(0).get_output().stdout).unwrap()
    }
}

/// A target that holds on all backends.
fn p99_target(bound: &str) -> String {
    format!(
        "[[target]]\nmetric = \"latency-p99\"\nbackend = [\"wasm\", \"native\", \"process\"]\n\
         target = {bound:?}\nacceptable = {bound:?}\ncritical = {bound:?}\n"
    )
}

/// The first finding of a kind.
fn finding<'a>(part: &'a Value, kind: &str) -> &'a Value {
    let findings = part["findings"].as_array().unwrap();
    let found = findings.iter().find(|found| found["finding"] == kind);
    found.unwrap_or_else(|| panic!("no {kind} in {part:#}"))
}

/// The windows of a phase.
fn windows<'a>(part: &'a Value, phase: &str) -> Vec<&'a Value> {
    let windows = part["windows"].as_array().unwrap();
    let found: Vec<_> = windows.iter().filter(|w| w["phase"] == phase).collect();
    assert!(!found.is_empty(), "no {phase} in {part:#}");
    found
}

fn sum(windows: &[&Value], read: impl Fn(&Value) -> &Value) -> u64 {
    windows.iter().map(|w| read(w).as_u64().unwrap()).sum()
}

/// An agent that echoes, with other instructions before it returns its reply at 1088.
fn echo(lab: &Lab, name: &str, answer: &str) -> String {
    let file = lab.0.path().join(name);
    let guest = Guest { pages: 20, answer, ..Guest::default() };
    std::fs::write(&file, guest.component()).unwrap();
    file.display().to_string()
}

#[test]
fn messages_that_are_answered_to_somebody_else_failed_however_busy_the_machine_is() {
    let lab = Lab::new();
    // The recipient of the reply is nobody.
    let lost = echo(&lab, "lost.wasm", "(i64.store (i32.const 1128) (i64.const 99999))");
    let targets = "[[target]]\nmetric = \"success\"\ntarget = \"99 %\"\nacceptable = \"99 %\"\n\
                   critical = \"99 %\"\n";
    let load = format!("latency {lost} --rate 500 --duration 300ms --ramp-up 0s");
    let done = lab.held_against(targets, &load).arg("--verbose").assert().code(1);
    done.stderr(contains("is 0.0 %; critical is 99.0 %"))
        .stdout(is_match("([0-9]+) of [0-9]+ failures: no reply: the agent handled it").unwrap());
    let load = format!("throughput {lost} --duration 200ms --agents 2");
    let done = lab.command(&load).assert().code(1);
    done.stderr(contains("messages were handled, and nothing came back"));
}

#[test]
fn the_latency_of_the_few_messages_that_survive_meets_no_target() {
    let lab = Lab::new();
    // One of ten is answered; the recipient of the other replies is nobody.
    let few = echo(
        &lab,
        "few.wasm",
        "(if (i64.ne (i64.rem_u (local.get $conversation) (i64.const 10)) (i64.const 0))
           (then (i64.store (i32.const 1128) (i64.const 99999))))",
    );
    let load = format!("latency {few} --rate 1000 --duration 400ms --ramp-up 0s");
    let done = lab.held_against(&p99_target("10 s"), &load).assert().code(1);
    let done = done.stderr(contains("most messages did not come to a good reply"));
    done.stdout(contains("1 of 1 met").not());
}

#[test]
fn a_load_of_a_few_messages_is_sent_and_judged() {
    let lab = Lab::new();
    let lost = echo(&lab, "lost.wasm", "(i64.store (i32.const 1128) (i64.const 99999))");
    for load in ["latency --rate 500 --duration 20ms", "load peak --rate 500 --duration 20ms"] {
        let done = lab.command(&format!("{load} {lost} --ramp-up 0s")).assert().code(1);
        done.stderr(contains("no message came to a good reply"));
    }
}

#[test]
fn a_reply_in_another_conversation_is_a_wrong_reply() {
    let lab = Lab::new();
    let strays = "(i64.store (i32.const 1096) (i64.add (local.get $conversation) (i64.const 7)))";
    let strays = echo(&lab, "strays.wasm", strays);
    for load in ["latency --rate 500 --duration 100ms", "throughput --duration 100ms"] {
        let done = lab.command(&format!("{load} {strays} --agents 1")).assert().code(1);
        done.stderr(contains("was answered in conversation 8, and not in its own"));
    }
}

#[test]
fn every_message_of_an_open_loop_is_sent_and_accounted_for_on_every_backend() {
    let lab = Lab::new();
    // However late a message is, it is sent.
    let load = "latency --rate 2000 --duration 300ms --ramp-up 100ms --deadline 60s --format json";
    let done = lab.held_against(&p99_target("1h"), load).output().unwrap();
    // Beside other tests it may be that nothing is judged.
    assert!(matches!(done.status.code(), Some(0 | 4)), "{done:?}");
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    let parts = report["parts"].as_array().unwrap();
    assert_eq!(parts.len(), 3);
    for part in parts {
        let (ramp, steady) = (windows(part, "ramp-up"), windows(part, "steady"));
        let all = [&ramp[..], &steady[..]].concat();
        let count = |field| sum(&all, |window| &window[field]);
        // 2,000 per second for 300 ms, and half of that on the way up. Half as much again may be
        // repeated, and the last window of it, 200 messages, may begin before that is over.
        let due = count("due");
        assert!((700..=1_200).contains(&due), "{due}");
        assert_eq!((count("sent"), count("good") + count("late")), (due, due));
        assert_eq!(
            sum(&steady, |window| &window["latency"]["count"]),
            sum(&steady, |window| &window["good"]) + sum(&steady, |window| &window["late"])
        );
        for window in steady {
            let (latency, service) = (&window["latency"]["p99"], &window["service"]["p50"]);
            assert!(latency.as_f64() >= service.as_f64(), "{window}");
        }
        let accounts = finding(part, "accounts");
        assert_eq!((&accounts["accepted"], &accounts["handled"]), (&due.into(), &due.into()));
        assert!(finding(part, "response")["time"]["count"].as_u64().unwrap() > 100);
    }
    let listed = |name: &str| report["derived"][name].as_array().unwrap().clone();
    let all = [listed("grades"), listed("not_judged")].concat();
    let graded = all.iter().filter(|one| one["metric"]["key"] == "latency-p99");
    assert_eq!(graded.count(), 3);
}

#[test]
fn messages_that_cannot_be_in_time_any_more_are_not_sent_and_count_as_due() {
    let lab = Lab::new();
    let load =
        "latency --backends native --rate 1e9 --duration 100ms --ramp-up 0s --deadline 100ms";
    let done = lab.command(load).args(["--format", "json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    let steady = windows(&report["parts"][0], "steady");
    let count = |field| sum(&steady, |window| &window[field]);
    let (due, sent) = (count("due"), count("sent"));
    assert!(due >= 100_000_000 && sent < due / 10, "{sent} of {due}");
    assert_eq!(count("good") + count("late"), sent);
    let accounts = finding(&report["parts"][0], "accounts");
    assert_eq!(accounts["handled"], sent);
}

#[test]
fn an_agent_that_replies_otherwise_is_a_finding() {
    let lab = Lab::new();
    let workload = lab.0.path().join("wrong.jsonl");
    std::fs::write(&workload, r#"{"request": "abc", "reply": "cba"}"#).unwrap();
    let mut wrong = lab.command("latency echo --backends native --duration 100ms");
    let wrong = wrong.arg("--workload").arg(&workload).assert();
    wrong.code(1).stderr(contains("line 1 of the workload: expected \"cba\", got \"abc\""));
    let mut runs = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    runs.args(["runs", "--store"]).arg(lab.store());
    runs.assert().code(0).stdout(contains("not complete"));
}

#[test]
fn agents_that_fail_on_every_message_fail_the_command_and_the_reason_is_named() {
    let loads = [
        "latency faulty --rate 500 --duration 300ms --ramp-up 50ms",
        "load sustained faulty --agents 2 --rate 500 --duration 1s",
        "load burst faulty --agents 2 --rate 200 --burst-rate 800 --duration 300ms \
         --ramp-up 50ms --baseline 300ms --watch 1s",
    ];
    let folder = tempfile::tempdir().unwrap();
    let workload = folder.path().join("unknown.jsonl");
    std::fs::write(&workload, r#"{"request": "what it does not know", "reply": "ok"}"#).unwrap();
    for load in loads {
        let mut failing = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        failing.args(load.split_whitespace()).args(["--backends", "wasm", "--no-store"]);
        failing.arg("--workload").arg(&workload);
        let failed = failing.assert().code(1);
        let failed = failed.stderr(contains("success,").and(contains("is 0.0 %")));
        let failed = failed.stderr(contains("no message came to a good reply"));
        failed.stdout(contains("failures: ").and(contains("not understood")));
    }
}

#[test]
fn what_is_worse_than_critical_fails_the_command() {
    let lab = Lab::new();
    // Memory is judged on a busy machine too.
    let strict = "scale --backends native --agents 2 --duration 50ms";
    let target = p99_target("1 B").replace("latency-p99", "memory-per-agent");
    let failed = lab.held_against(&target, strict).assert();
    let failed = failed.code(1).stderr(contains("RSS/agent"));
    failed.stdout(contains("MISSED"));
}

#[test]
fn agents_that_fault_come_back_and_no_message_is_lost() {
    let lab = Lab::new();
    let faults = "recovery --rate 2000 --duration 2s --fault-rate 20 --ramp-up 0s --agents 40";
    let report = lab.report(faults);
    for part in report["parts"].as_array().unwrap() {
        let found = finding(part, "recovery");
        assert_eq!(found["faults"], 20, "{found}");
        assert_eq!((&found["time"]["count"], &found["lost"]), (&20.into(), &0.into()));
        assert_eq!(finding(part, "accounts")["restarts"], 20);
    }
}

#[test]
fn every_fault_has_a_message_after_it_that_shows_the_agent_is_back() {
    let lab = Lab::new();
    // 150 messages with faults, and a fault per 12: the last message would be one.
    let faults = "recovery --backends wasm --rate 400 --duration 1500ms --fault-rate 32 --ramp-up 0s \
                  --agents 40";
    let report = lab.report(faults);
    let found = finding(&report["parts"][0], "recovery");
    assert!(found["faults"].as_u64().unwrap() >= 20, "{found}");
    assert_eq!(found["time"]["count"], found["faults"], "{found}");
    let none = "recovery --backends wasm --fault-rate 0.5 --duration 2s";
    lab.command(none).assert().code(2).stderr(contains("no agent would fault"));
}

#[test]
fn a_native_twin_is_not_made_to_take_the_host_along() {
    let lab = Lab::new();
    let abort = lab.command("recovery --fault abort --backends native").assert();
    abort.code(0).stdout(contains("not available, because a native twin"));
    let lab = Lab::new();
    let many = lab.command("load peak --backends process --duration 1s").assert();
    many.code(0).stdout(is_match(r"child\s+processes").unwrap());
}

#[test]
fn a_burst_is_measured_before_and_after() {
    let lab = Lab::new();
    let burst = "load burst --backends native --agents 10 --rate 200 --burst-rate 4000 \
                 --duration 300ms --baseline 1s --watch 500ms --ramp-up 0s";
    // Half a second is too short to call anything a recovery.
    let short = lab.command(burst).assert();
    let short = short.stdout(contains("not within 0.5 s").and(contains("peak backlog")));
    // A machine that was busy with other things is no objection to the agents.
    if short.get_output().status.success() {
        short.stdout(is_match(r"windows\s+did\s+not\s+count").unwrap());
    } else {
        short.code(1).stderr(contains("not recovered within"));
    }
}

#[test]
fn a_long_load_counts_what_is_left_at_each_rest() {
    let lab = Lab::new();
    let long = "load sustained --agents 5 --rate 2000 --duration 1400ms --cycles 7 --ramp-up 0s";
    let done = lab.command(long).args(["--format", "json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    let findings = report["parts"][0]["findings"].as_array().unwrap();
    let cycles = findings.iter().filter(|found| found["finding"] == "cycle");
    let cycles: Vec<_> = cycles.collect();
    assert_eq!(cycles.len(), 7);
    for cycle in cycles {
        assert!(cycle["heap"].as_u64().unwrap() > 0, "{cycle}");
        assert_eq!(cycle["census"]["agents"], 5);
        assert_eq!(cycle["census"]["queued"], 0);
    }
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(!said.contains("leaks"), "{said}");
}

#[test]
fn each_combination_of_a_closed_loop_is_a_row_and_a_metric_of_its_own() {
    let lab = Lab::new();
    let throughput = "throughput --backends native --agents 2 --duration 50ms --depth 8 \
                      --mode ask,tell --strategy by-value,zero-copy";
    let report = lab.report(throughput);
    let parts = report["parts"].as_array().unwrap();
    assert_eq!(parts.len(), 4);
    for part in parts {
        assert_eq!(part["part"]["agent"], "relay");
        assert!(finding(part, "closed")["messages"].as_u64().unwrap() > 0);
    }
    let metrics = report["derived"]["metrics"].as_array().unwrap();
    let rates = metrics.iter().filter(|metric| metric["key"] == "throughput");
    let labels: HashSet<String> = rates.map(|metric| metric["labels"].to_string()).collect();
    assert_eq!(labels.len(), 4, "{metrics:#?}");
}

#[test]
fn more_agents_take_more_and_the_law_is_fitted() {
    let lab = Lab::new();
    let scale = "scale --backends native --agents 1,2,4,8 --duration 50ms";
    let scale = lab.command(scale).assert().code(0);
    scale.stdout(contains("Universal Scalability Law"));
    let mut report = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    report.args(["report", "--format", "json", "--store"]);
    report.arg(lab.store());
    report.arg("--targets").arg(lab.0.path().join("targets.toml"));
    let done = report.assert().code(0);
    let report: Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    let metrics = report["derived"]["metrics"].as_array().unwrap();
    for (key, count) in [("spawn-per-agent", 4), ("scaling-contention", 1)] {
        let found = metrics.iter().filter(|metric| metric["key"] == key);
        assert_eq!(found.count(), count, "{key}");
    }
}

#[test]
fn the_highest_rate_is_searched_step_by_step() {
    let lab = Lab::new();
    let report = lab.report("latency --max-rate --backends native --step 50ms --p99 1s");
    let part = &report["parts"][0];
    let step = finding(part, "step");
    let found = finding(part, "max-rate");
    let lowest = found["capacity"].as_f64().unwrap() * 0.1;
    assert!((step["rate"].as_f64().unwrap() - lowest).abs() < 1.0, "{step} {found}");
}

#[test]
fn a_search_in_which_no_rate_holds_meets_no_target() {
    let lab = Lab::new();
    let target = "[[target]]\nmetric = \"highest-rate\"\nbackend = \"native\"\n\
                  target = 3\nacceptable = 2\ncritical = 1\n";
    let search = "latency --max-rate --backends native --step 50ms --p99 1us --format json";
    let done = lab.held_against(target, search).output().unwrap();
    // Beside other tests it may be that nothing is judged.
    assert!(matches!(done.status.code(), Some(1 | 4)), "{done:?}");
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(finding(&report["parts"][0], "max-rate")["highest"], Value::Null);
}

#[test]
fn a_rate_or_duration_that_cannot_be_is_refused() {
    let lab = Lab::new();
    for wrong in ["--rate 0", "--rate many", "--duration 1ms", "--size 4"] {
        let refused = lab.command(&format!("latency {wrong}")).assert();
        refused.code(2);
    }
}

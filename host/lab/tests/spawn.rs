//! Starts, by each method that there is.

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

fn spawn(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    command.arg("spawn").arg("--no-store");
    command.args(arguments.split_whitespace());
    command
}

/// The methods that were used, and how many starts each had.
fn methods(arguments: &str) -> Vec<(String, u64)> {
    let done = spawn(arguments).args(["--format", "json"]).assert();
    // Beside other tests the starts may not be judged.
    let done = done.code(predicate::in_iter([0, 4]));
    let report: Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    let findings = report["parts"][0]["findings"].as_array().unwrap().clone();
    findings
        .iter()
        .filter(|found| found["finding"] == "spawned")
        .map(|found| {
            let phases = found["phases"].as_array().unwrap();
            let whole = phases.iter().find(|phase| phase[0] == "to-first-reply");
            let starts = whole.unwrap()[1]["count"].as_u64().unwrap();
            (found["method"].as_str().unwrap().to_owned(), starts)
        })
        .collect()
}

#[test]
fn every_method_starts_an_agent_that_answers_and_slow_ones_less_often() {
    let methods = methods("echo --rounds 11");
    let starts =
        |method: &str| methods.iter().find(|(name, _)| name == method).map(|found| found.1);
    for method in ["cached", "on-demand", "pooled", "managed", "native", "thread"] {
        // Rounds that do not count are repeated, twice as many at most.
        let starts = starts(method);
        assert!(starts.is_some_and(|starts| (11..=22).contains(&starts)), "{method}: {starts:?}");
    }
    for method in ["cold", "process"] {
        let starts = starts(method);
        assert!(starts.is_some_and(|starts| (2..=3).contains(&starts)), "{method}: {starts:?}");
    }
}

#[test]
fn an_agent_that_writes_to_others_is_not_started_where_they_are_not() {
    let methods = methods("relay --rounds 2");
    assert!(methods.iter().any(|(method, _)| method == "pooled"));
    assert!(methods.iter().all(|(method, _)| !method.starts_with("managed")));
}

#[test]
fn an_agent_that_is_configured_and_has_files_starts_by_each_method() {
    assert_eq!(methods("files --rounds 2").len(), 11);
    assert_eq!(methods("notebook --rounds 2").len(), 11);
}

#[test]
fn a_wrong_first_reply_is_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    let workload = folder.path().join("workload.jsonl");
    std::fs::write(&workload, r#"{"request": "one", "reply": "two"}"#).unwrap();
    spawn("echo --rounds 1 --workload")
        .arg(&workload)
        .assert()
        .code(1)
        .stderr(contains("they differ from byte"));
}

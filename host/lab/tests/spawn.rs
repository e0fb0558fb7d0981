//! Starts, each way that there is.

use assert_cmd::Command;
use predicates::str::contains;
use serde_json::Value;

fn spawn(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    command.arg("spawn").arg("--no-store");
    command.args(arguments.split_whitespace());
    command
}

/// The ways that were measured, and how many starts each had.
fn ways(arguments: &str) -> Vec<(String, u64)> {
    let done = spawn(arguments).args(["--format", "json"]).assert();
    let report: Value = serde_json::from_slice(&done.code(0).get_output().stdout).unwrap();
    let findings = report["parts"][0]["findings"].as_array().unwrap().clone();
    findings
        .iter()
        .map(|found| {
            let phases = found["phases"].as_array().unwrap();
            let whole = phases.iter().find(|phase| phase[0] == "to-first-reply");
            let starts = whole.unwrap()[1]["count"].as_u64().unwrap();
            (found["way"].as_str().unwrap().to_owned(), starts)
        })
        .collect()
}

#[test]
fn every_way_is_started_and_answers_and_slow_ways_less_often() {
    let ways = ways("echo --rounds 11");
    let starts = |way: &str| {
        ways.iter()
            .find(|(name, _)| name == way)
            .map(|found| found.1)
    };
    for way in [
        "cached",
        "on-demand",
        "pooled",
        "managed",
        "native",
        "thread",
    ] {
        assert_eq!(starts(way), Some(11), "{way}");
    }
    assert_eq!((starts("cold"), starts("process")), (Some(2), Some(2)));
}

#[test]
fn an_agent_that_writes_to_others_is_not_started_where_they_are_not() {
    let ways = ways("relay --rounds 2");
    assert!(ways.iter().any(|(way, _)| way == "pooled"));
    assert!(ways.iter().all(|(way, _)| !way.starts_with("managed")));
}

#[test]
fn an_agent_that_is_configured_and_has_files_starts_each_way() {
    assert_eq!(ways("files --rounds 2").len(), 11);
    assert_eq!(ways("notebook --rounds 2").len(), 11);
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

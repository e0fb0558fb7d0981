//! What idle agents cost, as `sandlab idle` says.

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

fn sandlab() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sandlab"))
}

#[test]
fn every_number_of_agents_is_watched_on_each_backend_and_the_report_can_be_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("results.db");
    let mut idle = sandlab();
    idle.args(["idle", "echo", "--agents", "1,20", "--duration", "200ms", "--format", "json"]);
    // Neither is judged beside other processes.
    let done = idle.arg("--store").arg(&store).assert();
    let code = done.get_output().status.code().unwrap();
    assert!(matches!(code, 0 | 4), "{done}");
    let report: Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    let parts = report["parts"].as_array().unwrap();
    assert_eq!(parts.len(), 4);
    for part in parts {
        let found = &part["findings"][0];
        assert_eq!(found["finding"], "idle", "{part:#}");
        assert_eq!(found["cpu"].as_array().unwrap().len(), 10);
    }
    let again = sandlab().args(["report", "last", "--store"]).arg(&store).assert();
    again.code(code).stdout(contains("Idle agents").or(contains("CPU/s per agent")));
}

#[test]
fn no_agents_are_the_callers_mistake() {
    let refused = sandlab().args(["idle", "echo", "--agents", "0", "--no-store"]).assert();
    refused.code(2).stderr(contains("--agents"));
}

#[test]
fn idle_agents_are_set_up_as_their_messages_say() {
    let folder = tempfile::tempdir().unwrap();
    let workload = folder.path().join("workload.jsonl");
    for (configure, code) in [("answer", 0), ("no route at all", 1)] {
        let lines = format!("{{\"configure\": {configure:?}}}\n{{\"request\": \"a\"}}\n");
        std::fs::write(&workload, lines).unwrap();
        let mut idle = sandlab();
        idle.args(["idle", "relay", "--agents", "2", "--duration", "100ms", "--backends", "wasm"]);
        let done = idle.arg("--no-store").arg("--workload").arg(&workload).assert();
        match code {
            0 => done.code(predicate::in_iter([0, 4])),
            _ => done.code(code).stderr(contains("expected `ring NEXT`")),
        };
    }
}

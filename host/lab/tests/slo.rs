//! Objectives: proposed from a stored run, and printed as Prometheus rules.

mod common;

use assert_cmd::Command;
use common::host::{Host, PATIENCE, post};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use std::path::{Path, PathBuf};
use std::time::Instant;

fn sandlab(arguments: &[&str]) -> Command {
    let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    sandlab.args(arguments);
    sandlab
}

fn store(folder: &Path) -> PathBuf {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/store-v2.db");
    let copy = folder.join("results.db");
    std::fs::copy(fixture, &copy).unwrap();
    copy
}

/// The fourth run of the fixture is `latency` of echo, whose p99 was 250 µs.
#[test]
fn what_a_baseline_suggests_it_would_have_met_and_prometheus_can_have_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let store = store.to_str().unwrap();
    sandlab(&["baseline", "save", "main", "4", "--store", store]).assert().code(0);
    let done =
        sandlab(&["slo", "suggest", "--baseline", "main", "--store", store]).assert().code(0);
    let text = String::from_utf8(done.get_output().stdout.clone()).unwrap();
    for part in [
        "# Objectives from main, run 4",
        "name = \"echo-fast\"",
        "latency = \"2ms\"",
        "p99 was 250.50 µs",
        "windows p99 did",
        "name = \"echo-answers\"",
        "0.0 % of the messages were not answered",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let file = folder.path().join("slo.toml");
    std::fs::write(&file, text).unwrap();
    let rules = sandlab(&["slo", "rules", file.to_str().unwrap()]).assert().code(0);
    rules.stdout(contains("- name: sandlab-echo-fast").and(contains("alert: SandlabObjective")));
}

#[test]
fn what_says_nothing_about_production_suggests_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    // Starts, which no message waits for.
    let suggest = ["slo", "suggest", "--baseline", "14", "--store", store.to_str().unwrap()];
    sandlab(&suggest).assert().code(2).stderr(contains("sandlab latency --backends wasm"));
}

#[test]
fn objectives_that_make_no_sense_are_told_with_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("slo.toml");
    let rules = |text: &str| {
        std::fs::write(&file, text).unwrap();
        sandlab(&["slo", "rules", file.to_str().unwrap()]).assert().code(2)
    };
    rules("").stderr(contains("[[objective]]"));
    rules("[[objective]]\nname = 'a'\nobjective = '99'").stderr(contains("line 3, column 13"));
    // The rest of a host's configuration may have passwords.
    let secret = "[otlp]\nheaders = 'Bearer secret'";
    rules(secret).stderr(contains("line 2, column 11").and(contains("secret").not()));
    rules("[[objective]]\nname = 'a'\nobjective = '9 %'\nlatency = '3ms'")
        .stderr(contains("take 2 ms or 5 ms"));
}

/// Windows are as short as ten minutes make them: the fast ones are 70 ms and 0.8 s.
const BREAKS: &str = r#"
[agents.json]
component = "json"

[monitor]
interval = "20ms"

[[objective]]
name = "json-answers"
agent = "json"
objective = "99 %"
window = "10m"

[[alert]]
file = "alerts.jsonl"
"#;

#[test]
fn a_host_that_breaks_an_objective_tells_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("serve.toml");
    std::fs::write(&config, BREAKS).unwrap();
    let host = Host::start(&[config.to_str().unwrap()]);
    let told = || std::fs::read_to_string(folder.path().join("alerts.jsonl")).unwrap_or_default();
    let due = Instant::now() + PATIENCE;
    while !told().contains("\"state\":\"firing\"") {
        assert!(Instant::now() < due, "it tells of nothing: {:?}", told());
        assert!(post(&host.address, "/agents/json", "{").0.contains("422"));
    }
    let alert = told();
    let alert: serde_json::Value = serde_json::from_str(alert.lines().next().unwrap()).unwrap();
    assert_eq!(alert["objective"], "json-answers");
    assert!(alert["summary"].as_str().unwrap().starts_with("99 % of json's messages answered"));
    assert!(alert["runbook"].as_str().unwrap().contains("sandlab validate json"));
    // Whoever was told of a page is told that nobody watches any more.
    host.signal("TERM");
    assert_eq!(host.ends(), Some(0));
    let states = |state: &str| told().matches(&format!("\"state\":\"{state}\"")).count();
    assert_eq!(states("firing"), states("resolved"), "{}", told());
    assert!(told().contains("the host has stopped"), "{}", told());
}

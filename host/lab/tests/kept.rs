//! What a command says of the run that it keeps, or does not keep.

mod common;

use assert_cmd::Command;
use common::lab::Lab;
use predicates::prelude::{Predicate, PredicateBooleanExt};
use predicates::str::{contains, is_match};
use serde_json::{Value, json};

/// The command in the lab's folder, with a store there. `echo` is the agent's bundle.
fn sandlab(lab: &Lab, arguments: &str) -> Command {
    let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    let echo = common::bundle("echo").folder.canonicalize().unwrap();
    for argument in arguments.split_whitespace() {
        match argument {
            "echo" => sandlab.arg(&echo),
            other => sandlab.arg(other),
        };
    }
    sandlab.current_dir(lab.0.path());
    sandlab.env("SANDLAB_STORE", lab.0.path().join("results.db")).env_remove("COLUMNS");
    sandlab
}

#[test]
fn a_run_that_is_not_kept_has_no_number() {
    let lab = Lab::new();
    let numbered = is_match("(?i)(\\brun:? [0-9]|report [0-9])").unwrap();
    let compare = "compare echo --rounds 1 --backends wasm,native";
    for format in ["text", "text --verbose", "markdown", "csv", "html"] {
        let command = format!("{compare} --no-store --html page.html --format {format}");
        let done = sandlab(&lab, &command).assert().code(0);
        let output = done.get_output();
        let page = std::fs::read(lab.0.path().join("page.html")).unwrap();
        for said in [&output.stdout, &output.stderr, &page] {
            let said = String::from_utf8_lossy(said);
            assert!(!numbered.eval(&*said), "{command}: {said}");
        }
    }
    let json = sandlab(&lab, &format!("{compare} --no-store --format json")).output().unwrap();
    let report: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(report["derived"]["run"], Value::Null);
    // One that is kept has one.
    let kept = sandlab(&lab, compare).assert().code(0);
    kept.stdout(contains("compare, run 1")).stderr(contains("has every sample"));
    let json = sandlab(&lab, "report 1 --format json").output().unwrap();
    let report: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(report["derived"]["run"], 1);
}

#[test]
fn where_nothing_was_measured_no_sample_is_promised() {
    let lab = Lab::new();
    lab.file("bad.wasm", "no component");
    lab.file("dies.wasm", common::guests::handling("", "unreachable"));
    lab.file("one.jsonl", "{\"request\": \"a\"}");
    for (command, code) in [
        ("compare bad.wasm", 3),
        ("spawn bad.wasm", 3),
        ("throughput bad.wasm", 3),
        ("compare dies.wasm --workload one.jsonl --rounds 1", 1),
        ("spawn dies.wasm --workload one.jsonl --rounds 1", 1),
        ("throughput dies.wasm --workload one.jsonl --duration 50ms", 1),
    ] {
        let done = sandlab(&lab, command).assert().code(code);
        done.stderr(contains("has every sample").not());
    }
}

#[test]
fn the_records_of_a_run_fit_a_terminal_however_long_their_words_are() {
    let lab = Lab::new();
    sandlab(&lab, "compare echo --rounds 1 --backends wasm,native").assert().code(0);
    let exported = sandlab(&lab, "runs export 1").output().unwrap();
    let mut run: Value = serde_json::from_slice(&exported.stdout).unwrap();
    let long = "x".repeat(300);
    run["begin"]["command"] = json!(format!("compare {long}"));
    run["begin"]["agents"][0]["agent"] = json!(long);
    run["begin"]["environment"]["cpu"] = json!(format!("A processor of {}", "words ".repeat(40)));
    run["notes"] = json!([format!("a note\nof several lines {long}"), "世界".repeat(80)]);
    run["end"] = json!({
        "complete": false,
        "noise": run["end"]["noise"],
        "failures": [format!("messages of {long}.jsonl: nothing came back")],
        "failed_as": "finding",
    });
    for part in run["parts"].as_array_mut().unwrap() {
        part["part"]["agent"] = json!(format!("{long}.wasm"));
    }
    let file = lab.file("run.json", run.to_string());
    sandlab(&lab, "runs import").arg(file).assert().code(0);
    let show = |columns: Option<&str>| {
        let mut show = sandlab(&lab, "runs show 2");
        show.envs(columns.map(|columns| ("COLUMNS", columns)));
        String::from_utf8(show.assert().code(0).get_output().stdout.clone()).unwrap()
    };
    for (columns, width) in [(None, 100), (Some("60"), 60), (Some("300"), 100)] {
        let shown = show(columns);
        let widest = shown.lines().map(console::measure_text_width).max().unwrap();
        assert!(widest <= width, "{shown}");
        // Nothing is lost.
        let signs: String = shown.split_whitespace().collect();
        assert_eq!(signs.matches(&long).count(), 7, "{shown}");
        assert!(signs.contains(&"世界".repeat(80)), "{shown}");
    }
}

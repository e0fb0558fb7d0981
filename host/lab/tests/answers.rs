//! What a command ends with, as a person and a log read it.

use assert_cmd::Command;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::{contains, is_match};
use serde_json::{Value, json};
use std::path::Path;

fn sandlab(store: &Path, arguments: &str) -> Command {
    let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    sandlab.args(arguments.split_whitespace()).env("SANDLAB_STORE", store).env_remove("COLUMNS");
    sandlab
}

/// Prints to standard output, which is returned.
fn says(store: &Path, arguments: &str) -> String {
    let done = sandlab(store, arguments).assert().code(0);
    String::from_utf8(done.get_output().stdout.clone()).unwrap()
}

/// Measures, and keeps the run once more as if so many of its rounds did not count, whatever the
/// machine did meanwhile.
fn measured(store: &Path, compare: &str, disturbed: bool) {
    sandlab(store, compare).assert().code(0);
    let mut run: Value = serde_json::from_str(&says(store, "runs export")).unwrap();
    for part in run["parts"].as_array_mut().unwrap() {
        let rounds = part["rounds"]["sides"][0]["ns"].as_array().unwrap().len();
        let invalid = json!({"reason": "steal", "share": 0.4});
        let stolen = |round| json!({"round": round, "invalid": invalid});
        let left_out = (0..rounds).filter(|_| disturbed).map(stolen);
        part["rounds"]["left_out"] = left_out.collect();
        part["findings"] = Value::Array(Vec::new());
    }
    run["end"]["noise"] = json!({"steal": null, "others": null});
    let file = store.with_extension("json");
    std::fs::write(&file, run.to_string()).unwrap();
    says(store, &format!("runs import {}", file.display()));
}

#[test]
fn a_comparison_ends_with_what_a_call_costs_and_writes_a_page_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let (store, page) = (folder.path().join("results.db"), folder.path().join("report.html"));
    measured(&store, "compare json hash --rounds 6", false);
    let quiet = sandlab(&store, &format!("report --quiet --html {}", page.display()));
    let done = { quiet }.assert().code(0).stderr(contains("the page is "));
    let per_call = is_match(r"\n  per call +\S+ [nµ]s \(").unwrap();
    done.stdout(per_call.and(contains("\n  slowest")).and(contains("quiet: 100 %")));
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("<h3>per call</h3>"), "{page}");
    // A backend per column, and an agent and size per row.
    let text = says(&store, "report --sort cost");
    let head = text.lines().find(|line| line.contains("agent")).unwrap();
    for column in ["message", "wasm", "native", "process", "wasm vs native"] {
        assert!(head.contains(column), "{text}");
    }
    let rows = text.lines().filter(|line| line.starts_with(" json") || line.starts_with(" hash"));
    assert_eq!(rows.count(), 6, "{text}");
    assert!(!text.contains("note: "), "{text}");
}

#[test]
fn a_figure_that_is_not_judged_says_why_instead() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("results.db");
    measured(&store, "compare echo --rounds 6 --backends wasm,native", true);
    let because = r"per call +not judged, because \d of \d rounds did not count: steal 40 %";
    let quiet = sandlab(&store, "report --quiet").assert().code(0);
    quiet.stdout(is_match(because).unwrap().and(contains("quiet: 0 %")));
    // What is alike is noted once, with its number, and told apart on request.
    let text = says(&store, "report");
    let noted = "note: the machine was busy with other things: in 3 of 3 parts";
    assert_eq!(text.matches("note: ").count(), 1, "{text}");
    assert!(text.contains(noted), "{text}");
    let all = says(&store, "report --verbose");
    assert_eq!(all.matches("  compare of echo, ").count(), 3, "{all}");
}

#[test]
fn a_report_for_a_program_leaves_the_answers_to_standard_error() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("results.db");
    let compare = "compare echo --rounds 6 --backends wasm,native --format json";
    let done = sandlab(&store, compare).assert().code(0).stderr(contains("  per call"));
    let run: Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    let answers = run["derived"]["answers"].as_array().unwrap();
    assert_eq!(answers[0]["question"], "per call");
}

#[test]
fn a_log_gets_a_line_every_so_often() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("results.db");
    let idle = "idle echo --agents 1 --backends native --duration 11s";
    let line = r"0 of 1 done, 1\d s elapsed, about \d+ s left: idle on native, 1 agents";
    sandlab(&store, idle).assert().stderr(is_match(line).unwrap());
}

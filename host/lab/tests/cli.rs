//! The command, as a person uses it.

mod common;

use assert_cmd::Command;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;

fn sandlab() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sandlab"))
}

#[test]
fn an_unknown_agent_is_the_callers_mistake_and_the_known_ones_are_named() {
    let failed = sandlab().args(["compare", "ecko"]).assert().code(2);
    failed.stderr(contains("no agent \"ecko\"").and(contains("echo, ")));
}

#[test]
fn a_missing_file_a_bad_file_and_an_unwritable_output_each_have_one_clear_error() {
    sandlab()
        .args(["compare", "none.wasm"])
        .assert()
        .code(3)
        .stderr(contains("cannot open"));
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.wasm");
    std::fs::write(&bad, "no component").unwrap();
    let failed = sandlab().arg("compare").arg(&bad).assert().code(3);
    failed.stderr(contains("not a component"));
    let output = folder.path().join("missing/report.json");
    let failed = sandlab()
        .args(["compare", "echo", "--output"])
        .arg(&output)
        .assert()
        .code(3);
    failed.stderr(contains("cannot write"));
    assert!(!output.exists());
}

#[test]
fn a_missing_twin_and_a_damaged_component_are_found_before_anything_runs() {
    let whole = common::bundle("echo").folder;
    for file in ["twin.so", "agent.wasm"] {
        let folder = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(&whole).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
        std::fs::remove_file(folder.path().join(file)).unwrap();
        let failed = sandlab().arg("compare").arg(folder.path()).assert().code(3);
        failed.stderr(contains(file));
    }
}

#[test]
fn a_misspelt_option_and_a_bad_workload_are_the_callers_mistakes() {
    sandlab()
        .args(["compare", "--bakends", "wasm"])
        .assert()
        .code(2);
    sandlab()
        .args(["compare", "--backends", "gpu"])
        .assert()
        .code(2)
        .stderr(contains("gpu"));
    let folder = tempfile::tempdir().unwrap();
    let workload = folder.path().join("workload.jsonl");
    std::fs::write(&workload, "{\"reqest\": \"a\"}").unwrap();
    let failed = sandlab()
        .args(["compare", "echo", "--workload"])
        .arg(&workload)
        .assert()
        .code(2);
    failed.stderr(contains("line 1").and(contains("reqest")));
}

#[test]
fn a_wrong_reply_is_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    let workload = folder.path().join("workload.jsonl");
    std::fs::write(&workload, "{\"request\": \"a\", \"reply\": \"b\"}").unwrap();
    let failed = sandlab()
        .args(["compare", "echo", "--workload"])
        .arg(&workload)
        .assert()
        .code(1);
    failed.stderr(contains("differ from byte 0"));
}

#[test]
fn a_report_in_json_has_every_sample_of_every_backend() {
    let args = ["compare", "echo", "--rounds", "7", "--format", "json"];
    let output = sandlab()
        .args(args)
        .assert()
        .code(0)
        .get_output()
        .stdout
        .clone();
    let run: serde_json::Value = serde_json::from_slice(&output).unwrap();
    assert_eq!(run["schema"], "sandlab.run/1");
    assert_eq!(run["complete"], true);
    let cases = run["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 3);
    for case in cases {
        let backends = case["ns"].as_array().unwrap();
        assert_eq!(backends.len(), 3);
        for backend in backends {
            let samples = backend[1].as_array().unwrap();
            assert_eq!(samples.len(), 7);
            assert!(samples.iter().all(|ns| ns.as_f64().unwrap() > 0.0));
        }
    }
}

#[test]
fn a_bare_component_runs_alone_and_the_report_says_so() {
    let component = common::bundle("echo").component();
    let done = sandlab()
        .arg("compare")
        .arg(component)
        .args(["--rounds", "6"])
        .assert()
        .code(0);
    done.stdout(contains("without a twin").and(contains("wasm")));
}

#[test]
fn a_new_agent_builds_and_compares_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let mut new = sandlab();
    new.current_dir(folder.path())
        .args(["new", "fresh"])
        .assert()
        .code(0);
    let mut compare = sandlab();
    compare
        .current_dir(folder.path())
        .args(["compare", "./fresh", "--rounds", "6"]);
    compare
        .assert()
        .code(0)
        .stdout(contains("fresh").and(contains("native")));
    let mut again = sandlab();
    again.current_dir(folder.path()).args(["new", "fresh"]);
    again.assert().code(2).stderr(contains("already there"));
}

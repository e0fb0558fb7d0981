//! Beside a load that takes the cores nothing is judged, and what was left out is named.

#[path = "common/crowd.rs"]
mod crowd;

use assert_cmd::Command;
use crowd::Crowd;
use serde_json::Value;
use std::path::Path;
use tempfile::TempDir;

/// What every build meets on an undisturbed machine, and none on a slow one.
const TARGETS: &str = "[[target]]\nmetric = \"latency-p99\"\ntarget = \"1 ms\"\n\
                       acceptable = \"2 ms\"\ncritical = \"3 ms\"\n";

fn sandlab(folder: &Path, arguments: &str) -> Command {
    let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    sandlab.args(arguments.split_whitespace());
    sandlab.env("SANDLAB_STORE", folder.join("results.db"));
    sandlab
}

fn targets(folder: &TempDir, text: &str) -> String {
    let file = folder.path().join("targets.toml");
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

fn list<'a>(of: &'a Value, name: &str) -> &'a [Value] {
    of[name].as_array().unwrap_or_else(|| panic!("no {name} in {of:#}"))
}

#[test]
fn a_load_beside_busy_processes_is_not_judged() {
    let folder = tempfile::tempdir().unwrap();
    let targets = targets(&folder, TARGETS);
    let load = format!("latency --backends wasm --rate 2000 --duration 1s --targets {targets}");
    let crowd = Crowd::gather();
    let done = sandlab(folder.path(), &load).args(["--format", "json"]).assert().code(4);
    drop(crowd);
    let stderr = String::from_utf8_lossy(&done.get_output().stderr).into_owned();
    assert!(stderr.contains("not judged, because") && stderr.contains("did not count"), "{stderr}");
    let report: Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    let windows = list(&report["parts"][0], "windows");
    let steady = windows.iter().filter(|window| window["phase"] == "steady");
    let steady: Vec<&Value> = steady.filter(|window| window["due"].as_u64() > Some(0)).collect();
    let invalid = steady.iter().filter(|window| window["invalid"]["reason"].is_string());
    assert!(2 * invalid.count() > steady.len(), "{steady:#?}");
    // They were repeated, and not for ever.
    let seconds = |window: &&Value| {
        (window["end_ns"].as_f64().unwrap() - window["start_ns"].as_f64().unwrap()) / 1e9
    };
    let seconds: f64 = steady.iter().map(seconds).sum();
    assert!(seconds > 1.1 && seconds < 5.0, "{seconds}");
    let derived = &report["derived"];
    assert!(list(derived, "grades").is_empty() && list(derived, "objections").is_empty());
    assert_eq!(list(derived, "not_judged")[0]["metric"]["key"], "latency-p99");

    // So does the stored run say, in every format.
    for format in ["text", "markdown", "html"] {
        let arguments = format!("report last --format {format} --targets {targets}");
        let page = sandlab(folder.path(), &arguments).assert().code(4);
        let page = String::from_utf8_lossy(&page.get_output().stdout).into_owned();
        assert!(page.contains("not judged, because"), "{page}");
    }
}

#[test]
fn rounds_beside_busy_processes_are_kept_and_not_compared() {
    let folder = tempfile::tempdir().unwrap();
    let compare = "compare echo --backends wasm,native --rounds 8 --no-store --format json";
    let crowd = Crowd::gather();
    // Nothing of it has a target.
    let compared = "compare echo --backends wasm,native --rounds 8";
    sandlab(folder.path(), compared).assert().code(0);
    sandlab(folder.path(), "baseline save before").assert().code(0);
    let done = sandlab(folder.path(), compare).assert().code(0);
    drop(crowd);
    let report: Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    for part in list(&report, "parts") {
        let rounds = &part["rounds"];
        let (all, left_out) = (list(&rounds["sides"][0], "ns").len(), list(rounds, "left_out"));
        assert!(all >= 8 && left_out.len() <= all, "{rounds:#}");
        assert!(left_out.iter().all(|it| it["invalid"]["reason"].is_string()));
    }
    let of_run = sandlab(folder.path(), "report last --baseline before --format json");
    let report = of_run.output_of_json();
    let changes = list(&report["derived"]["baseline"], "changes");
    assert!(!changes.is_empty());
    for change in changes.iter().filter(|change| !change["withheld"].is_null()) {
        assert!(change["verdict"].is_null() && change["because"].is_string(), "{change:#}");
    }
}

#[test]
fn without_a_target_there_is_nothing_to_judge() {
    let folder = tempfile::tempdir().unwrap();
    let targets = targets(&folder, "");
    let crowd = Crowd::gather();
    let load = format!("latency --backends native --duration 300ms --targets {targets}");
    sandlab(folder.path(), &load).assert().code(0);
    drop(crowd);
}

trait Json {
    fn output_of_json(self) -> Value;
}

impl Json for Command {
    fn output_of_json(mut self) -> Value {
        serde_json::from_slice(&self.assert().code(0).get_output().stdout).unwrap()
    }
}

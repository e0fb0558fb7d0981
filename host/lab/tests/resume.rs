//! A long load that is killed, or stopped, goes on where it was: as the same run, with the same agent.

mod common;

use common::bundle;
use predicates::prelude::*;
use predicates::str::contains;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A folder with a component, and a store.
struct Lab(TempDir);

impl Lab {
    fn new() -> Self {
        let lab = Self(tempfile::tempdir().unwrap());
        std::fs::copy(bundle("echo").component(), lab.component()).unwrap();
        // Held against nothing: the machine may be busy with other tests.
        std::fs::write(lab.0.path().join("none.toml"), "").unwrap();
        lab
    }

    fn component(&self) -> PathBuf {
        self.0.path().join("agent.wasm")
    }

    fn command(&self, arguments: &str) -> Command {
        let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        sandlab.args(arguments.split_whitespace()).current_dir(self.0.path());
        sandlab.env("SANDLAB_STORE", self.0.path().join("results.db"));
        sandlab
    }

    fn run(&self, arguments: &str) -> assert_cmd::assert::Assert {
        assert_cmd::Command::from_std(self.command(arguments)).assert()
    }

    fn start(&self, arguments: &str) -> Child {
        let mut sandlab = self.command(arguments);
        sandlab.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn export(&self) -> Value {
        let done = self.run("runs export last").code(0);
        serde_json::from_slice(&done.get_output().stdout).unwrap()
    }

    /// Waits until this many windows of the steady rate are stored.
    fn wait_for(&self, steady: usize) {
        let until = Instant::now() + Duration::from_secs(60);
        while Instant::now() < until {
            let store = self.0.path().join("results.db");
            if store.exists()
                && self.command("runs export last").output().is_ok_and(|output| {
                    let run: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
                    windows(&run, "steady").len() >= steady
                })
            {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("fewer than {steady} windows in a minute");
    }
}

fn windows<'a>(run: &'a Value, phase: &str) -> Vec<&'a Value> {
    let windows = run["parts"][0]["windows"].as_array();
    let windows = windows.into_iter().flatten();
    windows.filter(|window| window["phase"] == phase).collect()
}

fn findings<'a>(run: &'a Value, kind: &str) -> Vec<&'a Value> {
    let findings = run["parts"][0]["findings"].as_array().unwrap();
    findings.iter().filter(|finding| finding["finding"] == kind).collect()
}

/// Nanoseconds in which anything was due.
fn loaded(run: &Value) -> u64 {
    let steady = windows(run, "steady").into_iter().filter(|window| window["due"] != 0);
    steady
        .map(|window| window["end_ns"].as_u64().unwrap() - window["start_ns"].as_u64().unwrap())
        .sum()
}

/// Adds a custom section, which changes nothing that the component does.
fn change(component: &Path) {
    let mut bytes = std::fs::read(component).unwrap();
    bytes.extend([0, 2, 1, b'x']);
    std::fs::write(component, bytes).unwrap();
}

#[test]
fn a_long_load_survives_being_killed_and_stopped() {
    let lab = Lab::new();
    let long = "load sustained agent.wasm --like echo --agents 3 --rate 500 --duration 4s --cycles 8 \
                --ramp-up 100ms --targets none.toml";
    let mut first = lab.start(long);
    lab.wait_for(6);
    lab.run("load sustained --resume last").code(2).stderr(contains("still measuring it"));
    first.kill().unwrap();
    first.wait().unwrap();
    let killed = lab.export();
    assert_eq!(killed["end"], Value::Null);
    let report = lab.run("report last --targets none.toml").code(predicate::in_iter([1, 4]));
    report.stderr(contains("run 1 has no end"));

    // Not with another agent, and not with other parameters.
    change(&lab.component());
    let refused = lab.run("load sustained --resume last").code(2);
    refused.stderr(contains("the component of agent"));
    std::fs::copy(bundle("echo").component(), lab.component()).unwrap();
    lab.run("load sustained --resume last --rate 9").code(2).stderr(contains("--resume"));

    let mut second = lab.start("load sustained --resume 1");
    lab.wait_for(windows(&killed, "steady").len() + 6);
    let pid = Pid::from_child(&second);
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(second.wait().unwrap().code(), Some(3));

    // 1 if the machine became slower in these seconds, which is told as degradation.
    let done = lab.run("load sustained --resume last").code(predicate::in_iter([0, 1, 4]));
    done.stdout(contains("measured by 3 processes").and(contains("process 3")));
    let all = lab.export();
    assert_eq!(all["end"]["complete"], true);
    assert_eq!(all["begin"], killed["begin"]);
    // What was stored stands as it was, and the whole time was measured, once.
    let (before, after) = (&killed["parts"][0]["windows"], &all["parts"][0]["windows"]);
    let before = before.as_array().unwrap();
    assert_eq!(before[..], after.as_array().unwrap()[..before.len()]);
    // Less than a window is missing, whose ends are those of its messages.
    assert!((3_950_000_000..4_500_000_000).contains(&loaded(&all)), "{}", loaded(&all));
    let (gaps, processes) = (windows(&all, "interrupted"), findings(&all, "process"));
    assert_eq!((gaps.len(), processes.len(), all["parts"].as_array().unwrap().len()), (2, 3, 1));
    for gap in gaps {
        assert!(gap["end_ns"].as_u64() > gap["start_ns"].as_u64() && gap["due"] == 0, "{gap}");
    }
    let ends = after.as_array().unwrap().iter().map(|window| window["end_ns"].as_u64().unwrap());
    assert!(ends.is_sorted());
    // Messages that were on their way when the process was killed are not missing.
    let derived = lab.run("report last --format json --targets none.toml");
    let derived = derived.code(predicate::in_iter([0, 1]));
    let report: Value = serde_json::from_slice(&derived.get_output().stdout).unwrap();
    let metrics = report["derived"]["metrics"].as_array().unwrap();
    let success = metrics.iter().find(|metric| metric["key"] == "success").unwrap();
    assert!(success["value"]["value"].as_f64().unwrap() > 0.99, "{success}");
    lab.run("report last --format html --targets none.toml")
        .code(predicate::in_iter([0, 1]))
        .stdout(contains("interrupted"));

    lab.run("load sustained --resume last").code(2).stderr(contains("all that it was to"));
    let files = std::fs::read_dir(lab.0.path()).unwrap();
    let left =
        files.filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().contains("-run-"));
    assert_eq!(left.count(), 0);
}

#[test]
fn only_a_long_load_that_was_interrupted_is_resumed() {
    let lab = Lab::new();
    lab.run("compare agent.wasm --like echo --rounds 2").code(predicate::in_iter([0, 4]));
    let other = lab.run("load sustained --resume last").code(2);
    other.stderr(contains("a run of `compare`, and not of `sustained`"));
    lab.run("load sustained --resume 7").code(2).stderr(contains("no run \"7\""));
    // A finding stays one.
    std::fs::write(lab.0.path().join("wrong.jsonl"), "{\"request\": \"a\", \"reply\": \"b\"}")
        .unwrap();
    lab.run("load sustained agent.wasm --workload wrong.jsonl --rate 50 --duration 200ms").code(1);
    let failed = lab.run("load sustained --resume last").code(2);
    failed.stderr(contains("it was not interrupted, but failed"));
}

//! What `sandlab gate` makes of builds of which it is known by how much they differ: `make
//! bench-gate` runs this, and docs/gate.md has what it printed. Takes half an hour.

mod common;

use assert_cmd::Command;
use common::{bundle, guests};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tempfile::TempDir;

/// About 20 µs of work a message, of which crossing into the sandbox is a fiftieth.
const ROUNDS: u32 = 10_000;

fn spin(folder: &TempDir, rounds: u32) -> PathBuf {
    let module = include_str!("common/spin.wat");
    let module = module.replace("ROUNDS", &rounds.to_string());
    let path = folder.path().join(format!("spin-{rounds}.wasm"));
    std::fs::write(&path, guests::agent(&module.replace("EXTRA", ""))).unwrap();
    path
}

/// How many gates there were, and how many called this and that.
#[derive(Debug, Default)]
struct Count {
    gates: u32,
    failed: u32,
    timed_regressed: u32,
    counted_regressed: u32,
    inconclusive: u32,
    improved: u32,
    seconds: f64,
}

impl Count {
    fn gate(&mut self, seed: u32, old: &Path, new: &Path, more: &[&str]) {
        let mut gate = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        gate.env("SANDLAB_NO_STORE", "true");
        gate.args(["gate", "--format", "json", "--noise", "/nowhere", "--seed"]);
        gate.arg(seed.to_string()).arg("--old").arg(old).arg("--new").arg(new);
        let start = Instant::now();
        let output = gate.args(more).output().unwrap();
        self.seconds += start.elapsed().as_secs_f64();
        let gated: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        let metrics = gated["metrics"].as_array().unwrap();
        let any = |counted: bool, verdict: &str| {
            let is = |m: &&Value| m["counted"] == counted && m["verdict"] == verdict;
            u32::from(metrics.iter().any(|metric| is(&metric)))
        };
        self.gates += 1;
        self.failed += u32::from(output.status.code() == Some(1));
        self.timed_regressed += any(false, "regressed");
        self.counted_regressed += any(true, "regressed");
        self.inconclusive += any(false, "inconclusive");
        self.improved += any(false, "improved");
    }

    fn print(&self, what: &str) {
        println!(
            "{what:<26} {:>5} gates: {:>3} failed, timed regressed {:>3}, counted regressed {:>3}, \
             timed inconclusive {:>3}, timed improved {:>3}; {:.2} s a gate",
            self.gates,
            self.failed,
            self.timed_regressed,
            self.counted_regressed,
            self.inconclusive,
            self.improved,
            self.seconds / f64::from(self.gates.max(1)),
        );
    }
}

#[test]
#[ignore = "takes minutes: `make bench-gate`"]
fn false_alarms_and_power_are_what_the_documentation_says() {
    let folder = tempfile::tempdir().unwrap();
    let messages = folder.path().join("messages.jsonl");
    std::fs::write(&messages, "{\"request\": \"go\", \"replies\": []}\n").unwrap();
    let told = ["--messages", messages.to_str().unwrap()];
    let plain = spin(&folder, ROUNDS);

    let mut all = Count::default();
    for agent in ["echo", "hash", "json", "sort"] {
        let mut same = Count::default();
        let component = bundle(agent).folder;
        (0..50).for_each(|seed| same.gate(seed, &component, &component, &[]));
        same.print(&format!("{agent} against itself"));
        all.gates += same.gates;
        all.timed_regressed += same.timed_regressed;
        all.counted_regressed += same.counted_regressed;
        all.failed += same.failed;
        all.inconclusive += same.inconclusive;
        all.improved += same.improved;
        all.seconds += same.seconds;
    }
    all.print("all against themselves");

    let against = |percent: u32| {
        let mut count = Count::default();
        let new = spin(&folder, ROUNDS + ROUNDS / 100 * percent);
        (0..100).for_each(|seed| count.gate(seed, &plain, &new, &told));
        count.print(&format!("spin, {percent} % more work"));
        count
    };
    let [two, five, ten] = [2, 5, 10].map(against);

    assert!(all.timed_regressed * 100 <= all.gates, "{all:?}");
    assert_eq!(all.counted_regressed, 0, "{all:?}");
    assert!(ten.timed_regressed >= 95, "{ten:?}");
    assert_eq!(five.counted_regressed, 100, "{five:?}");
    assert_eq!(two.counted_regressed, 100, "{two:?}");
}

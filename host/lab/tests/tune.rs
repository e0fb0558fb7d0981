//! Settings of the engine: each works, what cannot be had together is refused, and what `sandlab
//! tune` recommends can be used.

mod common;

use assert_cmd::Command;
use common::bundle;
use predicates::prelude::predicate::in_iter;
use predicates::str::contains;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn sandlab() -> Command {
    let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    sandlab.env("SANDLAB_NO_STORE", "true");
    sandlab
}

/// A service that others made.
fn foreign() -> (PathBuf, PathBuf) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/foreign");
    let file = |name: &str| folder.join(name);
    assert!(file("rust-service.wasm").exists(), "run `make foreign` first");
    (file("rust-service.wasm"), file("rust-service.jsonl"))
}

fn compare(sandbox: &Path, subject: &[&str]) -> assert_cmd::assert::Assert {
    let mut compare = sandlab();
    compare.arg("compare").args(subject).args(["--backends", "wasm", "--rounds", "1"]);
    compare.arg("--sandbox").arg(sandbox).assert()
}

/// Every setting that a sandbox config takes, one at a time, and some together.
const SETTINGS: [&str; 16] = [
    "interrupt = 'none'",
    "interrupt = 'none'\nfuel = 1_000_000_000_000",
    "[engine]\nopt-level = 'none'",
    "[engine]\nopt-level = 'speed-and-size'",
    "[engine]\nregister-allocator = 'single-pass'",
    "[engine]\ninlining = true",
    "[engine]\nsignals-based-traps = false",
    "[engine]\nparallel-compilation = false",
    "[engine]\nmemory-reservation = '128 MiB'",
    "[engine]\nmemory-guard = 0",
    "[engine]\nmemory-reservation = 0\n[allocation]\nstrategy = 'on-demand'",
    "[engine]\npage-map-scan = false",
    "[engine]\nopt-level = 'none'\n[allocation]\nlayout = 'packed'",
    "[engine]\nmemory-guard = 0\nsignals-based-traps = false\n[allocation]\nlayout = 'dense'",
    "calls = 'async'\n[engine]\nmemory-guard = '64 KiB'",
    "interrupt = 'none'\ncalls = 'async'",
];

#[test]
fn every_setting_works_for_an_agent_and_for_a_service() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = folder.path().join("sandbox.toml");
    let (service, workload) = foreign();
    let service = service.to_str().unwrap();
    let subject = [service, "--workload", workload.to_str().unwrap()];
    for settings in SETTINGS {
        std::fs::write(&sandbox, settings).unwrap();
        // Neither is judged beside other tests.
        compare(&sandbox, &["echo"]).code(in_iter([0, 4]));
        compare(&sandbox, &subject).code(in_iter([0, 4]));
    }
    // The reference agents are built with vector instructions, and the service is not.
    std::fs::write(&sandbox, "[engine]\nsimd = false").unwrap();
    compare(&sandbox, &["echo"]).code(3).stderr(contains("SIMD support is not enabled"));
    compare(&sandbox, &subject).code(in_iter([0, 4]));
}

#[test]
fn what_cannot_be_had_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = folder.path().join("sandbox.toml");
    for (settings, code, said) in [
        ("[engine]\nopt-level = 'fast'", 2, "speed-and-size"),
        ("[engine]\ncompiler = 'winch'", 2, "compiler"),
        ("interrupt = 'pages'", 2, "interrupt"),
        ("[engine]\nmemory-reservation = '1 MiB'", 3, "allocate on demand"),
        ("[engine]\nmemory-guard = '1 EiB'", 3, "at most 1 TiB"),
        ("[engine]\nmemory-guard = 0\n[allocation]\nlayout = 'packed'", 3, "leave it out"),
    ] {
        std::fs::write(&sandbox, settings).unwrap();
        compare(&sandbox, &["echo"]).stderr(contains(said)).code(in_iter([code, 2]));
    }
}

#[test]
fn guests_that_nothing_stops_are_told_of_and_not_validated() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = folder.path().join("sandbox.toml");
    std::fs::write(&sandbox, "interrupt = 'none'").unwrap();
    compare(&sandbox, &["echo"]).stdout(contains("no deadline was kept"));
    let mut validate = sandlab();
    validate.arg("validate").arg(bundle("echo").component()).arg("--sandbox").arg(&sandbox);
    validate.assert().code(2).stderr(contains("interrupt"));
}

/// Runs `tune` for a moment; returns its findings.
fn tuned(subject: &[&str], options: &[&str]) -> Vec<Value> {
    let mut tune = sandlab();
    tune.arg("tune").args(subject).args(options).args(["--time", "1s", "--format", "json"]);
    let done = tune.assert().code(in_iter([0, 4]));
    let report: Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    report["parts"][0]["findings"].as_array().unwrap().clone()
}

fn of<'a>(found: &'a [Value], kind: &str) -> Vec<&'a Value> {
    found.iter().filter(|found| found["finding"] == kind).collect()
}

#[test]
fn what_is_recommended_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("settings");
    let options = ["--for", "latency,spawn", "--trusted", "--settings", settings.to_str().unwrap()];
    let found = tuned(&["echo"], &options);
    let recommended = of(&found, "recommended");
    assert_eq!(recommended.len(), 2);
    for recommended in recommended {
        let goal = recommended["goal"].as_str().unwrap();
        let file = settings.join(format!("{goal}.toml"));
        compare(&file, &["echo"]).code(in_iter([0, 4]));
        let rust = std::fs::read_to_string(settings.join(format!("{goal}.rs"))).unwrap();
        assert!(rust.contains("wasmtime::Config::new()"), "{rust}");
        // Setters and the types of their values are checked where sandlab is compiled.
        let lines = recommended["rust"].as_str().unwrap().lines();
        for line in lines {
            assert!(rust.contains(line), "{line}");
            assert!(line.starts_with("//") || line.ends_with(';'), "{line}");
        }
    }
    // Every setting was swept, or it is said why not.
    let swept = of(&found, "swept");
    assert!(swept.len() >= 18, "{swept:#?}");
    let skipped = |name: &str| {
        let of_name = swept.iter().find(|swept| swept["setting"] == name).unwrap();
        of_name["skipped"].as_str().map(str::to_owned)
    };
    assert!(skipped("compiler winch").unwrap().contains("without Winch"));
    assert_eq!(skipped("opt-level none"), None);
    let effects = of(&found, "effect");
    let is_of = |setting: &str, measure: &str| {
        effects.iter().any(|it| it["setting"] == setting && it["measure"] == measure)
    };
    assert!(is_of("interrupt none", "message") && is_of("opt-level none", "code"));
    assert!(!is_of("default", "agents"), "agents were not asked for");
}

#[test]
fn a_service_is_tuned_and_so_is_what_a_sandbox_config_has() {
    let (service, workload) = foreign();
    let folder = tempfile::tempdir().unwrap();
    let sandbox = folder.path().join("sandbox.toml");
    std::fs::write(&sandbox, "[allocation]\nstrategy = 'on-demand'").unwrap();
    let subject = [service.to_str().unwrap(), "--workload", workload.to_str().unwrap()];
    let options =
        ["--for", "build-time", "--placebos", "1", "--sandbox", sandbox.to_str().unwrap()];
    let found = tuned(&subject, &options);
    let swept = of(&found, "swept");
    let on_demand = swept.iter().find(|swept| swept["setting"] == "on demand").unwrap();
    assert!(on_demand["skipped"].as_str().unwrap().contains("on demand"), "{on_demand}");
    let recommended = of(&found, "recommended")[0];
    let toml = recommended["toml"].as_str().unwrap();
    assert!(toml.contains("on-demand"), "{toml}");
    let settings = recommended["settings"].as_array().unwrap();
    assert!(settings.iter().all(|it| it != "placebo 1"), "{recommended}");
}

#[test]
fn bad_input_is_the_callers_mistake() {
    for (arguments, said) in [
        (vec!["echo", "--for", "speed"], "build-time"),
        (vec!["echo", "--time", "1ms"], "at least 1s"),
        (vec!["echo", "--threshold", "101"], "threshold"),
        (vec!["nobody"], "nobody"),
    ] {
        sandlab().arg("tune").args(arguments).assert().code(2).stderr(contains(said));
    }
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.wasm");
    std::fs::write(&broken, "no component").unwrap();
    let refused = sandlab().arg("tune").arg(&broken).assert();
    refused.code(in_iter([1, 2, 3]));
}

/// Measures how often settings that do nothing are recommended.
#[test]
#[ignore = "takes 20 minutes: `make bench-tune`"]
fn settings_that_do_nothing_are_not_recommended() {
    let (mut runs, mut false_ones) = (0, 0);
    for _ in 0..10 {
        let options = ["--for", "latency,throughput,spawn", "--placebos", "20", "--threshold", "0"];
        let found = tuned(&["echo"], &options);
        for recommended in of(&found, "recommended") {
            runs += 1;
            let settings = recommended["settings"].as_array().unwrap().iter();
            let placebos = settings.filter(|it| it.as_str().unwrap().starts_with("placebo"));
            false_ones += placebos.count();
        }
    }
    assert!(false_ones == 0, "{false_ones} in {runs} recommendations");
}

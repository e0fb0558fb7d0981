//! What agents take, as `sandlab footprint` says.

use assert_cmd::Command;
use serde_json::Value;

/// The finding of each part, by backend.
fn footprints(arguments: &str) -> Vec<(String, Value)> {
    let folder = tempfile::tempdir().unwrap();
    // Graded by nothing: how busy the machine is should not fail a test.
    let targets = folder.path().join("targets.toml");
    std::fs::write(&targets, "").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    command.arg("footprint").args(arguments.split_whitespace());
    command.args(["--duration", "100ms", "--format", "json", "--targets"]);
    command.arg(&targets).arg("--no-store");
    let output = command.assert().code(0).get_output().stdout.clone();
    let report: Value = serde_json::from_slice(&output).unwrap();
    let parts = report["parts"].as_array().unwrap().iter();
    let found = parts.map(|part| {
        let found = &part["findings"][0];
        assert_eq!(found["finding"], "footprint", "{part:#}");
        (part["part"]["backend"].as_str().unwrap().to_owned(), found.clone())
    });
    found.collect()
}

#[test]
fn each_backend_tells_what_its_agents_take() {
    let parts = footprints("echo --agents 20 --rate 1000");
    assert_eq!(parts.len(), 3);
    for (backend, found) in &parts {
        let resident = found["processed"]["resident"].as_f64().unwrap();
        assert!(found["start_ns"].as_f64().unwrap() > 0.0, "{backend}");
        assert!(found["message_ns"].as_f64().unwrap() > 0.0, "{backend}");
        assert!(found["saved"].is_null(), "echo has no state");
        match backend.as_str() {
            "wasm" => {
                assert_eq!(found["created"]["linear"], 17.0 * 65_536.0);
                let heap = found["created"]["heap"].as_f64().unwrap();
                assert!((1_000.0..100_000.0).contains(&heap), "{heap}");
            }
            // A child is a program of its own.
            "process" => assert!(resident > 100_000.0, "{resident}"),
            _ => {}
        }
    }
}

#[test]
fn an_agent_with_state_is_also_measured_once_it_is_saved() {
    let parts = footprints("notebook --agents 10 --rate 1000 --backends wasm");
    let (_, found) = &parts[0];
    assert!(found["saved"]["linear"].as_f64().unwrap() >= 17.0 * 65_536.0);
}

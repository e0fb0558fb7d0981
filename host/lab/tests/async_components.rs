//! Components of WASI 0.3, which need component-model async, on every command that measures.

mod common;

use assert_cmd::Command;
use common::foreign::{Lab, file};
use predicates::prelude::*;
use predicates::str::contains;
use std::path::Path;

const SUBJECTS: [&str; 3] = ["async-service", "async-command", "async-function"];

#[test]
fn async_subjects_go_through_every_command() {
    let lab = Lab::new();
    for subject in SUBJECTS {
        for command in [
            "compare FILE --rounds 2",
            "spawn FILE --rounds 5",
            "memory FILE --tune --soak 1s",
            "plan FILE --limit 30MB --agents 20 --verify",
            "throughput FILE --agents 3 --duration 100ms",
            "latency FILE --agents 3 --duration 300ms --ramp-up 0s --rate 50",
            "idle FILE --agents 3 --duration 100ms",
        ] {
            lab.measure(&format!("{command} --async-components"), subject);
        }
        let Some(mut validate) =
            lab.command("validate FILE --no-timing --async-components", subject)
        else {
            return;
        };
        validate.assert().code(0);
    }
}

#[test]
fn an_async_subject_is_refused_until_it_is_granted_and_told_how() {
    let lab = Lab::new();
    let inspect =
        |file: &Path| Command::new(env!("CARGO_BIN_EXE_sandlab")).arg("inspect").arg(file).assert();
    for (subject, kind) in SUBJECTS.iter().zip(["service", "command", "function"]) {
        let Some(mut compare) = lab.command("compare FILE --rounds 1", subject) else { return };
        compare.assert().code(2).stderr(contains("--async-components"));
        let file = file(&format!("{subject}.wasm")).unwrap();
        inspect(&file).code(0).stdout(contains(format!("as a {kind} with `--async-components`")));
        let mut validate = lab.command("validate FILE --no-timing", subject).unwrap();
        validate.assert().code(1).stdout(contains("--async-components"));
        let sandbox = lab.0.path().join("async.toml");
        std::fs::write(&sandbox, "[engine]\nasync-components = true\n").unwrap();
        let mut compare =
            lab.command("compare FILE --rounds 1 --sandbox async.toml", subject).unwrap();
        compare.args(["--targets", "targets.toml"]).assert().code(predicate::in_iter([0, 4]));
    }
}

#[test]
fn each_end_of_an_async_subject_has_its_name() {
    let lab = Lab::new();
    let workload = lab.0.path().join("ends.jsonl");
    std::fs::write(lab.0.path().join("short.toml"), "deadline = \"300ms\"\n").unwrap();
    for (subject, message, end) in [
        ("async-service", r#"{"http": {"path": "/stuck"}}"#, "no response within 300 ms"),
        ("async-service", r#"{"http": {"path": "/endless"}}"#, "endless body"),
        ("async-service", r#"{"http": {"path": "/refuse"}}"#, "internal-error (not today)"),
        ("async-service", r#"{"http": {"path": "/trap"}}"#, "panicked: asked to"),
        ("async-command", r#"{"args": ["flood"]}"#, "`budgets.output`"),
    ] {
        let Some(wasm) = file(&format!("{subject}.wasm")) else { return };
        std::fs::write(&workload, message).unwrap();
        let mut compare = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        compare.args(
            "compare --async-components --sandbox short.toml --no-store --rounds 1".split(' '),
        );
        compare.current_dir(lab.0.path()).arg(wasm).arg("--workload").arg(&workload);
        compare.assert().code(1).stderr(contains(end));
    }
}

//! Subjects that others made, and places to measure them in.

use assert_cmd::Command;
use predicates::prelude::*;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The file of a subject; `None`, said aloud, where nothing was fetched and this is not CI.
pub fn file(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/foreign");
    let file = folder.join(name);
    if file.is_file() {
        return Some(file.canonicalize().unwrap());
    }
    assert!(std::env::var_os("CI").is_none(), "{name} is missing: run `make foreign` first");
    println!("skipped: {name} is missing; `make foreign` fetches it");
    None
}

/// A place for runs, held against no targets: the machine may be busy with other tests.
pub struct Lab(pub TempDir);

impl Lab {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("targets.toml"), "").unwrap();
        Self(folder)
    }

    /// A command about a subject, with its workload.
    pub fn command(&self, arguments: &str, subject: &str) -> Option<Command> {
        let (wasm, workload) =
            (file(&format!("{subject}.wasm"))?, file(&format!("{subject}.jsonl"))?);
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        command.current_dir(self.0.path());
        for argument in arguments.split_whitespace() {
            match argument {
                "FILE" => command.arg(&wasm),
                other => command.arg(other),
            };
        }
        command.arg("--workload").arg(workload);
        Some(command)
    }

    /// Runs a command that measures; it finds nothing wrong, or says that it cannot judge.
    pub fn measure(&self, arguments: &str, subject: &str) {
        if let Some(mut command) = self.command(arguments, subject) {
            command.args(["--targets", "targets.toml"]);
            command.assert().code(predicate::in_iter([0, 4]));
        }
    }
}

/// Runs a command that measures, and returns its report.
pub fn json(command: &mut Command) -> Value {
    let done = command.args(["--format", "json"]).assert().code(predicate::in_iter([0, 1, 4]));
    serde_json::from_slice(&done.get_output().stdout).unwrap()
}

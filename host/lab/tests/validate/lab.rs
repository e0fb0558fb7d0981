//! The command with files of its own, and what its reports say.

use assert_cmd::Command;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The command, with its files in a folder of its own.
pub struct Lab(pub TempDir);

impl Lab {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub fn validate(&self, guest: &Path) -> Command {
        let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        sandlab.arg("validate").arg(guest).arg("--no-timing").env_remove("COLUMNS");
        sandlab
    }

    /// The only guest of the report, and with what the command ended.
    pub fn guest(&self, guest: &Path, arguments: &[&str]) -> (Value, i32) {
        let mut validate = self.validate(guest);
        let output = validate.args(["--format", "json"]).args(arguments).output();
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let report: Value = serde_json::from_slice(&output.stdout).expect(&said);
        assert_eq!(report["schema"], "sandlab.validation/1");
        let guests = report["guests"].as_array().unwrap();
        assert_eq!(guests.len(), 1);
        (guests[0].clone(), output.status.code().unwrap())
    }

    /// The codes that are found, each once, and with what the command ended.
    pub fn codes(&self, guest: &Path, arguments: &[&str]) -> (BTreeSet<String>, i32) {
        let (guest, code) = self.guest(guest, arguments);
        let codes = findings(&guest).map(|finding| finding["code"].as_str().unwrap().to_owned());
        (codes.collect(), code)
    }
}

pub fn checks(guest: &Value) -> impl Iterator<Item = &Value> {
    let stages = guest["stages"].as_array().unwrap().iter();
    stages.flat_map(|stage| stage["checks"].as_array().unwrap())
}

pub fn findings(guest: &Value) -> impl Iterator<Item = &Value> {
    checks(guest).flat_map(|check| check["findings"].as_array().unwrap())
}

pub fn status<'a>(guest: &'a Value, stage: &str) -> &'a str {
    let stages = guest["stages"].as_array().unwrap();
    let found = stages.iter().find(|found| found["stage"] == stage);
    found.unwrap()["status"].as_str().unwrap()
}

/// A report in text without its breaks between words.
pub fn unbroken(report: &str) -> String {
    report.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub fn set(codes: &[&str]) -> BTreeSet<String> {
    codes.iter().map(|code| (*code).to_owned()).collect()
}

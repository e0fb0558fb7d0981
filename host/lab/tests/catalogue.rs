//! The metrics that sandlab knows, as a person is told of them.

use assert_cmd::Command;
use std::collections::BTreeSet;
use std::path::Path;

fn says(arguments: &str) -> String {
    let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    let done = sandlab.args(arguments.split_whitespace()).assert().code(0);
    String::from_utf8(done.get_output().stdout.clone()).unwrap()
}

#[test]
fn the_documentation_lists_every_metric() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let document = std::fs::read_to_string(file).unwrap();
    let table = says("metrics --markdown");
    assert!(document.ends_with(&table), "`make docs` writes docs/metrics.md anew");
}

#[test]
fn every_key_is_one_quantity() {
    let listed = says("metrics");
    let keys: Vec<_> = listed.lines().skip(1).filter_map(|l| l.split_whitespace().next()).collect();
    let distinct: BTreeSet<_> = keys.iter().collect();
    assert!(keys.len() > 20, "{listed}");
    assert_eq!(keys.len(), distinct.len(), "{listed}");
}

#[test]
fn the_standard_targets_are_a_file_that_can_be_given() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("targets.toml");
    std::fs::write(&file, says("metrics --targets")).unwrap();
    let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    sandlab.args(["compare", "echo", "--backends", "native", "--rounds", "1", "--no-store"]);
    sandlab.arg("--targets").arg(&file).assert().code(0);
}

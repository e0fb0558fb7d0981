//! The metrics that sandlab knows, as a person is told of them.

use assert_cmd::Command;
use predicates::prelude::{PredicateBooleanExt, predicate};
use predicates::str::contains;
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
    let listed = says("metrics --wide");
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

#[test]
fn a_target_that_holds_for_nothing_is_told_and_a_name_that_there_is_not_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let compare = |text: &str| {
        let file = folder.path().join("targets.toml");
        let bounds = "target = \"9 ms\"\nacceptable = \"20 ms\"\ncritical = \"100 ms\"";
        std::fs::write(&file, text.replace("BOUNDS", bounds)).unwrap();
        let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        sandlab.args(["compare", "echo", "--backends", "native", "--rounds", "1", "--no-store"]);
        sandlab.env("COLUMNS", "1000").arg("--targets").arg(&file).assert()
    };
    for (text, name, known) in [
        ("backend = \"wsam\"", "`backend = \"wsam\"`", "wasm, native, process"),
        ("experiment = [\"latencyy\"]", "`experiment = \"latencyy\"`", "compare, "),
    ] {
        let text = format!("[[target]]\nmetric = \"latency-p99\"\n{text}\nBOUNDS\n");
        let refused = compare(&text).code(2);
        refused
            .stdout("")
            .stderr(contains("targets.toml").and(contains(name)).and(contains(known)));
    }
    let nobody = "[[target]]\nmetric = \"time-per-message\"\nbackend = \"native\"\nagent = \
                  \"nobody\"\nBOUNDS\n";
    let told = "note: the target of time-per-message (backend native, agent nobody) holds for no";
    compare(nobody).code(0).stdout(contains(told));
    let somebody = nobody.replace("nobody", "echo");
    compare(&somebody).code(predicate::in_iter([0, 4])).stdout(contains("holds for no").not());
    compare("").code(0).stdout(contains("for no result").not());
}

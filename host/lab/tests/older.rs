//! Stores and exports of the version before open, and report the same figures.

use assert_cmd::Command;
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn says(store: &Path, arguments: &str) -> String {
    let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    sandlab.args(arguments.split_whitespace()).env("SANDLAB_STORE", store);
    let done = sandlab.assert().code(0);
    String::from_utf8(done.get_output().stdout.clone()).unwrap()
}

/// A copy of the store of the version before: its run N is of the Nth experiment below.
fn store(folder: &Path) -> PathBuf {
    let copy = folder.join("results.db");
    std::fs::copy(fixture("store-v2.db"), &copy).unwrap();
    copy
}

/// For each run of the store: figures of one row that the version before printed as CSV.
const FIGURES: [(u32, &[&str]); 15] = [
    (1, &["333.2718", "329.2401", "341.4081", "4.3186", "4.2686", "4.3640"]),
    (2, &["324.7183", "219.4435", "204.4893", "252.6394"]),
    (3, &["1056211.5593", "60593.9212", "1627.5840", "429.9109"]),
    (4, &["2000", "54079", "61119", "69311", "250495", "1421311"]),
    (5, &["307776.6289", "0.9999", "493055"]),
    (6, &["1674367.4550", "597.2405", "609.9304"]),
    (7, &["4996", "40991", "54111", "59551", "414975"]),
    (8, &["1500", "48895", "55999", "70783", "318207"]),
    (9, &["300", "61407", "97919", "127359", "193151"]),
    (10, &["2002", "61183", "100095", "133631", "427775"]),
    (11, &["10000000", "1114112"]),
    (12, &["1835008", "2293760"]),
    (13, &["15554", "2226", "29583.6903", "8852.6452"]),
    (14, &["609279", "1049599", "1227775"]),
    (15, &["15564.8", "1114112", "12722.4"]),
];

/// Returns whether a row has with all of these numbers, each as exact as it was printed.
fn has_row(csv: &str, numbers: &[&str]) -> bool {
    csv.lines().skip(1).any(|line| {
        let fields: Vec<f64> = line.split(',').filter_map(|field| field.parse().ok()).collect();
        numbers.iter().all(|wanted| {
            let wanted: f64 = wanted.parse().unwrap();
            let is_same = |found: &f64| (found - wanted).abs() <= 1e-4 * wanted.abs().max(1.0);
            fields.iter().any(is_same)
        })
    })
}

#[test]
fn every_run_of_an_older_store_reports_the_figures_that_it_had() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    for (run, numbers) in FIGURES {
        let csv = says(&store, &format!("report {run} --format csv"));
        assert!(has_row(&csv, numbers), "run {run}: no row has {numbers:?}:\n{csv}");
    }
    assert!(says(&store, "baseline list").contains("old"));
}

#[test]
fn an_older_export_is_imported_as_what_its_store_has() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    for run in [1, 2, 4, 5, 9, 14, 15] {
        let file = fixture(&format!("run-v2-{run}.json"));
        says(&store, &format!("runs import {}", file.display()));
        assert_eq!(
            says(&store, "runs export last"),
            says(&store, &format!("runs export {run}")),
            "run {run}"
        );
    }
}

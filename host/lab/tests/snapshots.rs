//! What a person reads of every experiment: the reports of one stored run each.
//!
//! After a change on purpose: `INSTA_UPDATE=always cargo test --release --test snapshots`, and
//! read the difference.

use assert_cmd::Command;
use std::path::{Path, PathBuf};

/// The runs of the store, by the experiment that measured them.
const RUNS: [&str; 15] = [
    "compare",
    "ladder",
    "throughput",
    "latency",
    "max-rate",
    "scale",
    "recovery",
    "burst",
    "peak",
    "sustained",
    "memory",
    "tuning",
    "plan",
    "spawn",
    "footprint",
];

fn report(store: &Path, run: usize, format: &str) -> String {
    let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    sandlab.args(["report", &run.to_string(), "--format", format]).env("SANDLAB_STORE", store);
    let done = sandlab.assert().code(0);
    let text = String::from_utf8(done.get_output().stdout.clone()).unwrap();
    // A picture is looked at, and not read.
    let mut shown = String::new();
    for (number, piece) in text.split("<svg").enumerate() {
        match piece.split_once("</svg>") {
            Some((_, after)) if number > 0 => shown += &format!("<svg/>{after}"),
            _ => shown += piece,
        }
    }
    let (start, style) = shown.split_once("<style>").unwrap_or((&shown, ""));
    match style.split_once("</style>") {
        Some((_, after)) => format!("{start}{after}"),
        None => shown,
    }
}

fn store(folder: &Path) -> PathBuf {
    let copy = folder.join("results.db");
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/store-v2.db");
    std::fs::copy(fixture, &copy).unwrap();
    copy
}

#[test]
fn every_report_reads_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    for (index, name) in RUNS.into_iter().enumerate() {
        for format in ["text", "markdown", "csv", "html"] {
            insta::assert_snapshot!(format!("{name}-{format}"), report(&store, index + 1, format));
        }
    }
}

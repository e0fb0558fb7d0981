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

fn printed(store: &Path, arguments: &[&str], columns: Option<usize>) -> String {
    let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    sandlab.args(arguments).env("SANDLAB_STORE", store).env_remove("COLUMNS");
    sandlab.envs(columns.map(|columns| ("COLUMNS", columns.to_string())));
    let done = sandlab.assert().code(0);
    String::from_utf8(done.get_output().stdout.clone()).unwrap()
}

fn report(store: &Path, run: usize, format: &str) -> String {
    let text = printed(store, &["report", &run.to_string(), "--format", format], None);
    // A picture is looked at, and not read.
    let mut shown = String::new();
    for (number, piece) in text.split("<svg").enumerate() {
        match piece.split_once("</svg>") {
            Some((_, after)) if number > 0 => shown += &format!("<svg/>{after}"),
            _ => shown += piece,
        }
    }
    let (start, style) = shown.split_once("<style>").unwrap_or((&shown, ""));
    let shown = match style.split_once("</style>") {
        Some((_, after)) => format!("{start}{after}"),
        None => shown,
    };
    match (shown.split_once("<script>"), shown.split_once("</script>")) {
        (Some((before, _)), Some((_, after))) => format!("{before}{after}"),
        _ => shown,
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

/// Lines to paste stay as they are.
fn is_to_paste(line: &str) -> bool {
    line.starts_with("# ") || line.contains(" = ")
}

#[test]
fn no_line_is_wider_than_the_terminal_and_the_last_ten_say_what_was_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    for (run, name) in (1..).zip(RUNS) {
        let run = run.to_string();
        for (columns, widest) in [(None, 100), (Some(80), 80), (Some(240), 100)] {
            let text = printed(&store, &["report", &run], columns);
            let quiet = printed(&store, &["report", &run, "--quiet"], columns);
            for line in text.lines().filter(|line| !is_to_paste(line)) {
                assert!(line.chars().count() <= widest, "{name}: {line}");
            }
            assert!(text.ends_with(&quiet), "{name}: {text}");
            let lines: Vec<&str> = quiet.lines().collect();
            assert!((2..=10).contains(&lines.len()), "{name}: {quiet}");
            assert!(lines[0].contains(&format!(", run {run}")), "{name}: {quiet}");
        }
    }
}

#[test]
fn every_look_of_a_comparison_reads_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let looks: [(&str, &[&str], Option<usize>); 5] = [
        ("narrow", &[], Some(60)),
        ("wide", &["--wide"], None),
        ("by-cost", &["--sort", "cost"], None),
        ("quiet", &["--quiet"], None),
        ("verbose", &["--verbose"], None),
    ];
    for (name, options, columns) in looks {
        let arguments = [&["report", "1"], options].concat();
        insta::assert_snapshot!(format!("look-{name}"), printed(&store, &arguments, columns));
    }
}

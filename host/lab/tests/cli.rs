//! The command, as a person uses it.

mod common;

use assert_cmd::Command;
use common::children::{all_end, children_of, send};
use predicates::prelude::{PredicateBooleanExt, predicate};
use predicates::str::contains;
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::time::Duration;

/// The command. What it measures here is kept nowhere.
fn sandlab() -> Command {
    let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    sandlab.env("SANDLAB_NO_STORE", "true");
    sandlab
}

#[test]
fn an_unknown_agent_is_the_callers_mistake_and_the_known_ones_are_named() {
    let failed = sandlab().args(["compare", "ecko"]).assert().code(2);
    failed.stderr(contains("no agent \"ecko\"").and(contains("echo, ")));
}

#[test]
fn a_missing_file_a_bad_file_and_an_unwritable_output_each_have_one_clear_error() {
    sandlab().args(["compare", "none.wasm"]).assert().code(2).stderr(contains("cannot open"));
    for arguments in [
        &["compare", "echo", "--workload"][..],
        &["compare", "echo", "--targets"],
        &["compare", "echo", "--sandbox"],
        &["validate", "echo", "--cases"],
        &["validate", "echo", "--policy"],
        &["validate", "echo", "--baseline"],
        &["gate", "--old", "echo", "--new", "echo", "--policy"],
        &["runs", "import"],
    ] {
        let failed = sandlab().args(arguments).arg("none.file").assert().code(2);
        failed.stdout("").stderr(contains("none.file"));
    }
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.wasm");
    std::fs::write(&bad, "no component").unwrap();
    let failed = sandlab().arg("compare").arg(&bad).assert().code(3);
    failed.stderr(contains("not a component"));
    let output = folder.path().join("missing/report.json");
    let failed = sandlab().args(["compare", "echo", "--output"]).arg(&output).assert().code(2);
    // It is no matter of the user's by which name it would have been written first.
    failed.stderr(contains("cannot write").and(contains("at path").not()));
    assert!(!output.exists());
}

#[test]
fn what_is_neither_there_nor_a_name_is_told_as_what_it_is() {
    let empty = tempfile::tempdir().unwrap();
    for command in ["compare", "validate"] {
        for (what, code, told) in
            [("-", 2, "standard input (-) is not read"), ("nosuch/", 2, "no such folder")]
        {
            let mut sandlab = sandlab();
            let failed = sandlab.args([command, what]).current_dir(empty.path()).assert();
            failed.code(code).stderr(contains(told).and(contains("Cargo.toml").not()));
        }
    }
    let long = "a".repeat(300);
    let mut new = sandlab();
    let refused = new.args(["new", &long]).current_dir(empty.path()).assert().code(2);
    refused.stderr(contains("at most 64"));
}

#[test]
fn an_error_is_broken_between_words_where_a_person_reads_it() {
    let long = "x".repeat(120);
    let said = |columns: Option<&str>| {
        let mut sandlab = sandlab();
        sandlab.args(["compare", &format!("no agent {long} {}", "of this name ".repeat(12))]);
        sandlab.env_remove("COLUMNS").envs(columns.map(|columns| ("COLUMNS", columns)));
        let failed = sandlab.assert().code(2);
        String::from_utf8(failed.get_output().stderr.clone()).unwrap()
    };
    let whole = said(None);
    assert!(whole.starts_with("error: ") && whole.lines().count() == 1, "{whole}");
    for (columns, width) in [("60", 60), ("300", 100)] {
        let broken = said(Some(columns));
        assert!(broken.lines().count() > 2, "{broken}");
        let fits = |line: &str| line.len() <= width || line.trim() == long;
        assert!(broken.lines().all(fits), "{broken}");
        assert!(broken.lines().skip(1).all(|line| line.starts_with("  ")), "{broken}");
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(words(&broken), words(&whole));
    }
    let invalid = sandlab().args(["validate", "Cargo.toml", "--no-timing"]).assert().code(1);
    invalid.stderr(contains("error: 1 error and 0 warnings"));
}

#[test]
fn a_missing_twin_and_a_damaged_component_are_found_before_anything_runs() {
    let whole = common::bundle("echo").folder;
    for file in ["twin.so", "agent.wasm"] {
        let folder = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(&whole).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
        std::fs::remove_file(folder.path().join(file)).unwrap();
        let failed = sandlab().arg("compare").arg(folder.path()).assert().code(3);
        failed.stderr(contains(file));
    }
}

#[test]
fn a_misspelt_option_and_a_bad_workload_are_the_callers_mistakes() {
    sandlab().args(["compare", "--bakends", "wasm"]).assert().code(2);
    sandlab().args(["compare", "--backends", "gpu"]).assert().code(2).stderr(contains("gpu"));
    let folder = tempfile::tempdir().unwrap();
    let workload = folder.path().join("workload.jsonl");
    std::fs::write(&workload, "{\"reqest\": \"a\"}").unwrap();
    let failed = sandlab().args(["compare", "echo", "--workload"]).arg(&workload).assert().code(2);
    failed.stderr(contains("line 1").and(contains("reqest")));
}

#[test]
fn an_option_that_would_be_ignored_is_the_callers_mistake() {
    for ignored in [
        "latency --p99 5ms",
        "latency --step 1s",
        "latency --max-rate --duration 1h",
        "memory echo --headroom 50",
        "memory echo --soak 1s",
        "gate --baseline main --no-timing",
        "gate --baseline main --pairs 9",
        "gate --baseline main --like echo",
        "gate --old echo --new echo --run 5",
        "gate --old echo --new echo --timeout 5s",
        "gate --old-bin sh --new-bin sh --like echo",
    ] {
        let refused = sandlab().args(ignored.split_whitespace()).assert().code(2);
        refused.stderr(contains("--"));
    }
}

#[test]
fn what_is_of_guests_alone_does_not_go_with_programs_or_stored_runs() {
    for ignored in [
        "gate --old-bin sh --new-bin sh --as command",
        "gate --old-bin sh --new-bin sh --reuse 5",
        "gate --old-bin sh --new-bin sh --native sh",
        "gate --old-bin sh --new-bin sh --sandbox none.toml",
        "gate --old-bin sh --new-bin sh --async-components",
        "gate --baseline main --as command",
        "gate --baseline main --reuse 5",
        "gate --baseline main --native sh",
        "gate --baseline main --sandbox none.toml",
        "gate --baseline main --async-components",
        "gate --baseline main -- sample",
        "load sustained --resume last --async-components",
    ] {
        let refused = sandlab().args(ignored.split_whitespace()).assert().code(2);
        refused.stderr(contains("cannot be used with"));
    }
}

#[test]
fn a_wrong_reply_is_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    let workload = folder.path().join("workload.jsonl");
    std::fs::write(&workload, "{\"request\": \"a\", \"reply\": \"b\"}").unwrap();
    let failed = sandlab().args(["compare", "echo", "--workload"]).arg(&workload).assert().code(1);
    failed.stderr(contains("differ from byte 0"));
}

#[test]
fn a_report_in_json_has_every_sample_of_every_backend() {
    let args = ["compare", "echo", "--rounds", "7", "--format", "json"];
    let output = sandlab().args(args).assert().code(0).get_output().stdout.clone();
    let run: serde_json::Value = serde_json::from_slice(&output).unwrap();
    assert_eq!(run["schema"], "sandlab.run/3");
    assert_eq!(run["end"]["complete"], true);
    let built = &run["begin"]["agents"][0]["built"];
    assert!(built["rustc"].as_str().unwrap().starts_with("rustc "));
    let parts = run["parts"].as_array().unwrap();
    assert_eq!(parts.len(), 3);
    for part in parts {
        let sides = part["rounds"]["sides"].as_array().unwrap();
        assert_eq!(sides.len(), 3);
        // Rounds that the machine disturbed are kept, left out, and repeated as often as there
        // are rounds to do.
        let left_out = part["rounds"]["left_out"].as_array().unwrap().len();
        for side in sides {
            let samples = side["ns"].as_array().unwrap();
            assert!(samples.len() >= 7, "{}", samples.len());
            assert!(samples.len() - left_out <= 7, "{} - {left_out}", samples.len());
            assert!(samples.iter().all(|ns| ns.as_f64().unwrap() > 0.0));
        }
    }
}

#[test]
fn a_bare_component_runs_alone_and_the_report_says_so() {
    let component = common::bundle("echo").component();
    let done = sandlab().arg("compare").arg(component).args(["--rounds", "6"]).assert().code(0);
    done.stdout(contains("without a twin").and(contains("wasm")));
}

#[test]
fn a_new_agent_builds_and_compares_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let mut new = sandlab();
    new.current_dir(folder.path()).args(["new", "fresh"]).assert().code(0);
    let mut compare = sandlab();
    compare.current_dir(folder.path()).args(["compare", "./fresh", "--rounds", "6"]);
    compare.assert().code(0).stdout(contains("fresh").and(contains("native")));
    // Its own workload goes through the message path too.
    std::fs::write(folder.path().join("targets.toml"), "").unwrap();
    let mut latency = sandlab();
    latency.current_dir(folder.path()).args(["latency", "./fresh", "--rate", "100"]);
    latency.args(["--duration", "200ms", "--targets", "targets.toml"]);
    let done = latency.assert().code(predicate::in_iter([0, 4]));
    done.stdout(contains("messages of workload.jsonl@"));
    let mut again = sandlab();
    again.current_dir(folder.path()).args(["new", "fresh"]);
    again.assert().code(2).stderr(contains("exists; choose another name"));
}

#[test]
fn a_twin_that_no_child_can_be_told_of_is_an_error_and_no_hang() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join(std::ffi::OsStr::from_bytes(b"odd-\xff"));
    std::fs::create_dir(&odd).unwrap();
    for entry in std::fs::read_dir(common::bundle("echo").folder).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, odd.join(path.file_name().unwrap())).unwrap();
    }
    let mut compare = sandlab();
    compare.arg("compare").arg(&odd).args(["--backends", "process"]);
    compare.timeout(Duration::from_secs(30)).assert().code(2);
}

/// A comparison that would take for ever, after so many of its children were seen.
fn endless_comparison(output: &std::path::Path) -> (std::process::Child, BTreeSet<u32>) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sandlab"));
    command.args(["compare", "echo", "--rounds", "1000000", "--format", "json", "--no-store"]);
    let mut child = command.arg("--output").arg(output).spawn().unwrap();
    let mut seen = BTreeSet::new();
    // Every round starts a child: after a few of them, something was measured.
    while seen.len() < 6 {
        assert_eq!(child.try_wait().unwrap(), None, "it is endless");
        seen.extend(children_of(child.id()));
        std::thread::sleep(Duration::from_millis(1));
    }
    (child, seen)
}

#[test]
fn an_interrupt_leaves_what_was_measured_and_no_child() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let (mut sandlab, children) = endless_comparison(&report);
    send(&sandlab, Signal::INT);
    assert_eq!(sandlab.wait().unwrap().code(), Some(3));
    let run: serde_json::Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    assert_eq!(run["end"]["complete"], false);
    let measured = run["parts"][0]["rounds"]["sides"][0]["ns"].as_array().unwrap();
    assert!(!measured.is_empty());
    all_end(&children);
}

#[test]
fn children_do_not_outlive_a_parent_that_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let (mut sandlab, mut children) = endless_comparison(&report);
    children.extend(children_of(sandlab.id()));
    send(&sandlab, Signal::KILL);
    sandlab.wait().unwrap();
    all_end(&children);
    assert!(!report.exists());
}

#[test]
fn the_ladder_has_every_rung_and_its_residual() {
    let args = ["compare", "echo", "--attribute", "--rounds", "6"];
    let done = sandlab().args(args).assert().code(0);
    let rungs = [
        "native call",
        "component call",
        "+ limiter",
        "+ epochs",
        "+ WASI",
        "sandlab-runtime",
        "if fuel is on",
        "if calls are async",
    ];
    let text = String::from_utf8(done.get_output().stdout.clone()).unwrap();
    for size in ["16 B", "1 KiB", "64 KiB"] {
        for rung in rungs {
            let row = |line: &&str| line.contains(size) && line.contains(rung);
            assert!(text.lines().any(|line| row(&line)), "{size}, {rung}: {text}");
        }
        assert!(text.contains(&format!("residual of echo at {size}")), "{text}");
    }
    assert!(!text.contains('\u{1b}'), "colours where no terminal is");
}

#[test]
fn a_ladder_of_an_agent_that_needs_wasi_says_so() {
    let args = ["compare", "wordcount", "--attribute", "--rounds", "1"];
    let done = sandlab().args(args).assert().code(0);
    done.stdout(contains("wordcount calls WASI").and(contains("+ WASI").not()));
}

#[test]
fn one_failing_agent_does_not_take_the_others_results_along() {
    let folder = tempfile::tempdir().unwrap();
    let workload = folder.path().join("workload.jsonl");
    std::fs::write(&workload, "{\"request\": \"ok\", \"reply\": \"\"}").unwrap();
    let args = ["echo", "faulty", "--backends", "wasm", "--rounds", "6", "--format", "csv"];
    let mut compare = sandlab();
    compare.arg("compare").args(args).arg("--workload").arg(&workload);
    let failed = compare.assert().code(1);
    failed
        .stdout(contains("faulty,").and(contains("echo,").not()))
        .stderr(contains("echo on wasm"));
}

#[test]
fn a_load_is_measured_on_every_backend_and_an_agent_that_answers_otherwise_is_a_finding() {
    let runs = tempfile::tempdir().unwrap();
    let nothing = runs.path().join("targets.toml");
    std::fs::write(&nothing, "").unwrap();
    let throughput = || {
        let mut throughput = sandlab();
        throughput.arg("throughput");
        // Held against nothing: the machine may be busy with other tests.
        throughput.arg("--targets").arg(&nothing);
        throughput
    };
    let args = ["--agents", "3", "--duration", "100ms", "--mode", "ask,tell"];
    let done = throughput().args(args).args(["--format", "json"]).assert().code(0);
    let page: serde_json::Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    let parts = page["parts"].as_array().unwrap();
    assert_eq!(parts.len(), 6);
    for part in parts {
        let intervals = part["findings"].as_array().unwrap().iter();
        let counted = intervals.filter(|found| found["finding"] == "closed");
        let messages = counted.map(|found| found["messages"].as_u64().unwrap());
        assert!(messages.sum::<u64>() > 0, "{part}");
    }
    for clients in ["shards", "local"] {
        // More than there are shards, and than there are agents.
        let on_shards = ["--clients", clients, "--connections", "5", "--agents", "3"];
        let on_shards = throughput()
            .args(on_shards)
            .args(["--backends", "native", "--duration", "100ms"])
            .assert();
        on_shards.code(0).stdout(contains(clients));
    }
    // Its own messages are sent, and each reply is checked; one that is stated wrongly is not.
    let hash = ["hash", "--backends", "native", "--duration", "100ms"];
    throughput().args(hash).assert().code(0);
    let wrong = runs.path().join("wrong.jsonl");
    std::fs::write(&wrong, r#"{"request": "abc", "reply": "cba"}"#).unwrap();
    let wrong = throughput().args(hash).arg("--workload").arg(&wrong).assert();
    wrong.code(1).stderr(contains("line 1 of the workload: expected \"cba\", got "));
    let strategies = ["--strategy", "by-value,batch,zero-copy"];
    let strategies = throughput()
        .args(strategies)
        .args(["--batch-size", "4,8", "--batch-timeout", "1ms"])
        .args(["--backends", "wasm,process", "--mode", "ask,tell"])
        .args(["--duration", "50ms", "--format", "json"])
        .assert()
        .code(0);
    let page: serde_json::Value = serde_json::from_slice(&strategies.get_output().stdout).unwrap();
    let parts = page["parts"].as_array().unwrap();
    assert_eq!(parts.len(), 16, "{parts:?}");
    let agents = parts.iter().map(|part| &part["part"]["agent"]);
    assert!(agents.clone().all(|agent| agent == "relay"), "{parts:?}");
    let unavailable = |part: &&serde_json::Value| part["findings"][0]["finding"] == "unavailable";
    // Zero-copy in a child process, asked and told.
    assert_eq!(parts.iter().filter(unavailable).count(), 2);
    let hash = ["hash", "--strategy", "batch", "--backends", "wasm"];
    let hash = throughput().args(hash).assert().code(0);
    hash.stdout(contains("sandlab:agent/batch"));
    let tasks = ["--mode", "task", "--tasks", "50"];
    let tasks = throughput().args(tasks).args(["--duration", "50ms"]).assert();
    tasks.code(0).stdout(contains("task").and(contains(" 50 ")));
    throughput().args(["--duration", "0s"]).assert().code(2);
}

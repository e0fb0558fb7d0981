//! Where runs are kept: what survives, what comes back, and what is refused.

use assert_cmd::Command;
use jsonschema::Validator;
use predicates::prelude::PredicateBooleanExt;
use predicates::prelude::predicate::in_iter;
use predicates::str::contains;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;

struct Lab(TempDir);

impl Lab {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn store(&self) -> PathBuf {
        self.0.path().join("results.db")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn sandlab(&self, arguments: &str) -> Command {
        let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        sandlab.args(arguments.split_whitespace());
        sandlab.env("SANDLAB_STORE", self.store());
        sandlab
    }

    /// What a command that does what it should prints.
    fn says(&self, arguments: &str) -> String {
        // What is timed beside other processes is not judged.
        let done = self.sandlab(arguments).assert().code(in_iter([0, 4]));
        String::from_utf8(done.get_output().stdout.clone()).unwrap()
    }

    fn export(&self, run: &str) -> Value {
        serde_json::from_str(&self.says(&format!("runs export {run}"))).unwrap()
    }

    /// A run with samples, as quick as there is one.
    fn compare(&self) -> String {
        self.says("compare echo --backends native --rounds 6")
    }

    /// A run with everything that a store can have, from several commands' documents.
    fn rich(&self) -> Value {
        self.says("compare echo --backends wasm,native --rounds 6");
        self.says("compare echo --attribute --rounds 6");
        let mut all = self.export("1");
        let targets = self.file("targets.toml");
        std::fs::write(&targets, "").unwrap();
        let targets = targets.display();
        let load = "--backends wasm,native --rate 2000 --duration 200ms --ramp-up 50ms";
        self.says(&format!("latency {load} --targets {targets}"));
        self.says("memory allocator --limits 2MiB --backends wasm");
        let runs = ["1", "2", "3", "4"].map(|run| self.export(run));
        let parts = runs.iter().flat_map(|run| run["parts"].as_array().unwrap());
        all["parts"] = parts.cloned().collect();
        all["notes"] = Value::from(vec!["a \"note\",\nof two lines"]);
        all
    }
}

fn stderr_of(mut failed: Command, code: i32) -> String {
    let done = failed.assert().code(code);
    String::from_utf8(done.get_output().stderr.clone()).unwrap()
}

#[test]
fn a_run_comes_back_exactly_and_follows_the_schema() {
    let lab = Lab::new();
    let all = lab.rich();
    let schema: Value = serde_json::from_str(&lab.says("runs schema")).unwrap();
    let schema: Validator = jsonschema::validator_for(&schema).unwrap();
    let problems: Vec<_> = schema.iter_errors(&all).map(|e| e.to_string()).collect();
    assert!(problems.is_empty(), "{problems:#?}");
    let mut wrong = all.clone();
    wrong["begin"]["environment"]["cores"] = "two".into();
    assert!(!schema.is_valid(&wrong));

    let json = lab.file("run.json");
    std::fs::write(&json, all.to_string()).unwrap();
    lab.says(&format!("runs import {}", json.display()));
    let first = lab.says("runs export last");
    assert_eq!(serde_json::from_str::<Value>(&first).unwrap(), all);
    // What is derived from a run for its readers is derived anew.
    lab.says(&format!("report last --format json --output {}", json.display()));
    let report: Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    assert!(report["derived"]["metrics"].as_array().unwrap().len() > 4);
    assert!(schema.is_valid(&report));
    lab.says(&format!("runs import {}", json.display()));
    assert_eq!(lab.says("runs export 6"), first);
    // And it is reported like the one that was measured.
    assert_eq!(lab.says("report 5 --format csv"), lab.says("report 6 --format csv"));
}

#[test]
fn what_is_no_exported_run_is_refused_and_nothing_is_imported() {
    let lab = Lab::new();
    lab.compare();
    let good = lab.file("good.json");
    lab.says(&format!("runs export --output {}", good.display()));
    let mut uneven = lab.export("1");
    uneven["parts"][0]["rounds"]["sides"][0]["ns"].as_array_mut().unwrap().pop();
    uneven["parts"][0]["rounds"]["sides"]
        .as_array_mut()
        .unwrap()
        .push(serde_json::json!({"side": "other", "ns": [1.0, 2.0]}));
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut run = lab.export("1");
        change(&mut run);
        run.to_string()
    };
    let other = changed(&|run| run["schema"] = "sandlab.run/99".into());
    let yesterday = changed(&|run| run["begin"]["started"] = "yesterday".into());
    let nobody = changed(&|run| run["parts"][0]["part"]["agents"] = 0.into());
    let crowd = changed(&|run| run["parts"][0]["part"]["agents"] = u64::MAX.into());
    let unknown = changed(&|run| run["parts"][0]["part"]["experiment"] = "latencyy".into());
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/run-v2-4.json");
    let mut endless: Value = serde_json::from_slice(&std::fs::read(fixture).unwrap()).unwrap();
    endless["parts"][0]["intervals"][1]["due"] = u64::MAX.into();
    for (content, told) in [
        (yesterday, "`begin.started` is \"yesterday\""),
        (nobody, "`parts[0].part.agents` is 0"),
        (crowd, "`parts[0].part.agents` is 18446744073709551615"),
        (unknown, "`parts[0].part.experiment` is \"latencyy\""),
        (endless.to_string(), "`parts[0].windows[1].due` is 18446744073709551615"),
        (uneven.to_string(), "rounds"),
        (other, "sandlab.run/99"),
        ("{\"schema\": \"sandlab.run/3\"}".to_owned(), "missing field"),
        ("{".to_owned(), "no exported run"),
        ("a,b\n1,2\n".to_owned(), "no exported run"),
        ("{\"schema\": \"sandlab.run/2\"}".to_owned(), "missing field"),
    ] {
        let bad = lab.file("bad");
        std::fs::write(&bad, content).unwrap();
        let import = format!("runs import {} {}", good.display(), bad.display());
        let told_of = stderr_of(lab.sandlab(&import), 2);
        assert!(told_of.contains(told) && told_of.contains("/bad"), "{told_of}");
    }
    assert!(!lab.says("runs list").contains("\n   2"));
    assert_eq!(lab.says("runs").lines().count(), 2);
}

#[test]
fn the_names_of_an_imported_run_give_no_orders() {
    let lab = Lab::new();
    lab.compare();
    let mut run = lab.export("1");
    let forged = "x\n::error::forged\u{1b}[2J";
    run["begin"]["command"] = forged.into();
    run["begin"]["agents"][0]["agent"] = forged.into();
    for part in run["parts"].as_array_mut().unwrap() {
        part["part"]["agent"] = forged.into();
    }
    run["notes"] = Value::from(vec!["a note\n::error::forged"]);
    let file = lab.file("run\n::error::forged.json");
    std::fs::write(&file, run.to_string()).unwrap();
    let mut import = lab.sandlab("runs import");
    let imported = import.arg(&file).assert().code(0).get_output().stdout.clone();
    let mut printed = vec![String::from_utf8(imported).unwrap()];
    for arguments in [
        "report 2",
        "report 2 --verbose",
        "report 2 --wide",
        "report 2 --format markdown",
        "report 2 --format csv",
        "runs list",
        "runs show 2",
    ] {
        printed.push(lab.says(arguments));
    }
    for text in printed {
        assert!(text.contains("\\n::error::forged"), "{text}");
        let is_order = |line: &str| line.trim_start().starts_with("::");
        assert!(!text.lines().any(is_order) && !text.contains('\u{1b}'), "{text}");
    }
    // What was imported is exported as it was.
    assert_eq!(lab.export("2"), run);
}

#[test]
fn a_run_that_is_killed_loses_at_most_what_it_was_measuring() {
    let lab = Lab::new();
    let start = |arguments: &str| {
        std::process::Command::new(env!("CARGO_BIN_EXE_sandlab"))
            .args(arguments.split(' '))
            .arg("--store")
            .arg(lab.store())
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut load = start("load peak --agents 10 --rate 1000 --duration 6s --ramp-up 0s");
    let mut compare = start("compare echo --backends native --rounds 1000000");
    let count = |run: &Value| {
        let part = &run["parts"][0];
        let windows = part["windows"].as_array().map_or(0, Vec::len);
        let rounds = part["rounds"]["sides"][0]["ns"].as_array();
        (windows, rounds.map_or(0, Vec::len))
    };
    let all = || -> Vec<(usize, usize)> {
        let mut runs = lab.sandlab("runs");
        let listed = runs.output().unwrap();
        let lines = String::from_utf8_lossy(&listed.stdout).lines().count();
        (1..lines).map(|run| count(&lab.export(&run.to_string()))).collect()
    };
    let until = Instant::now() + Duration::from_secs(60);
    let enough = |runs: &[(usize, usize)]| {
        runs.iter().any(|run| run.0 >= 2) && runs.iter().any(|run| run.1 >= 2)
    };
    let mut seen = all();
    while !enough(&seen) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(50));
        seen = all();
    }
    for process in [&mut load, &mut compare] {
        process.kill().unwrap();
        process.wait().unwrap();
    }
    // Whatever was there before is there now, and the file can be written.
    let after = all();
    assert!(enough(&after), "{after:?}");
    for (before, after) in seen.iter().zip(&after) {
        assert!(after.0 >= before.0 && after.1 >= before.1, "{seen:?} {after:?}");
    }
    for run in ["1", "2"] {
        lab.sandlab(&format!("report {run}"))
            .assert()
            .code(in_iter([0, 4]))
            .stdout(contains("not complete"));
        lab.sandlab(&format!("runs show {run}")).assert().code(0).stdout(contains("killed"));
    }
    lab.compare();
    assert!(lab.says("runs").contains("complete"));
}

#[test]
fn processes_write_at_the_same_time() {
    let lab = Lab::new();
    let start = || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sandlab"));
        command.args(["compare", "echo", "--backends", "native", "--rounds", "20"]);
        command.env("SANDLAB_STORE", lab.store()).stdout(Stdio::null());
        command.spawn().unwrap()
    };
    // All of them find no file, and make it.
    let processes: Vec<_> = (0..4).map(|_| start()).collect();
    for mut process in processes {
        assert!(process.wait().unwrap().success());
    }
    for run in 1..=4 {
        let run = lab.export(&run.to_string());
        assert_eq!(run["end"]["complete"], true);
        for part in run["parts"].as_array().unwrap() {
            let side = &part["rounds"]["sides"][0];
            // Rounds that the machine disturbed are repeated.
            assert!(side["ns"].as_array().unwrap().len() >= 20);
        }
    }
}

#[test]
fn a_baseline_is_named_listed_and_not_deleted_by_accident() {
    let lab = Lab::new();
    lab.compare();
    lab.compare();
    lab.says("baseline save main 1");
    let listed = lab.says("baseline list");
    assert!(listed.contains("main") && listed.lines().count() == 2, "{listed}");
    let refused = stderr_of(lab.sandlab("runs delete 1"), 2);
    assert!(
        refused.contains("baseline main") && refused.contains("baseline delete main"),
        "{refused}"
    );
    // The name goes over to another run, and then the first one can go.
    lab.says("baseline save main last");
    lab.says("runs delete 1");
    assert!(lab.says("report main").contains("echo"));
    for wrong in ["7", "last", "two words", ""] {
        let mut save = lab.sandlab("baseline save");
        save.args([wrong, "last"]).assert().code(2).stderr(contains("cannot name"));
    }
    lab.sandlab("baseline delete main").assert().code(0);
    lab.sandlab("report main").assert().code(2).stderr(contains("no run \"main\""));
    lab.sandlab("baseline delete main").assert().code(2).stderr(contains("no baseline"));
    lab.sandlab("runs delete 2").assert().code(0);
    lab.sandlab("report").assert().code(2).stderr(contains("no run \"last\""));
}

#[test]
fn nothing_is_kept_if_it_should_not_be() {
    let lab = Lab::new();
    let mut once = lab.sandlab("compare echo --backends native --rounds 6 --no-store");
    once.assert().code(0).stdout(contains("echo"));
    assert!(!lab.store().exists());
    lab.sandlab("runs").assert().code(2).stderr(contains("no results in"));
}

#[test]
fn a_file_that_is_no_store_of_this_version_is_told_and_left_alone() {
    let lab = Lab::new();
    lab.compare();
    let whole = std::fs::read(lab.store()).unwrap();
    let text = b"these are no results, but somebody's notes".repeat(100);
    let mut future = whole.clone();
    // `user_version`, in the header of every SQLite file.
    future[60..64].copy_from_slice(&99_u32.to_be_bytes());
    let mut foreign = whole.clone();
    // `application_id`.
    foreign[68..72].copy_from_slice(&7_u32.to_be_bytes());
    for (content, told) in [
        (whole[..whole.len() / 2].to_vec(), "damaged"),
        (whole[..5_000].to_vec(), "damaged"),
        (text, "no SQLite database"),
        (future, "a newer sandlab wrote it (version 99"),
        (foreign, "another program"),
    ] {
        std::fs::write(lab.store(), &content).unwrap();
        for command in ["report", "runs", "compare echo --backends native --rounds 6"] {
            let error = stderr_of(lab.sandlab(command), 3);
            assert!(error.contains(told) && error.contains("results.db"), "{command}: {error}");
            assert!(error.contains("--store"), "{error}");
        }
        assert_eq!(std::fs::read(lab.store()).unwrap(), content);
    }
    // Put back, it has everything.
    std::fs::write(lab.store(), &whole).unwrap();
    assert!(lab.says("report").contains("echo"));
}

#[test]
fn a_folder_that_cannot_be_written_is_told_before_anything_is_measured() {
    let mut compare = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    compare.args("compare echo --backends native --rounds 6 --store /proc/results.db".split(' '));
    let error = stderr_of(compare, 3);
    assert!(error.contains("/proc/results.db") && error.contains("--no-store"), "{error}");
    let mut compare = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    compare.args("compare echo --backends native --rounds 6 --store /proc/a/results.db".split(' '));
    let error = stderr_of(compare, 3);
    assert!(error.contains("cannot make its folder"), "{error}");
}

/// The command where no file may be larger than this, in blocks of 512 bytes.
fn cramped(lab: &Lab, blocks: u64, arguments: &str) -> std::process::Output {
    let script = format!("ulimit -f {blocks}; exec \"$0\" {arguments}");
    std::process::Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_sandlab")])
        .env("SANDLAB_STORE", lab.store())
        .output()
        .unwrap()
}

#[test]
fn a_full_disk_ends_the_run_and_keeps_what_was_stored() {
    let lab = Lab::new();
    lab.compare();
    let before = lab.export("1");
    let endless = "compare echo --backends native --rounds 1000000";
    let done = cramped(&lab, 600, endless);
    let error = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(3), "{error}");
    assert!(
        error.contains("full")
            && error.contains("run 2 in")
            && error.contains("what could be stored"),
        "{error}"
    );
    // The report has what was measured until then.
    let report = String::from_utf8_lossy(&done.stdout);
    assert!(report.contains("not complete"), "{report}");
    assert_eq!(lab.export("1"), before);
    let kept = lab.export("2");
    let rounds = kept["parts"][0]["rounds"]["sides"][0]["ns"].as_array().unwrap();
    assert!(!rounds.is_empty());
    lab.sandlab("report 2")
        .assert()
        .code(in_iter([3, 4]))
        .stdout(contains("echo").and(contains("not complete")));
    lab.compare();
}

#[test]
fn what_is_exported_is_imported_whatever_was_measured() {
    let lab = Lab::new();
    let measured = [
        "plan echo --limit 10MB --layout fast",
        "plan echo --limit 10MB --layout packed --agents 10 --verify",
        "idle echo --agents 1 --duration 100ms --backends wasm",
        "spawn echo --rounds 2",
        "throughput --agents 2 --duration 100ms --backends wasm",
        "footprint --agents 2 --duration 200ms --backends wasm",
    ];
    for command in measured {
        lab.says(command);
        let exported = lab.says("runs export last");
        let csv = lab.says("report last --format csv");
        let file = lab.file("run.json");
        std::fs::write(&file, &exported).unwrap();
        lab.says(&format!("runs import {}", file.display()));
        assert_eq!(lab.says("runs export last"), exported, "{command}");
        assert_eq!(lab.says("report last --format csv"), csv, "{command}");
    }
}

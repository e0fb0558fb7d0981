//! `sandlab gate` and `calibrate` as a user types them. What is counted is held against what
//! is known of the guests; of what is timed, only what no machine is too noisy for.

mod common;

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use common::guests;
use common::lab::Lab;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

impl Lab {
    fn spin(&self, name: &str, rounds: u32, extra: &str) -> PathBuf {
        let module = include_str!("common/spin.wat");
        let module = module.replace("ROUNDS", &rounds.to_string());
        self.file(name, guests::agent(&module.replace("EXTRA", extra)))
    }

    fn messages(&self) -> PathBuf {
        self.file("messages.jsonl", "{\"request\": \"go\", \"replies\": []}\n")
    }

    fn sandlab(&self, arguments: &[&str]) -> Command {
        let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        sandlab.current_dir(self.0.path()).args(arguments);
        sandlab.env("SANDLAB_STORE", self.0.path().join("results.db"));
        sandlab
    }

    fn gate(&self, old: &Path, new: &Path) -> Command {
        let mut gate = self.sandlab(&["gate", "--old"]);
        gate.arg(old).arg("--new").arg(new);
        gate.arg("--messages").arg(self.messages());
        gate
    }

    /// Makes a copy of the last run of which all rounds count, or none, and whose machine did not
    /// drift, whatever it did meanwhile: its rounds, from the fastest to the slowest, are dealt out
    /// evenly over time.
    fn counts(&self, all: bool) {
        let exported = self.sandlab(&["runs", "export", "last"]).output().unwrap();
        let mut run: Value = serde_json::from_slice(&exported.stdout).unwrap();
        for part in run["parts"].as_array_mut().unwrap() {
            let rounds = &mut part["rounds"];
            let times: Vec<f64> = serde_json::from_value(rounds["sides"][0]["ns"].clone()).unwrap();
            let count = times.len();
            let mut sorted: Vec<usize> = (0..count).collect();
            sorted.sort_by(|a, b| times[*a].total_cmp(&times[*b]));
            let golden = |n: usize| (n as f64 * 0.618_034).fract();
            let mut order: Vec<usize> = (0..count).collect();
            order.sort_by(|a, b| golden(*a).total_cmp(&golden(*b)));
            let mut dealt = vec![0; count];
            order.iter().zip(sorted).for_each(|(to, from)| dealt[*to] = from);
            for series in ["/sides/0/ns", "/reference_ns"] {
                let series = rounds.pointer_mut(series).unwrap();
                *series = dealt.iter().map(|from| series[*from].clone()).collect();
            }
            let steal = |round| {
                let invalid = serde_json::json!({ "reason": "steal", "share": 0.4 });
                serde_json::json!({ "round": round, "invalid": invalid })
            };
            let left_out = (0..count).filter(|_| !all).map(steal);
            rounds["left_out"] = left_out.collect();
        }
        let file = self.file("run.json", run.to_string());
        self.sandlab(&["runs", "import"]).arg(file).assert().code(0);
    }

    /// A program of the bench protocol.
    fn program(&self, name: &str, script: &str) -> PathBuf {
        let path = self.file(name, format!("#!/bin/sh\n{script}\n"));
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        path
    }

    fn programs(&self, old: &str, new: &str) -> Command {
        let (old, new) = (self.program("old", old), self.program("new", new));
        let mut gate = self.sandlab(&["gate", "--pairs", "12", "--format", "json", "--old-bin"]);
        gate.arg(old).arg("--new-bin").arg(new);
        gate
    }
}

fn json(assert: &Assert) -> Value {
    serde_json::from_slice(&assert.get_output().stdout).unwrap()
}

fn metric<'a>(gated: &'a Value, name: &str) -> &'a Value {
    let metrics = gated["metrics"].as_array().unwrap();
    let found = metrics.iter().find(|m| m["metric"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {gated:#}"))
}

const SAMPLE: &str = r#"echo '{"metric": "latency", "value": 100, "unit": "ns"}'"#;

#[test]
fn a_build_holds_against_itself_and_two_per_cent_more_fuel_does_not() {
    let lab = Lab::new();
    let (old, new) = (lab.spin("old.wasm", 1000, ""), lab.spin("new.wasm", 1021, ""));
    let mut same = lab.gate(&old, &old);
    let same = same.args(["--no-timing", "--format", "json"]).assert().code(0);
    for judged in json(&same)["metrics"].as_array().unwrap() {
        assert_eq!(judged["verdict"], "equivalent", "{judged}");
        assert_eq!(judged["change"]["value"].as_f64().unwrap_or(0.0), 0.0, "{judged}");
    }
    let mut more = lab.gate(&old, &new);
    let more = more.args(["--no-timing", "--format", "json"]).assert().code(1);
    let gated = json(&more);
    let fuel = metric(&gated, "fuel");
    assert_eq!(
        (fuel["verdict"].as_str(), fuel["counted"].as_bool()),
        (Some("regressed"), Some(true))
    );
    let change = fuel["change"]["value"].as_f64().unwrap();
    assert!((change - 0.021).abs() < 0.001, "{change}");
    more.stderr(contains("fuel regressed, +2.1 %; 1.0 % is allowed"));
}

#[test]
fn a_file_alone_is_sent_the_messages_of_the_project_that_it_is_an_earlier_build_of() {
    let lab = Lab::new();
    let old = lab.spin("main.wasm", 1000, "");
    std::fs::create_dir(lab.0.path().join("project")).unwrap();
    lab.spin("project/agent.wasm", 1000, "");
    lab.file("project/messages.jsonl", "{\"request\": \"go\", \"replies\": []}\n");
    let keys = "[component]\nfile = \"agent.wasm\"\nworkload = \"messages.jsonl\"\n";
    lab.file("project/sandlab.toml", keys);
    let mut gate = lab.sandlab(&["gate", "--new", "project", "--no-timing", "--format", "json"]);
    let gated = json(&gate.arg("--old").arg(&old).assert().code(0));
    // Made-up messages have sizes, and metrics of each.
    assert_eq!(metric(&gated, "fuel")["verdict"], "equivalent");
}

#[test]
fn every_metric_that_is_counted_can_fail() {
    let lab = Lab::new();
    let old = lab.spin("old.wasm", 10, "");
    let import = r#"(import "sandlab:agent/host@0.1.0" "log" (func (param i32 i32 i32)))"#;
    let larger = include_str!("common/spin.wat").replace("ROUNDS", "10").replace("EXTRA", "");
    let larger = larger.replacen(
        "(memory (export \"memory\") 20)",
        &format!(
            "{import} (memory (export \"memory\") 21) (data (i32.const 9999) \"{}\")",
            "x".repeat(4096)
        ),
        1,
    );
    let new = lab.file("new.wasm", guests::agent(&larger));
    let mut gate = lab.gate(&old, &new);
    let done = gate.args(["--no-timing", "--format", "json"]).assert().code(1);
    let gated = json(&done);
    for name in ["imports-added", "component-size", "memory-pages"] {
        assert_eq!(metric(&gated, name)["verdict"], "regressed", "{name}");
    }
    assert_eq!(metric(&gated, "imports-added")["remark"], "sandlab:agent/host");
    assert_eq!(metric(&gated, "memory-pages")["new"], 21.0);
}

/// Ten times the work is seen on any machine.
#[test]
fn a_slower_build_is_confirmed_and_told_to_ci() {
    let lab = Lab::new();
    let (old, new) = (lab.spin("old.wasm", 500, ""), lab.spin("new.wasm", 5000, ""));
    let mut gate = lab.gate(&old, &new);
    gate.args(["--pairs", "12", "--annotations", "github", "--report", "junit=gate.xml"]);
    gate.args(["--report", "json=gate.json", "--report", "markdown=gate.md"]);
    let done = gate.assert().code(1);
    done.stdout(
        contains("::error title=sandlab gate%3A fuel::fuel regressed, +8")
            .and(contains("::error title=sandlab gate%3A time::time regressed, +"))
            .and(contains("regressed, confirmed"))
            .and(contains("Holm's procedure")),
    );
    let read = |name| std::fs::read_to_string(lab.0.path().join(name)).unwrap();
    let gated: Value = serde_json::from_str(&read("gate.json")).unwrap();
    let time = metric(&gated, "time");
    assert_eq!(
        (time["verdict"].as_str(), time["confirmed"].as_bool()),
        (Some("regressed"), Some(true))
    );
    assert_eq!(time["pairs"], 24);
    assert!(time["smallest"].as_f64().unwrap() > 0.03);
    let junit = read("gate.xml");
    assert!(junit.contains("<failure message=\"time regressed"), "{junit}");
    assert!(read("gate.md").contains("| time "));
}

#[test]
fn a_build_that_replies_otherwise_is_a_finding_and_not_a_time() {
    let lab = Lab::new();
    let old = lab.spin("old.wasm", 10, "");
    let new = lab.file("new.wasm", guests::handling("", "unreachable"));
    let done = lab.gate(&old, &new).assert().code(1);
    done.stderr(contains("on new"));
}

#[test]
fn a_policy_says_what_gates_and_a_misspelt_one_is_refused() {
    let lab = Lab::new();
    let (old, new) = (lab.spin("old.wasm", 1000, ""), lab.spin("new.wasm", 1021, ""));
    let policy = lab.file(
        "gate.toml",
        "[[metric]]\nnames = [\"fuel\"]\nthreshold = \"5 %\"\n[[metric]]\nnames = [\"feul\"]\n",
    );
    let mut gate = lab.gate(&old, &new);
    gate.args(["--no-timing", "--policy"]).arg(&policy);
    gate.assert().code(0).stdout(contains("\"feul\" is the name of no metric"));
    let policy = lab.file("gate.toml", "[[metric]]\nnames = [\"fuel\"]\ngates = false\n");
    let mut gate = lab.gate(&old, &new);
    gate.args(["--no-timing", "--policy"]).arg(&policy);
    gate.assert().code(0).stdout(contains("regressed (does not gate)"));
    let policy = lab.file("gate.toml", "inconclusiv = \"fail\"\n");
    let mut gate = lab.gate(&old, &new);
    gate.arg("--policy").arg(&policy);
    gate.assert().code(2).stderr(contains("inconclusiv").and(contains("gate.toml")));
}

#[test]
fn programs_are_compared_pair_by_pair_and_each_way() {
    let lab = Lab::new();
    let rate = |value: u32| {
        format!(
            r#"echo '{{"metric": "rate", "value": {value}, "unit": "1/s", "better": "higher"}}'"#
        )
    };
    let done =
        lab.programs(&format!("{SAMPLE}; {}", rate(1000)), &format!("{SAMPLE}; {}", rate(800)));
    let done = { done }.assert().code(1);
    let gated = json(&done);
    assert_eq!(metric(&gated, "latency")["verdict"], "equivalent");
    assert_eq!(metric(&gated, "rate")["verdict"], "regressed");
    assert!((metric(&gated, "rate")["change"]["value"].as_f64().unwrap() + 0.2).abs() < 1e-9);
    done.stderr(contains("rate regressed, -20.0 %"));
}

#[test]
fn what_the_data_do_not_tell_is_up_to_the_policy() {
    let lab = Lab::new();
    // Every other run takes twice as long, whichever of the two builds it is of.
    let program = lab.program(
        "program",
        r#"count=$(cat count 2>/dev/null || echo 0); echo $((count + 1)) >count
           echo "{\"metric\": \"latency\", \"value\": $((100 + count % 2 * 100))}""#,
    );
    let unsure = || {
        let mut gate = lab.sandlab(&["gate", "--pairs", "12", "--annotations", "github"]);
        gate.arg("--old-bin").arg(&program).arg("--new-bin").arg(&program);
        gate
    };
    unsure().assert().code(0).stdout(contains("::warning"));
    let policy = lab.file("gate.toml", "inconclusive = \"fail\"\n");
    unsure().arg("--policy").arg(&policy).assert().code(1).stderr(contains("inconclusive"));
    let policy = lab.file("gate.toml", "inconclusive = \"pass\"\n");
    unsure().arg("--policy").arg(&policy).assert().code(0);
}

#[test]
fn a_program_that_does_not_speak_the_protocol_could_not_be_gated() {
    let lab = Lab::new();
    let left_behind = format!("{SAMPLE}; sleep 5 &");
    for (new, says) in [
        ("echo warming up", "line 1 of its output"),
        ("true", "no sample"),
        ("echo broken >&2; exit 7", "broken"),
        ("exec sleep 60", "--timeout"),
        (left_behind.as_str(), "its output did not"),
    ] {
        let mut gate = lab.programs(SAMPLE, new);
        gate.args(["--timeout", "500ms"]).assert().code(3).stderr(contains(says));
    }
    let other = r#"echo '{"metric": "other", "value": 1}'"#;
    let done = lab.programs(SAMPLE, other).assert().code(2);
    done.stderr(contains("no metric in common"));
    lab.sandlab(&["gate", "--old-bin", "/nowhere", "--new-bin", "/nowhere"])
        .assert()
        .code(2)
        .stderr(contains("/nowhere"));
}

#[test]
fn a_value_that_no_ratio_can_be_of_is_the_callers_and_leaves_no_run() {
    let lab = Lab::new();
    let zero = r#"echo '{"metric": "latency", "value": 0, "unit": "ns"}'"#;
    for (old, new) in [(SAMPLE, zero), (zero, SAMPLE)] {
        let done = lab.programs(old, new).assert().code(2);
        done.stderr(contains("latency is 0").and(contains("must be above 0")));
    }
    lab.sandlab(&["runs", "list"]).assert().code(0).stdout(contains("gate").not());
}

#[test]
fn sandlab_itself_speaks_the_protocol() {
    let lab = Lab::new();
    let sandlab = env!("CARGO_BIN_EXE_sandlab");
    let policy = lab.file("gate.toml", "alpha = 0.2\n[[metric]]\nnames = [\"*\"]\ngates = false\n");
    // The agents are found by name in this workspace.
    let mut gate = Command::new(sandlab);
    gate.args(["gate", "--no-store", "--pairs", "5", "--format", "json", "--noise", "/nowhere"]);
    gate.arg("--policy").arg(&policy);
    gate.args(["--old-bin", sandlab, "--new-bin", sandlab, "--", "sample", "echo"]);
    let gated = json(&gate.assert().code(0));
    for name in ["echo/time/16", "echo/time/65536", "echo/spawn"] {
        assert!(metric(&gated, name)["old"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn a_calibration_is_kept_and_used() {
    let lab = Lab::new();
    let spin = lab.spin("spin.wasm", 500, "");
    let messages = lab.messages();
    let mut calibrate = lab.sandlab(&["calibrate", "--runs", "2", "--planted-runs", "1"]);
    calibrate.args(["--planted", "3", "--pairs", "12"]).arg(&spin);
    calibrate.arg("--messages").arg(&messages);
    let done = calibrate.assert().code(0);
    done.stdout(contains("false alarms: ").and(contains("of 2 gates")).and(contains("+300.0 %")));
    let floor = lab.0.path().join(".sandlab/noise.toml");
    let text = std::fs::read_to_string(&floor).unwrap();
    assert!(text.contains("runs = 2") && text.contains("time = "), "{text}");

    // On a machine whose noise is said to be nine times the work, a tenth is nothing.
    let noisy = text.lines().map(|line| match line.split_once(" = ") {
        Some(("time", _)) => "time = 100.0".to_owned(),
        _ => line.to_owned(),
    });
    std::fs::write(&floor, noisy.collect::<Vec<_>>().join("\n")).unwrap();
    let slow = lab.spin("slow.wasm", 5000, "");
    let mut gate = lab.gate(&spin, &slow);
    let gated = json(&gate.args(["--pairs", "12", "--format", "json"]).assert().code(1));
    assert_eq!(metric(&gated, "time")["verdict"], "equivalent");
    std::fs::write(&floor, "flor = 1\n").unwrap();
    lab.gate(&spin, &spin).assert().code(2).stderr(contains("sandlab calibrate"));
}

#[test]
fn what_cannot_be_is_said_at_once() {
    let lab = Lab::new();
    for (arguments, says) in [
        (&["gate"][..], "--old"),
        (&["gate", "--old", "a.wasm"], "--new"),
        (&["gate", "--old", "a.wasm", "--new", "b.wasm", "--pairs", "0"], "pairs"),
        (&["calibrate", "--planted=-1"], "planted"),
    ] {
        lab.sandlab(arguments).assert().code(2).stderr(contains(says));
    }
    lab.sandlab(&["gate", "--old", "a.wasm", "--new", "b.wasm"])
        .assert()
        .code(2)
        .stderr(contains("a.wasm"));
}

#[test]
fn a_run_is_held_against_a_stored_one() {
    let lab = Lab::new();
    let (old, new) = (lab.spin("spin.wasm", 500, ""), lab.0.path().join("slow"));
    std::fs::create_dir(&new).unwrap();
    let slow = lab.spin("slow/spin.wasm", 5000, "");
    let compare = |guest: &Path| {
        let mut compare = lab.sandlab(&["compare", "--backends", "wasm", "--rounds", "40"]);
        compare.arg(guest).arg("--messages").arg(lab.messages());
        compare.assert().code(0);
        lab.counts(true);
    };
    compare(&old);
    lab.sandlab(&["baseline", "save", "main"]).assert().code(0);
    let gate = |more: &[&str]| {
        let mut gate = lab.sandlab(&["gate", "--baseline", "main"]);
        gate.args(more).assert()
    };
    gate(&[]).code(2).stderr(contains("is the baseline"));
    compare(&slow);
    let gated = json(&gate(&["--format", "json"]).code(1));
    let key = &gated["metrics"][0]["metric"]["name"];
    let key = key.as_str().unwrap().to_owned();
    assert!(
        key.starts_with("time-per-message{experiment=compare,agent=spin,workload=messages"),
        "{key}"
    );
    let key = key.as_str();
    assert_eq!(metric(&gated, key)["verdict"], "regressed");
    assert_eq!(metric(&gated, key)["threshold"], 0.05);
    // A policy means it by its quantity.
    let policy = lab.file("gate.toml", "[[metric]]\nnames = [\"time-per-*\"]\ngates = false\n");
    let done = gate(&["--policy", policy.to_str().unwrap()]).code(0);
    done.stdout(contains("regressed (does not gate)"));
    gate(&["--annotations", "github"]).code(1).stdout(contains("::error"));

    // Ten times as slow on a machine that was busy with other things is no verdict.
    lab.counts(false);
    let gated = json(&gate(&["--format", "json"]).code(4));
    let because = metric(&gated, key)["because"].as_str().unwrap();
    assert!(because.contains("rounds did not count: steal 40 %"), "{because}");
    let done = gate(&["--annotations", "github"]).code(4);
    done.stdout(contains("::warning").and(contains("::error").not()))
        .stderr(contains("warning: ").and(contains("not judged, because")));

    // What differs in the conditions is said.
    let sandbox = lab.file("profile.toml", "memory-limit = \"32 MiB\"\n");
    let mut compare = lab.sandlab(&["compare", "--backends", "wasm", "--rounds", "2", "--profile"]);
    compare.arg(&sandbox).arg(&old).arg("--messages").arg(lab.messages());
    compare.assert().code(0);
    lab.counts(true);
    gate(&[])
        .code(0)
        .stdout(contains("the runs differ in sandbox.memory-limit").and(contains("fewer than 6")));
    let mut nowhere = lab.sandlab(&["gate", "--baseline", "nothing"]);
    nowhere.assert().code(2).stderr(contains("nothing"));
}

#[test]
fn too_few_pairs_to_show_anything_are_refused_before_they_are_measured() {
    let lab = Lab::new();
    let spin = lab.spin("spin.wasm", 500, "");
    let mut gate = lab.gate(&spin, &spin);
    let done = gate.args(["--pairs", "7"]).assert().code(2);
    done.stderr(contains("at least 8 pairs are needed").and(contains("2 timed metrics")));
    let mut calibrate = lab.sandlab(&["calibrate", "--pairs", "7", "--messages"]);
    calibrate.arg(lab.messages()).arg(&spin).assert().code(2).stderr(contains("at least 8 pairs"));
    // Of a program that is known after its first pair.
    let both = format!("echo >>runs; {SAMPLE}; {}", SAMPLE.replace("latency", "other"));
    let program = lab.program("both", &both);
    let mut gate = lab.sandlab(&["gate", "--pairs", "3", "--old-bin"]);
    let done = gate.arg(&program).arg("--new-bin").arg(&program).assert().code(2);
    done.stderr(contains("at least 8 pairs"));
    let runs = std::fs::read_to_string(lab.0.path().join("runs")).unwrap();
    assert_eq!(runs.lines().count(), 2);
    let mut counted = lab.gate(&spin, &spin);
    counted.args(["--pairs", "1", "--no-timing"]).assert().code(0);
}

#[test]
fn metrics_of_one_name_in_different_units_or_directions_are_refused() {
    let lab = Lab::new();
    let slower = r#"echo '{"metric": "latency", "value": 1, "unit": "ms"}'"#;
    let done = lab.programs(SAMPLE, slower).assert().code(2);
    done.stderr(contains("latency (in ns, lower is better)").and(contains("latency (in ms")));
    let turned = SAMPLE.replace('}', r#", "better": "higher"}"#);
    let done = lab.programs(SAMPLE, &turned).assert().code(2);
    done.stderr(contains("lower is better").and(contains("higher is better")));
}

#[test]
fn a_guest_that_answers_differently_each_time_cannot_be_gated() {
    let lab = Lab::new();
    let random = lab.file("random.wasm", guests::random());
    let mut gate = lab.sandlab(&["gate", "--no-timing", "--old"]);
    gate.arg(&random).arg("--new").arg(&random);
    let done = gate.assert().code(2);
    done.stdout(
        contains("component-size").and(contains("imports-added")).and(contains("is not decided")),
    )
    .stderr(contains("the old build answers differently each time"));
}

#[test]
fn an_old_build_that_cannot_answer_is_no_fault_of_the_new_one_and_is_named() {
    let lab = Lab::new();
    let sound = lab.spin("sound.wasm", 10, "");
    let traps = lab.file("traps.wasm", guests::handling("", "unreachable"));
    for (old, new, code) in [(&traps, &sound, 2), (&sound, &traps, 1)] {
        let done = lab.gate(old, new).arg("--no-timing").assert().code(code);
        let decided = match code {
            2 => ("traps on old, ", "no build can be compared with an old one that", "not decided"),
            _ => ("traps on new, ", "unreachable", "The gate does not hold: the new build failed"),
        };
        let (named, why, headline) = decided;
        done.stderr(contains("unreachable").and(contains(named)).and(contains(why)))
            .stdout(contains(headline));
    }
    // It is kept as it ended.
    let again = lab.sandlab(&["report", "last"]).assert().code(1);
    again.stdout(contains("does not hold").and(contains("is not decided").not()));
    let empty = lab.file("empty.wasm", "");
    let done = lab.gate(&empty, &sound).arg("--no-timing").assert().code(3);
    done.stderr(contains("the old build, ").and(contains("empty.wasm on wasm: not a component")));
    let done = lab.gate(&sound, &empty).arg("--no-timing").assert().code(3);
    done.stderr(contains("the new build, "));
}

#[test]
fn builds_of_different_kinds_are_refused_with_both_kinds() {
    let lab = Lab::new();
    let agent = lab.spin("agent.wasm", 10, "");
    let (function, ..) = guests::of_wit("package a:b; world w { export f: func() -> u32; }");
    let function = lab.file("function.wasm", function);
    for (old, new, says) in [
        (&agent, &function, "agent.wasm, is an agent, and the new one, "),
        (&function, &agent, "function.wasm, is a function, and the new one, "),
    ] {
        let done = lab.gate(old, new).arg("--no-timing").assert().code(2);
        done.stdout("").stderr(contains(says).and(contains("two builds of one kind")));
    }
    lab.sandlab(&["runs", "list"]).assert().code(2).stderr(contains("no results"));
}

#[test]
fn the_name_of_a_file_gives_no_orders() {
    let lab = Lab::new();
    let forged = lab.spin("x\n::error::forged.wasm", 10, "");
    let slower = lab.spin("y\n::error::forged.wasm", 11, "");
    for format in ["text", "markdown", "junit"] {
        let mut gate = lab.gate(&forged, &slower);
        gate.args(["--no-timing", "--annotations", "github", "--format", format]);
        let done = gate.assert().code(1);
        let output = done.get_output();
        let printed = [output.stdout.as_slice(), &output.stderr].concat();
        let printed = String::from_utf8(printed).unwrap();
        assert!(printed.contains("y\\n::error::forged"), "{printed}");
        let mut lines = printed.lines();
        assert!(!lines.any(|line| line.trim_start().starts_with("::error::forged")), "{printed}");
    }
}

#[test]
fn a_gate_is_kept_with_its_samples_and_shown_again() {
    let lab = Lab::new();
    std::fs::create_dir(lab.0.path().join("new")).unwrap();
    let (old, new) = (lab.spin("spin.wasm", 1000, ""), lab.spin("new/spin.wasm", 1021, ""));
    let mut gate = lab.gate(&old, &new);
    let done = gate.arg("--no-timing").assert().code(1);
    let told = String::from_utf8(done.get_output().stdout.clone()).unwrap();
    let report = |format: &str| {
        let done = lab.sandlab(&["report", "last", "--format", format]).assert().code(1);
        String::from_utf8(done.get_output().stdout.clone()).unwrap()
    };
    let again = report("text");
    let row = told.lines().find(|line| line.starts_with(" fuel ")).unwrap();
    assert!(again.lines().any(|line| line == row), "{again}");
    assert!(again.contains("The gate does not hold: 1 regressed"), "{again}");
    let run: Value = serde_json::from_str(&report("json")).unwrap();
    assert_eq!(run["begin"]["command"], "gate");
    let findings = run["parts"][0]["findings"].as_array().unwrap();
    let fuel = findings.iter().find(|found| found["metric"]["name"] == "fuel").unwrap();
    assert_eq!(fuel["new_samples"].as_array().unwrap().len(), 3);

    // The runs of gates are held against each other as all others are.
    lab.sandlab(&["baseline", "save", "slow"]).assert().code(0);
    let mut same = lab.gate(&old, &old);
    same.arg("--no-timing").assert().code(0);
    let done = lab.sandlab(&["gate", "--baseline", "slow", "--format", "json"]).assert().code(0);
    let gated = json(&done);
    let fuel = metric(&gated, "fuel-per-message{experiment=gate,agent=spin,build=new}");
    assert_eq!(fuel["verdict"], "improved");
}

#[test]
fn agents_that_share_a_name_are_not_crossed() {
    let lab = Lab::new();
    let compare = |folders: [&str; 2]| {
        let mut compare = lab.sandlab(&["compare", "--backends", "wasm", "--rounds", "2"]);
        for folder in folders {
            std::fs::create_dir_all(lab.0.path().join(folder)).unwrap();
            compare.arg(lab.spin(&format!("{folder}/agent.wasm"), 10, ""));
        }
        compare.arg("--messages").arg(lab.messages()).assert()
    };
    let done = compare(["a", "b"]).code(2);
    done.stderr(contains("a/agent.wasm and ").and(contains("are both called agent")));
}

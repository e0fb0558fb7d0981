//! Plans, and what becomes of them on this machine: more agents than one pool holds, and
//! more than the kernel allows.

mod common;

use assert_cmd::Command;
use common::bundle;
use predicates::prelude::*;
use predicates::str::{contains, is_match};
use sandlab::experiments::plan::{Fill, Filled};
use sandlab::sampling::probe::ProbeRequest;
use sandlab_runtime::SandboxConfig;
use sandlab_runtime::config::{Calls, Strategy};
use serde_json::Value;
use std::path::Path;

fn sandlab(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    command.args(arguments.split_whitespace()).arg("--no-store");
    command
}

/// The parts of a plan's report.
fn parts(arguments: &str) -> Vec<Value> {
    let done = sandlab(arguments).args(["--format", "json"]).assert();
    // Beside other tests the time of a start may not be judged.
    let done = done.code(predicate::in_iter([0, 4]));
    let report: Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    report["parts"].as_array().unwrap().clone()
}

fn finding<'a>(part: &'a Value, kind: &str) -> &'a Value {
    let findings = part["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["finding"] == kind);
    found.unwrap_or_else(|| panic!("no {kind} in {part:#}"))
}

#[test]
fn each_layout_is_planned_with_a_profile_to_paste() {
    let parts = parts("plan echo --limit 10MB");
    assert_eq!(parts.len(), 3);
    for part in &parts {
        let (capacity, advice) = (finding(part, "capacity"), finding(part, "advice"));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("profile.toml");
        std::fs::write(&file, advice["sandbox"].as_str().unwrap()).unwrap();
        let sandbox = SandboxConfig::read(&file).unwrap();
        assert_eq!(sandbox.memory_limit.as_u64(), 10_000_000);
        assert_eq!(sandbox.calls, Calls::Sync);
        assert_eq!(advice["agents"], sandbox.allocation.slots, "one memory each");
        assert_eq!(capacity["layout"], part["findings"][0]["layout"]);
    }
}

#[test]
fn a_config_to_paste_grants_what_was_given_by_whole_paths_and_nothing_that_is_gone() {
    let plan = |options: &[&str], folder: &Path| {
        let mut plan = sandlab("plan --layout fast --agents 5 --format json");
        plan.arg(bundle("files").folder.canonicalize().unwrap());
        let done = plan.args(options).current_dir(folder).assert();
        let done = done.code(predicate::in_iter([0, 4]));
        let report: Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
        let advice = finding(&report["parts"][0], "advice")["sandbox"].as_str().unwrap().to_owned();
        let file = folder.join("pasted.toml");
        std::fs::write(&file, advice).unwrap();
        SandboxConfig::read(&file).unwrap().grants.directories
    };
    // The agent is measured with a folder that is there for as long.
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(plan(&[], folder.path()), []);

    std::fs::create_dir(folder.path().join("data")).unwrap();
    let grants = "[[grants.directories]]\nguest = \"/data\"\nhost = \"data\"\naccess = \"write\"\n";
    std::fs::write(folder.path().join("sandbox.toml"), grants).unwrap();
    let granted = plan(&["--sandbox", "sandbox.toml"], folder.path());
    assert_eq!(granted.len(), 1);
    let host = granted[0].host.canonicalize().unwrap();
    assert!(granted[0].host.is_absolute());
    assert_eq!(host, folder.path().join("data").canonicalize().unwrap());
}

#[test]
fn a_single_agent_is_verified_and_its_memory_not_judged_by_what_all_take_together() {
    for part in parts("plan echo --limit 10MB --agents 1 --verify") {
        assert_eq!(finding(&part, "verified")["after"]["agents"], 1);
    }
}

#[test]
fn as_many_as_were_asked_for_come_up_and_answer_in_every_layout() {
    for (layout, agents) in [("fast", 2_000), ("dense", 11_000), ("packed", 20_000)] {
        let plan = format!("plan echo --limit 10MB --layout {layout} --agents {agents} --verify");
        let parts = parts(&plan);
        let after = &finding(&parts[0], "verified")["after"];
        assert_eq!(after["agents"], agents, "{layout}");
    }
}

#[test]
fn agents_that_can_block_are_planned_with_stacks() {
    let parts = parts("plan files --layout fast --agents 500 --verify");
    assert_eq!(finding(&parts[0], "capacity")["mappings"], 6);
    assert_eq!(finding(&parts[0], "verified")["after"]["agents"], 500);
}

#[test]
fn agents_that_hold_files_are_bound_by_those_that_may_be_open() {
    // A shell's limit holds for what it starts.
    let plan = format!(
        "ulimit -n 400 && exec {} plan files --layout packed --agents 500 --no-store",
        env!("CARGO_BIN_EXE_sandlab")
    );
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(plan)
        .assert()
        .code(1)
        .stdout(contains("open files").and(is_match(r"`ulimit\s+-n\s+1024`").unwrap()));
}

#[test]
fn what_does_not_fit_is_a_finding_that_says_what_would_help() {
    sandlab("plan echo --limit 10MB --agents 20000 --layout fast")
        .assert()
        .code(1)
        .stdout(is_match(r"sysctl\s+-w\s+vm.max_map_count=").unwrap())
        .stderr(contains("20000 agents do not fit"));
}

#[test]
fn more_than_were_predicted_are_refused() {
    let parts = parts("plan echo --limit 10MB --layout fast --verify");
    let beyond = &finding(&parts[0], "verified")["beyond"];
    let why = beyond["refused"].as_str().unwrap();
    assert!(why.contains("vm.max_map_count"), "{why}");
}

#[test]
fn an_agent_that_does_not_answer_cannot_be_planned() {
    sandlab("plan relay").assert().code(2).stderr(contains("does not answer its first message"));
}

#[test]
fn the_process_lives_when_the_kernel_has_no_more_mappings() {
    let mut sandbox = SandboxConfig::default();
    sandbox.allocation.strategy = Strategy::OnDemand;
    let fill = Fill {
        component: bundle("echo").component(),
        sandbox,
        kind: None,
        reuse: None,
        asks: true,
        probe: ProbeRequest::always("hello", "hello"),
        readings: vec![1_000, 40_000],
        shards: 2,
    };
    let mut holder = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    let done = holder.arg("fill").write_stdin(serde_json::to_vec(&fill).unwrap());
    let said = String::from_utf8(done.assert().code(0).get_output().stdout.clone()).unwrap();
    let lines: Vec<Filled> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [_, Filled::Reading(_), Filled::Refused { why }] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    assert!(why.contains("mappings that the kernel allows"), "{why}");
}

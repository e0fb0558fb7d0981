//! Memory limits as a user types them: the answers are held against what the runtime's own
//! limiter says, which no bisection knows of.

mod common;

use assert_cmd::Command;
use bytesize::ByteSize;
use common::lab::Lab;
use common::{bundle, guests, say};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::{contains, is_match};
use sandlab_runtime::wasm::{Memories, Sandbox};
use sandlab_runtime::{Agent, Backend, Cause, Identity, SandboxConfig};
use serde_json::Value;

const PAGE: u64 = 65_536;

impl Lab {
    fn memory(&self, arguments: &str) -> Command {
        let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        sandlab.arg("memory").args(arguments.split_whitespace());
        sandlab.arg("--store").arg(self.0.path().join("results.db"));
        sandlab
    }

    /// The parts of the report of a command that does what it should.
    fn parts(&self, arguments: &str) -> Vec<Value> {
        let done = self.memory(arguments).args(["--format", "json"]).assert();
        let report: Value = serde_json::from_slice(&done.code(0).get_output().stdout).unwrap();
        report["parts"].as_array().unwrap().clone()
    }
}

/// The only finding of a part.
fn finding<'a>(part: &'a Value, kind: &str) -> &'a Value {
    let found = &part["findings"][0];
    assert_eq!(found["finding"], kind, "{part:#}");
    found
}

fn under(limit: u64) -> SandboxConfig {
    SandboxConfig { memory_limit: ByteSize::b(limit), ..SandboxConfig::default() }
}

fn allocator(limit: u64) -> Box<dyn Agent> {
    common::sandbox("allocator", &under(limit))
}

/// The truth is known twice over: the limiter says what it has given and refused, and a page
/// more than the answer is refused to an agent that the sweep never saw.
#[test]
fn the_largest_allocation_is_the_truth_to_one_page() {
    let parts = Lab::new().parts("allocator --backends wasm --limits 2MiB,3000001B,10MB");
    assert_eq!(parts.len(), 3);
    for (part, limit) in parts.iter().zip([2 << 20, 3_000_001, 10_000_000]) {
        let largest = &finding(part, "at-limit")["largest"]["measured"];
        let room = limit - allocator(limit).usage().memory.unwrap();
        assert_eq!(largest["room"], room);
        for (way, command) in [("fallible", "try-allocate"), ("infallible", "allocate")] {
            let found = &largest[way]["measured"];
            let bytes = found["largest"].as_u64().unwrap();
            assert!(bytes.abs_diff(room) <= PAGE, "{bytes} of {room}");

            let mut agent = allocator(limit);
            say(agent.as_mut(), &format!("{command} {bytes}")).unwrap();
            let usage = agent.usage();
            assert_eq!(usage.denials.unwrap().count, 0);
            assert_eq!(usage.memory, Some(limit / PAGE * PAGE));
            let mut agent = allocator(limit);
            assert!(say(agent.as_mut(), &format!("{command} {}", bytes + 1)).is_err());
            let asked = agent.usage().denials.unwrap().asked.unwrap();
            assert!(asked > limit && asked <= limit + PAGE, "{asked}");
        }
        assert_eq!(largest["fallible"]["measured"]["beyond"]["outcome"], "survived");
        let aborted = &largest["infallible"]["measured"];
        assert_eq!(aborted["beyond"]["outcome"], "aborted");
        let asked = aborted["denials"]["asked"].as_u64().unwrap();
        assert!(asked > limit && asked <= limit + 2 * PAGE, "{aborted}");
    }
}

#[test]
fn a_filled_agent_holds_what_is_said_and_a_twin_is_no_sandbox() {
    let parts = Lab::new().parts("allocator --limits 8MiB");
    let [wasm, native, process] = &parts[..] else { panic!("{parts:?}") };
    let limit = 8 << 20;
    for held in finding(wasm, "at-limit")["held"]["measured"].as_array().unwrap() {
        let target = limit * held["percent"].as_u64().unwrap() / 100;
        let linear = held["state"]["measured"]["linear"].as_u64().unwrap();
        assert!(target.abs_diff(linear) <= PAGE, "{held}");
        let times = &held["state"]["measured"]["pace"]["time"];
        assert!(times["count"].as_u64().unwrap() > 100, "{held}");
    }
    let growth = &finding(wasm, "at-limit")["growth"]["measured"];
    assert!(growth["just_after"]["measured"].is_object(), "{growth}");
    assert!(growth["steps"].as_array().unwrap().len() >= 2, "{growth}");
    for part in [wasm, process] {
        let ended = &finding(part, "at-limit")["recovery"]["measured"]["ended"]["measured"];
        assert_eq!(ended["count"], 31, "{part:#}");
    }
    let found = finding(native, "at-limit");
    let why = found["largest"]["unavailable"].as_str().unwrap();
    assert!(why.contains("no limit of its own"), "{why}");
    assert!(found["held"]["measured"].is_array(), "{found}");
    // A child is limited in what it takes after its start.
    let child = finding(process, "at-limit")["largest"]["measured"]["fallible"].clone();
    let bytes = child["measured"]["largest"].as_u64().unwrap();
    assert!((limit - (1 << 20)..=limit).contains(&bytes), "{child}");
}

#[test]
fn an_agent_that_does_not_start_says_why_and_what_to_do() {
    let lab = Lab::new();
    let told = lab.memory("hash --backends wasm --limits 1MB").assert();
    told.code(0).stdout(
        contains("17 pages")
            .and(is_match(r"1\.0\s+MiB\s+are\s+stack").unwrap())
            .and(contains("-zstack-size=65536"))
            .and(is_match(r"with\s+2\s+pages,\s+which\s+fits").unwrap()),
    );
}

#[test]
fn a_workload_that_runs_out_is_told_with_its_message() {
    let lab = Lab::new();
    let workload = lab.file(
        "workload.jsonl",
        "{\"request\": \"retain 500000\"}\n{\"request\": \"retain 900000\"}\n",
    );
    let out = format!("allocator --backends wasm --limits 2MB --workload {}", workload.display());
    let parts = lab.parts(&out);
    let ran = &finding(&parts[0], "at-limit")["workload"]["measured"];
    assert_eq!((&ran["messages"], &ran["ran_out"]["message"]), (&1.into(), &2.into()));
    assert_eq!(ran["ran_out"]["outcome"]["outcome"], "aborted");
    assert!(ran["ran_out"]["denials"]["asked"].as_u64() > Some(2_000_000), "{ran}");
    assert_eq!(ran["restarted"]["measured"]["count"], 31);
}

/// Starts an agent under a limit, and sends it these; says whether anything was refused.
fn is_refused(sandbox: &Sandbox, requests: &[&str]) -> bool {
    let mut agent = match sandbox.spawn(Identity::alone()) {
        Ok(agent) => agent,
        Err(fault) if matches!(fault.cause, Cause::OutOfMemory { .. }) => return true,
        Err(other) => panic!("{other}"),
    };
    for request in requests {
        match say(agent.as_mut(), request) {
            Ok(_) => {}
            Err(error) if matches!(error.cause(), Some(Cause::OutOfMemory { .. })) => return true,
            Err(other) => panic!("{other}"),
        }
    }
    agent.usage().denials.unwrap().count > 0
}

#[test]
fn a_tuned_limit_is_the_smallest_and_its_line_is_one_of_a_profile() {
    let lab = Lab::new();
    let requests = ["touch 3000000", "touch 100000"];
    let lines = requests.map(|request| format!("{{\"request\": \"{request}\", \"reply\": \"0\"}}"));
    let workload = lab.file("workload.jsonl", lines.join("\n"));
    let tune = format!("allocator --tune --headroom 10 --workload {}", workload.display());
    let parts = lab.parts(&tune);
    let tuned = finding(&parts[0], "tuned");
    let smallest = tuned["smallest"].as_u64().unwrap();
    // A run by hand, without the lab, agrees.
    let component = bundle("allocator").component();
    let at = |limit| Sandbox::load(&component, &under(limit)).unwrap();
    assert!(!is_refused(&at(smallest), &requests));
    assert!(is_refused(&at(smallest - PAGE), &requests));
    assert_eq!(tuned["one_page_less"]["clean"], 0);
    assert_eq!(tuned["at_recommended"]["clean"], tuned["repeats"]);
    let recommended = tuned["recommended"].as_u64().unwrap();
    assert!(
        recommended * 10 >= smallest * 11 && recommended < smallest * 11 / 10 + PAGE,
        "{tuned}"
    );
    assert_eq!(tuned["curves"][0]["still_grows"], false);

    let text = lab.memory(&tune).assert().code(0);
    let text = String::from_utf8(text.get_output().stdout.clone()).unwrap();
    let line = text.lines().find(|line| line.starts_with("memory-limit"));
    let sandbox = lab.file("profile.toml", line.unwrap());
    let sandbox = SandboxConfig::read(&sandbox).unwrap();
    assert_eq!(sandbox.memory_limit.as_u64(), recommended);
}

#[test]
fn what_has_no_plateau_gets_no_recommendation() {
    let lab = Lab::new();
    // A page with every message, and one with every hundredth of 64 KiB.
    let always = "(drop (memory.grow $notes (i32.const 1)))";
    let rarely = "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (if (i32.eqz (i32.rem_u (global.get $calls) (i32.const 100)))
            (then (drop (memory.grow $notes (i32.const 8)))))";
    for (handle, pace) in [(always, "64.0 KiB"), (rarely, "5.1 KiB")] {
        let agent = lab.file("notes.wasm", agent_of_two_memories(handle));
        let tune = format!("{} --tune", agent.display());
        let text = lab.memory(&tune).assert().code(1);
        let text = String::from_utf8(text.get_output().stdout.clone()).unwrap();
        let told = format!("no plateau seen: {pace} per message over the last ");
        assert!(text.contains(&told), "{text}");
        assert!(text.contains("no recommendation") && !text.contains("memory-limit ="), "{text}");
        let report = lab.memory(&tune).args(["--format", "json"]).assert().code(1);
        let report: Value = serde_json::from_slice(&report.get_output().stdout).unwrap();
        let found = finding(&report["parts"][0], "unsettled");
        assert_eq!(found["goes_on"], true, "{found}");
    }
}

/// A collector lets garbage gather, up to a size that it reaches long after its workload was sent
/// for the third time.
#[test]
fn a_recommendation_survives_the_soak_of_validation() {
    let lab = Lab::new();
    let handle = "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (if (i32.lt_u (global.get $calls) (i32.const 700))
            (then (drop (memory.grow $notes (i32.const 1)))))";
    let agent = lab.file("gathers.wasm", agent_of_two_memories(handle));
    let workload = lab.file("workload.jsonl", "{\"request\": \"hello\"}");
    let tune = format!("{} --tune --workload {}", agent.display(), workload.display());
    let parts = lab.parts(&tune);
    let tuned = finding(&parts[0], "tuned");
    assert_eq!(tuned["smallest"], (5 + 699) * PAGE);
    assert_eq!(tuned["at_recommended"]["clean"], tuned["repeats"]);
    let soak = |limit: u64| {
        let policy = format!("limits = {{ memory-limit = \"{limit} B\" }}");
        let policy = lab.file("policy.toml", policy);
        let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        sandlab.args(["validate", "--no-timing", "--skip", "call,conformance", "--policy"]);
        sandlab.arg(policy).arg("--cases").arg(&workload).arg(&agent).assert()
    };
    soak(tuned["recommended"].as_u64().unwrap()).code(0);
    // The allocator's own messages, and what any agent is sent.
    let parts = lab.parts("allocator --tune");
    let tuned = finding(&parts[0], "tuned");
    let policy = format!("limits = {{ memory-limit = \"{} B\" }}", tuned["recommended"]);
    let policy = lab.file("allocator.toml", policy);
    let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    sandlab.args(["validate", "--no-timing", "--skip", "conformance", "--policy"]).arg(policy);
    sandlab.arg(&bundle("allocator").folder).assert().code(0);
}

/// An agent in WebAssembly text: its handler runs `handle`, and then has no reply. Beside
/// its memory of 2 pages is another, with 3.
fn agent_of_two_memories(handle: &str) -> Vec<u8> {
    let module = format!(
        r#"(module
            (memory (export "memory") 2)
            (memory $notes 3)
            (global $calls (mut i32) (i32.const 0))
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 4096)
            (func (export "sandlab:agent/agent@0.1.0#configure")
                (param i32 i32) (result i32) i32.const 0)
            (func (export "sandlab:agent/agent@0.1.0#handle")
                (param i64 i64 i32 i64 i64 i64 i32 i32 i32) (result i32)
                {handle}
                i32.const 0))"#
    );
    guests::agent(&module)
}

#[test]
fn several_memories_count_together() {
    let lab = Lab::new();
    // Up to 8 pages in the second memory: 10 in all.
    let handle = "(if (i32.lt_u (memory.size $notes) (i32.const 8))
        (then (drop (memory.grow $notes (i32.const 1)))))";
    let bytes = agent_of_two_memories(handle);
    let memories = Memories::of(&bytes).unwrap().unwrap();
    assert_eq!((memories.count, memories.initial), (2, 5 * PAGE));

    let agent = lab.file("two.wasm", &bytes);
    let sweep = format!("{} --limits 256KiB,512KiB,1MiB", agent.display());
    let parts = lab.parts(&sweep);
    let [too_little, survives, enough] = &parts[..] else { panic!("{parts:?}") };
    let refused = &finding(too_little, "at-limit")["start"]["refused"];
    let reason = refused["reason"].as_str().unwrap();
    assert!(reason.contains("5 pages") && reason.contains("2 memories"), "{reason}");
    // It does not mind to be refused.
    let ran = &finding(survives, "at-limit")["workload"]["measured"];
    assert!(ran["ran_out"].is_null() && ran["denials"].as_u64() > Some(0), "{ran}");
    let ran = &finding(enough, "at-limit")["workload"]["measured"];
    assert_eq!((&ran["peak"], &ran["denials"]), (&(10 * PAGE).into(), &0.into()));

    let parts = lab.parts(&format!("{} --tune", agent.display()));
    let tuned = finding(&parts[0], "tuned");
    assert_eq!(tuned["smallest"], 10 * PAGE);
    assert_eq!(tuned["one_page_less"]["ran_out"]["denials"]["asked"], 10 * PAGE);
}

#[test]
fn a_run_is_reported_again_and_has_lines_for_a_spreadsheet() {
    let lab = Lab::new();
    let run = "echo --backends wasm --limits 2MiB --format csv";
    let lines = contains("memory,echo,wasm,2097152,yes,");
    lab.memory(run).assert().code(0).stdout(lines.clone());
    let mut report = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    report.args(["report", "--store"]).arg(lab.0.path().join("results.db"));
    report.args(["--format", "csv"]).assert().code(0).stdout(lines);
}

#[test]
fn what_cannot_be_a_limit_is_refused() {
    let lab = Lab::new();
    for (wrong, told) in [
        ("echo --limits 10", "give its unit"),
        ("echo --limits 5GiB", "between 1B and 4GiB"),
        ("echo --limits 0MB", "between 1B and 4GiB"),
        ("echo --tune --limits 1MB", "cannot be used with"),
        ("nobody", "there is no agent"),
    ] {
        lab.memory(wrong).assert().code(2).stderr(contains(told));
    }
}

//! Hostile guests in a runtime in which other agents are at work.

mod common;

use common::path::{at_rest, runtime};
use sandlab::hostile::{
    AttackRunner, Service, Target, WITNESS, slow_to_compile, with_core_instances,
};
use sandlab_runtime::config::{Budgets, Interrupt, Strategy};
use sandlab_runtime::messaging::{AgentOptions, Placement};
use sandlab_runtime::wasm::SandboxEngine;
use sandlab_runtime::{AgentId, Backend, Budget, Cause, Identity, SandboxConfig};
use std::sync::{Mutex, PoisonError};

#[test]
fn too_many_instances_are_named_without_a_pool_too() {
    let mut sandbox = sandlab::hostile::sandbox(0);
    sandbox.allocation.strategy = Strategy::OnDemand;
    sandbox.instance_limit = 32;
    let component = with_core_instances(&WITNESS.component(), 40);
    let sandbox = SandboxEngine::new(&sandbox).unwrap().load_bytes(&component);
    let error = sandbox.unwrap().spawn(Identity::alone()).err().unwrap();
    assert!(error.to_string().contains("`instance-limit`"), "{error}");
}

#[test]
fn a_twin_has_the_budgets_of_a_sandbox() {
    for mut agent in [
        common::sandbox("faulty", &SandboxConfig::default()),
        common::twin("faulty", &SandboxConfig::default()),
    ] {
        let fault = common::fault(agent.as_mut(), "flood 20000");
        assert_eq!(fault, Cause::OverBudget { budget: Budget::LogCalls, limit: 10_000 });
    }
    let sandbox = SandboxConfig {
        budgets: Budgets { replies: 10, ..Budgets::default() },
        ..SandboxConfig::default()
    };
    for mut agent in [common::sandbox("faulty", &sandbox), common::twin("faulty", &sandbox)] {
        assert!(common::say(agent.as_mut(), "replies 10").is_ok());
        let fault = common::fault(agent.as_mut(), "replies 11").to_string();
        assert!(fault.contains("`budgets.replies`"), "{fault}");
    }
}

/// A service that answers 200 and nothing.
const SERVICE: Service = Service { handle: "(call $finish (call $respond (local.get $out)))" };

/// Returns whether an agent echoes.
fn answers(connection: &mut sandlab_runtime::messaging::Connection, agent: AgentId) -> bool {
    let outcomes = common::path::outcomes(connection, agent, &["are you well?"]);
    matches!(&outcomes[..], [Ok(reply)] if reply.content == b"are you well?")
}

#[test]
fn every_attack_ends_as_it_must_and_nobody_else_feels_it() {
    under_attack(&sandlab::hostile::sandbox(4));
}

#[test]
fn the_same_holds_where_a_page_interrupts() {
    let sandbox = sandlab::hostile::sandbox(4);
    under_attack(&SandboxConfig { interrupt: Interrupt::Page, ..sandbox });
}

fn under_attack(sandbox: &SandboxConfig) {
    let runner = AttackRunner::new(sandbox).unwrap();
    let runtime = runtime(2);
    let client = runtime.client();
    let options = AgentOptions::default();
    let neighbours = runtime.spawn_many(runner.witness(), &options, 4).unwrap();
    let mut connection = runtime.connect(8);
    let before = runtime.census();
    let mut wrong = Vec::new();
    for number in 0..runner.len() {
        let target = Target::new(&runtime, &client, Placement::Shards, number % 2);
        let name = runner.attack(number).name;
        match runner.run(number, &target) {
            Ok(called) => println!("{name}: {called}"),
            Err(why) => wrong.push(format!("{name}: {why}")),
        }
        for agent in &neighbours {
            assert!(answers(&mut connection, *agent), "after {name}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let accounts = at_rest(&runtime);
    assert_eq!(accounts.agents, 4);
    assert_eq!(runtime.census().linear_memory, before.linear_memory);
}

/// Tortures for 2 s, and returns what was found. One at a time: hostile agents run at idle
/// priority, and beside another torture they would wait for a core most of the time.
fn tortured(arguments: &[&str]) -> serde_json::Value {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut sandlab = assert_cmd::Command::new(env!("CARGO_BIN_EXE_sandlab"));
    let torture = ["torture", "--duration", "2s", "--no-store", "--format", "json"];
    let done = sandlab.args(torture).args(arguments).assert().code(0);
    let mut run: serde_json::Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    let report = run["parts"][0]["findings"][0].take();
    assert_eq!(report["sent"], report["good"]);
    assert_eq!(report["attacks"].as_array().unwrap().len(), sandlab::hostile::all().count());
    report
}

#[test]
fn torture_strikes_as_its_seed_says_and_every_attack_ends_the_same_way() {
    let outcomes = |report: &serde_json::Value| -> Vec<String> {
        let attacks = report["attacks"].as_array().unwrap();
        // Each round has all of them; one more is struck where memory grew meanwhile.
        let rounds = &attacks[0]["count"];
        assert!(attacks.iter().all(|attack| &attack["count"] == rounds), "{attacks:#?}");
        attacks.iter().map(|attack| format!("{}: {}", attack["name"], attack["called"])).collect()
    };
    let (one, same, other) =
        (tortured(&["--seed", "7"]), tortured(&["--seed", "7"]), tortured(&["--seed", "8"]));
    let order = one["order"].as_array().unwrap();
    assert_eq!(order.len() % sandlab::hostile::all().count(), 0);
    assert_eq!(one["order"], same["order"]);
    assert_ne!(one["order"], other["order"]);
    assert_eq!(outcomes(&one), outcomes(&same));
    assert_eq!(outcomes(&one), outcomes(&other));
}

#[test]
fn neighbours_of_any_kind_are_asked_what_their_workload_says() {
    let folder = tempfile::tempdir().unwrap();
    let service = folder.path().join("service.wasm");
    std::fs::write(&service, SERVICE.component()).unwrap();
    let workload = folder.path().join("service.jsonl");
    let [service, workload] = [&service, &workload].map(|path| path.to_str().unwrap());
    let write = |status: u16| {
        let line = format!("{{\"http\": {{\"path\": \"/\"}}, \"status\": {status}}}\n");
        std::fs::write(workload, line).unwrap();
    };
    let arguments =
        ["--neighbours", service, "--workload", workload, "--rate", "200", "--agents", "4"];
    write(200);
    let report = tortured(&arguments);
    assert_eq!(report["agents"], 4);
    assert!(report["sent"].as_u64().unwrap() > 200, "{}", report["sent"]);
    // Replies are checked: another one ends it.
    write(404);
    let mut sandlab = assert_cmd::Command::new(env!("CARGO_BIN_EXE_sandlab"));
    let torture = ["torture", "--duration", "2s", "--no-store"];
    let done = sandlab.args(torture).args(arguments).assert().failure();
    let told = String::from_utf8_lossy(&done.get_output().stderr).into_owned();
    assert!(told.contains("404"), "{told}");
}

#[test]
fn messages_are_for_neighbours_that_are_named() {
    let mut sandlab = assert_cmd::Command::new(env!("CARGO_BIN_EXE_sandlab"));
    let done = sandlab.args(["torture", "--like", "json", "--no-store"]).assert().code(2);
    let told = String::from_utf8_lossy(&done.get_output().stderr).into_owned();
    assert!(told.contains("--neighbours"), "{told}");
}

#[test]
fn the_documents_say_how_many_attacks_there_are() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let count = format!("{} attacks", sandlab::hostile::all().count());
    for document in ["docs/hostile.md", "docs/guide.md"] {
        let text = std::fs::read_to_string(root.join(document)).unwrap();
        assert!(text.contains(&count), "{document} does not say {count}");
    }
}

#[test]
fn a_guest_that_takes_for_ever_to_compile_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let guest = folder.path().join("guest.wasm");
    // Some ten seconds of one thread's time, since one function is not compiled in parallel.
    std::fs::write(&guest, slow_to_compile(40_000)).unwrap();
    let policy = folder.path().join("policy.toml");
    std::fs::write(&policy, "timing.compile-limit = \"200ms\"").unwrap();
    let mut sandlab = assert_cmd::Command::new(env!("CARGO_BIN_EXE_sandlab"));
    let done = sandlab
        .env("SANDLAB_CACHE", folder.path().join("cache"))
        .arg("validate")
        .arg(guest)
        .arg("--policy")
        .arg(policy)
        .assert();
    let told = String::from_utf8_lossy(&done.get_output().stdout).into_owned();
    assert!(told.contains("200 ms"), "{told}");
}

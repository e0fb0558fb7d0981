//! Hostile guests in a runtime in which other agents are at work.

mod common;

use common::path::{at_rest, runtime};
use sandlab::hostile::{AttackRunner, Target, WITNESS, slow_to_compile, with_core_instances};
use sandlab_runtime::config::{Budgets, Strategy};
use sandlab_runtime::messaging::{AgentOptions, Placement};
use sandlab_runtime::wasm::SandboxEngine;
use sandlab_runtime::{AgentId, Backend, Budget, Cause, Identity, SandboxConfig};

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

/// Returns whether an agent echoes.
fn answers(connection: &mut sandlab_runtime::messaging::Connection, agent: AgentId) -> bool {
    let outcomes = common::path::outcomes(connection, agent, &["are you well?"]);
    matches!(&outcomes[..], [Ok(reply)] if reply.content == b"are you well?")
}

#[test]
fn every_attack_ends_as_it_must_and_nobody_else_feels_it() {
    let runner = AttackRunner::new(&sandlab::hostile::sandbox(4)).unwrap();
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

#[test]
fn torture_is_told_as_a_table_and_repeats_itself() {
    let struck = |seed: &str| {
        let torture = ["torture", "--duration", "2s", "--seed", seed, "--no-store"];
        let mut sandlab = assert_cmd::Command::new(env!("CARGO_BIN_EXE_sandlab"));
        let done = sandlab.args(torture).args(["--format", "json"]).assert().code(0);
        let run: serde_json::Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
        let report = &run["parts"][0]["findings"][0];
        assert_eq!(report["sent"], report["good"]);
        let attacks = report["attacks"].as_array().unwrap();
        // Each round has all of them; one more is struck where memory grew meanwhile.
        let rounds = &attacks[0]["count"];
        assert!(attacks.iter().all(|attack| &attack["count"] == rounds), "{attacks:#?}");
        attacks.iter().map(|attack| attack["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(struck("7"), struck("7"));
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

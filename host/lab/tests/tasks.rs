//! What five people come for, each with the commands of the documents alone. The time that each takes is
//! printed (`-- --nocapture`); with `TIMED=1`, of a build as it is released on a quiet machine, a first
//! answer that takes longer than it may fails.

#[path = "../../runtime/tests/cgroup/mod.rs"]
mod cgroup;
mod common;

use cgroup::Cgroup;
use common::lab::Lab;
use common::project::Project;
use common::user::User;
use common::{bundle, guests};
use predicates::prelude::*;
use predicates::str::contains;
use std::time::{Duration, Instant};

/// Prints how long a person waits.
fn timed<T>(what: &str, at_most: Option<Duration>, task: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = task();
    let took = start.elapsed();
    println!("{what}: {:.1} s", took.as_secs_f64());
    if let Some(most) = at_most.filter(|_| std::env::var_os("TIMED").is_some()) {
        assert!(took <= most, "{what}: {took:.1?}, and at most {most:?}");
    }
    done
}

impl Lab {
    fn sandlab(&self, arguments: &str) -> assert_cmd::assert::Assert {
        let mut sandlab = assert_cmd::Command::new(env!("CARGO_BIN_EXE_sandlab"));
        sandlab.args(arguments.split_whitespace()).current_dir(self.0.path()).assert()
    }
}

#[test]
fn what_does_the_sandbox_cost_on_this_machine() {
    let user = User::new();
    let first = Some(Duration::from_secs(15));
    let lab = timed("a first answer, from a release", first, || {
        assert!(user.install().status.success());
        user.sandlab().arg("lab").assert()
    });
    // What is timed is not judged beside other tests.
    let lab = lab.code(predicate::in_iter([0, 4])).stderr(contains("a smaller suite"));
    lab.stdout(contains("per call").and(contains("hash")).and(contains("native")));
}

#[test]
fn an_agent_in_python_from_nothing_to_a_valid_component() {
    if let Some(project) = timed("a project in Python", None, || Project::new("python")) {
        timed("a valid component in Python", None, || project.works(&[]));
    }
}

#[test]
fn which_memory_limit_does_my_component_need() {
    let lab = Lab::new();
    lab.file("mine.wasm", std::fs::read(bundle("markdown").component()).unwrap());
    let request = "{\"request\": \"# A title\\n\\nand *text*\"}\n";
    lab.file("workload.jsonl", request);
    let tune = "memory mine.wasm --tune --workload workload.jsonl --repeats 1 --passes 1 --soak 2s";
    let tuned = timed("a memory limit", None, || lab.sandlab(tune)).code(0);
    let told = String::from_utf8(tuned.get_output().stdout.clone()).unwrap();
    let limit = told.lines().find(|line| line.starts_with("memory-limit = ")).expect(&told);
    lab.file("sandbox.toml", limit);
    let compare = "compare mine.wasm --workload workload.jsonl --rounds 1 --sandbox sandbox.toml";
    lab.sandlab(compare).code(predicate::in_iter([0, 4]));
}

#[test]
fn a_pull_request_that_slows_an_agent_is_stopped_and_another_is_not() {
    let lab = Lab::new();
    let agent = |rounds: &str| {
        let module = include_str!("common/spin.wat").replace("ROUNDS", rounds);
        guests::agent(&module.replace("EXTRA", ""))
    };
    std::fs::create_dir(lab.0.path().join("main")).unwrap();
    lab.file("main/agent.wasm", agent("1000"));
    lab.file("workload.jsonl", "{\"request\": \"go\", \"replies\": []}\n");
    let gate = "gate --old main/agent.wasm --new agent.wasm --workload workload.jsonl --annotations github";
    // By what is counted, which a machine that is busy with other tests changes nothing of.
    lab.file("agent.wasm", agent("1000"));
    let same = lab.sandlab(&format!("{gate} --no-timing")).code(0);
    same.stdout(contains("::").not()).stderr(contains("regressed").not());
    lab.file("agent.wasm", agent("1100"));
    let slower = timed("a pull request that is 10 % slower", None, || lab.sandlab(gate)).code(1);
    slower.stdout(contains("::error")).stderr(contains("fuel regressed, +10.0 %"));
}

#[test]
fn how_many_agents_fit_into_a_container_of_512_mib() {
    let Some(container) = Cgroup::new(512 << 20) else {
        println!("skipped: this user may not make a cgroup");
        return;
    };
    let plan = format!(
        "{} && exec {} plan echo --limit 10MB",
        container.join(),
        env!("CARGO_BIN_EXE_sandlab")
    );
    let mut shell = assert_cmd::Command::new("sh");
    shell.args(["-c", &plan]).env("SANDLAB_NO_STORE", "true");
    let planned = timed("a plan of a container", None, || shell.assert());
    let planned = planned.code(predicate::in_iter([0, 4]));
    planned.stdout(contains("512.0 MiB of memory").and(contains("fit")));
}

//! Containers, which may use less than their machine has.

#[path = "../../runtime/tests/cgroup/mod.rs"]
mod cgroup;

use cgroup::Cgroup;
use predicates::prelude::*;
use predicates::str::{contains, is_match};
use serde_json::Value;

const SANDLAB: &str = env!("CARGO_BIN_EXE_sandlab");

/// Runs a shell's preparation, and the command in what it has made.
fn sandlab(preparation: &str, arguments: &str) -> assert_cmd::assert::Assert {
    let mut shell = assert_cmd::Command::new("sh");
    shell.args(["-c", &format!("{preparation} && exec {SANDLAB} {arguments}")]);
    shell.env("SANDLAB_NO_STORE", "true").assert()
}

fn report(preparation: &str, arguments: &str) -> Value {
    // What is timed is not judged beside other processes.
    let done = sandlab(preparation, &format!("{arguments} --format json"));
    assert!(matches!(done.get_output().status.code(), Some(0 | 4)), "{done}");
    serde_json::from_slice(&done.get_output().stdout).unwrap()
}

fn finding<'a>(report: &'a Value, kind: &str) -> &'a Value {
    let findings = report["parts"][0]["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["finding"] == kind);
    found.unwrap_or_else(|| panic!("no {kind} in {findings:?}"))
}

const LIMIT: u64 = 512 << 20;

#[test]
fn a_container_is_planned_and_measured_within_its_memory() {
    let Some(container) = Cgroup::new(LIMIT) else {
        eprintln!("this user may not make a cgroup");
        return;
    };
    let plan = report(&container.join(), "plan echo --limit 10MB --layout packed");
    assert_eq!(plan["begin"]["environment"]["memory_limit"], LIMIT);
    let capacity = finding(&plan, "capacity");
    let number = |name: &str| capacity[name].as_f64().unwrap();
    assert!(number("at_limit") <= 51.0, "{capacity}");
    let each = capacity["cost"]["resident"].as_f64().unwrap();
    assert!(number("by_memory") * each <= LIMIT as f64, "{capacity}");

    // Too many are refused before any is started.
    let refused = sandlab(
        &container.join(),
        "plan echo --limit 10MB --layout packed --agents 200000 --verify",
    );
    refused.code(1).stderr(contains("200000 agents do not fit"));

    let memory = report(
        &container.join(),
        "memory allocator --limits 1000MB --backends wasm,native,process",
    );
    let held = finding(&memory, "at-limit")["held"].to_string();
    assert!(held.contains("this container's limit of 512.0 MiB leaves"), "{held}");
    let shown = sandlab(&container.join(), "compare echo --backends native --rounds 1");
    shown.code(0).stdout(contains("512.0 MiB of memory"));
}

#[test]
fn a_process_is_planned_within_its_own_limit() {
    let plan = report("ulimit -v 20000000", "plan echo --limit 10MB --layout packed");
    let capacity = finding(&plan, "capacity");
    let bytes = capacity["by_address_space"].as_u64().unwrap() * 10_000_000;
    assert!(bytes <= 20_000_000 << 10, "{capacity}");
}

#[test]
fn attacks_that_lack_files_are_no_finding() {
    let short = sandlab("ulimit -n 24", "torture --duration 1s").code(3);
    short.stderr(contains("24 are allowed").and(contains("ulimit -n 64")));
}

#[test]
fn a_quota_of_cpu_time_is_a_condition() {
    let Some(container) = Cgroup::half_a_core() else {
        eprintln!("this user may not make a cgroup");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("results.db");
    let run = format!("compare echo --backends native --rounds 1 --store {}", store.display());
    let keep = |preparation: &str| {
        let done = sandlab(&format!("unset SANDLAB_NO_STORE; {preparation}"), &run).code(0);
        String::from_utf8(done.get_output().stdout.clone()).unwrap()
    };
    keep(":");
    let shown = keep(&container.join());
    assert!(shown.contains("(a quota of 0.5)"), "{shown}");
    let store = store.display();
    sandlab(":", &format!("baseline save before 1 --store {store}")).code(0);
    let compared = sandlab(":", &format!("report 2 --baseline before --store {store}"));
    // A line of a terminal may end within it.
    compared.stdout(is_match(r"cpu-quota:\s+not\s+known\s+and\s+0\.5").unwrap());
}

/// Refuses one system call to the command behind it, as a container's seccomp profile does.
const REFUSE: &str = r#"
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
rules = [(0x20, 0, 0, 0), (0x15, 0, 1, int(sys.argv[1])), (6, 0, 0, 0x50001), (6, 0, 0, 0x7FFF0000)]
code = b"".join(struct.pack("HBBI", *rule) for rule in rules)
text = ctypes.create_string_buffer(code)
program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(rules), ctypes.addressof(text)))
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, program):
    sys.exit("no seccomp")
os.execv(sys.argv[2], sys.argv[2:])
"#;

#[test]
#[cfg(target_arch = "x86_64")]
fn a_container_without_memory_files_is_told_which_layout_does_without() {
    const MEMFD_CREATE: &str = "319";
    let folder = tempfile::tempdir().unwrap();
    let (script, dense) = (folder.path().join("refuse.py"), folder.path().join("dense.toml"));
    std::fs::write(&script, REFUSE).unwrap();
    std::fs::write(&dense, "[allocation]\nlayout = \"dense\"\n").unwrap();
    let refusing = |more: &str| {
        let mut python = assert_cmd::Command::new("python3");
        python.arg(&script).args([MEMFD_CREATE, SANDLAB, "compare", "echo"]);
        python.args(["--backends", "wasm", "--rounds", "1"]).args(more.split_whitespace());
        python.env("SANDLAB_NO_STORE", "true");
        python
    };
    let Ok(fast) = refusing("").output() else {
        eprintln!("there is no python3 to set up a seccomp profile");
        return;
    };
    let told = String::from_utf8_lossy(&fast.stderr);
    assert_eq!(fast.status.code(), Some(3), "{told}");
    assert!(told.contains("memfd_create") && told.contains("layout = \"dense\""), "{told}");
    refusing(&format!("--sandbox {}", dense.display())).assert().code(0);
}

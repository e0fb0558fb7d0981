//! Containers, which may use less than their machine has.

#[path = "../../runtime/tests/cgroup/mod.rs"]
mod cgroup;

use assert_cmd::assert::{Assert, OutputAssertExt};
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

/// Runs a command to which the kernel refuses one system call; `None`, said aloud, where no such
/// profile can be set up.
#[cfg(target_arch = "x86_64")]
fn refusing(call: &str, arguments: &str) -> Option<Assert> {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("refuse.py");
    std::fs::write(&script, REFUSE).unwrap();
    let mut python = assert_cmd::Command::new("python3");
    python.arg(&script).args([call, SANDLAB]).args(arguments.split_whitespace());
    python.env("SANDLAB_NO_STORE", "true");
    match python.output() {
        Ok(output) => Some(output.assert()),
        Err(_) => {
            eprintln!("there is no python3 to set up a seccomp profile");
            None
        }
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn a_container_that_refuses_threads_is_not_told_to_allow_more_of_them() {
    const CLONE3: &str = "435";
    let echo = sandlab::bundle::find("echo", &mut |_| {}).unwrap();
    let folder = echo.component().parent().unwrap().canonicalize().unwrap();
    for arguments in [
        "compare ECHO --rounds 1",
        "compare ECHO --rounds 1 --backends process",
        "throughput ECHO --duration 50ms",
        "latency ECHO --duration 50ms",
        "spawn ECHO --rounds 1",
        "gate --old ECHO --new ECHO --no-timing",
        "plan ECHO --verify",
        "torture --duration 50ms",
        // Cargo is asked where agents of a name are.
        "compare echo --rounds 1",
    ] {
        let arguments = arguments.replace("ECHO", folder.to_str().unwrap());
        let Some(refused) = refusing(CLONE3, &arguments) else {
            return;
        };
        let refused = refused.code(3).stderr(contains("seccomp").and(contains("clone3")));
        refused.stderr(contains("ulimit").not().and(contains("panicked").not()));
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn a_container_without_memory_files_is_told_which_layout_does_without() {
    const MEMFD_CREATE: &str = "319";
    let folder = tempfile::tempdir().unwrap();
    let dense = folder.path().join("dense.toml");
    std::fs::write(&dense, "[allocation]\nlayout = \"dense\"\n").unwrap();
    let compare = "compare echo --backends wasm --rounds 1";
    let Some(fast) = refusing(MEMFD_CREATE, compare) else {
        return;
    };
    fast.code(3).stderr(contains("memfd_create").and(contains("layout = \"dense\"")));
    let compare = format!("{compare} --sandbox {}", dense.display());
    refusing(MEMFD_CREATE, &compare).unwrap().code(0);
}

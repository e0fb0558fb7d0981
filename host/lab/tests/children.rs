//! The processes that commands start: what becomes of them when the command is stopped or
//! killed, and of the command when one of them is.

#[path = "../../runtime/tests/cgroup/mod.rs"]
mod cgroup;
mod common;

use cgroup::Cgroup;
use common::children::{all_end, children_of, send};
use common::guests;
use rustix::process::{Pid, Signal, getpgid, kill_process};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A command that was started, and the first child that it supervises.
struct Started {
    sandlab: Child,
    child: u32,
}

impl Started {
    fn new(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        command.args(arguments).env("SANDLAB_NO_STORE", "true");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let sandlab = command.spawn().unwrap();
        let until = Instant::now() + Duration::from_secs(60);
        let child = loop {
            let mut children = children_of(sandlab.id()).into_iter();
            if let Some(child) = children.find(|child| is_supervised(*child, sandlab.id())) {
                break child;
            }
            assert!(Instant::now() < until, "it starts no child");
            std::thread::sleep(Duration::from_millis(1));
        };
        Self { sandlab, child }
    }

    /// Sends the child a signal.
    fn send_child(&self, signal: Signal) {
        let child = Pid::from_raw(self.child.cast_signed()).unwrap();
        kill_process(child, signal).unwrap();
    }

    /// Interrupts the command while its child hangs, which must end both.
    fn interrupted(mut self) -> Output {
        self.send_child(Signal::STOP);
        send(&self.sandlab, Signal::INT);
        let until = Instant::now() + Duration::from_secs(20);
        while self.sandlab.try_wait().unwrap().is_none() {
            assert!(Instant::now() < until, "it waits for its child");
            std::thread::sleep(Duration::from_millis(10));
        }
        all_end(&BTreeSet::from([self.child]));
        self.sandlab.wait_with_output().unwrap()
    }
}

/// Whether it leads a group of its own, as `git` does not, and runs its program: until then
/// its parent waits for it, and both have the same command line.
fn is_supervised(child: u32, parent: u32) -> bool {
    let command = |pid: u32| std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let pid = Pid::from_raw(child.cast_signed());
    getpgid(pid).ok() == pid && command(child) != command(parent)
}

/// Whether a process is stopped: the third field of `/proc/PID/stat`.
fn is_stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, fields)| fields.starts_with('T'))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A program of the bench protocol that never ends.
fn endless(folder: &Path) -> String {
    let path = folder.join("endless");
    std::fs::write(&path, "#!/bin/sh\necho started >&2\nsleep 1000\n").unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn an_interrupt_ends_a_plan_and_its_child() {
    let plan = ["plan", "echo", "--layout", "packed", "--verify"];
    let output = Started::new(&plan).interrupted();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
}

#[test]
fn a_second_interrupt_ends_the_command_at_once() {
    let arguments = ["compare", "echo", "--backends", "process", "--rounds", "1000000"];
    let mut started = Started::new(&arguments);
    let mut said = BufReader::new(started.sandlab.stderr.take().unwrap());
    let id = started.sandlab.id();
    let mut seen = BTreeSet::new();
    // After some rounds, each with a child of its own, one that does not end.
    while seen.len() < 4 || !is_stopped(started.child) {
        let child = children_of(id).into_iter().find(|child| is_supervised(*child, id));
        started.child = child.unwrap_or(started.child);
        seen.extend(child);
        if seen.len() >= 4 {
            let child = Pid::from_raw(started.child.cast_signed()).unwrap();
            // It may be gone already.
            let _ = kill_process(child, Signal::STOP);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    send(&started.sandlab, Signal::INT);
    let mut line = String::new();
    while !line.contains("press Ctrl-C again") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "it has ended");
    }
    send(&started.sandlab, Signal::INT);
    assert_eq!(started.sandlab.wait().unwrap().code(), Some(130));
    started.send_child(Signal::CONT);
    all_end(&BTreeSet::from([started.child]));
}

#[test]
fn an_interrupt_ends_a_gate_and_its_program() {
    let folder = tempfile::tempdir().unwrap();
    let program = endless(folder.path());
    let gate = ["gate", "--old-bin", &program, "--new-bin", &program];
    let output = Started::new(&gate).interrupted();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
}

#[test]
fn an_interrupt_ends_a_check_and_what_was_found_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let guest = folder.path().join("guest.wasm");
    std::fs::write(&guest, guests::handling("", "unreachable")).unwrap();
    let guest = guest.to_str().unwrap();
    let validate = ["validate", guest, "--no-timing", "--jobs", "1"];
    let output = Started::new(&validate).interrupted();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    assert!(told.contains("stopped before it was done"), "{told}");
}

#[test]
fn an_interrupt_ends_all_attacks_and_what_was_struck_is_told() {
    let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    sandlab.args(["torture", "--duration", "300s", "--verbose"]).env("SANDLAB_NO_STORE", "true");
    let mut sandlab = sandlab.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    send(&sandlab, Signal::INT);
    // An attack ends before it is over; on a busy machine that may take a while.
    let until = Instant::now() + Duration::from_secs(30);
    while sandlab.try_wait().unwrap().is_none() {
        assert!(Instant::now() < until, "it goes on");
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = sandlab.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("infinite loop in handle"), "{}", text(&output.stdout));
}

#[test]
fn a_plans_child_does_not_outlive_a_parent_that_was_killed() {
    let plan = ["plan", "echo", "--layout", "packed", "--verify"];
    let mut started = Started::new(&plan);
    send(&started.sandlab, Signal::KILL);
    started.sandlab.wait().unwrap();
    all_end(&BTreeSet::from([started.child]));
}

#[test]
fn a_check_whose_process_was_killed_names_the_signal() {
    let folder = tempfile::tempdir().unwrap();
    let guest = folder.path().join("guest.wasm");
    std::fs::write(&guest, guests::handling("", "unreachable")).unwrap();
    let validate = ["validate", guest.to_str().unwrap(), "--no-timing"];
    let started = Started::new(&validate);
    started.send_child(Signal::KILL);
    let output = started.sandlab.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let told = text(&output.stdout);
    assert!(told.contains("signal 9 (SIGKILL)"), "{told}");
}

#[test]
fn a_plan_whose_child_the_kernel_kills_names_it_and_keeps_what_it_found() {
    let Some(group) = Cgroup::new(8 << 30) else {
        eprintln!("not tested: this user may make no memory cgroup");
        return;
    };
    let plan = format!(
        "{} && exec {} plan echo --limit 10MB --layout packed --agents 50000 --verify --no-store \
         --format json",
        group.join(),
        env!("CARGO_BIN_EXE_sandlab")
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", &plan]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut sandlab = shell.spawn().unwrap();
    // By the first child it predicts that they fit. The second one has to hold them, and by then
    // others have taken the memory.
    let mut seen = BTreeSet::new();
    while seen.len() < 2 && sandlab.try_wait().unwrap().is_none() {
        seen.extend(children_of(sandlab.id()));
        std::thread::sleep(Duration::from_millis(1));
    }
    group.limit_memory(256 << 20);
    let output = sandlab.wait_with_output().unwrap();
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(
        errors.contains("ended: killed, most likely by the kernel: out of memory\n"),
        "{errors}"
    );
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["parts"][0]["findings"].as_array().unwrap();
    assert!(findings.iter().any(|found| found["finding"] == "capacity"));
}

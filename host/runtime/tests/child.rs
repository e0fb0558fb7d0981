//! Supervised children: what becomes of those that hang, flood, leave others behind, or are
//! killed.

mod cgroup;

use cgroup::Cgroup;
use sandlab_runtime::child::{Cause, Child, Ended, this_program};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// So long that only a child that hangs takes it.
const LONG: Duration = Duration::from_secs(120);

fn shell(script: &str) -> Child {
    let mut command = Command::new("sh");
    let command = command.args(["-c", script]).stdin(Stdio::null());
    Child::start(command.stdout(Stdio::piped())).unwrap()
}

fn never() -> bool {
    false
}

fn finish(script: &str) -> Ended {
    shell(script).finish(LONG, &never)
}

/// Whether there is such a process, also as a zombie.
fn exists(pid: &str) -> bool {
    Path::new("/proc").join(pid).exists()
}

/// Waits until a process that was killed is gone: who reaps a grandchild takes their time.
fn goes(pid: &str) {
    let until = Instant::now() + Duration::from_secs(20);
    while exists(pid) && state(pid) != Some('Z') {
        assert!(Instant::now() < until, "{pid} lives on");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn state(pid: &str) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

#[test]
fn one_that_hangs_is_killed_at_its_deadline_with_its_grandchildren() {
    let mut child = shell("sleep 1000 & echo $!; echo not yet >&2; wait");
    let pid = child.id().to_string();
    let grandchild = child.line(LONG, &never).unwrap().unwrap();
    assert!(exists(&grandchild));
    let limit = Duration::from_millis(300);
    let ended = child.finish(limit, &never);
    assert_eq!(ended.cause, Cause::Deadline(limit));
    assert_eq!(ended.to_string(), "not done after 300 ms, and killed: not yet");
    assert!(!exists(&pid), "a zombie is left");
    goes(&grandchild);
}

#[test]
fn what_one_leaves_behind_is_killed_at_its_end() {
    let mut child = shell("sleep 1000 >/dev/null 2>&1 & echo $!");
    let left_behind = child.line(LONG, &never).unwrap().unwrap();
    child.wait(LONG, &never).unwrap();
    assert!(exists(&left_behind));
    let ended = child.end(Cause::Stopped);
    assert!(ended.cause.is_success(), "it had ended by itself: {ended}");
    goes(&left_behind);
}

#[test]
fn a_line_that_does_not_come_has_a_deadline_too() {
    let child = shell("echo one; sleep 1000");
    assert_eq!(child.line(LONG, &never), Ok(Some("one".to_owned())));
    let limit = Duration::from_millis(100);
    assert_eq!(child.line(limit, &never), Err(Cause::Deadline(limit)));
    let child = shell("printf 'two\nno end'");
    assert_eq!(child.line(LONG, &never), Ok(Some("two".to_owned())));
    assert_eq!(child.line(LONG, &never), Ok(Some("no end".to_owned())));
    assert_eq!(child.line(LONG, &never), Ok(None));
}

#[test]
fn a_flood_is_not_kept() {
    let before = peak();
    let ended = finish("head -c 300000000 /dev/zero >&2; echo >&2; echo the end >&2");
    assert_eq!(ended.to_string(), "exit code 0: the end");
    // Nor is standard output that nobody reads: it makes its writer wait.
    let mut child = shell("yes");
    let ended = child.finish(Duration::from_millis(500), &never);
    assert!(matches!(ended.cause, Cause::Deadline(_)), "{ended}");
    let grown = peak() - before;
    assert!(grown < 64 << 20, "{grown} bytes");
}

/// The most memory that this process has had, bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: u64 = line.unwrap().trim().strip_suffix(" kB").unwrap().parse().unwrap();
    kib << 10
}

#[test]
fn an_end_is_named() {
    for (script, says) in [
        ("true", "exit code 0"),
        ("echo broken >&2; exit 7", "exit code 7: broken"),
        ("ulimit -c 0; echo oh >&2; kill -SEGV $$", "signal 11 (SIGSEGV): oh"),
        ("kill -KILL $$", "signal 9 (SIGKILL)"),
    ] {
        assert_eq!(finish(script).to_string(), says);
    }
}

#[test]
fn none_is_left_whoever_forgets_it() {
    let child = shell("sleep 1000 & echo $!; wait");
    let pid = child.id().to_string();
    let grandchild = child.line(LONG, &never).unwrap().unwrap();
    drop(child);
    assert!(!exists(&pid), "a zombie is left");
    goes(&grandchild);
    let child = shell("true");
    let pid = child.id().to_string();
    child.wait(LONG, &never).unwrap();
    assert_eq!(state(&pid), Some('Z'), "nobody else gets its id yet");
    drop(child);
    assert!(!exists(&pid));
}

#[test]
fn whoever_is_told_to_stop_does_not_wait_for_the_deadline() {
    let mut child = shell("sleep 1000");
    let start = Instant::now();
    let stopped = || start.elapsed() > Duration::from_millis(100);
    assert_eq!(child.line(LONG, &stopped), Err(Cause::Stopped));
    assert_eq!(child.finish(LONG, &stopped).to_string(), "stopped");
    assert!(start.elapsed() < LONG / 2);
}

#[test]
fn one_can_be_killed_from_elsewhere_and_only_once() {
    let mut child = shell("sleep 1000");
    let killer = child.killer();
    std::thread::scope(|scope| {
        scope.spawn(|| killer.kill());
        let ended = child.finish(LONG, &never);
        assert_eq!(ended.to_string(), "signal 9 (SIGKILL)");
        assert_eq!(child.end(Cause::Stopped), ended, "an end does not change");
    });
    killer.kill();
}

#[test]
fn a_signal_to_the_parents_group_does_not_reach_it() {
    let child = shell("ps -o pgid= -p $$ 2>/dev/null || cut -d' ' -f5 /proc/$$/stat");
    let group = child.line(LONG, &never).unwrap().unwrap();
    assert_eq!(group.trim(), child.id().to_string());
}

/// A test of this file, as a program of its own.
fn as_program(program: &Path, test: &str) -> String {
    format!("exec {} --ignored --exact {test} --nocapture", program.display())
}

#[test]
fn this_program_is_started_though_its_file_was_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("program");
    std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let ended = finish(&as_program(&copy, "is_replaced"));
    assert!(ended.cause.is_success(), "{ended}");
    assert!(!std::fs::read(&copy).unwrap().starts_with(b"\x7fELF"));
}

#[test]
#[ignore = "another test runs it as a program"]
fn is_replaced() {
    let path = std::env::current_exe().unwrap();
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "another").unwrap();
    let mut command = this_program();
    let command = command.arg("--list").stdout(Stdio::piped());
    let child = Child::start(command).unwrap();
    let lines = std::iter::from_fn(|| child.line(LONG, &never).unwrap());
    assert!(lines.into_iter().any(|line| line == "is_replaced: test"));
}

#[test]
fn one_that_the_kernel_killed_for_want_of_memory_is_named() {
    let Some(group) = Cgroup::new(64 << 20) else {
        eprintln!("not tested: this user may make no memory cgroup");
        return;
    };
    let join = group.join();
    let program = as_program(&std::env::current_exe().unwrap(), "is_short_of_memory");
    let ended = finish(&format!("{join} && {program}"));
    assert!(ended.cause.is_success(), "{ended}");
}

#[test]
#[ignore = "another test runs it in a small cgroup"]
fn is_short_of_memory() {
    assert_eq!(finish("kill -KILL $$").to_string(), "signal 9 (SIGKILL)");
    // The shell volunteers to be killed, and not this process.
    let ended = finish("echo 1000 > /proc/self/oom_score_adj; exec tail /dev/zero");
    assert_eq!(ended.cause, Cause::OutOfMemory);
    assert_eq!(ended.to_string(), "killed, most likely by the kernel: out of memory");
    assert_eq!(finish("kill -KILL $$").to_string(), "signal 9 (SIGKILL)");
}

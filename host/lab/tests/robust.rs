//! Surroundings that are not as one would like: readers that go away, stores that cannot be
//! written, files of other editors, names that are no text, numbers without bound.

mod common;

use assert_cmd::Command;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Stdio};
use tempfile::TempDir;

const SANDLAB: &str = env!("CARGO_BIN_EXE_sandlab");

fn sandlab(arguments: &str) -> Command {
    let mut sandlab = Command::new(SANDLAB);
    sandlab.args(arguments.split_whitespace());
    sandlab.env("SANDLAB_NO_STORE", "true").timeout(std::time::Duration::from_secs(60));
    sandlab
}

/// A folder that everyone may read, with a store of the version before.
fn shared_store() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("results 100%?.db");
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/store-v2.db");
    fs::copy(fixture, &store).unwrap();
    (folder, store)
}

/// Runs the command as a user who may write neither the store nor its folder.
fn as_reader(store: &Path, arguments: &str) -> process::Output {
    let folder = store.parent().unwrap();
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.for_each(|file| fs::set_permissions(file, Permissions::from_mode(0o444)).unwrap());
    fs::set_permissions(folder, Permissions::from_mode(0o555)).unwrap();
    let mut sandlab = process::Command::new(SANDLAB);
    sandlab.args(arguments.split_whitespace()).arg("--store").arg(store).current_dir("/");
    if rustix::process::geteuid().is_root() {
        sandlab.uid(65_534).gid(65_534);
    }
    let output = sandlab.output().unwrap();
    fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    output
}

#[test]
fn a_store_that_cannot_be_written_is_read_and_left_as_it_was() {
    let (folder, store) = shared_store();
    let names = || fs::read_dir(folder.path()).unwrap().count();
    let read_all = |bytes: &[u8]| {
        for arguments in ["runs", "runs list", "runs show 1", "runs export 1", "report 3"] {
            let output = as_reader(&store, arguments);
            let told = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{arguments}: {told}");
            assert!(!output.stdout.is_empty(), "{arguments}");
            assert_eq!((fs::read(&store).unwrap(), names()), (bytes.to_vec(), 1));
        }
    };
    // One of the version before, and then one of this version.
    read_all(&fs::read(&store).unwrap());
    fs::set_permissions(&store, Permissions::from_mode(0o644)).unwrap();
    sandlab("runs list --store").arg(&store).assert().code(0);
    read_all(&fs::read(&store).unwrap());
    // A gate reads them as well, and finds that these two are of different commands.
    let gated = as_reader(&store, "gate --baseline 8 --run 10 --no-store");
    let told = String::from_utf8_lossy(&gated.stderr);
    assert_eq!(gated.status.code(), Some(2), "{told}");
    assert!(told.contains("no metric in common"), "{told}");
    let refused = as_reader(&store, "runs delete 1");
    let told = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3), "{told}");
    assert!(told.contains("cannot write"), "{told}");
}

#[test]
fn reading_makes_no_store_of_an_empty_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("empty.db");
    std::fs::write(&store, "").unwrap();
    for command in ["runs list", "report last", "baseline list"] {
        let mut read = sandlab(&format!("{command} --store"));
        read.arg(&store).assert().code(2).stderr(contains("no results"));
        assert_eq!(std::fs::metadata(&store).unwrap().len(), 0, "{command}");
    }
}

#[test]
fn a_log_beside_a_store_that_cannot_be_written_is_read_too() {
    let (_folder, store) = shared_store();
    sandlab("runs list --store").arg(&store).assert().code(0);
    let connection = rusqlite::Connection::open(&store).unwrap();
    connection.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM run WHERE id > 2").unwrap();
    let (copied, copy) = {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("results.db");
        fs::copy(&store, &copy).unwrap();
        let log = |store: &Path| PathBuf::from(format!("{}-wal", store.display()));
        fs::copy(log(&store), log(&copy)).unwrap();
        (folder, copy)
    };
    let output = as_reader(&copy, "runs list");
    let listed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(listed.contains("compare") && !listed.contains("footprint"), "{listed}");
    drop(copied);
}

#[test]
fn a_reader_that_has_gone_away_changes_no_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.wasm");
    fs::write(&bad, "no component").unwrap();
    let bad = bad.display();
    for (arguments, code) in [
        (format!("validate {bad}"), 1),
        (format!("compare {bad}"), 3),
        ("compare ecko".to_owned(), 2),
        ("compare --no-such-option".to_owned(), 2),
        ("metrics".to_owned(), 0),
        ("--help".to_owned(), 0),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut sandlab = process::Command::new(SANDLAB);
        sandlab.args(arguments.split_whitespace()).env("SANDLAB_NO_STORE", "true");
        sandlab.stdout(writer.try_clone().unwrap()).stderr(writer);
        let status = sandlab.stdin(Stdio::null()).status().unwrap();
        assert_eq!(status.code(), Some(code), "{arguments}");
    }
}

#[test]
fn a_dash_is_standard_output() {
    let (folder, store) = shared_store();
    for arguments in ["runs export 1 --output -", "report 1 --format json --output -"] {
        let mut sandlab = sandlab(arguments);
        sandlab.arg("--store").arg(&store).current_dir(folder.path());
        let output = sandlab.assert().code(0).get_output().stdout.clone();
        serde_json::from_slice::<serde_json::Value>(&output).unwrap();
    }
    assert!(!folder.path().join("-").exists());
    let refused = sandlab("validate echo --report json=-").assert().code(2);
    refused.stderr(contains("standard output has the report of --format"));
}

#[test]
fn a_workload_may_begin_with_a_mark_and_come_from_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let marked = folder.path().join("bom.jsonl");
    // One editor's mark before another's.
    let text = "\u{feff}\u{feff}{\"request\": \"a\", \"reply\": \"a\"}\r\n";
    fs::write(&marked, text).unwrap();
    let compare = "compare echo --backends native --rounds 1 --workload";
    sandlab(compare).arg(&marked).assert().code(0);
    sandlab(compare).arg("/dev/stdin").write_stdin(text).assert().code(0);
    let validate = "validate echo --no-timing --skip soak,spawn,call --cases";
    sandlab(validate).arg(&marked).assert().code(0);
    let read = sandlab(validate).arg("/dev/stdin").write_stdin(text).assert().code(0);
    read.stdout(contains("conformance"));
}

#[test]
fn another_encoding_is_named_before_any_guest_runs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("utf16");
    let units = "\u{feff}{\"request\": \"a\"}".encode_utf16();
    fs::write(&file, units.flat_map(u16::to_le_bytes).collect::<Vec<_>>()).unwrap();
    for arguments in [
        "compare echo --workload",
        "validate echo --cases",
        "validate echo --policy",
        "compare echo --sandbox",
        "compare echo --targets",
        "runs import",
    ] {
        let refused = sandlab(arguments).arg(&file).assert().code(2);
        refused.stdout("").stderr(contains("it is UTF-16; save it as UTF-8"));
    }
}

#[test]
fn a_file_that_is_no_text_is_told_what_it_is_and_a_pipe_with_a_name_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let (wasm, pipe) = (common::bundle("echo").component(), folder.path().join("pipe"));
    assert!(process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for arguments in [
        "compare echo --workload",
        "validate echo --cases",
        "validate echo --policy",
        "validate echo --baseline",
        "compare echo --sandbox",
        "compare echo --targets",
        "runs import",
    ] {
        let refused = sandlab(arguments).arg(&wasm).assert().code(2);
        refused.stdout("").stderr(contains("it is WebAssembly").and(contains("agent.wasm")));
        let refused = sandlab(arguments).arg(&pipe).assert().code(2);
        refused.stdout("").stderr(contains("it is a pipe: write it to a file first"));
    }
    // What a shell makes of `<(…)` is written to.
    let script = "exec \"$0\" compare echo --backends native --rounds 1 --no-store --workload \
                  <(echo '{\"request\": \"a\", \"reply\": \"a\"}')";
    let mut bash = process::Command::new("bash");
    assert!(bash.args(["-c", script, SANDLAB]).output().unwrap().status.success());
}

#[test]
fn a_store_that_is_no_file_or_may_not_be_read_is_told_as_what_it_is() {
    let (folder, store) = shared_store();
    let pipe = folder.path().join("pipe.db");
    assert!(process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let others =
        [(&*pipe, "a pipe"), (Path::new("/dev/null"), "a device"), (folder.path(), "a folder")];
    for arguments in ["runs list --store", "compare echo --backends native --rounds 1 --store"] {
        for (path, what) in others {
            let mut sandlab = sandlab(arguments);
            let refused = sandlab.arg(path).env_remove("SANDLAB_NO_STORE").assert().code(2);
            refused.stderr(contains(what).and(contains("--store PATH")));
        }
    }
    fs::set_permissions(&store, Permissions::from_mode(0o0)).unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let mut list = process::Command::new(SANDLAB);
    list.args(["runs", "list", "--store"]).arg(&store).current_dir("/");
    if rustix::process::geteuid().is_root() {
        list.uid(65_534).gid(65_534);
    }
    let done = list.output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(3), "{said}");
    assert!(said.contains("cannot read it: Permission denied"), "{said}");
    assert!(!said.contains("immutable") && !said.contains("write"), "{said}");
}

#[test]
fn a_number_beyond_its_bound_is_refused_with_the_bound() {
    for (arguments, bound) in [
        ("latency --duration 18446744073709551615s", "at most 30days"),
        ("latency --ramp-up 18446744073709551615s", "at most 30days"),
        ("throughput --duration 18446744073709551615s", "at most 30days"),
        ("throughput --batch-timeout 18446744073709551615s", "at most 30days"),
        ("throughput --batch-size 4294967295", "1000000"),
        ("throughput --agents 4294967295", "4000000"),
        ("throughput --size 4294967295", "67108864"),
        ("throughput --size 67108864 --depth 1000", "at most 4.0 GiB"),
        ("throughput --tasks 4294967295", "1000000"),
        ("throughput --connections 4294967295", "1000000"),
        ("latency --agents 4294967295", "4000000"),
        ("scale --agents 4294967295", "4000000"),
        ("scale --size 4294967295", "67108864"),
        ("footprint --agents 4294967295", "4000000"),
        ("recovery --agents 4294967295", "4000000"),
        ("load peak --agents 4294967295", "4000000"),
        ("load sustained --size 4294967295", "67108864"),
        ("load sustained --cycles 4294967295", "10000"),
        ("load burst --watch 18446744073709551615s", "at most 30days"),
        ("gate --old-bin a --new-bin b --timeout 18446744073709551615s", "at most 30days"),
    ] {
        sandlab(arguments).assert().code(2).stderr(contains(bound));
    }
}

#[test]
fn a_setting_that_leaves_nothing_to_run_in_is_the_callers_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("sandbox.toml");
    for (text, part) in [
        ("memory-limit = 0", "`memory-limit` is zero"),
        ("stack = 0", "`stack` is zero"),
        ("fuel = 0", "`fuel` is zero"),
        ("instance-limit = 0", "`instance-limit` is zero"),
        ("[allocation]\nslots = 0", "`allocation.slots` is zero"),
    ] {
        std::fs::write(&config, text).unwrap();
        let mut compare = sandlab("compare echo --sandbox");
        compare.arg(&config).assert().code(2).stderr(contains(part));
    }
    for limit in ["0B", "18446744073709551615B", "64"] {
        let plan = format!("plan echo --limit {limit}");
        sandlab(&plan).assert().code(2).stderr(contains("'--limit <SIZE>'"));
    }
    for (text, part) in [
        ("[baseline]\ngrowth = 5", "for 5 % write 0.05"),
        ("[baseline]\ngrowth = -1", "from 0 to 1"),
        ("[timing]\nstage-limit = \"0s\"", "`timing.stage-limit` is zero"),
    ] {
        std::fs::write(&config, text).unwrap();
        let mut validate = sandlab("validate");
        validate.arg(common::bundle("echo").component()).arg("--policy").arg(&config);
        validate.assert().code(2).stderr(contains(part));
    }
}

#[test]
fn a_program_to_gate_is_a_file_here_and_five_is_not_five_per_cent() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("const.sh");
    let line = "{\"metric\": \"instructions\", \"value\": 1000000}";
    let script = format!("#!/bin/sh\nprintf '\\357\\273\\277%s\\r\\n' '{line}'\n");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let policy = folder.path().join("five.toml");
    fs::write(&policy, "[[metric]]\nnames = [\"*\"]\nthreshold = 5\n").unwrap();
    let gate = "gate --pairs 12 --old-bin const.sh --new-bin const.sh";
    let mut passed = sandlab(gate);
    passed.current_dir(folder.path()).assert().code(0);
    let mut refused = sandlab(gate);
    refused.args(["--policy", "five.toml"]).current_dir(folder.path());
    let refused = refused.assert().code(2);
    refused.stderr(contains("write \"5 %\" or 0.05"));
}

#[test]
fn a_name_that_is_no_text_loses_no_report() {
    let folder = tempfile::tempdir().unwrap();
    let name = OsStr::from_bytes(b"a\xff\x1b[31m\n.wasm");
    fs::write(folder.path().join(name), "no component").unwrap();
    let mut sandlab = sandlab("validate --format json");
    let failed = sandlab.arg(folder.path()).assert().code(1);
    let report: serde_json::Value = serde_json::from_slice(&failed.get_output().stdout).unwrap();
    let file = report["guests"][0]["file"].as_str().unwrap();
    assert!(file.ends_with("a\\xff\u{1b}[31m\n.wasm"), "{file:?}");
    assert_eq!(report["guests"][0]["status"], "fail");
}

#[test]
fn a_pipe_is_no_guest_and_nobody_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("agent.wasm");
    let made = process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    for command in ["validate", "compare"] {
        let refused = sandlab(command).arg(&pipe).assert().code(2);
        refused.stderr(contains("is a pipe or a device"));
        let mut refused = sandlab(command);
        refused.arg("/dev/stdin").write_stdin("no component");
        refused.assert().code(2).stderr(contains("is a pipe or a device"));
    }
    let found = sandlab("validate").arg(folder.path()).assert().code(3);
    found.stdout(contains("is a pipe or a device"));
}

#[test]
fn a_missing_folder_for_temporary_files_is_named() {
    for arguments in ["validate echo", "compare echo --rounds 1 --no-store"] {
        let mut sandlab = sandlab(arguments);
        let failed = sandlab.env("TMPDIR", "/nonexistent/tmp").assert().code(3);
        failed.stderr(contains("/nonexistent/tmp").and(contains("TMPDIR")));
    }
}

#[test]
fn what_the_machine_lacks_is_no_finding_and_no_panic() {
    let echo = sandlab::bundle::find("echo", &mut |_| {}).unwrap();
    let folder = echo.component().parent().unwrap().to_owned();
    let load = "throughput --duration 50ms --agents 300 --backends process";
    let few_files = format!("ulimit -n 64 && exec {SANDLAB} {load} {}", folder.display());
    let mut shell = Command::new("sh");
    shell.args(["-c", &few_files]).env("SANDLAB_NO_STORE", "true");
    shell.assert().code(3).stderr(contains("Too many open files"));
    if !rustix::process::geteuid().is_root() {
        return;
    }
    // The number of processes is that of a user, who has no others.
    let folder = folder.to_str().unwrap();
    for arguments in [
        vec!["compare", folder, "--rounds", "1", "--backends", "wasm"],
        vec!["spawn", folder, "--rounds", "1"],
        vec!["throughput", folder, "--duration", "20ms", "--backends", "wasm"],
        vec!["latency", folder, "--duration", "20ms", "--ramp-up", "0s", "--backends", "wasm"],
        vec!["tune", folder, "--time", "1s", "--for", "density"],
        vec!["torture", "--duration", "20ms"],
    ] {
        for processes in (1..12).step_by(2) {
            let mut limited = process::Command::new("prlimit");
            limited.arg(format!("--nproc={processes}")).arg(SANDLAB);
            limited.args(&arguments).arg("--no-store").current_dir("/").uid(65_531).gid(65_531);
            let output = limited.output().unwrap();
            let told = String::from_utf8_lossy(&output.stderr);
            let arguments = arguments.join(" ");
            match output.status.code() {
                // It may be enough.
                Some(0 | 4) => {}
                Some(3) => assert!(told.contains("unavailable"), "{arguments}: {told}"),
                other => panic!("{arguments}, {processes}: {other:?}, {told}"),
            }
        }
    }
}

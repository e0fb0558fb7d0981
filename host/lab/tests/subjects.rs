//! Files that people bring, as a user meets them: what sandlab says of each, and what it does not take.

mod common;

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use std::path::PathBuf;
use tempfile::TempDir;

/// A folder with files of a user.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn wasm(&self, name: &str, text: &str) -> PathBuf {
        self.write(name, &wat::parse_str(text).unwrap())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn sandlab(&self, arguments: &[&str]) -> Command {
        let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        sandlab.current_dir(self.0.path()).args(arguments);
        sandlab.env("SANDLAB_STORE", self.0.path().join("results.db"));
        sandlab
    }
}

const BOTH: &str = r#"(component
    (core module $m
        (func (export "run") (result i32) (i32.const 0))
        (func (export "handle") (param i32 i32)))
    (core instance $m (instantiate $m))
    (func $run (result (result)) (canon lift (core func $m "run")))
    (instance $run (export "run" (func $run)))
    (export "wasi:cli/run@0.2.0" (instance $run))
    (func $handle (param "a" u32) (param "b" u32) (canon lift (core func $m "handle")))
    (instance $handler (export "handle" (func $handle)))
    (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))"#;

#[test]
fn what_is_of_two_kinds_is_asked_for_by_every_command() {
    let files = Files::new();
    files.wasm("both.wasm", BOTH);
    for (command, code) in [("inspect", 0), ("compare", 2), ("validate", 1), ("latency", 2)] {
        let told = files.sandlab(&[command, "both.wasm"]).assert().code(code);
        let output = told.get_output();
        let said = [&output.stdout[..], &output.stderr[..]].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("--as command") && said.contains("--as service"), "{said}");
        assert!(!said.contains("sandlab:agent"), "{said}");
    }
    files.sandlab(&["inspect", "both.wasm", "--as", "command"]).assert().code(0);
    let wrong = files.sandlab(&["inspect", "both.wasm", "--as", "agent"]).assert().code(2);
    wrong.stderr(contains("it does not export `sandlab:agent/agent`"));
}

#[test]
fn a_file_that_nobody_can_run_is_still_described() {
    let files = Files::new();
    files.wasm(
        "needs.wasm",
        r#"(component
            (import "my:own/thing@1.0.0" (instance (export "f" (func))))
            (core module $m (func (export "f")))
            (core instance $m (instantiate $m))
            (func $f (canon lift (core func $m "f")))
            (export "f" (func $f)))"#,
    );
    let described = files.sandlab(&["inspect", "needs.wasm"]).assert().code(0);
    described.stdout(
        contains("my:own/thing@1.0.0  unknown: no sandbox here has it")
            .and(contains("not as it is: the component imports `my:own/thing@1.0.0`"))
            .and(contains("wac plug")),
    );
}

#[test]
fn a_library_of_numbers_goes_through_validate_and_compare() {
    let files = Files::new();
    files.wasm(
        "lib.wasm",
        r#"(module (func (export "half_of") (param f64) (result f64)
            (f64.mul (local.get 0) (f64.const 0.5))))"#,
    );
    files.write("right.jsonl", br#"{"call": "half-of(3)", "result": "1.50"}"#);
    files.write("wrong.jsonl", br#"{"call": "half-of(3)", "result": "[1.5]"}"#);
    let compare = ["compare", "lib.wasm", "--rounds", "1", "--workload"];
    files.sandlab(&compare).arg("right.jsonl").assert().code(0);
    let wrong = files.sandlab(&compare).arg("wrong.jsonl").assert().code(2);
    wrong.stderr(contains("line 1: the result is [1.5], expected f64"));
    let validate = ["validate", "lib.wasm", "--no-timing", "--skip", "hygiene", "--workload"];
    files.sandlab(&validate).arg("right.jsonl").assert().code(0);
    files.sandlab(&validate).arg("wrong.jsonl").assert().code(predicate::ne(0));
}

#[test]
fn a_command_needs_few_messages_to_be_tuned() {
    let files = Files::new();
    // Two pages at its start, and three more at each message.
    files.wasm(
        "grow.wasm",
        r#"(module (memory (export "memory") 2)
            (func (export "_start") (drop (memory.grow (i32.const 3)))))"#,
    );
    files.write("one.jsonl", br#"{"args": [], "exit": 0}"#);
    let tune = ["memory", "grow.wasm", "--tune", "--soak", "1ms", "--workload", "one.jsonl"];
    let tuned = files.sandlab(&tune).assert().code(0);
    tuned.stdout(contains("recommended"));
}

#[test]
fn a_folder_without_an_agent_is_told_as_one() {
    let files = Files::new();
    std::fs::create_dir(files.0.path().join("build")).unwrap();
    files.wasm("build/some.wasm", BOTH);
    for folder in ["build", "."] {
        let failed = files.sandlab(&["compare", folder]).assert().code(2);
        failed.stderr(contains("neither a bundle nor a crate").and(contains("Cargo.toml").not()));
    }
    let named = files.sandlab(&["compare", "build"]).assert().code(2);
    named.stderr(contains("give a file: build/some.wasm"));
}

#[test]
fn a_name_that_is_no_utf_8_is_told_with_what_to_do() {
    use std::os::unix::ffi::OsStringExt;
    let files = Files::new();
    let name = std::ffi::OsString::from_vec(b"n\xffn.wasm".to_vec());
    let path = files.0.path().join(&name);
    std::fs::write(&path, wat::parse_str(BOTH).unwrap()).unwrap();
    let failed = files.sandlab(&["compare"]).arg(&name).assert().code(2);
    failed.stderr(contains("n\\xffn.wasm is no UTF-8").and(contains("ln -s")));
    files.sandlab(&["inspect"]).arg(&name).assert().code(0);
    std::os::unix::fs::symlink(&name, files.0.path().join("link.wasm")).unwrap();
    let linked = files.sandlab(&["compare", "link.wasm"]).assert().code(2);
    linked.stderr(contains("--as command"));
}

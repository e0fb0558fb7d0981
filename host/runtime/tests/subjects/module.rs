//! Core modules of WASI's first preview.

use super::{ask, config, engine};
use sandlab_runtime::subject::load_bytes;
use sandlab_runtime::subject::{Adapter, CommandRequest, CommandResponse, Data, Kind, Options};
use sandlab_runtime::{Identity, LoadError};

/// Writes its standard input to its output, and fails if it has arguments.
const CAT: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read"
        (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write"
        (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (func (export "_start")
        (i32.store (i32.const 0) (i32.const 1024))
        (i32.store (i32.const 4) (i32.const 1000))
        (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
        (i32.store (i32.const 4) (i32.load (i32.const 8)))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
        (drop (call $args (i32.const 16) (i32.const 20)))
        (call $exit (i32.gt_u (i32.load (i32.const 16)) (i32.const 1)))))"#;

#[test]
fn a_module_with_a_start_is_run_as_a_command() {
    let bytes = wat::parse_str(CAT).unwrap();
    let engine = engine(&config());
    let subject = load_bytes(&engine, &bytes, "cat.wasm", &Options::default()).unwrap();
    assert_eq!(subject.kind, Kind::Command);
    assert_eq!(subject.adapter, Some(Adapter::Command));
    let mut cat = subject.backend.spawn(Identity::alone()).unwrap();
    for (args, exit) in [(vec![], 0), (vec!["-".into()], 1)] {
        let request =
            CommandRequest { args, stdin: Data::from("through"), ..CommandRequest::default() };
        let reply = ask(&mut *cat, request.encode()).unwrap();
        let response: CommandResponse = serde_json::from_slice(&reply).unwrap();
        assert_eq!(response.stdout, Data::from("through"));
        assert_eq!(response.exit, exit);
    }
}

#[test]
fn a_module_that_starts_by_a_name_of_its_own_is_a_command_too() {
    let (before, after) = CAT.split_once(r#"(func (export "_start")"#).unwrap();
    let after = after.replace("(call $exit (i32.gt_u", "(i32.gt_u").replacen(")))))", "))))", 1);
    let delayed = format!(
        r#"{before}(func (export "_initialize"))
        (func (export "itk_wasm_delayed_start") (result i32){after}"#
    );
    let bytes = wat::parse_str(&delayed).unwrap_or_else(|error| panic!("{error}: {delayed}"));
    let engine = engine(&config());
    let subject = load_bytes(&engine, &bytes, "cat.wasm", &Options::default()).unwrap();
    assert_eq!(subject.kind, Kind::Command);
    let mut cat = subject.backend.spawn(Identity::alone()).unwrap();
    for (args, exit) in [(vec![], 0), (vec!["-".into()], 1)] {
        let request = CommandRequest { args, ..CommandRequest::default() };
        let reply = ask(&mut *cat, request.encode()).unwrap();
        let response: CommandResponse = serde_json::from_slice(&reply).unwrap();
        assert_eq!(response.exit, exit);
    }
}

#[test]
fn a_module_that_the_adapter_does_not_fit_is_refused_with_why() {
    let refused = |text: &str| {
        let bytes = wat::parse_str(text).unwrap();
        let loaded = load_bytes(&engine(&config()), &bytes, "m", &Options::default());
        loaded.map(|_| ()).unwrap_err()
    };
    let library = refused(r#"(module (func (export "add")))"#);
    assert!(matches!(library, LoadError::NotAComponent { .. }), "{library}");
    let foreign = r#"(module (import "env" "f" (func)) (func (export "_start")))"#;
    let foreign = refused(foreign).to_string();
    assert!(foreign.contains("env"), "{foreign}");
}

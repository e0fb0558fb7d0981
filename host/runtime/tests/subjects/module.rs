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
fn a_program_needs_no_memory_and_keeps_its_exit_code() {
    let exit = r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (func (export "_start") (call $exit (i32.const 7))))"#;
    let nothing = r#"(module (memory 1) (func (export "_start")))"#;
    for (text, exit) in [(exit, 7), (nothing, 0)] {
        let bytes = wat::parse_str(text).unwrap();
        let subject = load_bytes(&engine(&config()), &bytes, "m", &Options::default()).unwrap();
        let mut program = subject.backend.spawn(Identity::alone()).unwrap();
        let reply = ask(&mut *program, CommandRequest::default().encode()).unwrap();
        let response: CommandResponse = serde_json::from_slice(&reply).unwrap();
        assert_eq!(response.exit, exit);
    }
}

#[test]
fn a_library_has_functions_of_numbers() {
    let library = r#"(module
        (memory (export "memory") 1)
        (global $ready (mut i32) (i32.const 0))
        (func (export "_initialize") (global.set $ready (i32.const 100)))
        (func (export "addReady") (param i32) (result i32)
            (i32.add (local.get 0) (global.get $ready)))
        (func (export "half_of") (param f64) (result f64)
            (f64.mul (local.get 0) (f64.const 0.5)))
        (func (export "both") (param i32) (result i32 i32) (local.get 0) (local.get 0))
        (func (export "__wasm_call_ctors")))"#;
    let bytes = wat::parse_str(library).unwrap();
    let subject = load_bytes(&engine(&config()), &bytes, "m", &Options::default()).unwrap();
    assert_eq!((subject.kind, subject.adapter), (Kind::Function, Some(Adapter::Reactor)));
    let signatures: Vec<_> = subject.functions().iter().map(|f| &*f.signature).collect();
    assert_eq!(signatures, ["add-ready: func(p1: s32) -> s32", "half-of: func(p1: f64) -> f64"]);
    let mut instance = subject.backend.spawn(Identity::alone()).unwrap();
    assert_eq!(ask(&mut *instance, "add-ready(-1)").unwrap(), b"99");
    assert_eq!(ask(&mut *instance, "half-of(5)").unwrap(), b"2.5");
}

/// Has what Ruby's library has, and writes the program's arguments, which its prelude would read.
const RUBY: &str = r#"(module
    (import "rb-js-abi-host" "eval-js: func(code: string)" (func $js (param i32 i32 i32)))
    (import "wasi_snapshot_preview1" "fd_write"
        (func $write (param i32 i32 i32 i32) (result i32)))
    (import "canonical_abi" "resource_new_rb-abi-value" (func $new (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 2)
    (global $free (mut i32) (i32.const 0))
    (global $list (mut i32) (i32.const 0))
    (global $count (mut i32) (i32.const 0))
    (func (export "_initialize") (global.set $free (i32.const 1024)))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
        (global.get $free)
        (global.set $free (i32.and (i32.const -8)
            (i32.add (i32.const 7) (i32.add (global.get $free) (local.get 3))))))
    (func (export "ruby-init: func(args: list<string>) -> ()") (param i32 i32)
        (global.set $list (local.get 0))
        (global.set $count (local.get 1)))
    (func (export "rb-eval-string-protect: func(str: string) -> tuple<handle<rb-abi-value>, s32>")
        (param i32 i32) (result i32)
        (loop $next
            (drop (call $write (i32.const 1) (global.get $list) (i32.const 1) (i32.const 8)))
            (global.set $list (i32.add (global.get $list) (i32.const 8)))
            (global.set $count (i32.sub (global.get $count) (i32.const 1)))
            (br_if $next (global.get $count)))
        (call $exit (i32.lt_u (local.get 1) (call $new (i32.const 500))))
        (unreachable)))"#;

#[test]
fn a_library_of_ruby_is_run_as_a_program() {
    let bytes = wat::parse_str(RUBY).unwrap();
    let subject = load_bytes(&engine(&config()), &bytes, "ruby", &Options::default()).unwrap();
    assert_eq!((subject.kind, subject.adapter), (Kind::Command, Some(Adapter::Command)));
    let mut ruby = subject.backend.spawn(Identity::alone()).unwrap();
    for args in [vec![], vec!["-e", "puts 1", "", "last"]] {
        let written = format!("ruby-EUTF-8-e_=0--{}", args.concat());
        let args = args.into_iter().map(Into::into).collect();
        let request = CommandRequest { args, ..CommandRequest::default() };
        let reply = ask(&mut *ruby, request.encode()).unwrap();
        let response: CommandResponse = serde_json::from_slice(&reply).unwrap();
        assert_eq!((response.stdout, response.exit), (Data::from(&*written), 0));
    }
}

#[test]
fn a_module_that_the_adapter_does_not_fit_is_refused_with_why() {
    let refused = |text: &str| {
        let bytes = wat::parse_str(text).unwrap();
        let loaded = load_bytes(&engine(&config()), &bytes, "m", &Options::default());
        loaded.map(|_| ()).unwrap_err()
    };
    let library = refused(r#"(module (func (export "both") (result i32 i32) unreachable))"#);
    assert!(matches!(library, LoadError::NotAComponent { .. }), "{library}");
    let foreign = r#"(module (import "env" "f" (func)) (func (export "_start")))"#;
    let foreign = refused(foreign).to_string();
    assert!(foreign.contains("`env.f`") && foreign.contains("JavaScript"), "{foreign}");
}

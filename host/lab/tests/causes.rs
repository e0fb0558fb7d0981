//! The cause of death that an author is told is the right one, and comes with its evidence.

mod common;

use bytesize::ByteSize;
use common::{fault, say};
use sandlab::hostile::Guest;
use sandlab_runtime::config::Layout;
use sandlab_runtime::wasm::SandboxEngine;
use sandlab_runtime::{
    Agent, Backend, CallError, Cause, Evidence, Fault, Identity, Refused, SandboxConfig, Stack,
};

const PAGE: u64 = 65_536;

/// Starts a guest whose memory may have 8 pages more than it begins with.
fn start(guest: &Guest, layout: Layout) -> Box<dyn Agent> {
    let pages = u64::from(if guest.pages == 0 { 4 } else { guest.pages });
    let mut config =
        SandboxConfig { memory_limit: ByteSize::b((pages + 8) * PAGE), ..SandboxConfig::default() };
    config.allocation.layout = layout;
    config.allocation.slots = 2;
    let engine = SandboxEngine::new(&config).unwrap();
    let sandbox = engine.load_bytes(&guest.component()).unwrap();
    sandbox.spawn(Identity::alone()).unwrap()
}

fn died(guest: Guest) -> Fault {
    fault(start(&guest, Layout::Fast).as_mut(), "die")
}

/// How an agent in text dies that has this in its module, and this in `handle`.
fn dies(items: &str, handle: &str) -> Fault {
    died(Guest { items, handle, ..Guest::default() })
}

fn evidence(fault: &Fault) -> &Evidence {
    fault.evidence.as_deref().expect("there is evidence")
}

fn is_out_of_bounds(fault: &Fault) -> bool {
    matches!(&fault.cause, Cause::Trap(text) if text.contains("out of bounds memory access"))
}

/// A stack of 64 KiB below all data, as `-zstack-size=65536` links it.
const STACK: &str = r#"(global $__stack_pointer (mut i32) (i32.const 65536))
    (data (i32.const 65536) "data")"#;

#[test]
fn an_access_just_below_zero_is_out_of_bounds_where_it_was() {
    for (access, address) in [
        ("(i32.store8 (i32.sub (local.get $n) (i32.const 1)) (i32.const 7))", 0xffff_ffff),
        ("(drop (i32.load (i32.sub (local.get $n) (i32.const 16))))", 0xffff_fff0),
        ("(drop (i64.load (i32.const -8)))", 0xffff_fff8),
        ("(drop (i32.load offset=64 (i32.const -8)))", 0x1_0000_0038),
    ] {
        // With no stack, with one that is not in use, and with one of which some is left.
        let deep = format!("(global.set $__stack_pointer (i32.const 256)) {access}");
        for (items, handle) in [("", access), (STACK, access), (STACK, deep.as_str())] {
            let fault = dies(items, handle);
            assert!(is_out_of_bounds(&fault), "{access}: {fault}");
            assert_eq!(evidence(&fault).address, Some(address), "{fault}");
            assert_eq!(evidence(&fault).functions, ["handle"]);
            let told = format!("out of bounds memory access at address {address:#x} in `handle`");
            assert!(fault.to_string().contains(&told), "{fault}");
        }
    }
}

#[test]
fn a_global_that_is_no_stack_pointer_makes_no_stack() {
    for pointer in ["$p (mut i32) (i32.const 64)", "$sp (mut i32) (i32.const -256)"] {
        let items = format!("(global {pointer}) (func $set (global.set 0 (i32.const -256)))");
        for access in [
            "(i64.store (global.get 0) (i64.const 1))",
            "(memory.copy (global.get 0) (i32.const 4096) (i32.const 128))",
        ] {
            let fault = dies(&items, &format!("(call $set) {access}"));
            assert!(is_out_of_bounds(&fault), "{fault}");
        }
    }
}

/// A recursion whose frames are written by this, from `$frame` on.
fn recursion(size: u32, write: &str) -> String {
    format!(
        "(func $down (result i32) (local $frame i32)
            (global.set 0 (local.tee $frame (i32.sub (global.get 0) (i32.const {size}))))
            {write}
            (i32.add (i32.const 1) (call $down)))"
    )
}

#[test]
fn an_overflow_of_the_linked_stack_has_its_size() {
    let below = |size: u64| {
        format!(
            r#"(global $__stack_pointer (mut i32) (i32.const {size})) (data (i32.const {size}) "x")"#
        )
    };
    let without_names = r#"(global (mut i32) (i32.const 65536)) (data (i32.const 65536) "x")"#;
    let above =
        r#"(global $__stack_pointer (mut i32) (i32.const 69632)) (data (i32.const 16) "x")"#;
    for (stack, size) in [
        (below(PAGE), PAGE),
        (below(16 * PAGE), 16 * PAGE),
        (below(1_024), 1_024),
        (without_names.to_owned(), PAGE),
        (above.to_owned(), 69_632 - 32),
    ] {
        for (frame, write, has_address) in [
            (128, "(i64.store (local.get $frame) (i64.const 1))", true),
            (4_096, "(i32.store8 offset=4000 (local.get $frame) (i32.const 1))", true),
            (4_096, "(memory.copy (local.get $frame) (i32.const 8192) (i32.const 4096))", false),
            (4_096, "(memory.fill (local.get $frame) (i32.const 0) (i32.const 4096))", false),
        ] {
            let items = format!("{stack} {}", recursion(frame, write));
            let guest = Guest {
                items: &items,
                handle: "(drop (call $down))",
                pages: 20,
                ..Guest::default()
            };
            for layout in [Layout::Fast, Layout::Packed] {
                let fault = fault(start(&guest, layout).as_mut(), "die");
                let expected = Cause::StackOverflow { stack: Stack::Linked, size };
                assert_eq!(fault, expected, "{layout:?}: {fault}");
                assert_eq!(evidence(&fault).functions[0], "down");
                let is_known = evidence(&fault).address.is_some();
                assert_eq!(is_known, has_address && layout == Layout::Fast, "{fault}");
                assert!(fault.to_string().contains("`-zstack-size`"), "{fault}");
            }
        }
    }
}

#[test]
fn a_function_without_a_name_is_called_by_its_export() {
    let component = common::guests::agent(
        r#"(module
            (memory (export "memory") 1)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 4096)
            (func (export "sandlab:agent/agent@0.1.0#configure")
                (param i32 i32) (result i32) i32.const 0)
            (func unreachable)
            (func (export "sandlab:agent/agent@0.1.0#handle")
                (param i64 i64 i32 i64 i64 i64 i32 i32 i32) (result i32)
                (call 2) i32.const 0))"#,
    );
    let mut config = SandboxConfig::default();
    config.allocation.slots = 1;
    let sandbox = SandboxEngine::new(&config).unwrap().load_bytes(&component).unwrap();
    let fault = fault(sandbox.spawn(Identity::alone()).unwrap().as_mut(), "die");
    let names = ["function 2", "sandlab:agent/agent@0.1.0#handle"];
    assert_eq!(evidence(&fault).functions, names);
    assert!(
        fault
            .to_string()
            .starts_with("the agent trapped: wasm `unreachable` instruction executed in"),
        "{fault}"
    );
}

#[test]
fn a_leaf_function_overflows_the_stack_that_its_caller_has_left() {
    let handle = "(global.set $__stack_pointer (i32.const 16))
        (i64.store (i32.sub (global.get $__stack_pointer) (i32.const 32)) (i64.const 1))";
    let expected = Cause::StackOverflow { stack: Stack::Linked, size: PAGE };
    assert_eq!(dies(STACK, handle), expected);
}

#[test]
fn a_rust_agent_that_nests_arrays_overflows_the_stack_of_its_linker() {
    let mut agent = common::sandbox("faulty", &SandboxConfig::default());
    let fault = fault(agent.as_mut(), "nest");
    let expected = Cause::StackOverflow { stack: Stack::Linked, size: 1 << 20 };
    assert_eq!(fault, expected, "{fault}");
    assert!(fault.to_string().contains("1.0 MiB"), "{fault}");
    assert!(evidence(&fault).functions[0].ends_with("::nest"), "{fault}");
}

#[test]
fn a_recursion_without_frames_overflows_the_engines_stack() {
    let fault = dies(
        "(func $down (result i32) (i32.add (i32.const 1) (call $down)))",
        "(drop (call $down))",
    );
    let expected = Cause::StackOverflow {
        stack: Stack::Engine,
        size: SandboxConfig::default().stack.as_u64(),
    };
    assert_eq!(fault, expected);
    assert!(fault.to_string().contains("raise `stack`"), "{fault}");
}

/// Asks for 100 pages, is refused, and goes on.
const REFUSED: &str = "(drop (memory.grow (i32.const 100)))";

const EXIT: &str = r#"(import "wasi:cli/exit@0.2.6" "exit" (func $exit (param i32)))"#;

#[test]
fn a_refusal_is_the_cause_only_of_giving_up() {
    let asked = 104 * PAGE;
    let limit = 12 * PAGE;
    for (items, end) in [("", "unreachable"), (EXIT, "(call $exit (i32.const 1))")] {
        let fault = dies(items, &format!("{REFUSED} {end}"));
        let out = Cause::OutOfMemory { asked, limit, peak: 4 * PAGE };
        assert_eq!(fault, out, "{end}: {fault}");
        assert_eq!(evidence(&fault).refused, None);
        assert!(!evidence(&fault).functions.is_empty());
    }
    for (items, end, cause) in [
        ("", "(drop (i32.load (i32.const -16)))", "out of bounds memory access"),
        ("", "(drop (i32.div_u (i32.const 1) (local.get $n)))", "divide by zero"),
        ("", "(return (i32.const 1025))", "broke the contract"),
        (EXIT, "(call $exit (i32.const 0))", "exited with status 0"),
    ] {
        let fault = dies(items, &format!("{REFUSED} {end}"));
        let text = fault.to_string();
        assert!(text.contains(cause), "{text}");
        assert!(text.contains("a growth of its memory to 6.5 MiB had been refused"), "{text}");
        assert_eq!(evidence(&fault).refused, Some(Refused { asked, limit }));
    }
}

#[test]
fn a_refusal_that_a_call_survived_is_none_of_the_next_ones() {
    let guest = Guest {
        items: "(global $calls (mut i32) (i32.const 0))",
        handle: "(if (global.get $calls) (then unreachable))
            (global.set $calls (i32.const 1))
            (drop (memory.grow (i32.const 100)))",
        ..Guest::default()
    };
    let mut agent = start(&guest, Layout::Fast);
    say(agent.as_mut(), "grow").unwrap();
    let fault = fault(agent.as_mut(), "die");
    assert!(matches!(fault.cause, Cause::Trap(_)), "{fault}");
    assert_eq!(evidence(&fault).refused, None);
}

#[test]
fn a_rust_agent_that_is_out_of_memory_says_how_much_it_wanted() {
    let config = SandboxConfig { memory_limit: ByteSize::mib(10), ..SandboxConfig::default() };
    let mut agent = common::sandbox("allocator", &config);
    let refused = say(agent.as_mut(), "try-allocate 20000000");
    assert!(matches!(refused, Err(CallError::Failure(_))), "{refused:?}");
    let fault = fault(agent.as_mut(), "allocate 20000000");
    assert!(matches!(fault.cause, Cause::OutOfMemory { .. }), "{fault}");
    let words = fault.output().join("\n");
    assert!(words.contains("memory allocation of 20000000 bytes failed"), "{words}");
}

#[test]
fn a_trap_after_the_answer_says_so() {
    let guest = Guest {
        items: r#"(func (export "cabi_post_sandlab:agent/agent@0.1.0#handle") (param i32)
            (call $free))
            (func $free unreachable)"#,
        ..Guest::default()
    };
    let fault = died(guest);
    assert!(evidence(&fault).after_answer, "{fault}");
    assert!(fault.to_string().contains("after the answer, in its post-return"), "{fault}");
    let before = died(Guest { handle: "(call $free)", ..guest });
    assert!(!evidence(&before).after_answer, "{before}");
}

const STREAMS: &str = r#"
    (import "wasi:cli/stderr@0.2.6" "get-stderr" (func $stderr (result i32)))
    (import "wasi:cli/stdout@0.2.6" "get-stdout" (func $stdout (result i32)))
    (import "wasi:io/streams@0.2.6" "[method]output-stream.blocking-write-and-flush"
        (func $write (param i32 i32 i32 i32)))"#;

/// How an agent dies that writes this to a stream before.
fn last_words(stream: &str, words: &str) -> Fault {
    let bytes: String = words.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    let length = words.len();
    dies(
        &format!("{STREAMS} (data (i32.const 16384) \"{bytes}\")"),
        &format!(
            "(call $write (call {stream}) (i32.const 16384) (i32.const {length})
                (i32.const 512))
            unreachable"
        ),
    )
}

#[test]
fn what_a_guest_of_any_language_writes_comes_with_its_fault() {
    for (words, told) in [
        (
            "agent: agent.c:77: handle: Assertion `n < LIMIT' failed.\n",
            "agent: agent.c:77: handle: Assertion `n < LIMIT' failed.",
        ),
        (
            "panic: index 9 beyond 3 cells [goroutine 1]\n\ngoroutine 1 [running]:\n\
             main.handle(...)\n\t/src/agent.go:41 +0x9\n",
            "panic: index 9 beyond 3 cells [goroutine 1] | goroutine 1 [running]: | \
             main.handle(...) | \\t/src/agent.go:41 +0x9",
        ),
        (
            "Traceback (most recent call last):\n  File \"app.py\", line 12, in handle\n\
             KeyError: 'price'\n",
            "  File \"app.py\", line 12, in handle | KeyError: 'price'",
        ),
        (
            "Exception while calling: TypeError: n is undefined\n    at handle (agent.js:9:3)",
            "TypeError: n is undefined |     at handle (agent.js:9:3)",
        ),
        (
            "The agent crashed: budget was -3 (src/lib.rs:10)\n",
            "The agent crashed: budget was -3 (src/lib.rs:10)",
        ),
    ] {
        for stream in ["$stderr", "$stdout"] {
            let text = last_words(stream, words).to_string();
            assert!(text.starts_with("the agent trapped: "), "{text}");
            assert!(text.contains("`unreachable` instruction"), "{text}");
            assert!(text.ends_with(told), "{text}");
        }
    }
}

#[test]
fn what_a_guest_writes_can_do_no_harm_to_a_report() {
    let fault = last_words("$stderr", "\u{1b}[2Jgone\u{7}\n\u{202e}txt\n");
    assert_eq!(fault.output(), ["\\u{1b}[2Jgone\\u{7}", "\\u{202e}txt"]);
    assert!(!fault.to_string().contains(char::is_control), "{fault}");
    let flood = last_words("$stderr", &"a line that says nothing\n".repeat(160));
    assert_eq!(flood.output().len(), 20);
    let long = last_words("$stderr", &"x".repeat(4_000));
    assert!(long.to_string().len() < 500, "{long}");
}

#[test]
fn output_comes_with_other_faults_and_not_from_an_earlier_call() {
    let guest = Guest {
        items: &format!(
            "{STREAMS} (global $calls (mut i32) (i32.const 0)) (data (i32.const 16384) \"first\")"
        ),
        handle: "(if (global.get $calls) (then unreachable))
            (global.set $calls (i32.const 1))
            (call $write (call $stderr) (i32.const 16384) (i32.const 5) (i32.const 512))",
        ..Guest::default()
    };
    let mut agent = start(&guest, Layout::Fast);
    say(agent.as_mut(), "write").unwrap();
    assert!(fault(agent.as_mut(), "die").output().is_empty());

    let looping = Guest {
        handle: "(call $write (call $stderr) (i32.const 16384) (i32.const 5) (i32.const 512))
            (loop $l (br $l))",
        ..guest
    };
    let config = SandboxConfig {
        deadline: std::time::Duration::from_millis(20),
        ..SandboxConfig::default()
    };
    let engine = SandboxEngine::new(&config).unwrap();
    let sandbox = engine.load_bytes(&looping.component()).unwrap();
    let fault = fault(sandbox.spawn(Identity::alone()).unwrap().as_mut(), "die");
    assert_eq!(fault, Cause::Deadline(config.deadline));
    let text = fault.to_string();
    assert!(text.contains("(in `handle`)") && text.ends_with("first"), "{text}");
}

#[test]
fn a_panic_has_its_place_and_one_with_its_own_hook_has_its_words() {
    let config = SandboxConfig::default();
    let panicked = fault(common::sandbox("faulty", &config).as_mut(), "panic so");
    assert_eq!(panicked, Cause::Panic("so".to_owned()));
    assert!(panicked.to_string().contains("src/lib.rs:"), "{panicked}");

    let hooked = fault(common::sandbox("faulty", &config).as_mut(), "hook so");
    assert!(hooked.to_string().ends_with("The agent crashed: so"), "{hooked}");
    let twin = fault(common::twin("faulty", &config).as_mut(), "hook so");
    assert_eq!(twin, Cause::Panic("so".to_owned()));
}

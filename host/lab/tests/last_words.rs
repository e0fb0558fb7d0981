//! What a guest writes before it dies reaches its author, whatever the command.

mod common;

use assert_cmd::Command;
use common::lab::Lab;
use sandlab::hostile::Guest;

const STREAMS: &str = r#"
    (import "wasi:cli/stderr@0.2.6" "get-stderr" (func $stderr (result i32)))
    (import "wasi:cli/stdout@0.2.6" "get-stdout" (func $stdout (result i32)))
    (import "wasi:io/streams@0.2.6" "[method]output-stream.blocking-write-and-flush"
        (func $write (param i32 i32 i32 i32)))"#;

/// Where the words are: behind any message.
const WORDS: u32 = 39 << 16;

/// An agent that answers the messages of one instance up to this one, writes the words of a program
/// in some language to a stream, and traps.
fn dying(stream: &str, words: &str, after: u32) -> Vec<u8> {
    let bytes: String = words.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    let length = words.len();
    let guest = Guest {
        items: &format!(
            "{STREAMS} (global $calls (mut i32) (i32.const 0))
             (data (i32.const {WORDS}) \"{bytes}\")"
        ),
        handle: &format!(
            "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
             (if (i32.gt_u (global.get $calls) (i32.const {after})) (then
                (call $write (call {stream}) (i32.const {WORDS}) (i32.const {length})
                    (i32.const 512))
                unreachable))"
        ),
        pages: 40,
        ..Guest::default()
    };
    guest.component()
}

const ASSERT: &str = "agent: agent.c:77: handle: Assertion `n < LIMIT' failed.\n";
const PANIC: &str = "panic: index 9 beyond 3 cells [goroutine 1]\n\ngoroutine 1 [running]:\n\
                     main.handle(...)\n\t/src/agent.go:41 +0x9\n";
const TRACEBACK: &str = "Traceback (most recent call last):\n  File \"app.py\", line 12, in handle\n\
                         KeyError: 'price'\n";

/// Everything that a command says, without its breaks between words.
fn says(lab: &Lab, command: &str) -> String {
    let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    sandlab.args(command.split_whitespace()).current_dir(lab.0.path());
    sandlab.env("SANDLAB_NO_STORE", "true").timeout(std::time::Duration::from_secs(120));
    let output = sandlab.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert_ne!(output.status.code(), Some(0), "{command}: {said}");
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_command_tells_them() {
    let lab = Lab::new();
    let messages =
        "{\"request\": \"a\", \"reply\": \"a\"}\n{\"request\": \"die\", \"faults\": true}";
    lab.file("faults.jsonl", messages);
    for (name, stream, words, part) in [
        ("c.wasm", "$stderr", ASSERT, "Assertion `n < LIMIT' failed."),
        ("go.wasm", "$stderr", PANIC, "panic: index 9 beyond 3 cells"),
        ("python.wasm", "$stdout", TRACEBACK, "KeyError: 'price'"),
    ] {
        lab.file(name, dying(stream, words, 0));
        lab.file("sound.wasm", dying(stream, words, u32::MAX));
        for command in [
            "validate NAME --no-timing",
            "compare NAME --rounds 1 --backends wasm",
            "spawn NAME --rounds 1",
            "memory NAME --limits 64MiB",
            "gate --old sound.wasm --new NAME --no-timing",
            "throughput NAME --agents 1 --duration 50ms",
            "latency NAME --agents 1 --rate 200 --duration 100ms --verbose",
            "load sustained NAME --agents 1 --rate 200 --duration 1s --verbose",
            "load peak NAME --agents 1 --rate 200 --duration 100ms --verbose",
            "recovery NAME --workload faults.jsonl --agents 2 --rate 200 --duration 500ms --verbose",
            "scale NAME --agents 1 --duration 50ms",
            "footprint NAME --agents 2 --rate 100 --duration 100ms",
        ] {
            let said = says(&lab, &command.replace("NAME", name));
            assert!(said.contains(part), "{command} of {name}: {said}");
        }
    }
}

#[test]
fn those_of_an_agent_that_dies_later_are_told_too() {
    let lab = Lab::new();
    lab.file("late.wasm", dying("$stderr", ASSERT, 40));
    for command in [
        "validate late.wasm --no-timing",
        "compare late.wasm --rounds 2 --backends wasm",
        "throughput late.wasm --agents 1 --duration 100ms",
        "latency late.wasm --agents 1 --rate 500 --duration 400ms --verbose",
        "load sustained late.wasm --agents 1 --rate 500 --duration 1s --verbose",
    ] {
        let said = says(&lab, command);
        assert!(said.contains("Assertion `n < LIMIT' failed."), "{command}: {said}");
    }
}

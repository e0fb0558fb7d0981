//! Attacks by services: responses that never come, come twice, or never end.

use super::{Attack, Expected, Method, Program, Service};

/// Returns an attack by a service that does this with a request.
const fn serving(name: &'static str, handle: &'static str, fault: &'static str) -> Attack {
    Attack {
        name,
        program: Program::Service(Service { handle }),
        method: Method::Message,
        expected: Expected::Ended(fault),
    }
}

/// Returns an attack as [`serving`], by a service that never ends by itself.
const fn stalling(name: &'static str, handle: &'static str, fault: &'static str) -> Attack {
    Attack { method: Method::Stall, ..serving(name, handle, fault) }
}

const LATE: &str = "no response within ";
const UNFINISHED: &str = "unfinished body: ";
const INCOMPLETE: &str = "incomplete body: ";

pub const ATTACKS: &[Attack] = &[
    stalling("service that waits and never responds", "(call $wait)", LATE),
    stalling("service that computes and never responds", "(loop $l (br $l))", LATE),
    serving("service that returns without a response", "", "no response: "),
    serving(
        "service that responds twice",
        "(drop (call $respond (local.get $out)))
        (drop (call $respond (local.get $out)))",
        "two responses: ",
    ),
    serving(
        "service whose body has no end",
        "(local.set $stream (call $stream (call $respond (local.get $out))))
        (loop $l (call $write (local.get $stream) (i32.const 4096)) (br $l))",
        "endless body: ",
    ),
    stalling(
        "service whose body comes byte by byte, for ever",
        "(local.set $stream (call $stream (call $respond (local.get $out))))
        (loop $l (call $write (local.get $stream) (i32.const 1)) (br $l))",
        UNFINISHED,
    ),
    stalling(
        "service that stops in the middle of its body",
        "(local.set $stream (call $stream (call $respond (local.get $out))))
        (call $write (local.get $stream) (i32.const 10))
        (call $wait)",
        UNFINISHED,
    ),
    serving(
        "service that closes its body early",
        "(local.set $body (call $respond (local.get $out)))
        (local.set $stream (call $stream (local.get $body)))
        (call $write (local.get $stream) (i32.const 10))
        (call $drop-stream (local.get $stream))
        (call $drop-body (local.get $body))",
        INCOMPLETE,
    ),
    serving(
        "service whose body is shorter than it says",
        "(local.set $fields (call $fields))
        (call $append-to (local.get $fields) (i32.const 2048) (i32.const 14)
            (i32.const 2064) (i32.const 3) (i32.const 1024))
        (local.set $body (call $answer (local.get $out) (call $new (local.get $fields))))
        (local.set $stream (call $stream (local.get $body)))
        (call $write (local.get $stream) (i32.const 10))
        (call $drop-stream (local.get $stream))
        (call $finish (local.get $body))",
        INCOMPLETE,
    ),
    serving(
        "service that adds headers without end",
        "(local.set $fields (call $fields))
        (loop $l (call $append (local.get $fields)) (br $l))",
        "total size of fields exceeds limit",
    ),
    serving(
        "service that leaks headers' handles",
        "(loop $l (drop (call $fields)) (br $l))",
        "`budgets.handles`",
    ),
    serving(
        "service that responds, then traps",
        "(local.set $body (call $respond (local.get $out)))
        (call $finish (local.get $body))
        unreachable",
        "the agent trapped: ",
    ),
    stalling(
        "service that responds, and never returns",
        "(local.set $body (call $respond (local.get $out)))
        (call $finish (local.get $body))
        (call $wait)",
        "no return: ",
    ),
];

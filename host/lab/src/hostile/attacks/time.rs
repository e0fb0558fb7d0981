//! Attacks on the thread's time: busy, waiting, or restarted again and again.

use super::{Attack, ECHO, Expected, Guest, Method, attack, handling, with};

const fn stall(name: &'static str, guest: Guest<'static>, expected: Expected) -> Attack {
    Attack { method: Method::Stall, ..attack(name, guest, expected) }
}

const FOREVER: &str = "(loop $l (br $l))";
const DEADLINE: Expected = Expected::Ended("deadline: ");

pub const ATTACKS: &[Attack] = &[
    stall("infinite loop in handle", handling(FOREVER), DEADLINE),
    stall(
        "infinite loop in configure",
        Guest { configure: FOREVER, ..ECHO },
        Expected::NotStarted("deadline: "),
    ),
    stall(
        "infinite loop in the start function",
        Guest { items: "(start $s) (func $s (loop $l (br $l)))", ..ECHO },
        Expected::NotStarted("deadline: "),
    ),
    stall(
        "infinite loop in a post-return",
        Guest {
            items: r#"(func (export "cabi_post_sandlab:agent/agent@0.1.0#handle") (param i32)
                (loop $l (br $l)))"#,
            ..ECHO
        },
        DEADLINE,
    ),
    stall(
        "memory.fill of all memory, again and again",
        Guest {
            handle: "(drop (memory.grow (i32.const 100)))
                (loop $l (memory.fill (i32.const 0) (i32.const 0) (i32.const 6815744)) (br $l))",
            ..ECHO
        },
        DEADLINE,
    ),
    stall(
        "memory.copy of all memory, again and again",
        handling(
            "(drop (memory.grow (i32.const 100)))
            (loop $l
                (memory.copy (i32.const 1) (i32.const 0) (i32.const 6815743)) (br $l))",
        ),
        DEADLINE,
    ),
    stall(
        "sleep for ever",
        with(
            r#"(import "wasi:clocks/monotonic-clock@0.2.6" "subscribe-duration"
                (func $subscribe (param i64) (result i32)))
            (import "wasi:io/poll@0.2.6" "[method]pollable.block" (func $block (param i32)))"#,
            "(call $block (call $subscribe (i64.const 1000000000000000000)))",
        ),
        DEADLINE,
    ),
    stall(
        "poll for ever",
        with(
            r#"(import "wasi:clocks/monotonic-clock@0.2.6" "subscribe-duration"
                (func $subscribe (param i64) (result i32)))
            (import "wasi:io/poll@0.2.6" "[method]pollable.block" (func $block (param i32)))"#,
            "(local.set $n (call $subscribe (i64.const 0)))
            (loop $l (call $block (local.get $n)) (br $l))",
        ),
        DEADLINE,
    ),
    stall(
        "host-call storm",
        with(
            r#"(import "sandlab:agent/host@0.1.0" "self" (func $self_ (result i64)))"#,
            "(loop $l (drop (call $self_)) (br $l))",
        ),
        DEADLINE,
    ),
    attack(
        "recursion on the native stack",
        with(
            "(func $deeper (result i32) (i32.add (i32.const 1) (call $deeper)))",
            "(drop (call $deeper))",
        ),
        Expected::Ended("stack overflow: "),
    ),
    attack(
        "recursion on the shadow stack",
        with(
            "(global $sp (mut i32) (i32.const 65536))
            (func $deeper (result i32)
                (global.set $sp (i32.sub (global.get $sp) (i32.const 4096)))
                (i32.store (global.get $sp) (i32.const 1))
                (i32.add (i32.const 1) (call $deeper)))",
            "(drop (call $deeper))",
        ),
        Expected::Ended("stack overflow: "),
    ),
    Attack {
        method: Method::CrashLoop,
        ..attack("crash loop", handling("unreachable"), Expected::Ended("the agent trapped: "))
    },
    attack("trap, then re-entry", handling("unreachable"), Expected::Ended("the agent trapped: ")),
];

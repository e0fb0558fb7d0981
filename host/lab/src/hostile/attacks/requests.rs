//! Attacks through calls of the host's imports.

use super::{Attack, ECHO, Expected, Guest, attack, with};

const LOG: &str = r#"(import "sandlab:agent/host@0.1.0" "log" (func $log (param i32 i32 i32)))"#;

const SEND: &str = r#"(import "sandlab:agent/host@0.1.0" "send"
    (func $send (param i64 i64 i32 i64 i64 i64 i32 i32 i32 i32)))"#;

const RANDOM: &str = r#"(import "wasi:random/random@0.2.6" "get-random-bytes"
    (func $random (param i64 i32)))"#;

pub const ATTACKS: &[Attack] = &[
    attack(
        "log flood of 10 million lines",
        with(
            LOG,
            "(loop $l (call $log (i32.const 1) (i32.const 0) (i32.const 10))
                (br_if $l (i32.lt_u
                    (local.tee $n (i32.add (local.get $n) (i32.const 1)))
                    (i32.const 10000000))))",
        ),
        Expected::Ended("`budgets.log-calls`"),
    ),
    attack(
        "log lines within the budget, of which most are dropped",
        with(
            LOG,
            "(loop $l (call $log (i32.const 1) (i32.const 0) (i32.const 10))
                (br_if $l (i32.lt_u
                    (local.tee $n (i32.add (local.get $n) (i32.const 1)))
                    (i32.const 9000))))",
        ),
        Expected::Answered,
    ),
    attack(
        "log line of 7 MiB",
        with(
            LOG,
            "(drop (memory.grow (i32.const 112)))
            (call $log (i32.const 1) (i32.const 0) (i32.const 7340032))",
        ),
        Expected::Ended("`result-limit`"),
    ),
    attack(
        "log line of 64 MB that is not there",
        with(LOG, "(call $log (i32.const 1) (i32.const 0) (i32.const 64000000))"),
        Expected::Ended("broke the contract: "),
    ),
    attack(
        "log line at a bad level",
        with(LOG, "(call $log (i32.const 99) (i32.const 0) (i32.const 1))"),
        Expected::Ended("broke the contract: "),
    ),
    attack(
        "standard output flood",
        with(
            r#"(import "wasi:cli/stdout@0.2.6" "get-stdout" (func $stdout (result i32)))
            (import "wasi:io/streams@0.2.6" "[method]output-stream.blocking-write-and-flush"
                (func $write (param i32 i32 i32 i32)))"#,
            "(local.set $n (call $stdout))
            (loop $l
                (call $write (local.get $n) (i32.const 0) (i32.const 4096) (i32.const 1200))
                (br $l))",
        ),
        Expected::Ended("`budgets.output`"),
    ),
    attack(
        "random bytes: 4 GiB",
        with(RANDOM, "(call $random (i64.const 4294967296) (i32.const 1200))"),
        Expected::Ended("random bytes at once"),
    ),
    attack(
        "random bytes: more than there is memory for",
        with(RANDOM, "(call $random (i64.const 1000000) (i32.const 1200))"),
        Expected::Ended("broke the contract: "),
    ),
    attack(
        "handle leak",
        with(
            r#"(import "wasi:clocks/monotonic-clock@0.2.6" "subscribe-duration"
                (func $subscribe (param i64) (result i32)))"#,
            "(loop $l (drop (call $subscribe (i64.const 1000000000000))) (br $l))",
        ),
        Expected::Ended("`budgets.handles`"),
    ),
    attack(
        "handle that is none",
        with(
            r#"(import "wasi:io/poll@0.2.6" "[method]pollable.block" (func $block (param i32)))"#,
            "(call $block (i32.const 12345))",
        ),
        Expected::Ended("broke the contract: "),
    ),
    attack(
        "message storm to nobody",
        with(
            SEND,
            "(loop $l
                (call $send (i64.const 1) (i64.const 1) (i32.const 0) (i64.const 0)
                    (i64.const 0) (i64.const 0) (i32.const 0)
                    (i32.const 0) (i32.const 0) (i32.const 1200))
                (br $l))",
        ),
        Expected::Ended("`budgets.sends`"),
    ),
    attack(
        "message storm to itself, for ever",
        Guest {
            items: r#"(import "sandlab:agent/host@0.1.0" "send"
                (func $send (param i64 i64 i32 i64 i64 i64 i32 i32 i32 i32)))
            (import "sandlab:agent/host@0.1.0" "self" (func $self_ (result i64)))"#,
            handle: "(loop $l
                (call $send (i64.const 1) (i64.const 1) (i32.const 0) (i64.const 0)
                    (i64.const 0) (call $self_) (i32.const 0)
                    (i32.const 0) (i32.const 100) (i32.const 1200))
                (br_if $l (i32.lt_u
                    (local.tee $n (i32.add (local.get $n) (i32.const 1)))
                    (i32.const 3))))",
            ..ECHO
        },
        Expected::Answered,
    ),
];

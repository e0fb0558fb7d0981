//! Attacks on isolation: from the host, and from other agents.

use super::{Attack, ECHO, Expected, Guest, Method, attack, with};
use crate::hostile::WITNESS;

pub const ATTACKS: &[Attack] = &[
    attack(
        "undeclared import",
        with(
            r#"(import "nobody:knows/secrets@1.0.0" "read" (func $read (result i64)))"#,
            "(drop (call $read))",
        ),
        Expected::NotLoaded("imports `nobody:knows/secrets@1.0.0`"),
    ),
    attack(
        "network",
        with(
            r#"(import "wasi:sockets/instance-network@0.2.6" "instance-network"
                (func $network (result i32)))"#,
            "(drop (call $network))",
        ),
        Expected::NotLoaded("`network = true`"),
    ),
    attack(
        "the host's environment",
        with(
            r#"(import "wasi:cli/environment@0.2.6" "get-environment"
                (func $environment (param i32)))"#,
            "(call $environment (i32.const 1200))
            (if (i32.load (i32.const 1204)) (then unreachable))",
        ),
        Expected::Answered,
    ),
    attack(
        "the host's directories",
        with(
            r#"(import "wasi:filesystem/preopens@0.2.6" "get-directories"
                (func $directories (param i32)))"#,
            "(call $directories (i32.const 1200))
            (if (i32.load (i32.const 1204)) (then unreachable))",
        ),
        Expected::Answered,
    ),
    Attack {
        method: Method::Search(WITNESS),
        ..attack(
            "secret left in a slot",
            Guest {
                items: "(table $t 64 funcref) (elem declare func $handle)",
                handle: "(drop (memory.grow (i32.const 100)))
                    (memory.fill (i32.const 0) (i32.const 165) (i32.const 6815744))
                    (table.fill $t (i32.const 0) (ref.func $handle) (i32.const 64))
                    unreachable",
                ..ECHO
            },
            Expected::Ended("the agent trapped: "),
        )
    },
    attack(
        "access far beyond its memory",
        Guest { handle: "(drop (i32.load (i32.const 0x70000000)))", ..ECHO },
        Expected::Ended("out of bounds memory access"),
    ),
    attack(
        "access just beyond its memory",
        Guest { handle: "(drop (i32.load (i32.const 262144)))", ..ECHO },
        Expected::Ended("out of bounds memory access"),
    ),
];

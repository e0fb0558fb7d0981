//! Attacks on the host's memory and on the pool's slots.

use super::{Attack, ECHO, Expected, Guest, Method, attack, handling, with};

/// Grows its memory page by page until it is refused.
const GROW: &str = "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))";

pub const ATTACKS: &[Attack] = &[
    attack(
        "memory by growing, then abort",
        Guest {
            handle: "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
                unreachable",
            ..ECHO
        },
        Expected::Ended("out of memory: "),
    ),
    attack(
        "memory by trying 4 GiB at once",
        handling("(drop (memory.grow (i32.const 65000)))"),
        Expected::Answered,
    ),
    attack("memory by growing, and staying", handling(GROW), Expected::Answered),
    attack(
        "memory by touching all of it",
        Guest {
            handle: "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
                (memory.fill (i32.const 65536) (i32.const 170)
                    (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 65536)))",
            ..ECHO
        },
        Expected::Answered,
    ),
    attack(
        "memory of several memories",
        with(
            "(memory $a 1) (memory $b 1) (memory $c 1)",
            "(loop $l
                (drop (memory.grow $a (i32.const 1)))
                (drop (memory.grow $b (i32.const 1)))
                (br_if $l (i32.ne (memory.grow $c (i32.const 1)) (i32.const -1))))
            unreachable",
        ),
        Expected::Ended("out of memory: "),
    ),
    attack(
        "memory of more than the limit from the start",
        Guest { pages: 1_000, ..ECHO },
        Expected::NotStarted("out of memory: "),
    ),
    attack(
        "table bomb",
        with(
            "(table $t 1 funcref)",
            "(loop $l
                (br_if $l (i32.ne (table.grow $t (ref.null func) (i32.const 1000))
                    (i32.const -1))))
            unreachable",
        ),
        Expected::Ended("`table-limit`"),
    ),
    Attack {
        method: Method::CoreInstances(500),
        ..attack("instance bomb", ECHO, Expected::NotLoaded("`instance-limit`"))
    },
    Attack {
        method: Method::FillPool,
        ..attack("pool exhaustion", ECHO, Expected::NotStarted("`allocation.slots`"))
    },
];

//! Those that want the host's memory, and its places.

use super::{Attack, ECHO, End, Guest, Strike, handling, tell, with};

/// Grows its memory page by page until it is refused.
const GROW: &str = "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))";

pub const ATTACKS: &[Attack] = &[
    tell(
        "memory by growing, then abort",
        Guest {
            handle: "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
                unreachable",
            ..ECHO
        },
        End::Ended("out of memory: "),
    ),
    tell(
        "memory by trying 4 GiB at once",
        handling("(drop (memory.grow (i32.const 65000)))"),
        End::Answered,
    ),
    tell(
        "memory by growing, and staying",
        handling(GROW),
        End::Answered,
    ),
    tell(
        "memory by touching all of it",
        Guest {
            handle: "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
                (memory.fill (i32.const 65536) (i32.const 170)
                    (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 65536)))",
            ..ECHO
        },
        End::Answered,
    ),
    tell(
        "memory of several memories",
        with(
            "(memory $a 1) (memory $b 1) (memory $c 1)",
            "(loop $l
                (drop (memory.grow $a (i32.const 1)))
                (drop (memory.grow $b (i32.const 1)))
                (br_if $l (i32.ne (memory.grow $c (i32.const 1)) (i32.const -1))))
            unreachable",
        ),
        End::Ended("out of memory: "),
    ),
    tell(
        "memory of more than the limit from the start",
        Guest {
            pages: 1_000,
            ..ECHO
        },
        End::NotStarted("out of memory: "),
    ),
    tell(
        "table bomb",
        with(
            "(table $t 1 funcref)",
            "(loop $l
                (br_if $l (i32.ne (table.grow $t (ref.null func) (i32.const 1000))
                    (i32.const -1))))
            unreachable",
        ),
        End::Ended("`table-limit`"),
    ),
    Attack {
        strike: Strike::Crowd(500),
        ..tell("instance bomb", ECHO, End::NotLoaded("`instance-limit`"))
    },
    Attack {
        strike: Strike::Fill,
        ..tell(
            "pool exhaustion",
            ECHO,
            End::NotStarted("`allocation.slots`"),
        )
    },
];

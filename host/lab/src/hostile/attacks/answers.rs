//! Attacks through results: too large, or against the contract.

use super::{Attack, ECHO, Expected, Guest, attack, handling};

/// Returns an echo that runs these instructions on its finished reply.
const fn answering(answer: &'static str) -> Guest<'static> {
    Guest { answer, ..ECHO }
}

const BREACH: &str = "broke the contract: ";

pub const ATTACKS: &[Attack] = &[
    attack(
        "huge reply",
        answering(
            "(drop (memory.grow (i32.const 60)))
            (i32.store (i32.const 1140) (i32.const 0))
            (i32.store (i32.const 1144) (i32.const 4000000))",
        ),
        Expected::Ended("`result-limit`"),
    ),
    attack(
        "a million replies",
        answering(
            "(i32.store (i32.const 1028) (i32.const 65536))
            (i32.store (i32.const 1032) (i32.const 1000000))",
        ),
        Expected::Ended(BREACH),
    ),
    attack(
        "as many replies as fit",
        answering(
            "(drop (memory.grow (i32.const 20)))
            (i32.store (i32.const 1028) (i32.const 65536))
            (i32.store (i32.const 1032) (i32.const 20000))",
        ),
        Expected::Ended("`budgets.replies`"),
    ),
    attack(
        "thousands of replies with the same large content",
        Guest {
            answer: "(local.set $n (i32.const 65536))
                (loop $l
                    (i32.store (i32.add (local.get $n) (i32.const 52)) (i32.const 0))
                    (i32.store (i32.add (local.get $n) (i32.const 56)) (i32.const 65536))
                    (local.set $n (i32.add (local.get $n) (i32.const 64)))
                    (br_if $l (i32.lt_u (local.get $n) (i32.const 196608))))
                (i32.store (i32.const 1028) (i32.const 65536))
                (i32.store (i32.const 1032) (i32.const 2048))",
            ..ECHO
        },
        Expected::Ended("`result-limit`"),
    ),
    attack(
        "millions of tiny strings",
        Guest {
            answer: "(drop (memory.grow (i32.const 40)))
                (local.set $n (i32.const 65536))
                (loop $l
                    (i32.store (i32.add (local.get $n) (i32.const 56)) (i32.const 1))
                    (local.set $n (i32.add (local.get $n) (i32.const 64)))
                    (br_if $l (i32.lt_u (local.get $n) (i32.const 2621440))))
                (i32.store (i32.const 1028) (i32.const 65536))
                (i32.store (i32.const 1032) (i32.const 39000))",
            ..ECHO
        },
        Expected::Ended("`result-limit`"),
    ),
    attack(
        "realloc that lies: no room there",
        Guest { realloc: "i32.const -16", ..ECHO },
        Expected::NotStarted(BREACH),
    ),
    attack(
        "realloc that traps",
        Guest { realloc: "unreachable", ..ECHO },
        Expected::NotStarted("the agent trapped: "),
    ),
    attack(
        "result out of range",
        answering("(return (i32.const -65536))"),
        Expected::Ended(BREACH),
    ),
    attack("result misaligned", answering("(return (i32.const 1025))"), Expected::Ended(BREACH)),
    attack(
        "content out of range",
        answering("(i32.store (i32.const 1144) (i32.const 2000000))"),
        Expected::Ended(BREACH),
    ),
    attack(
        "content whose end wraps",
        answering("(i32.store (i32.const 1140) (i32.const -1))"),
        Expected::Ended(BREACH),
    ),
    attack(
        "bad UTF-8",
        answering(
            "(i32.store8 (i32.const 1024) (i32.const 1))
            (i32.store8 (i32.const 1028) (i32.const 1))
            (i32.store (i32.const 2048) (i32.const -1))
            (i32.store (i32.const 1032) (i32.const 2048))
            (i32.store (i32.const 1036) (i32.const 4))",
        ),
        Expected::Ended(BREACH),
    ),
    attack(
        "bad discriminant of the result",
        answering("(i32.store8 (i32.const 1024) (i32.const 7))"),
        Expected::Ended(BREACH),
    ),
    attack(
        "bad performative",
        answering("(i32.store8 (i32.const 1136) (i32.const 200))"),
        Expected::Ended(BREACH),
    ),
    attack(
        "bad failure",
        answering(
            "(i32.store8 (i32.const 1024) (i32.const 1))
            (i32.store8 (i32.const 1028) (i32.const 77))",
        ),
        Expected::Ended(BREACH),
    ),
    attack(
        "post-return that traps",
        Guest {
            items: r#"(func (export "cabi_post_sandlab:agent/agent@0.1.0#handle") (param i32)
                unreachable)"#,
            ..ECHO
        },
        Expected::Ended("the agent trapped: "),
    ),
    attack(
        "reply in another's name",
        handling("(local.set $self (i64.const 72057598332895233))"),
        Expected::Answered,
    ),
];

//! Those that answer too much, or what no agent may answer.

use super::{Attack, ECHO, End, Guest, handling, tell};

/// One that makes this of its reply.
const fn answering(answer: &'static str) -> Guest<'static> {
    Guest { answer, ..ECHO }
}

const BREACH: &str = "broke the contract: ";

pub const ATTACKS: &[Attack] = &[
    tell(
        "huge reply",
        answering(
            "(drop (memory.grow (i32.const 60)))
            (i32.store (i32.const 1140) (i32.const 0))
            (i32.store (i32.const 1144) (i32.const 4000000))",
        ),
        End::Ended("`result-limit`"),
    ),
    tell(
        "a million replies",
        answering(
            "(i32.store (i32.const 1028) (i32.const 65536))
            (i32.store (i32.const 1032) (i32.const 1000000))",
        ),
        End::Ended(BREACH),
    ),
    tell(
        "as many replies as fit",
        answering(
            "(drop (memory.grow (i32.const 20)))
            (i32.store (i32.const 1028) (i32.const 65536))
            (i32.store (i32.const 1032) (i32.const 20000))",
        ),
        End::Ended("`budgets.replies`"),
    ),
    tell(
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
        End::Ended("`result-limit`"),
    ),
    tell(
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
        End::Ended("`result-limit`"),
    ),
    tell(
        "realloc that lies: no room there",
        Guest {
            realloc: "i32.const -16",
            ..ECHO
        },
        End::NotStarted(BREACH),
    ),
    tell(
        "realloc that traps",
        Guest {
            realloc: "unreachable",
            ..ECHO
        },
        End::NotStarted("the agent trapped: "),
    ),
    tell(
        "result out of range",
        answering("(return (i32.const -65536))"),
        End::Ended(BREACH),
    ),
    tell(
        "result misaligned",
        answering("(return (i32.const 1025))"),
        End::Ended(BREACH),
    ),
    tell(
        "content out of range",
        answering("(i32.store (i32.const 1144) (i32.const 2000000))"),
        End::Ended(BREACH),
    ),
    tell(
        "content whose end wraps",
        answering("(i32.store (i32.const 1140) (i32.const -1))"),
        End::Ended(BREACH),
    ),
    tell(
        "bad UTF-8",
        answering(
            "(i32.store8 (i32.const 1024) (i32.const 1))
            (i32.store8 (i32.const 1028) (i32.const 1))
            (i32.store (i32.const 2048) (i32.const -1))
            (i32.store (i32.const 1032) (i32.const 2048))
            (i32.store (i32.const 1036) (i32.const 4))",
        ),
        End::Ended(BREACH),
    ),
    tell(
        "bad discriminant of the result",
        answering("(i32.store8 (i32.const 1024) (i32.const 7))"),
        End::Ended(BREACH),
    ),
    tell(
        "bad performative",
        answering("(i32.store8 (i32.const 1136) (i32.const 200))"),
        End::Ended(BREACH),
    ),
    tell(
        "bad failure",
        answering(
            "(i32.store8 (i32.const 1024) (i32.const 1))
            (i32.store8 (i32.const 1028) (i32.const 77))",
        ),
        End::Ended(BREACH),
    ),
    tell(
        "post-return that traps",
        Guest {
            items: r#"(func (export "cabi_post_sandlab:agent/agent@0.1.0#handle") (param i32)
                unreachable)"#,
            ..ECHO
        },
        End::Ended("the agent trapped: "),
    ),
    tell(
        "reply in another's name",
        handling("(local.set $self (i64.const 72057598332895233))"),
        End::Answered,
    ),
];

//! Defects in the interfaces that an agent need not have, and which its plain one does not show.

use crate::common::guests;
use crate::lab::{Lab, checks, findings, set};

/// An agent of a world that answers with the number of the message, and has these functions besides.
/// The reply's fields are in its memory: id at 256, performative at 304, content at 308.
fn counting(world: &str, imports: &str, functions: &str) -> Vec<u8> {
    guests::of_world(
        world,
        &format!(
            r#"(module
            {imports}
            (memory (export "memory") 40)
            (global $calls (mut i64) (i64.const 0))
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 4096)
            (func (export "sandlab:agent/agent@0.1.0#configure")
                (param i32 i32) (result i32) i32.const 0)
            (func $reply
                (param $id i64) (param $conversation i64) (param $from i64) (param $to i64)
                (param $performative i32)
                (i64.store (i32.const 256) (local.get $id))
                (i64.store (i32.const 264) (local.get $conversation))
                (i32.store8 (i32.const 272) (i32.const 1))
                (i64.store (i32.const 280) (local.get $id))
                (i64.store (i32.const 288) (local.get $to))
                (i64.store (i32.const 296) (local.get $from))
                (i32.store8 (i32.const 304) (i32.const 1))
                (i32.store (i32.const 132) (i32.const 256))
                (i32.store (i32.const 136) (i32.ne (local.get $performative) (i32.const 1))))
            {functions})"#
        ),
    )
}

/// `handle` with this content of its reply.
fn handle(content: &str) -> String {
    format!(
        r#"(func (export "sandlab:agent/agent@0.1.0#handle")
            (param $id i64) (param $conversation i64) (param i32 i64)
            (param $from i64) (param $to i64) (param $performative i32)
            (param $data i32) (param $len i32) (result i32)
            (call $reply (local.get $id) (local.get $conversation) (local.get $from)
                (local.get $to) (local.get $performative))
            {content}
            i32.const 128)"#
    )
}

/// An agent whose state is how many messages it has had.
fn durable(saved: &str, restore: &str) -> Vec<u8> {
    let handle = handle(
        "(global.set $calls (i64.add (global.get $calls) (i64.const 1)))
            (i64.store (i32.const 512) (global.get $calls))
            (i32.store (i32.const 308) (i32.const 512))
            (i32.store (i32.const 312) (i32.const 8))",
    );
    let functions = format!(
        r#"{handle}
        (func (export "sandlab:agent/state@0.1.0#checkpoint") (result i32)
            (i64.store (i32.const 1024) {saved})
            (i32.store (i32.const 1044) (i32.const 1024))
            (i32.store (i32.const 1048) (i32.const 8))
            i32.const 1040)
        (func (export "sandlab:agent/state@0.1.0#restore")
            (param $data i32) (param $len i32) (result i32)
            {restore}
            i32.const 1056)"#
    );
    counting("durable-agent", "", &functions)
}

#[test]
fn a_state_that_is_lost_on_the_way_is_found() {
    let lab = Lab::new();
    let arguments = ["--skip", "soak"];
    let count = "(global.get $calls)";
    let keep = "(global.set $calls (i64.load (local.get $data)))";
    let of = |saved: &str, restore: &str| lab.file("guest.wasm", durable(saved, restore));
    let (sound, exit) = lab.guest(&of(count, keep), &arguments);
    assert_eq!(exit, 0, "{sound:#}");
    let state = checks(&sound).find(|check| check["name"] == "state").unwrap();
    assert_eq!(state["status"], "pass", "{state:#}");
    for (saved, restore) in [
        // Nothing is saved, nothing is restored, and not all of it is.
        ("(i64.const 0)", keep),
        (count, ""),
        ("(i64.and (global.get $calls) (i64.const 1))", keep),
        // The state is right once, and not when it is saved again.
        (count, "(global.set $calls (i64.add (i64.load (local.get $data)) (i64.const 1)))"),
    ] {
        let (guest, exit) = lab.guest(&of(saved, restore), &arguments);
        let lost = findings(&guest).filter(|found| found["code"] == "A807").count();
        assert!(exit == 1 && lost > 0, "{saved}, {restore}: {guest:#}");
    }
    // It traps where it is to save.
    assert_eq!(lab.codes(&of("(unreachable)", keep), &arguments), (set(&["A804"]), 1));
}

#[test]
fn a_parcel_that_is_answered_otherwise_than_the_message_is_found() {
    let lab = Lab::new();
    let of = |change: &str| {
        let plain = handle(
            "(i32.store (i32.const 308) (local.get $data))
            (i32.store (i32.const 312) (local.get $len))",
        );
        let functions = format!(
            r#"{plain}
            (func (export "sandlab:agent/parcels@0.1.0#handle-parcel")
                (param $id i64) (param $conversation i64) (param i32 i64)
                (param $from i64) (param $to i64) (param $performative i32)
                (param $content i32) (result i32)
                (call $reply (local.get $id) (local.get $conversation) (local.get $from)
                    (local.get $to) (local.get $performative))
                (i32.store (i32.const 308) (local.get $content))
                {change}
                (if (i32.eqz (i32.load (i32.const 136)))
                    (then (call $drop (local.get $content))))
                i32.const 128)"#
        );
        let imports = r#"(import "sandlab:agent/contents@0.1.0" "[resource-drop]content"
            (func $drop (param i32)))"#;
        lab.file("guest.wasm", counting("zero-copy-agent", imports, &functions))
    };
    let arguments = ["--skip", "soak"];
    let (sound, exit) = lab.guest(&of(""), &arguments);
    assert_eq!(exit, 0, "{sound:#}");
    let parcels = checks(&sound).find(|check| check["name"] == "parcels").unwrap();
    assert_eq!(parcels["status"], "pass", "{parcels:#}");
    for change in [
        // Another performative, and no reply.
        "(i32.store8 (i32.const 304) (i32.const 7))",
        "(i32.store (i32.const 136) (i32.const 0))",
    ] {
        let (guest, exit) = lab.guest(&of(change), &arguments);
        let unlike = findings(&guest).filter(|found| found["code"] == "A806").count();
        assert!(exit == 1 && unlike > 0, "{change}: {guest:#}");
    }
}

//! That all of the contract is looked at: addresses of replies, optional interfaces, versions,
//! references, and memory over many messages.

use crate::common::{bundle, guests};
use crate::lab::{Lab, checks, findings, set, status, unbroken};
use crate::world::contract_with;
use serde_json::Value;
use std::path::PathBuf;

/// An agent that answers with what it is told, as `echo` does, and does what `change` says before it returns. The
/// reply's fields are in its memory: id at 256, conversation at 264, whether there is an
/// in-reply-to at 272, that at 280, sender at 288, recipient at 296, performative at 304.
fn echo(module: &str, change: &str) -> Vec<u8> {
    guests::agent(&format!(
        r#"(module
            (memory (export "memory") 40)
            (global $calls (mut i64) (i64.const 0))
            {module}
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 4096)
            (func (export "sandlab:agent/agent@0.1.0#configure")
                (param i32 i32) (result i32) i32.const 0)
            (func (export "sandlab:agent/agent@0.1.0#handle")
                (param $id i64) (param $conversation i64) (param i32 i64)
                (param $from i64) (param $to i64) (param $performative i32) (param $data i32) (param $len i32)
                (result i32)
                (global.set $calls (i64.add (global.get $calls) (i64.const 1)))
                (i64.store (i32.const 256) (local.get $id))
                (i64.store (i32.const 264) (local.get $conversation))
                (i32.store8 (i32.const 272) (i32.const 1))
                (i64.store (i32.const 280) (local.get $id))
                (i64.store (i32.const 288) (local.get $to))
                (i64.store (i32.const 296) (local.get $from))
                (i32.store8 (i32.const 304) (i32.const 1))
                (i32.store (i32.const 308) (local.get $data))
                (i32.store (i32.const 312) (local.get $len))
                (i32.store (i32.const 132) (i32.const 256))
                (i32.store (i32.const 136)
                    (i32.ne (local.get $performative) (i32.const 1)))
                {change}
                i32.const 128))"#
    ))
}

fn text<'a>(finding: &'a Value, field: &str) -> &'a str {
    finding[field].as_str().unwrap_or_default()
}

fn small_policy(lab: &Lab) -> PathBuf {
    lab.file("policy.toml", "soak = { calls = 200, time = \"5s\" }")
}

#[test]
fn a_wrong_address_is_one_finding_that_says_field_wanted_and_found() {
    let lab = Lab::new();
    let policy = small_policy(&lab);
    for (change, code, field, found) in [
        ("(i64.store (i32.const 296) (i64.const 77))", "A808", "recipient", "77"),
        ("(i64.store (i32.const 264) (i64.const 5))", "A808", "conversation", "5"),
        ("(i32.store8 (i32.const 272) (i32.const 0))", "A808", "in-reply-to", "none"),
        ("(i64.store32 (i32.const 284) (i64.const 0))", "A803", "in-reply-to", "0"),
    ] {
        let file = lab.file("guest.wasm", echo("", change));
        let (guest, exit) = lab.guest(&file, &["--policy", policy.to_str().unwrap()]);
        let told: Vec<_> = findings(&guest).filter(|told| told["code"] == code).collect();
        assert_eq!((exit, told.len()), (1, 1), "{field}: {guest:#}");
        assert!(text(told[0], "place").starts_with(field), "{told:#?}");
        if code == "A808" {
            assert_eq!(text(told[0], "found"), found);
            assert!(text(told[0], "wanted").contains("the request's"), "{told:#?}");
        }
        assert!(!text(told[0], "remedy").contains("BigInt"), "{told:#?}");
        // Nearly every message shows it.
        assert!(told[0]["also"].as_array().unwrap().len() > 2, "{told:#?}");
        assert_eq!(findings(&guest).count(), if code == "A803" { 2 } else { 1 }, "{guest:#}");
    }
    let sound = lab.file("guest.wasm", echo("", ""));
    assert_eq!(lab.guest(&sound, &["--policy", policy.to_str().unwrap()]).1, 0);
}

#[test]
fn optional_interfaces_are_called_wherever_they_are_exported() {
    let lab = Lab::new();
    for (name, interfaces) in [
        ("echo", &["batch"][..]),
        ("notebook", &["batch", "state"]),
        ("relay", &["batch", "parcels"]),
    ] {
        let (guest, exit) = lab.guest(&bundle(name).folder, &[]);
        assert_eq!(exit, 0, "{guest:#}");
        for interface in interfaces {
            let check = checks(&guest).find(|check| check["name"] == *interface).unwrap();
            assert_eq!(check["status"], "pass", "{check:#}");
        }
    }
    // In a batch its last result is missing; alone, nothing fails.
    let lines = "{\"request\": \"lose\"}\n{\"request\": \"lose\"}";
    let cases = lab.file("lose.jsonl", lines);
    let arguments = ["--cases", cases.to_str().unwrap(), "--skip", "soak"];
    let (guest, exit) = lab.guest(&bundle("faulty").component(), &arguments);
    assert_eq!(exit, 1, "{guest:#}");
    let lost = findings(&guest).find(|finding| finding["code"] == "A806").expect("no A806");
    assert!(text(lost, "place").starts_with("the number of results"), "{lost:#}");
}

#[test]
fn a_guest_is_held_against_a_reference_that_the_command_line_names() {
    let lab = Lab::new();
    let policy = small_policy(&lab);
    let of = |change: &str, arguments: &[&str]| {
        let file = lab.file("guest.wasm", echo("", change));
        let all = [&["--policy", policy.to_str().unwrap()], arguments].concat();
        lab.codes(&file, &all)
    };
    let both = ["--like", "echo", "--twin", "echo"];
    assert_eq!(of("", &both), (set(&[]), 0));
    // It answers with a byte less.
    let shorter = "(i32.store (i32.const 312) (i32.sub (local.get $len) (i32.const 1)))";
    let shorter = format!("(if (i32.gt_u (local.get $len) (i32.const 1)) (then {shorter}))");
    assert_eq!(of(&shorter, &["--like", "echo"]), (set(&["A801"]), 1));
    assert_eq!(of(&shorter, &["--twin", "echo"]), (set(&["A802"]), 1));
    // Content alone does not tell this one.
    let requests = "(i32.store8 (i32.const 304) (i32.const 0))";
    assert_eq!(of(requests, &["--twin", "echo"]), (set(&["A802"]), 1));
    let file = lab.file("guest.wasm", echo("", ""));
    lab.validate(&file).args(["--twin", file.to_str().unwrap()]).assert().code(2);
    lab.validate(&file).args(["--like", "nobody"]).assert().code(2);
}

#[test]
fn a_case_states_fields_of_replies_and_failures() {
    let lab = Lab::new();
    let policy = small_policy(&lab);
    let file = lab.file("guest.wasm", echo("", ""));
    let of = |guest: &std::path::Path, line: &str| {
        let cases = lab.file("cases.jsonl", line);
        let (cases, policy) = (cases.to_str().unwrap(), policy.to_str().unwrap());
        lab.guest(guest, &["--cases", cases, "--policy", policy])
    };
    let right = r#"{"request": "a", "reply": "a", "reply-fields": {"performative": "inform",
        "recipient": 0, "in-reply-to": 1}}"#
        .replace('\n', " ");
    assert_eq!(of(&file, &right).1, 0);
    let (guest, exit) = of(&file, &right.replace("inform", "agree"));
    let told: Vec<_> = findings(&guest).collect();
    assert_eq!((exit, told.len()), (1, 1), "{guest:#}");
    assert_eq!((text(told[0], "wanted"), text(told[0], "found")), ("agree", "inform"));
    assert!(text(told[0], "place").starts_with("performative of reply 1"), "{told:#?}");
    // Of a failure only the kind is compared.
    let lines = "{\"request\": \"list\", \"reply\": \"\"}
        {\"request\": \"get it\", \"failure\": \"refused\"}
        {\"request\": \"shout\", \"failure\": \"not-understood\"}";
    let notebook = bundle("notebook").component();
    assert_eq!(of(&notebook, lines).1, 0);
    let (guest, exit) = of(&notebook, &lines.replace("not-understood", "internal"));
    let told: Vec<_> = findings(&guest).collect();
    assert_eq!((exit, told.len()), (1, 1), "{guest:#}");
    assert_eq!((text(told[0], "code"), text(told[0], "place")), ("A801", "line 3"));
    assert!(
        text(told[0], "found").contains("shout") || text(told[0], "found").contains("expected")
    );
}

#[test]
fn a_lone_file_is_told_which_stages_had_nothing_to_check() {
    let lab = Lab::new();
    let policy = small_policy(&lab);
    let file = lab.file("guest.wasm", echo("", ""));
    let mut validate = lab.validate(&file);
    let done = validate.arg("--policy").arg(&policy).assert().code(0);
    let said = String::from_utf8(done.get_output().stdout.clone()).unwrap();
    assert!(said.lines().all(|line| line.chars().count() <= 100), "{said}");
    let said = unbroken(&said);
    let note = said.split("note: ").find(|note| note.contains("--like")).expect(&said);
    for stage in ["(call)", "(conformance)", "(soak)"] {
        assert!(note.contains(stage), "{said}");
    }
    assert!(said.contains("--twin"), "{said}");
    let cases = lab.file("cases.jsonl", "{\"request\": \"a\", \"reply\": \"a\"}");
    let known = lab.validate(&file).arg("--policy").arg(&policy).arg("--cases").arg(cases).assert();
    let said = String::from_utf8(known.code(0).get_output().stdout.clone()).unwrap();
    assert!(!said.contains("--like"), "{said}");
}

#[test]
fn what_grows_is_found_whatever_the_cases_send() {
    let lab = Lab::new();
    // It keeps each message: of 5 bytes that is nothing, of 64 KiB a page.
    let keeps = "(if (i32.gt_u (local.get $len) (i32.const 1000))
        (then (drop (memory.grow (i32.const 1)))))";
    // 4 MiB every hundred calls.
    let rarely = "(if (i64.eqz (i64.rem_u (global.get $calls) (i64.const 100)))
        (then (drop (memory.grow (i32.const 64)))))";
    let settles = "(if (i64.lt_u (global.get $calls) (i64.const 300))
        (then (drop (memory.grow (i32.const 1)))))";
    let cases = lab.file("cases.jsonl", "{\"request\": \"hello\", \"reply\": \"hello\"}");
    let policy = lab.file("policy.toml", "limits = { memory-limit = \"256 MiB\" }");
    for (change, wanted) in [(keeps, set(&["A901"])), (rarely, set(&["A901"])), (settles, set(&[]))]
    {
        let file = lab.file("guest.wasm", echo("", change));
        let arguments = ["--cases", cases.to_str().unwrap(), "--policy", policy.to_str().unwrap()];
        let (codes, _) = lab.codes(&file, &arguments);
        assert_eq!(codes, wanted, "{change}");
    }
}

#[test]
fn another_version_that_the_linker_takes_is_a_note() {
    let lab = Lab::new();
    let skip = ["--skip", "call,conformance,soak,hygiene", "--deny-warnings"];
    let of = |version: &str| {
        let wit = contract_with(&[("@0.1.0", &format!("@{version}"))]);
        let file = lab.file("guest.wasm", guests::of_wit(&wit).0);
        lab.guest(&file, &skip)
    };
    let (guest, exit) = of("0.1.7");
    assert_eq!(exit, 0, "{guest:#}");
    for stage in ["world", "load", "spawn"] {
        assert_eq!(status(&guest, stage), "pass", "{guest:#}");
    }
    let told: Vec<_> = findings(&guest).collect();
    assert!(!told.is_empty() && told.iter().all(|told| told["severity"] == "note"), "{guest:#}");
    let (guest, exit) = of("0.2.0");
    assert_eq!((exit, status(&guest, "world")), (1, "fail"));
    // Async is another calling convention, whatever the types are.
    let wit = contract_with(&[("handle: func", "handle: async func")]);
    let bytes = guests::of_wit(&wit);
    let file = lab.file("async.wasm", bytes.0);
    let (guest, _) = lab.guest(&file, &[]);
    let told = findings(&guest).find(|told| told["code"] == "A203").expect("no A203");
    assert!(text(told, "found").starts_with("handle: async func"), "{told:#}");
    assert!(text(told, "wanted").starts_with("handle: func"), "{told:#}");
}

#[test]
fn what_validates_loads_with_the_default_sandbox_config() {
    use sandlab::validate::{Overrides, Policies, Policy};
    let policies = Policies::parse("", std::path::Path::new(""), Overrides::default()).unwrap();
    let mut limits = Policy::read(policies.of(&[]), policies.folder()).unwrap().limits;
    let default = sandlab_runtime::SandboxConfig::default();
    // How many agents there are at once is no property of one.
    assert!(limits.allocation.slots <= default.allocation.slots);
    limits.allocation.slots = default.allocation.slots;
    assert_eq!(limits, default);
}

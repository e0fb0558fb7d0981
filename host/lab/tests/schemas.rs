//! The JSON Schemas of the files that sandlab reads and writes: they are those of the types, and every
//! file of the repository follows one.

use assert_cmd::Command;
use jsonschema::Validator;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Those of files in TOML.
const TOML: [&str; 7] = ["gate", "noise", "project", "sandbox", "serve", "targets", "validate"];

/// Those of files in JSON.
const JSON: [&str; 3] = ["bundle", "run", "workload"];

fn printed(name: &str) -> String {
    let done = Command::new(env!("CARGO_BIN_EXE_sandlab")).args(["schema", name]).assert().code(0);
    String::from_utf8(done.get_output().stdout.clone()).unwrap()
}

fn schema(name: &str) -> Value {
    let file = Path::new(ROOT).join(format!("docs/{name}.schema.json"));
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn validator(name: &str) -> Validator {
    jsonschema::validator_for(&schema(name)).unwrap()
}

/// The schemas that this text follows.
fn followed(text: &str) -> Vec<&'static str> {
    let value: Value = toml::from_str(text).unwrap();
    TOML.into_iter().filter(|name| validator(name).is_valid(&value)).collect()
}

#[test]
fn the_committed_schemas_are_those_of_the_types() {
    for name in TOML.into_iter().chain(JSON) {
        let committed = Path::new(ROOT).join(format!("docs/{name}.schema.json"));
        let committed = std::fs::read_to_string(committed).unwrap();
        assert_eq!(committed, printed(name), "{name}: run `make docs`");
    }
}

/// A misspelt key is told by an editor as it is by sandlab.
#[test]
fn no_table_has_keys_that_are_not_known() {
    fn open(schema: &Value, at: &str, found: &mut Vec<String>) {
        match schema {
            Value::Object(fields) => {
                let is_table = schema["type"] == "object" && schema["properties"].is_object();
                if is_table && schema["additionalProperties"] != json!(false) {
                    found.push(at.to_owned());
                }
                for (name, value) in fields {
                    open(value, &format!("{at}/{name}"), found);
                }
            }
            Value::Array(all) => all.iter().for_each(|value| open(value, at, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    TOML.into_iter().for_each(|name| open(&schema(name), name, &mut found));
    assert!(found.is_empty(), "{found:#?}");
}

/// The files of this ending beneath a folder.
fn files(folder: &Path, ending: &str, to: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, ending, to),
            false if path.extension().is_some_and(|own| own == ending) => to.push(path),
            false => {}
        }
    }
}

#[test]
fn every_file_of_the_repository_follows_the_schema_of_its_kind() {
    let kinds = [
        ("fuzz/seeds/config", "sandbox"),
        ("fuzz/seeds/policy", "validate"),
        ("guest-agents/foreign/workloads", "sandbox"),
        ("host/lab/src/bundle/scaffold/template", "project"),
        ("host/lab/src/experiments", "targets"),
        ("host/lab/src/validate", "validate"),
        ("host/lab/src/verdict/gate", "gate"),
        ("host/lab/src/verdict", "targets"),
    ];
    let mut all = Vec::new();
    kinds.iter().for_each(|(folder, _)| files(&Path::new(ROOT).join(folder), "toml", &mut all));
    all.sort();
    all.dedup();
    assert!(all.len() >= 17, "{all:#?}");
    for file in all {
        let inside = file.strip_prefix(ROOT).unwrap();
        let kind = kinds.iter().find(|(folder, _)| inside.starts_with(folder)).unwrap().1;
        let kind = if inside.ends_with("python/policy.toml") { "validate" } else { kind };
        // As `sandlab new` writes it.
        let text = std::fs::read_to_string(&file).unwrap().replace("{{name}}", "hello");
        assert!(followed(&text).contains(&kind), "{} is no {kind}", inside.display());
    }
    let mut lines = Vec::new();
    files(&Path::new(ROOT).join("guest-agents/foreign/workloads"), "jsonl", &mut lines);
    let workload = validator("workload");
    for file in lines {
        for line in std::fs::read_to_string(&file).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            assert!(workload.is_valid(&line), "{}: {line}", file.display());
        }
    }
    assert!(!workload.is_valid(&json!({"anser": "b"})));
}

#[test]
fn every_example_of_the_documents_follows_a_schema() {
    let mut pages = vec![Path::new(ROOT).join("README.md")];
    files(&Path::new(ROOT).join("docs"), "md", &mut pages);
    let mut seen = 0;
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        for block in text.split("```toml\n").skip(1) {
            let block = block.split("```").next().unwrap();
            // Cargo's own.
            if block.starts_with("[package") {
                continue;
            }
            assert!(!followed(block).is_empty(), "{}:\n{block}", page.display());
            seen += 1;
        }
    }
    assert!(seen >= 10, "{seen} examples");
    for wrong in ["memory-limt = 1", "[[target]]\nmetrik = \"x\"", "[budgets]\nfile-sise = 1"] {
        assert!(followed(wrong).is_empty(), "{wrong}");
    }
}

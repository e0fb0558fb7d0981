//! Types what the README and the guide tell people to type, and follows their links.

use assert_cmd::Command;
use predicates::prelude::predicate::in_iter;
use std::path::Path;

/// Returns the `console` blocks, each as the list of its commands without `$ sandlab `.
fn blocks(text: &str) -> Vec<Vec<&str>> {
    let blocks = text.split("```console\n").skip(1);
    blocks
        .map(|block| {
            let block = block.split("```").next().unwrap_or_default();
            let lines = block.lines().filter_map(|line| line.strip_prefix("$ sandlab "));
            lines.collect()
        })
        .collect()
}

fn run(arguments: &str, folder: &Path, store: &Path) {
    let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    sandlab.current_dir(folder).args(arguments.split(' '));
    sandlab.env("SANDLAB_STORE", store);
    if arguments.starts_with("compare") {
        // Enough for every column, and soon done.
        sandlab.args(["--rounds", "6"]);
    }
    let loads = ["throughput", "latency", "scale", "recovery", "footprint"];
    let nothing = tempfile::NamedTempFile::new().unwrap();
    if loads.iter().any(|load| arguments.starts_with(load)) {
        // Without targets, which a machine that is busy with tests could miss.
        sandlab.arg("--targets").arg(nothing.path());
    }
    // What has a target is not judged beside other tests.
    sandlab.assert().code(in_iter([0, 4]));
}

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn read(document: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(document)).unwrap()
}

/// The pages of `docs/`, in the order of their names.
fn pages() -> Vec<String> {
    let entries = Path::new(ROOT).join("docs").read_dir().unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut pages: Vec<_> = names.filter(|name| name.ends_with(".md")).collect();
    pages.sort_unstable();
    pages.iter().map(|name| format!("docs/{name}")).collect()
}

/// Runs the commands of a document's blocks; returns how many blocks it has.
fn run_commands_of(document: &str) -> usize {
    let text = read(document);
    let blocks = blocks(&text);
    let kept = tempfile::tempdir().unwrap();
    let store = kept.path().join("results.db");
    for block in &blocks {
        assert!(!block.is_empty(), "{document}");
        let folder = tempfile::tempdir().unwrap();
        // Commands that create files run in a folder of their own.
        let creates = block.iter().any(|command| command.starts_with("new "));
        let folder = if creates { folder.path() } else { Path::new(ROOT) };
        for command in block {
            run(command, folder, &store);
        }
    }
    blocks.len()
}

#[test]
fn every_command_of_the_readme_works() {
    assert!(run_commands_of("README.md") >= 2);
}

#[test]
fn every_command_of_the_pages_works() {
    let blocks: usize = pages().iter().map(|page| run_commands_of(page)).sum();
    assert!(blocks >= 8, "{blocks} blocks");
}

#[test]
fn the_sandbox_configs_of_the_documents_are_valid() {
    for document in ["README.md", "docs/embedding.md"] {
        let text = read(document);
        let block = text.split("```toml\n").nth(1).expect(document);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sandbox.toml");
        std::fs::write(&file, block.split("```").next().unwrap()).unwrap();
        let sandbox = sandlab_runtime::SandboxConfig::read(&file).unwrap();
        assert_eq!(sandbox.deadline, std::time::Duration::from_secs(1));
        assert_eq!(sandbox.grants.directories.len(), 1);
    }
}

/// The README is the front page: what is longer has a page of its own.
#[test]
fn the_readme_is_short() {
    let lines = read("README.md").lines().count();
    assert!(lines <= 150, "{lines} lines: move some to docs/");
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let fronts = ["README.md", "SECURITY.md", "CHANGELOG.md"].map(str::to_owned);
    let mut seen = 0;
    for page in pages().into_iter().chain(fronts) {
        let text = read(&page);
        let folder = Path::new(ROOT).join(&page).parent().unwrap().to_owned();
        for target in text.split("](").skip(1) {
            let target = target.split(')').next().unwrap();
            if target.contains("://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file =
                if file.is_empty() { Path::new(ROOT).join(&page) } else { folder.join(file) };
            assert!(file.exists(), "{page} links to {target}");
            if !heading.is_empty() {
                let text = std::fs::read_to_string(&file).unwrap();
                let mut headings = text.lines().filter(|line| line.starts_with('#'));
                assert!(headings.any(|line| anchor(line) == heading), "{page} links to {target}");
            }
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen} links");
}

#[test]
fn every_file_that_a_document_names_exists() {
    let folders =
        ["benches/", "dist/", "docs/", "fuzz/", "guest-agents/", "host/", "wit/", ".github/"];
    let fronts = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];
    let fronts = fronts.map(str::to_owned);
    let mut seen = 0;
    for page in pages().into_iter().chain(fronts) {
        let text = read(&page);
        // Every second piece stands between backticks.
        let named = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
        for name in named.filter(|name| folders.iter().any(|folder| name.starts_with(folder))) {
            let stands_for_others = ["NAME", "LANGUAGE"].iter().any(|word| name.contains(word));
            if !stands_for_others && !name.contains([' ', '*', '{', '#']) {
                assert!(Path::new(ROOT).join(name).exists(), "{page} names {name}");
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen} files");
}

/// The anchor that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        c => c.is_alphanumeric().then_some(c),
    });
    kept.collect()
}

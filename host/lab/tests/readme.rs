//! What the README tells people to type, typed.

use assert_cmd::Command;
use std::path::Path;

/// The blocks of commands, each a list of what stands behind `$ sandlab `.
fn blocks(readme: &str) -> Vec<Vec<&str>> {
    let blocks = readme.split("```console\n").skip(1);
    blocks
        .map(|block| {
            let block = block.split("```").next().unwrap_or_default();
            let lines = block
                .lines()
                .filter_map(|line| line.strip_prefix("$ sandlab "));
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
    let loads = ["throughput", "latency", "scale", "recovery", "profile"];
    let nothing = tempfile::NamedTempFile::new().unwrap();
    if loads.iter().any(|load| arguments.starts_with(load)) {
        // Held against no targets, which a machine that is busy with tests could miss.
        sandlab.arg("--targets").arg(nothing.path());
    }
    sandlab.assert().code(0);
}

#[test]
fn every_command_of_the_readme_works() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let blocks = blocks(&readme);
    assert!(blocks.len() >= 2, "{blocks:?}");
    let kept = tempfile::tempdir().unwrap();
    let store = kept.path().join("results.db");
    for block in blocks {
        assert!(!block.is_empty());
        let folder = tempfile::tempdir().unwrap();
        // What makes new things is typed in a folder of one's own.
        let makes = block.iter().any(|command| command.starts_with("new "));
        let folder = if makes { folder.path() } else { &root };
        block
            .iter()
            .for_each(|command| run(command, folder, &store));
    }
}

#[test]
fn the_profile_of_the_readme_is_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let block = readme.split("```toml\n").nth(1).unwrap();
    let text = block.split("```").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("profile.toml");
    std::fs::write(&file, text).unwrap();
    let sandbox = sandlab_runtime::SandboxConfig::read(&file).unwrap();
    assert_eq!(sandbox.deadline, std::time::Duration::from_secs(1));
}

//! A release, as somebody gets it who has neither this checkout nor Rust.

mod common;

use common::user::{ROOT, User};
use predicates::prelude::predicate::in_iter;
use predicates::str::contains;
use std::path::Path;

#[test]
fn a_release_installs_and_works_without_rust_in_an_empty_folder() {
    let user = User::new();
    let installed = user.install();
    assert!(installed.status.success(), "{installed:?}");
    for file in ["share/man/man1/sandlab-compare.1", "share/bash-completion/completions/sandlab"] {
        assert!(user.installed(file).is_file(), "{file}");
    }
    // The agents by their names, and what `new` writes.
    user.sandlab().args(["validate", "echo", "--no-timing"]).assert().code(0);
    user.sandlab().args(["new", "mine", "--language", "python"]).assert().code(0);
    // Also inside of a workspace without such an agent, and by the program that counts allocations.
    let crate_of_theirs = "[package]\nname = \"theirs\"\n[workspace]\n";
    std::fs::write(user.home.path().join("Cargo.toml"), crate_of_theirs).unwrap();
    user.sandlab().args(["compare", "echo", "--rounds", "1"]).assert().code(in_iter([0, 4]));
    let mut footprint = user.sandlab();
    footprint.args(["footprint", "--agents", "2", "--backends", "wasm", "--no-store"]);
    footprint.assert().code(in_iter([0, 4]));
    std::fs::remove_file(user.home.path().join("Cargo.toml")).unwrap();
    // As in a container, by a user who has no home.
    let (work, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut homeless = user.sandlab();
    homeless.current_dir(work.path()).env_remove("HOME").env("XDG_CACHE_HOME", cache.path());
    homeless.args(["compare", "echo", "--rounds", "1"]).assert().code(in_iter([0, 4]));
    assert!(work.path().join(".sandlab/results.db").is_file());
    assert!(cache.path().join("sandlab").is_dir());
    user.sandlab().args(["compare", "nobody"]).assert().code(2).stderr(contains("wordcount"));

    let not_writable = user.install_to("/proc/nowhere");
    assert_eq!(not_writable.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&not_writable.stderr).contains("set PREFIX to a folder"));

    // A release that was changed on its way is not installed.
    let archive = user.release.path().read_dir().unwrap().map(|entry| entry.unwrap().path());
    let archive = archive.filter(|file| file.extension().is_some_and(|ending| ending == "gz"));
    for archive in archive {
        let mut bytes = std::fs::read(&archive).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(archive, bytes).unwrap();
    }
    let refused = user.install();
    assert_eq!(refused.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("its checksum differs"));
}

#[test]
fn every_command_has_completions_a_page_and_a_section_in_the_documents() {
    let says = |arguments: &[&str]| {
        let mut sandlab = assert_cmd::Command::new(env!("CARGO_BIN_EXE_sandlab"));
        let done = sandlab.args(arguments).assert().code(0);
        String::from_utf8(done.get_output().stdout.clone()).unwrap()
    };
    let document = std::fs::read_to_string(Path::new(ROOT).join("docs/cli.md")).unwrap();
    assert_eq!(says(&["man", "--markdown"]), document, "`make docs` writes docs/cli.md anew");
    for shell in ["bash", "fish", "zsh"] {
        let script = says(&["completions", shell]);
        assert!(script.contains("backends") && script.contains("throughput"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    says(&["man", "--output", &folder.path().display().to_string()]);
    for command in ["compare", "new", "wit", "lab"] {
        assert!(folder.path().join(format!("sandlab-{command}.1")).is_file(), "{command}");
        assert!(document.contains(&format!("## `sandlab {command}`")), "{command}");
    }
    assert!(!folder.path().join("sandlab-fill.1").exists());
}

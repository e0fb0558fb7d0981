//! A project of an agent in another language, as `sandlab new` writes it.

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use tempfile::TempDir;

/// Returns the path of a tool; `None`, said aloud, where nothing was fetched and this is not CI.
fn tool(path: &str) -> Option<PathBuf> {
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/foreign").join(path);
    if tool.exists() {
        return Some(tool.canonicalize().unwrap());
    }
    assert!(std::env::var_os("CI").is_none(), "{path} is missing: run `make foreign` first");
    println!("skipped: {path} is missing; `make foreign` fetches it");
    None
}

/// A project in a folder of its own, whose tools are those that were fetched.
pub struct Project {
    pub folder: TempDir,
    tools: [(&'static str, PathBuf); 3],
}

impl Project {
    pub fn new(language: &str) -> Option<Self> {
        let tools = [
            ("TOOLS", tool(".python")?),
            ("MODULES", tool(".node/node_modules")?),
            ("GO", tool(".python/go/bin/go")?),
        ];
        let project = Self { folder: tempfile::tempdir().unwrap(), tools };
        project.run(&["new", "hello", "--language", language]).code(0);
        for requirements in ["requirements.txt", "package.json"] {
            let file = project.path().join(requirements);
            if file.is_file() {
                // Older than the tools, which are not installed again then.
                let file = File::options().write(true).open(file).unwrap();
                file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
            }
        }
        Some(project)
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("hello")
    }

    pub fn run(&self, arguments: &[&str]) -> assert_cmd::assert::Assert {
        self.run_in(self.folder.path(), arguments)
    }

    fn run_in(&self, folder: &Path, arguments: &[&str]) -> assert_cmd::assert::Assert {
        let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        sandlab.current_dir(folder).args(arguments).env("SANDLAB_NO_STORE", "true");
        sandlab.envs(self.tools.iter().map(|(name, path)| (name, path)));
        sandlab.env("GOTOOLCHAIN", "local").env("GOPROXY", "off");
        sandlab.assert()
    }

    /// Builds it, holds it against its policy as its author would, in its folder, and sends it its
    /// workload from outside.
    pub fn works(&self, options: &[&str]) {
        let wasm = self.path().join("hello.wasm");
        assert!(!wasm.exists());
        let validate = [["validate", "--no-timing"].as_slice(), options].concat();
        let validated = self.run_in(&self.path(), &validate).code(0);
        validated.stdout(contains("hello")).stderr(contains(": make"));
        let built = wasm.metadata().unwrap().modified().unwrap();
        let compared = self.run(&["compare", "./hello", "--rounds", "1"]).code(0);
        compared.stdout(contains("hello").and(contains("without a twin")));
        assert_eq!(wasm.metadata().unwrap().modified().unwrap(), built, "built again");
    }
}

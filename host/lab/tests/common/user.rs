//! Somebody who has a release, and nothing else.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use tempfile::TempDir;

pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// A user with an empty home, and the files of a release.
pub struct User {
    pub home: TempDir,
    pub release: TempDir,
}

impl User {
    pub fn new() -> Self {
        let user =
            Self { home: tempfile::tempdir().unwrap(), release: tempfile::tempdir().unwrap() };
        let mut pack = Command::new(Path::new(ROOT).join("dist/pack.sh"));
        pack.arg(env!("CARGO_BIN_EXE_sandlab")).arg(user.release.path()).current_dir(ROOT);
        let packed = pack.output().unwrap();
        assert!(packed.status.success(), "{packed:?}");
        user
    }

    fn alone(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.home.path());
        command.current_dir(self.home.path());
        command
    }

    pub fn install(&self) -> Output {
        self.install_to(self.installed(""))
    }

    pub fn install_to(&self, prefix: impl AsRef<OsStr>) -> Output {
        let mut install = self.alone(self.release.path().join("install.sh"));
        install.env("SANDLAB_FROM", self.release.path()).env("PREFIX", prefix);
        install.output().unwrap()
    }

    pub fn sandlab(&self) -> assert_cmd::Command {
        let mut sandlab = assert_cmd::Command::from_std(self.alone(self.installed("bin/sandlab")));
        sandlab.timeout(Duration::from_secs(300));
        sandlab
    }

    pub fn installed(&self, file: &str) -> PathBuf {
        self.home.path().join(".local").join(file)
    }
}

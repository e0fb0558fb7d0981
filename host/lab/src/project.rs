//! `sandlab.toml`: defaults of a project's folder, for options that the command line does not set.
//!
//! The file is in the current folder or the nearest one above it, and its paths are relative to its
//! own folder. Its section on a component, and its policies, hold wherever that folder is named.

use crate::{Error, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The file's name.
pub const FILE: &str = "sandlab.toml";

/// The defaults of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Project {
    /// Default subjects of `compare` and `validate`: names of built agents, folders or files.
    pub agents: Vec<String>,
    /// The sandbox config, as with `--sandbox`.
    pub sandbox: Option<PathBuf>,
    /// The targets that grade results, as with `--targets`.
    pub targets: Option<PathBuf>,
    /// The policy of `validate`, as with its `--policy`.
    pub validate_policy: Option<PathBuf>,
    /// The policy of `gate`, as with its `--policy`.
    pub gate_policy: Option<PathBuf>,
    /// The component that this folder is built into, if it is not a crate with the SDK.
    pub component: Option<Component>,
}

/// A component that tools other than sandlab's build.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Component {
    /// The component's file.
    pub file: PathBuf,
    /// The shell command that builds it, run in the project's folder each time that the folder is
    /// named; it does nothing if all is up to date. Without it the file has to exist.
    pub build: Option<String>,
    /// The workload that the component is sent.
    pub workload: Option<PathBuf>,
}

impl Project {
    /// Returns the defaults of the current folder; empty without a file.
    ///
    /// # Errors
    /// If the file cannot be used.
    pub fn here() -> Result<Self> {
        let current = std::env::current_dir().map_err(Error::file("find", Path::new(".")))?;
        let file = current.ancestors().map(|folder| folder.join(FILE)).find(|file| file.is_file());
        file.map_or_else(|| Ok(Self::default()), |file| Self::read(&file))
    }

    /// Returns the project of exactly this folder; `None` if it has no file.
    ///
    /// # Errors
    /// If the file cannot be used.
    pub fn of(folder: &Path) -> Result<Option<Self>> {
        let file = folder.join(FILE);
        file.is_file().then(|| Self::read(&file)).transpose()
    }

    fn read(file: &Path) -> Result<Self> {
        let wrong =
            |reason: String| Error::Usage(format!("the project {}: {reason}", file.display()));
        let text =
            sandlab_runtime::text_file::read(file).map_err(|error| wrong(error.to_string()))?;
        let project: Self = sandlab_runtime::toml_text::read(&text).map_err(wrong)?;
        Ok(project.relative_to(file.parent().unwrap_or(Path::new(""))))
    }

    fn relative_to(mut self, folder: &Path) -> Self {
        for agent in &mut self.agents {
            let path = folder.join(&agent);
            // What is no file here is the name of an agent.
            if path.exists() {
                *agent = path.display().to_string();
            }
        }
        let files = [
            &mut self.sandbox,
            &mut self.targets,
            &mut self.validate_policy,
            &mut self.gate_policy,
        ];
        let mut files: Vec<_> = files.into_iter().flatten().collect();
        if let Some(component) = &mut self.component {
            files.push(&mut component.file);
            files.extend(component.workload.as_mut());
        }
        for file in files {
            *file = folder.join(&file);
        }
        self
    }
}

/// Returns the command line's value, or else the default of the current folder's project.
///
/// # Errors
/// If the project's file cannot be used.
pub fn given_or<T>(
    given: Option<T>,
    default: impl FnOnce(Project) -> Option<T>,
) -> Result<Option<T>> {
    match given {
        Some(given) => Ok(Some(given)),
        None => Project::here().map(default),
    }
}

/// Returns the command line's value, or else the default of the current folder's project, or else
/// that of the subject's own, which may be named from elsewhere.
///
/// # Errors
/// If a project's file cannot be used.
pub fn given_or_own<T>(
    given: Option<T>,
    subject: &Path,
    default: impl Fn(Project) -> Option<T>,
) -> Result<Option<T>> {
    match given_or(given, &default)? {
        None => Ok(Project::of(subject)?.and_then(default)),
        found => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_key_is_told_with_its_line_and_paths_are_of_the_files_folder() {
        let folder = tempfile::tempdir().unwrap();
        let write = |text: &str| std::fs::write(folder.path().join(FILE), text).unwrap();
        write("agents = [\".\", \"echo\"]\n\n[component]\nfile = \"x.wasm\"\n");
        let project = Project::of(folder.path()).unwrap().unwrap();
        assert_eq!(project.agents, [folder.path().join(".").display().to_string(), "echo".into()]);
        assert_eq!(project.component.unwrap().file, folder.path().join("x.wasm"));
        write("agents = []\nprofil = \"fast.toml\"\n");
        let error = Project::of(folder.path()).unwrap_err();
        assert_eq!(error.kind(), crate::Kind::Usage);
        assert!(error.to_string().contains("line 2"), "{error}");
        std::fs::remove_file(folder.path().join(FILE)).unwrap();
        assert_eq!(Project::of(folder.path()).unwrap(), None);
    }
}

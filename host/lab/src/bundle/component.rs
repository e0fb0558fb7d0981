//! Components that a project's own tools build: the `[component]` of its `sandlab.toml`.

use super::Subject;
use crate::project::{Component, Project};
use crate::{Error, Result};
use std::path::Path;
use std::process::{Command, Stdio};

/// Returns the component that a folder's project names; `None` if it names none.
///
/// # Errors
/// If the project cannot be read.
pub fn of_folder(folder: &Path) -> Result<Option<Component>> {
    Ok(Project::of(folder)?.and_then(|project| project.component))
}

/// Builds a project's component, and returns it under the name of the folder.
///
/// # Errors
/// If the build fails, or leaves no component.
pub fn build(
    folder: &Path,
    component: &Component,
    progress: &mut dyn FnMut(&str),
) -> Result<Subject> {
    if let Some(command) = &component.build {
        progress(&format!("{}: {command}", folder.display()));
        run(command, folder)?;
    }
    std::fs::File::open(&component.file).map_err(Error::file("open", &component.file))?;
    let whole = folder.canonicalize().map_err(Error::file("find", folder))?;
    let name = whole.file_name().unwrap_or(whole.as_os_str());
    Ok(Subject::of_project(name, component))
}

/// Runs a project's command; what it prints goes to standard error, since standard output is the
/// report's.
fn run(command: &str, folder: &Path) -> Result<()> {
    let failed =
        |what: String| Error::Toolchain(format!("{}: `{command}` {what}", folder.display()));
    let output = Command::new("sh")
        .args(["-c", &format!("{{ {command}\n}} >&2")])
        .current_dir(folder)
        .stdin(Stdio::null())
        .status()
        .map_err(|error| failed(format!("cannot be run: {error}")))?;
    match output.code() {
        Some(0) => Ok(()),
        // What a shell ends with that finds no such program.
        Some(127) => Err(failed(
            "needs a program that is not installed: the message above names it".to_owned(),
        )),
        _ => Err(failed(format!("failed ({output}); its messages are above"))),
    }
}

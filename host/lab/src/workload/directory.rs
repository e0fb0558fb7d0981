//! The directory that an agent writes in, for cases that need one.

use super::Case;
use crate::Result;
use sandlab_runtime::SandboxConfig;
use sandlab_runtime::config::{Access, DirectoryGrant};
use tempfile::TempDir;

/// Returns the sandbox config that also grants a fresh directory as `/data`, if a case needs one and the
/// sandbox config does not grant it already.
///
/// # Errors
/// If the folder for temporary files cannot be written.
pub fn with_directory(
    sandbox: &SandboxConfig,
    cases: &[Case],
) -> Result<(SandboxConfig, Option<TempDir>)> {
    let mut sandbox = sandbox.clone();
    let granted = &mut sandbox.grants.directories;
    let is_granted = granted.iter().any(|directory| directory.guest == "/data");
    if is_granted || cases.iter().all(|case| !case.directory) {
        return Ok((sandbox, None));
    }
    let directory = crate::paths::temporary_folder()?;
    granted.push(DirectoryGrant {
        guest: "/data".to_owned(),
        host: directory.path().to_owned(),
        access: Access::Write,
    });
    Ok((sandbox, Some(directory)))
}

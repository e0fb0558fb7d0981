//! Files that are written all or not at all.

use crate::{Error, Result};
use std::io::Write;
use std::path::Path;
use tempfile::NamedTempFile;

/// Writes a file, all of it or nothing.
///
/// # Errors
/// If the folder cannot be written.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let mut draft = draft(path)?;
    draft
        .write_all(content)
        .map_err(Error::file("write", path))?;
    let written = draft.persist(path).map_err(|error| error.error);
    written.map_err(Error::file("write", path))?;
    Ok(())
}

/// Sees to it that a file can be written, before hours are spent on its content.
///
/// # Errors
/// If it cannot.
pub fn require_writable(path: &Path) -> Result<()> {
    if path.is_dir() {
        let error = std::io::Error::from(std::io::ErrorKind::IsADirectory);
        return Err(Error::file("write", path)(error));
    }
    draft(path).map(drop)
}

/// A file beside the one that it will become, with the permissions of any new file.
fn draft(path: &Path) -> Result<NamedTempFile> {
    use std::os::unix::fs::PermissionsExt;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    tempfile::Builder::new()
        .permissions(std::fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(Error::file("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_written_is_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run.json");
        write_whole(&file, b"old").unwrap();
        assert!(require_writable(&folder.path().join("missing/run.json")).is_err());
        assert!(require_writable(folder.path()).is_err());
        require_writable(&file).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

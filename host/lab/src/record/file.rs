//! Files that are written all or not at all.

use crate::{Error, Result};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Writes a file, all of it or nothing. A pipe or a device is written to as it is.
///
/// # Errors
/// If it cannot be written.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let failed = || Error::file("write", path);
    match Target::of(path).map_err(failed())? {
        Target::Stream(mut stream) => stream.write_all(content).map_err(failed()),
        Target::File(target) => {
            let mut draft = draft(&target).map_err(failed())?;
            draft.write_all(content).map_err(failed())?;
            let written = draft.persist(target).map_err(|error| error.error);
            written.map(drop).map_err(failed())
        }
    }
}

/// Sees to it that a file can be written, before hours are spent on its content.
///
/// # Errors
/// If it cannot.
pub fn require_writable(path: &Path) -> Result<()> {
    let target = Target::of(path).and_then(|target| match target {
        Target::Stream(_) => Ok(()),
        Target::File(target) => draft(&target).map(drop),
    });
    target.map_err(Error::file("write", path))
}

/// The file or stream behind a path.
enum Target {
    /// A file, or nothing yet: it can be replaced.
    File(PathBuf),
    /// A pipe, a terminal, a device: it must not be.
    Stream(File),
}

impl Target {
    fn of(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Ok(found) if !found.is_file() => {
                let stream = File::options().write(true).open(path)?;
                Ok(Self::Stream(stream))
            }
            // Through links, which stay.
            Ok(_) => path.canonicalize().map(Self::File),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::File(path.into())),
            Err(error) => Err(error),
        }
    }
}

/// Creates a file beside the one that it will become, with the permissions of any new file.
fn draft(path: &Path) -> io::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o666)).tempfile_in(folder)
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
    #[test]
    fn a_link_stays_and_its_file_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("run.json"), folder.path().join("latest"));
        fs::write(&file, b"old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_whole(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"new");
    }

    #[test]
    fn a_device_stays_a_device() {
        let device = Path::new("/dev/null");
        require_writable(device).unwrap();
        write_whole(device, b"nothing").unwrap();
        assert!(!fs::metadata(device).unwrap().is_file());
    }
}

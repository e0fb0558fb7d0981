//! A granted directory: a WASI preopen in the sandbox, a cap-std `Dir` in a twin. Both resolve
//! paths only beneath the directory, also with `..` and symbolic links, and report refusals in the
//! same words.

use crate::Failure;
use std::io::{self, ErrorKind};

#[cfg(not(target_family = "wasm"))]
use cap_std::fs::Dir;

#[cfg(target_family = "wasm")]
use guest::Dir;

/// A directory that the sandbox config grants. Paths are relative to it.
#[derive(Debug)]
pub struct Directory {
    dir: Dir,
    write: bool,
}

impl Directory {
    /// Reads a whole file.
    ///
    /// # Errors
    /// [`Failure::Denied`] if the path leads out of the directory, else
    /// [`Failure::Refused`] or [`Failure::Unavailable`] with what is wrong.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, Failure> {
        relative(path)
            .and_then(|()| self.dir.read(path))
            .map_err(|error| failure("read", path, &error))
    }

    /// Creates the file, or replaces its content.
    ///
    /// # Errors
    /// [`Failure::Denied`] if the path leads out of the directory or the
    /// directory is granted for reading only; else as [`read`](Self::read).
    pub fn write(&self, path: &str, content: &[u8]) -> Result<(), Failure> {
        self.writable("write", path)?;
        relative(path)
            .and_then(|()| self.dir.write(path, content))
            .map_err(|error| failure("write", path, &error))
    }

    /// Removes a file.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn remove(&self, path: &str) -> Result<(), Failure> {
        self.writable("remove", path)?;
        relative(path)
            .and_then(|()| self.dir.remove_file(path))
            .map_err(|error| failure("remove", path, &error))
    }

    /// Returns the names in the directory, sorted.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn names(&self) -> Result<Vec<String>, Failure> {
        let mut names = Vec::new();
        let entries = self.dir.entries().map_err(|e| failure("list", ".", &e))?;
        for entry in entries {
            let entry = entry.map_err(|error| failure("list", ".", &error))?;
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
        names.sort_unstable();
        Ok(names)
    }

    fn writable(&self, verb: &str, path: &str) -> Result<(), Failure> {
        if self.write {
            return Ok(());
        }
        Err(denied(verb, path))
    }
}

/// Refuses paths that the libraries of guest and twin treat differently: joined to the directory,
/// an absolute path would replace it, and an empty one would name it.
fn relative(path: &str) -> io::Result<()> {
    if path.starts_with('/') {
        return Err(ErrorKind::PermissionDenied.into());
    }
    if path.is_empty() {
        return Err(ErrorKind::NotFound.into());
    }
    Ok(())
}

fn denied(verb: &str, path: &str) -> Failure {
    Failure::Denied(format!("cannot {verb} {path:?}: not granted"))
}

/// Reports only the kind of error, since the operating system's text differs between guest and
/// twin.
fn failure(verb: &str, path: &str, error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => denied(verb, path),
        ErrorKind::NotFound => {
            Failure::Refused(format!("cannot {verb} {path:?}: there is no such file"))
        }
        ErrorKind::IsADirectory => {
            Failure::Refused(format!("cannot {verb} {path:?}: it is a directory"))
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Failure::Unavailable(format!("cannot {verb} {path:?}: the disk is full"))
        }
        other => Failure::Refused(format!("cannot {verb} {path:?}: {other}")),
    }
}

#[cfg(not(target_family = "wasm"))]
impl Directory {
    pub(crate) fn open(host: &std::path::Path, write: bool) -> io::Result<Self> {
        let dir = Dir::open_ambient_dir(host, cap_std::ambient_authority())?;
        Ok(Self { dir, write })
    }
}

#[cfg(target_family = "wasm")]
impl Directory {
    /// WASI itself refuses to write where only reading is granted.
    pub(crate) fn open(path: &str) -> Result<Self, Failure> {
        match std::fs::metadata(path) {
            Ok(found) if found.is_dir() => Ok(Self { dir: Dir(path.into()), write: true }),
            _ => Err(denied("open", path)),
        }
    }
}

/// The part of cap-std's `Dir` that is used above, for a preopened path.
#[cfg(target_family = "wasm")]
mod guest {
    use std::{fs, io, path::PathBuf};

    #[derive(Debug)]
    pub struct Dir(pub PathBuf);

    impl Dir {
        pub fn read(&self, path: &str) -> io::Result<Vec<u8>> {
            fs::read(self.0.join(path))
        }

        pub fn write(&self, path: &str, content: &[u8]) -> io::Result<()> {
            fs::write(self.0.join(path), content)
        }

        pub fn remove_file(&self, path: &str) -> io::Result<()> {
            fs::remove_file(self.0.join(path))
        }

        pub fn entries(&self) -> io::Result<fs::ReadDir> {
            fs::read_dir(&self.0)
        }
    }
}

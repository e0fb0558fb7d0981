//! Locks of runs that a process is measuring. The kernel releases a lock however the process ends.

use super::{RunId, Store};
use crate::{Error, Result};
use std::fs::{File, TryLockError};
use std::path::PathBuf;

/// A lock on a run. While it exists, no other process can resume the run.
pub struct Held {
    path: PathBuf,
    /// Locked until it is closed.
    _file: File,
}

impl Store {
    /// Holds a run, with a file beside the store: `results.db-run-5`.
    ///
    /// # Errors
    /// If another process holds it, or the file cannot be written.
    pub fn hold(&self, run: RunId) -> Result<Held> {
        let mut path = self.path.clone().into_os_string();
        path.push(format!("-run-{run}"));
        let path = PathBuf::from(path);
        let file = File::create(&path).map_err(Error::file("write", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Held { path, _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::Usage(format!(
                "run {run} cannot be resumed: another process is still measuring it"
            ))),
            Err(TryLockError::Error(error)) => Err(Error::file("lock", &path)(error)),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Where it is left, it says nothing: it is the lock that counts.
        let _ = std::fs::remove_file(&self.path);
    }
}

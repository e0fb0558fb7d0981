//! The store of runs: one SQLite file, written while they are measured.
//!
//! Every entry is a transaction of its own in a write-ahead log: a process that is killed
//! loses what it had not finished measuring, and nothing else. Others may read and write
//! meanwhile.

mod baseline;
mod hold;
mod read;
mod schema;
mod snapshot;
mod write;

pub use baseline::Baseline;
pub use hold::Held;
pub use read::Listed;
pub use write::Writer;

use crate::{Error, Result, paths};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use rustix::fs::{Access, access};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The longest time to wait for others that write.
const PATIENCE: Duration = Duration::from_secs(20);

/// The runs of a file.
pub struct Store {
    connection: Connection,
    path: PathBuf,
    /// Of a store that nobody wants to keep, or of a copy.
    _folder: Option<TempDir>,
}

/// The number of a run in its store.
pub type RunId = i64;

impl Store {
    /// Opens a store to write to it; makes it, and its folder, if it is not there.
    ///
    /// # Errors
    /// If it cannot be written, is damaged, or is something else.
    pub fn open(path: &Path) -> Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| Error::Store {
                path: path.to_owned(),
                reason: format!("cannot make its folder: {error}; {ELSEWHERE}"),
            })?;
        }
        Self::connect(path, OpenFlags::default())
    }

    /// Opens a store that is there already, to change it.
    ///
    /// # Errors
    /// As [`Store::open`], or if there is none.
    pub fn existing(path: &Path) -> Result<Self> {
        require(path)?;
        Self::connect(path, OpenFlags::default() & !OpenFlags::SQLITE_OPEN_CREATE)
    }

    /// Opens a store to read it, also one that this user cannot write.
    ///
    /// # Errors
    /// If there is none, or it cannot be read, is damaged, or is something else.
    pub fn reading(path: &Path) -> Result<Self> {
        require(path)?;
        refuse_no_file(path)?;
        match snapshot::can_be_written(path) {
            true => Self::existing(path),
            false => snapshot::open(path),
        }
    }

    /// Opens a store that is deleted when it is dropped.
    ///
    /// # Errors
    /// If the folder for temporary files cannot be written.
    pub fn temporary() -> Result<Self> {
        let folder = paths::temporary_folder()?;
        let mut store = Self::open(&folder.path().join("results.db"))?;
        store._folder = Some(folder);
        Ok(store)
    }

    /// Returns true if it is deleted when it is dropped, as a temporary store or a copy is.
    pub fn is_temporary(&self) -> bool {
        self._folder.is_some()
    }

    /// Returns the path of the file that it was opened from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn connect(path: &Path, flags: OpenFlags) -> Result<Self> {
        refuse_no_file(path)?;
        let until = Instant::now() + PATIENCE;
        loop {
            match Self::try_connect(path, flags) {
                // To make the log, the file must be had alone, for which SQLite does not wait.
                Err(Error::Store { reason, .. }) if reason == BUSY && Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                connected => return connected,
            }
        }
    }

    fn try_connect(path: &Path, flags: OpenFlags) -> Result<Self> {
        let failed = || failed(path);
        let mut connection = Connection::open_with_flags(path, flags).map_err(failed())?;
        connection.busy_timeout(PATIENCE).map_err(failed())?;
        schema::prepare(&mut connection, path)?;
        // In the log, a transaction waits for no disk: what a killed process wrote is there,
        // and what a machine without power wrote last is not.
        let set = connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;
             PRAGMA cache_size = -1024;",
        );
        set.map_err(failed())?;
        Ok(Self { connection, path: path.to_owned(), _folder: None })
    }

    fn failed(&self) -> impl FnOnce(rusqlite::Error) -> Error {
        failed(&self.path)
    }
}

fn require(path: &Path) -> Result<()> {
    match std::fs::metadata(path) {
        // An empty file is no store yet, and reading does not make it one.
        Ok(file) if !file.is_file() || file.len() > 0 => return Ok(()),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Err(Error::file("read", path)(error));
        }
        _ => {}
    }
    Err(Error::Usage(format!(
        "there are no results in {} yet: measure something, or name another file with --store \
         PATH",
        path.display()
    )))
}

/// Refuses what SQLite would take for a full disk: a pipe, a device, a folder, and a file that this
/// user may not read.
fn refuse_no_file(path: &Path) -> Result<()> {
    let Ok(found) = std::fs::metadata(path) else {
        return Ok(());
    };
    if !found.is_file() {
        let what = if found.is_dir() { "a folder" } else { "a pipe or a device" };
        let path = path.display();
        return Err(Error::Usage(format!("the results in {path}: it is {what}; {ELSEWHERE}")));
    }
    // Not by opening it: to close the file again would end SQLite's locks on it.
    access(path, Access::READ_OK).map_err(|error| Error::Store {
        path: path.to_owned(),
        reason: format!("cannot read it: {error}; {ELSEWHERE}"),
    })
}

const ELSEWHERE: &str =
    "choose another place with --store PATH, or measure without one: --no-store";

const BUSY: &str = "another process has been writing to it for too long; try again";

/// Says what SQLite's errors mean for a store, and what to do.
fn failed(path: &Path) -> impl FnOnce(rusqlite::Error) -> Error {
    let path = path.to_owned();
    move |error| {
        // The file of a temporary store is nobody's choice, its folder is.
        let elsewhere = match paths::is_temporary(&path) {
            true => "choose another folder for temporary files with TMPDIR",
            false => ELSEWHERE,
        };
        let reason = match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => BUSY.to_owned(),
            Some(ErrorCode::NotADatabase) => {
                format!("it is no SQLite database, and was left as it is; {elsewhere}")
            }
            Some(ErrorCode::DatabaseCorrupt) => format!(
                "it is damaged ({error}), and was left as it is; put it aside, or {elsewhere}"
            ),
            Some(ErrorCode::DiskFull) => format!(
                "the disk is full; what was stored before is kept. Make room, or {elsewhere}"
            ),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                format!("cannot write to it ({error}); {elsewhere}")
            }
            Some(ErrorCode::SystemIoFailure) => format!(
                "cannot write to it ({error}): is the disk full, or a limit reached? What was \
                 stored before is kept; {elsewhere}"
            ),
            _ => error.to_string(),
        };
        Error::Store { path, reason }
    }
}

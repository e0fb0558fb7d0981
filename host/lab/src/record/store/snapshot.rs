//! Stores that cannot be written: another user's, one on a read-only disk, a CI artifact.

use super::{Store, failed, schema};
use crate::{Error, Result, paths};
use rusqlite::{Connection, OpenFlags};
use rustix::fs::{Access, access};
use std::ffi::OsString;
use std::fmt::Write;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Returns whether this user may write to a store, and to its folder, where SQLite keeps the
/// log and its index.
pub fn can_be_written(path: &Path) -> bool {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    [path, folder].iter().all(|path| access(*path, Access::WRITE_OK).is_ok())
}

/// Opens a store as it is now; neither it nor its folder is written to. One of an older version,
/// or with a log that was not merged, is copied to the folder for temporary files, and the copy
/// is brought up to date.
///
/// # Errors
/// If it cannot be read or copied, is damaged, or is something else.
pub fn open(path: &Path) -> Result<Store> {
    let log = log_of(path);
    // Whoever writes has a log. Without one the file stands still, and needs no locks.
    if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        return copy(path, Some(&log));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(immutable(path), flags).map_err(failed(path))?;
    match schema::is_current(&connection, path)? {
        true => Ok(Store { connection, path: path.to_owned(), _folder: None }),
        false => copy(path, None),
    }
}

fn copy(path: &Path, log: Option<&Path>) -> Result<Store> {
    let folder = paths::temporary_folder()?;
    let target = folder.path().join("results.db");
    write_copy(path, &target)?;
    if let Some(log) = log {
        write_copy(log, &log_of(&target))?;
    }
    let store = Store::existing(&target).map_err(|error| match error {
        Error::Store { reason, .. } => Error::Store { path: path.to_owned(), reason },
        other => other,
    })?;
    Ok(Store { path: path.to_owned(), _folder: Some(folder), ..store })
}

/// Copies a file. Unlike [`fs::copy`], it does not make the copy read-only, too.
fn write_copy(from: &Path, to: &Path) -> Result<()> {
    let mut source = File::open(from).map_err(Error::file("read", from))?;
    let copied = File::create(to).and_then(|mut target| io::copy(&mut source, &mut target));
    copied.map(drop).map_err(Error::file("write", to))
}

fn log_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push("-wal");
    name.into()
}

/// Returns the URI of a file that nobody changes (<https://sqlite.org/uri.html>).
fn immutable(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                uri.push(char::from(*byte));
            }
            // To a String nothing fails.
            other => drop(write!(uri, "%{other:02X}")),
        }
    }
    uri + "?immutable=1"
}

//! The files that a configuration is made of, as they were when it was read.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

/// The time for which a changed file stays as it is before it is read: whoever writes it in place
/// may not have finished.
const SETTLED: Duration = Duration::from_millis(100);

/// The most looks at files that change all the time.
const MOST_LOOKS: u32 = 50;

/// The state of a file: its last change, size in bytes and inode; `None` if there is no such file.
type State = Option<(SystemTime, u64, u64)>;

/// Files with their states, which are noted before they are read: a change while they are read is
/// seen afterwards. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Seen(Arc<Mutex<BTreeMap<PathBuf, State>>>);

impl Seen {
    /// Notes the state of a file that is about to be read.
    pub fn note(&self, path: &Path) {
        self.lock().insert(path.to_owned(), state(path));
    }

    /// Notes the states of files that are known from another time too, if they are not noted yet.
    pub fn note_all(&self, others: &Self) {
        let paths: Vec<_> = others.lock().keys().cloned().collect();
        for path in paths {
            self.lock().entry(path).or_insert_with_key(|path| state(path));
        }
    }

    /// Returns true if a file is another than when it was noted, and waits until it is whole.
    pub fn have_changed(&self) -> bool {
        let noted = self.lock().clone();
        let look =
            || -> BTreeMap<_, _> { noted.keys().map(|path| (path.clone(), state(path))).collect() };
        let mut now = look();
        if now == noted {
            return false;
        }
        for _ in 0..MOST_LOOKS {
            thread::sleep(SETTLED);
            let before = std::mem::replace(&mut now, look());
            if now == before {
                break;
            }
        }
        now != noted
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn state(path: &Path) -> State {
    let found = path.metadata().ok()?;
    Some((found.modified().ok()?, found.len(), found.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_after_the_note_is_seen_whatever_its_time_and_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let seen = Seen::default();
        seen.note(&path);
        assert!(!seen.have_changed());
        std::fs::write(&path, "one").unwrap();
        assert!(seen.have_changed(), "it has come");
        seen.note(&path);
        let other = folder.path().join("other");
        std::fs::write(&other, "two").unwrap();
        let time = path.metadata().unwrap().modified().unwrap();
        std::fs::File::options().append(true).open(&other).unwrap().set_modified(time).unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert!(seen.have_changed(), "a copy that keeps its time is another file");
    }
}

//! Runs that others are compared with, by name.

use super::{RunId, Store};
use crate::{Error, Result};
use jiff::Timestamp;
use rusqlite::params;

/// A run with a name.
#[derive(Debug, Clone)]
pub struct Baseline {
    /// The name.
    pub name: String,
    /// The run's number in the store.
    pub run: RunId,
    /// The time at which the run got its name, RFC 3339.
    pub saved: String,
}

impl Store {
    /// Names a run. A name that another one had is taken from it.
    ///
    /// # Errors
    /// If the name could be mistaken for something else, or cannot be written.
    pub fn save_baseline(&self, name: &str, run: RunId) -> Result<()> {
        let is_plain = |c: char| c.is_alphanumeric() || "-_./".contains(c);
        if name.is_empty()
            || name == "last"
            || !name.chars().all(is_plain)
            || name.parse::<RunId>().is_ok()
        {
            return Err(Error::Usage(format!(
                "{name:?} cannot name a baseline: a name has letters, digits, and -_./, and is \
                 neither a number nor `last`, which are runs already"
            )));
        }
        let sql = "INSERT OR REPLACE INTO baseline VALUES (?1, ?2, ?3)";
        let now = Timestamp::now().to_string();
        let saved = self.connection.execute(sql, params![name, run, now]);
        saved.map(drop).map_err(self.failed())
    }

    /// Returns all baselines, by name.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn baselines(&self) -> Result<Vec<Baseline>> {
        self.rows("SELECT name, run, saved FROM baseline ORDER BY name", [], |row| {
            Ok(Baseline { name: row.get(0)?, run: row.get(1)?, saved: row.get(2)? })
        })
    }

    /// Returns the run with this name.
    ///
    /// # Errors
    /// If there is none.
    pub fn baseline(&self, name: &str) -> Result<RunId> {
        let all = self.baselines()?;
        let found = all.iter().find(|baseline| baseline.name == name);
        found.map(|baseline| baseline.run).ok_or_else(|| {
            let names: Vec<_> = all.iter().map(|baseline| baseline.name.as_str()).collect();
            let known = match names.as_slice() {
                [] => "save one with `sandlab baseline save NAME`".to_owned(),
                names => format!("there are {}", names.join(", ")),
            };
            Error::Usage(format!(
                "there is no baseline {name:?} in {}: {known}",
                self.path.display()
            ))
        })
    }

    /// Takes a run's name. The run stays.
    ///
    /// # Errors
    /// If there is no such name.
    pub fn delete_baseline(&self, name: &str) -> Result<()> {
        self.baseline(name)?;
        let deleted = self.connection.execute("DELETE FROM baseline WHERE name = ?1", [name]);
        deleted.map(drop).map_err(self.failed())
    }
}

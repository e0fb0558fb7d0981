//! The journal of a run: a line of JSON for everything that was measured, written as it
//! happens. A run that is killed loses at most the interval in progress, and what its
//! journal has can be reported like any other.

use super::{Environment, Measured, Noise};
use crate::experiment::open_loop::Interval;
use crate::experiment::record::{Finding, Part};
use crate::{Error, Result};
use sandlab_runtime::Profile;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

/// The version of a journal's lines.
pub const JOURNAL: &str = "sandlab.journal/2";

/// One line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "kebab-case")]
pub enum Entry {
    /// The first one: what a reader must know of the whole run.
    Begin(Box<Begin>),
    /// A part begins; what follows belongs to it.
    Part(Part),
    /// A stretch of time of an open loop is over.
    Interval(Box<Interval>),
    /// Something else was found out.
    Finding(Box<Finding>),
    /// The last one, if the run was not killed.
    End(End),
}

/// What a reader must know of the whole run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Begin {
    /// The version of the lines.
    pub schema: String,
    /// When it started, RFC 3339.
    pub started: String,
    /// Where it ran.
    pub environment: Environment,
    /// What the agents were allowed.
    pub profile: Profile,
    /// What was measured, and how it was built.
    pub agents: Vec<Measured>,
}

/// How the run ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct End {
    /// Whether it measured all that it was to.
    pub complete: bool,
    /// What else the machine did meanwhile.
    pub noise: Noise,
    /// What did not hold, so that it could not go on.
    pub failures: Vec<String>,
}

/// A journal that is being written.
pub struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Starts a new file in a folder, which is made if it is not there. Its name is what
    /// is measured and when.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn create(folder: &Path, what: &str) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(Error::file("make the folder", folder))?;
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H-%M-%S");
        // Two of one second are told apart by a number.
        let names = (1..).map(|n| match n {
            1 => format!("{what}-{now}.jsonl"),
            n => format!("{what}-{now}.{n}.jsonl"),
        });
        for path in names.map(|name| folder.join(name)) {
            match File::create_new(&path) {
                Ok(file) => return Ok(Self { path, file }),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::file("write", &path)(error)),
            }
        }
        unreachable!("there is always another number")
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&mut self, entry: &Entry) -> Result<()> {
        let mut line = serde_json::to_vec(entry)
            .map_err(|error| Error::Machine(format!("cannot encode a line: {error}")))?;
        line.push(b'\n');
        let written = self.file.write_all(&line);
        written.map_err(Error::file("write", &self.path))
    }
}

/// The lines of a journal, in order. One that was cut off where the run was killed ends it.
pub struct Lines<R = BufReader<File>> {
    path: PathBuf,
    reader: R,
    number: usize,
}

impl Lines {
    /// Opens a journal.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::file("read", path))?;
        Ok(Self::of(BufReader::new(file), path))
    }
}

impl<R: BufRead> Lines<R> {
    /// Those that a reader has; the path is what errors name.
    pub fn of(reader: R, path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            reader,
            number: 0,
        }
    }

    fn read(&mut self) -> Result<Option<Entry>> {
        let mut line = Vec::new();
        let read = self.reader.read_until(b'\n', &mut line);
        read.map_err(Error::file("read", &self.path))?;
        if line.last() != Some(&b'\n') {
            return Ok(None);
        }
        self.number += 1;
        let entry = serde_json::from_slice(&line).map_err(|error| Error::BadJournal {
            path: self.path.clone(),
            line: self.number,
            reason: error.to_string(),
        })?;
        match &entry {
            Entry::Begin(begin) if begin.schema != JOURNAL => Err(Error::BadJournal {
                path: self.path.clone(),
                line: self.number,
                reason: format!(
                    "it is {:?}, and this sandlab reads {JOURNAL:?}",
                    begin.schema
                ),
            }),
            _ => Ok(Some(entry)),
        }
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

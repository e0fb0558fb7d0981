//! Alerts as lines of a file.

use super::{Alert, Channel};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A file that each alert is a line of. It is opened for each, so that it can be moved away.
pub(super) struct Lines(PathBuf);

impl Lines {
    pub(super) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

impl Channel for Lines {
    fn send(&mut self, alerts: &[Alert]) -> Result<(), String> {
        let mut lines = Vec::new();
        for alert in alerts {
            serde_json::to_writer(&mut lines, alert).map_err(|error| error.to_string())?;
            lines.push(b'\n');
        }
        let file = OpenOptions::new().append(true).create(true).open(&self.0);
        // One write, so that no line of another process comes in between.
        file.and_then(|mut file| file.write_all(&lines)).map_err(|error| error.to_string())
    }
}

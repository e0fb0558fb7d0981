//! The noise floor: the changes that this machine shows between two builds that are the same.

use crate::record::Environment;
use crate::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The default file that `calibrate` writes and `gate` reads.
pub const FILE: &str = ".sandlab/noise.toml";

/// The change of each metric without any change of the build.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NoiseFloor {
    /// The time of the calibration.
    pub measured: String,
    /// The processor that it was measured on.
    pub cpu: Option<String>,
    /// Cores of that machine; `None` in files of older versions.
    pub cores: Option<usize>,
    /// Gates of a build against itself that were run.
    pub runs: u32,
    /// Gates among them that reported a regression.
    pub false_alarms: u32,
    /// The 99th percentile of the change that was estimated, as a share, by metric without
    /// the size: `time`, `spawn`.
    pub floor: BTreeMap<String, f64>,
}

impl NoiseFloor {
    /// Reads a file; `None` if it does not exist.
    ///
    /// # Errors
    /// If it exists, and cannot be used.
    pub fn read(file: &Path) -> Result<Option<Self>> {
        let text = match sandlab_runtime::text_file::read(file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(Error::file("read", file))?,
        };
        let floor: Self = sandlab_runtime::toml_text::read(&text).map_err(|error| {
            Error::Usage(format!(
                "the noise floor {}: {error}; measure it anew with `sandlab calibrate`",
                file.display()
            ))
        })?;
        Ok(Some(floor))
    }

    /// Returns the content of a file.
    ///
    /// # Errors
    /// If it cannot be encoded.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self)
            .map_err(|error| Error::Machine(format!("cannot encode the noise floor: {error}")))
    }

    /// Returns the noise of a metric as a share; 0 if it was not calibrated.
    pub fn of(&self, metric: &str) -> f64 {
        self.floor.get(kind(metric)).copied().unwrap_or(0.0)
    }

    /// Returns why it may not hold here; `None` on the machine that it was measured on.
    pub fn doubt(&self, here: &Environment) -> Option<String> {
        let differs = self.cpu != here.cpu || self.cores != here.cores;
        differs.then(|| {
            format!(
                "the noise floor was measured on {} with {} cores: run `sandlab calibrate` here",
                self.cpu.as_deref().unwrap_or("an unknown processor"),
                self.cores.map_or_else(|| "unknown".to_owned(), |n| n.to_string()),
            )
        })
    }
}

/// Returns a metric's name without the size of its messages.
pub fn kind(metric: &str) -> &str {
    metric.split_once('/').map_or(metric, |(kind, _)| kind)
}

//! One more report, and where it goes: `--report junit=FILE`.

use clap::ValueEnum;
use std::path::PathBuf;
use std::str::FromStr;

/// A format and a file.
#[derive(Debug, Clone)]
pub struct Export<F> {
    /// How it is written.
    pub format: F,
    /// Where to.
    pub file: PathBuf,
}

impl<F: ValueEnum> FromStr for Export<F> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, file) = text
            .split_once('=')
            .filter(|(_, file)| !file.is_empty())
            .ok_or("write KIND=FILE, as in json=report.json")?;
        Ok(Self {
            format: F::from_str(kind, false)?,
            file: file.into(),
        })
    }
}

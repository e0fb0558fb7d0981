//! A further report and its file: `--report junit=FILE`.

use clap::ValueEnum;
use std::path::PathBuf;
use std::str::FromStr;

/// A report in another format.
#[derive(Debug, Clone)]
pub struct Export<F> {
    /// The report's format.
    pub format: F,
    /// The file that it is written to.
    pub file: PathBuf,
}

impl<F: ValueEnum> FromStr for Export<F> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, file) = text
            .split_once('=')
            .filter(|(_, file)| !file.is_empty())
            .ok_or("write KIND=FILE, as in json=report.json")?;
        if file == "-" {
            return Err("standard output has the report of --format; name a file".to_owned());
        }
        Ok(Self { format: F::from_str(kind, false)?, file: file.into() })
    }
}

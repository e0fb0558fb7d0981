//! Reports of a validation for people, programs, and the finding formats of CI systems. One
//! exporter per file.

mod github;
mod json;
mod junit;
mod sarif;
mod text;

use super::look::Look;
use crate::Result;
use crate::validate::Validation;
use clap::ValueEnum;

/// The formats of a validation's report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Findings and tables for a terminal.
    Text,
    /// Every stage, check, sample and finding.
    Json,
    /// A suite per guest, a case per check.
    Junit,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Annotations in the log of a GitHub workflow.
    Github,
}

/// Writes a validation in a format; `look` applies to text.
///
/// # Errors
/// If it cannot be encoded.
pub fn render(validation: &Validation, format: Format, look: &Look) -> Result<String> {
    match format {
        Format::Text => Ok(text::render(validation, look)),
        Format::Json => json::render(validation),
        Format::Junit => junit::render(validation),
        Format::Sarif => sarif::render(validation),
        Format::Github => Ok(github::render(validation)),
    }
}

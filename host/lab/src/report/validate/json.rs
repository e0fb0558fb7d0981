//! Every stage, check, sample and finding, as `docs/validate.md` describes it.

use crate::validate::Validation;
use crate::{Error, Result};

/// The data as it is.
pub fn render(validation: &Validation) -> Result<String> {
    let json = serde_json::to_string_pretty(validation)
        .map_err(|error| Error::Machine(format!("cannot encode the report: {error}")))?;
    Ok(json + "\n")
}

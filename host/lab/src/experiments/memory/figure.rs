//! A number, or why there is none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was measured, or why it was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Figure<T> {
    /// It was.
    Measured(T),
    /// It cannot be measured here, because of this.
    Unavailable(String),
}

impl<T> Figure<T> {
    /// There is none, because of this.
    pub fn unavailable(why: impl Into<String>) -> Self {
        Self::Unavailable(why.into())
    }

    /// What there is.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Measured(value) => Some(value),
            Self::Unavailable(_) => None,
        }
    }

    /// Why there is none.
    pub fn why_not(&self) -> Option<&str> {
        match self {
            Self::Measured(_) => None,
            Self::Unavailable(why) => Some(why),
        }
    }
}

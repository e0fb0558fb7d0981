//! Values that may be unavailable, with a reason.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A measured value, or the reason why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Figure<T> {
    /// The value.
    Measured(T),
    /// The reason why it cannot be measured here.
    Unavailable(String),
}

impl<T> Figure<T> {
    /// Returns a figure that cannot be measured, with the reason.
    pub fn unavailable(why: impl Into<String>) -> Self {
        Self::Unavailable(why.into())
    }

    /// Returns the value; `None` if it could not be measured.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Measured(value) => Some(value),
            Self::Unavailable(_) => None,
        }
    }

    /// Returns the reason why there is no value; `None` if there is one.
    pub fn why_not(&self) -> Option<&str> {
        match self {
            Self::Measured(_) => None,
            Self::Unavailable(why) => Some(why),
        }
    }
}

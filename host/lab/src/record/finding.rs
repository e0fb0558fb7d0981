//! The findings of a part besides windows and rounds.

use super::{ClosedWindow, Disturbance, WorkerShare};
use crate::stats::Distribution;
use sandlab_runtime::messaging::Accounts;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// One finding, as JSON with its name in the field `finding`. The store does not know the findings
/// of experiments; they read their own back with [`Finding::read`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Finding(Value);

impl Finding {
    /// Returns a finding of a type that names itself in the field `finding`.
    ///
    /// # Panics
    /// If the type cannot be JSON, which no type of a finding is.
    pub fn of(found: &impl Serialize) -> Self {
        let value = serde_json::to_value(found);
        Self(value.unwrap_or_else(|error| unreachable!("a finding is JSON: {error}")))
    }

    /// Reads a finding of this type; `None` if it is of another.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(&self.0).ok()
    }

    /// Reads a finding of this type.
    ///
    /// # Errors
    /// If it is of another type, or a field does not fit.
    pub fn try_read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(&self.0)
    }
}

/// In the published schema every experiment's findings stand under this name; the registry of
/// experiments fills it.
impl JsonSchema for Finding {
    fn schema_name() -> Cow<'static, str> {
        "Finding".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        true.into()
    }
}

/// A finding that parts of any experiment can have.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Shared {
    /// The agent's own time for a message, with no messaging around it.
    Response {
        /// The times of one call after another.
        time: Distribution,
    },
    /// A window of a closed loop.
    Closed(ClosedWindow),
    /// The outcomes of all messages, counted when none is in flight.
    Accounts(#[schemars(with = "BTreeMap<String, Value>")] Accounts),
    /// Texts of failed messages, each with its count, the commonest first.
    Failures {
        /// The texts and their counts.
        texts: Vec<(String, u64)>,
    },
    /// The machine was not this process's own while the part was measured, as a whole.
    Disturbed {
        /// The disturbance that the time went to.
        by: Disturbance,
    },
    /// The share of each worker of a load that several sent together.
    Workers {
        /// The workers.
        workers: Vec<WorkerShare>,
    },
    /// The part cannot be measured here.
    Unavailable {
        /// The reason.
        why: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_read_as_what_it_is_and_as_nothing_else() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "finding", rename_all = "kebab-case")]
        enum Own {
            Step { rate: f64 },
        }
        let own = Finding::of(&Own::Step { rate: 5.0 });
        assert_eq!(own.read::<Own>(), Some(Own::Step { rate: 5.0 }));
        assert!(own.read::<Shared>().is_none());
        let shared = Finding::of(&Shared::Unavailable { why: "no twin".to_owned() });
        assert!(shared.read::<Own>().is_none() && shared.read::<Shared>().is_some());
    }
}

//! Labels of a metric: the subject, backend, size and so on that it was measured with.

use serde::{Serialize, Serializer};
use std::fmt;

/// Names and values, in the order that a reader needs them. Two metrics are compared only if
/// all their labels are the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Labels(Vec<(&'static str, String)>);

impl Labels {
    /// Returns no labels.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a label at the end.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.0.push((name, value.to_string()));
        self
    }

    /// Adds a label at the end if there is a value.
    #[must_use]
    pub fn with_some(self, name: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Returns the value of a label; `None` if there is no such label.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// Returns the labels for people: sizes in KiB, numbers with their nouns.
    pub fn readable(&self) -> String {
        let shown = self.0.iter().map(|(name, value)| match *name {
            "size" => value.parse().map_or_else(|_| value.clone(), super::format::size),
            "limit" => value.parse().map_or_else(
                |_| value.clone(),
                |limit| format!("under {}", super::format::limit(limit)),
            ),
            "agents" if value == "1" => "1 agent".to_owned(),
            "agents" => format!("{value} agents"),
            "rate" => value
                .parse()
                .map_or_else(|_| value.clone(), |rate| format!("{}/s", super::format::rate(rate))),
            _ => value.clone(),
        });
        shown.collect::<Vec<_>>().join(", ")
    }
}

/// `agent=echo,size=1024`
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{name}={value}")?;
        }
        Ok(())
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.iter())
    }
}

//! A share that is written as a percentage.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The share of messages that have to be good, written `99.9 %`: above 0 %, and below 100 %, which
/// would leave no budget to burn.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", inline, extend("pattern" = r"^[0-9]+(\.[0-9]+)? ?%$"))]
pub struct Share {
    /// As it is written, so that `99.9 %` is told as that.
    percent: f64,
}

impl Share {
    /// Returns the share of messages that may be bad.
    pub fn budget(self) -> f64 {
        (100.0 - self.percent) / 100.0
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.strip_suffix('%').map(str::trim_end);
        let percent = number.and_then(|number| number.parse::<f64>().ok());
        match percent {
            Some(percent) if percent > 0.0 && percent < 100.0 => Ok(Self { percent }),
            Some(_) => Err(format!(
                "{text:?} is no objective: it has to be above 0 % and below 100 %, which would \
                 leave no error to be had"
            )),
            None => Err(format!("{text:?} is no percentage; write it as \"99.9 %\"")),
        }
    }
}

impl TryFrom<String> for Share {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Share> for String {
    fn from(share: Share) -> Self {
        share.to_string()
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.percent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_told_as_it_was_written() {
        let share: Share = "99.95%".parse().unwrap();
        assert_eq!(share.to_string(), "99.95 %");
        assert!((share.budget() - 0.0005).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_objective_is_refused() {
        for wrong in ["0.999", "100 %", "0 %", "NaN %", "inf %", "-1 %", "%", "nine %"] {
            assert!(wrong.parse::<Share>().is_err(), "{wrong}");
        }
    }
}

//! Two builds of a program, as fresh processes that alternate.
//!
//! A process has one layout of its memory and one lot with the scheduler, which all that it
//! measures shares. So a pair of processes is one observation, however many samples they
//! print: each metric counts with the median of its samples.

use super::{PairOrder, PairSettings, median};
use crate::metrics::{Direction, Identity, format};
use crate::printable::printable;
use crate::record::Paired;
use crate::{Error, Result};
use sandlab_runtime::child::{Cause, Child};
use sandlab_runtime::span;
use sandlab_runtime::text_file::without_mark;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Two programs that speak the bench protocol.
pub struct Programs {
    /// The old build.
    pub old: PathBuf,
    /// The new build.
    pub new: PathBuf,
    /// The command-line arguments of both.
    pub arguments: Vec<String>,
    /// The longest time of one run.
    pub timeout: Duration,
}

/// A line of the bench protocol: one sample of one metric.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    metric: String,
    value: f64,
    #[serde(default)]
    unit: String,
    better: Option<Direction>,
}

/// The samples that one process printed, by metric.
type Said = BTreeMap<String, (Identity, Vec<f64>)>;

impl Programs {
    /// Runs both, pair by pair, and keeps the metrics that are `wanted` and that both report;
    /// names those that only one does. After the first pair, `begin` is told how many there are.
    /// `stop` ends it, also amid a pair, which does not count then.
    ///
    /// # Errors
    /// If one does not run, or says what is not the protocol; if both report a metric of one
    /// name with different units or directions; and those of `begin`.
    pub fn run(
        &self,
        settings: &PairSettings,
        wanted: &dyn Fn(&str) -> bool,
        begin: &dyn Fn(usize) -> Result<()>,
        stop: &dyn Fn() -> bool,
    ) -> Result<(Vec<Paired>, Vec<String>)> {
        let mut order = PairOrder::new(settings.seed);
        let mut pairs: BTreeMap<String, Paired> = BTreeMap::new();
        let mut alone = BTreeMap::new();
        'pairs: for number in 0..settings.pairs {
            let mut said = [Said::new(), Said::new()];
            for index in order.draw() {
                match self.one([&self.old, &self.new][index], stop)? {
                    Some(one) => said[index] = one,
                    None => break 'pairs,
                }
            }
            let [old, mut new] = said;
            for (name, (metric, mut olds)) in old {
                let Some((other, mut news)) = new.remove(&name) else {
                    alone.insert(name, "old");
                    continue;
                };
                let earlier = pairs.get(&name).map_or(&metric, |paired| &paired.metric);
                require_same([("the old program", &metric), ("the new one", &other)])?;
                require_same([("an earlier run", earlier), ("a later one", &metric)])?;
                if wanted(&name) {
                    pairs
                        .entry(name)
                        .or_insert_with(|| Paired::timed(metric))
                        .add([median(&mut olds), median(&mut news)]);
                }
            }
            alone.extend(new.into_keys().map(|name| (name, "new")));
            if number == 0 {
                begin(pairs.len())?;
            }
        }
        let notes = alone.into_iter().map(|(name, side)| {
            format!("only the {side} program reports {name}: there is nothing to compare")
        });
        Ok((pairs.into_values().collect(), notes.collect()))
    }

    /// Runs a program to its end, and reads what it said; `None` if it was stopped.
    fn one(&self, program: &PathBuf, stop: &dyn Fn() -> bool) -> Result<Option<Said>> {
        let failed = |reason: String| Error::Machine(format!("{}: {reason}", program.display()));
        // A name without a slash is a file here, and no program of `PATH`.
        let mut command = Command::new(Path::new(".").join(program));
        command.args(&self.arguments).stdin(Stdio::null());
        let mut child =
            Child::start(command.stdout(Stdio::piped())).map_err(Error::file("run", program))?;
        let (mut output, start) = (String::new(), Instant::now());
        let left = || self.timeout.saturating_sub(start.elapsed());
        let ended = loop {
            match child.line(left(), stop) {
                Ok(Some(line)) => {
                    output.push_str(&line);
                    output.push('\n');
                }
                Ok(None) => break child.finish(left(), stop),
                // Whoever it has left behind may hold its output open, and is not waited for.
                Err(Cause::Deadline(_)) if child.has_ended() => {
                    return Err(failed("it ended, and its output did not".to_owned()));
                }
                Err(cause) => break child.end(cause),
            }
        };
        match ended.cause {
            Cause::Stopped => Ok(None),
            Cause::Deadline(_) => Err(failed(format!(
                "not done after {}; raise --timeout, or let it measure less",
                span(self.timeout)
            ))),
            _ if !ended.cause.is_success() => Err(failed(format!("ended: {ended}"))),
            _ => parse(&output).map(Some).map_err(|unread| match unread {
                Unread::Protocol(reason) => failed(reason),
                Unread::Value(reason) => Error::Usage(format!("{}: {reason}", program.display())),
            }),
        }
    }
}

/// Refuses two units: a number in one says nothing beside a number in another.
fn require_same([(first, one), (second, other)]: [(&str, &Identity); 2]) -> Result<()> {
    if one == other {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "{first} reports {one}, and {second} {other}: report a metric always in the same unit \
         and direction, or under another name"
    )))
}

/// The reason that a program's output cannot be used.
enum Unread {
    /// It is not the bench protocol.
    Protocol(String),
    /// It is, and has a value of which there are no ratios.
    Value(String),
}

fn parse(output: &str) -> Result<Said, Unread> {
    let mut said = Said::new();
    for (number, line) in without_mark(output).lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let at = |reason: String| {
            let help = r#"{"metric": "latency", "value": 12.5, "unit": "ns", "better": "lower"}"#;
            format!("line {} of its output: {reason}; write only lines like {help}", number + 1)
        };
        let sample: Sample =
            serde_json::from_str(line).map_err(|error| Unread::Protocol(at(error.to_string())))?;
        if !sample.value.is_finite() || sample.value <= 0.0 {
            return Err(Unread::Value(format!(
                "{} is {}: a gate compares by ratios, so that every value must be above 0; report \
                 it in a finer unit, or leave it out",
                printable(&sample.metric),
                format::short(sample.value)
            )));
        }
        let metric = Identity {
            name: printable(&sample.metric),
            unit: printable(&sample.unit),
            better: sample.better.unwrap_or(Direction::Lower),
        };
        let known = said.entry(metric.name.clone());
        let (first, values) = known.or_insert_with(|| (metric.clone(), Vec::new()));
        if *first != metric {
            let reason = format!("{} has two units or directions", metric.name);
            return Err(Unread::Protocol(at(reason)));
        }
        values.push(sample.value);
    }
    if said.is_empty() {
        let reason = "it printed no sample; see docs/gate.md for the bench protocol";
        return Err(Unread::Protocol(reason.to_owned()));
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_the_protocol_is_said_with_its_line() {
        for (text, part) in [
            ("", "no sample"),
            ("warming up\n", "line 1"),
            (r#"{"metric": "a", "value": 0}"#, "above 0"),
            (r#"{"metric": "a", "value": 1, "beter": "lower"}"#, "beter"),
            (
                "{\"metric\": \"a\", \"value\": 1}\n{\"metric\": \"a\", \"value\": 1, \"unit\": \"ns\"}",
                "two units",
            ),
        ] {
            let (Unread::Protocol(error) | Unread::Value(error)) = parse(text).err().unwrap();
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }
}

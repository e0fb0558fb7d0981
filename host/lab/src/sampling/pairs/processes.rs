//! Two builds of a program, as fresh processes that alternate.
//!
//! A process has one layout of its memory and one lot with the scheduler, which all that it
//! measures shares. So a pair of processes is one observation, however many samples they
//! print: each metric counts with the median of its samples.

use crate::sampling::pairs::{Better, Lots, Metric, Paired, Settings, median};
use crate::{Error, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// Two programs that speak the bench protocol.
pub struct Programs {
    /// The old build.
    pub old: PathBuf,
    /// The new build.
    pub new: PathBuf,
    /// What both are told.
    pub arguments: Vec<String>,
    /// How long one run may take.
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
    #[serde(default)]
    better: Better,
}

/// What one process said: metrics by name.
type Said = BTreeMap<String, (Metric, Vec<f64>)>;

impl Programs {
    /// Runs both, pair by pair, and keeps the metrics that are `wanted` and that both report;
    /// names those that only one does. `stop` ends it after a pair.
    ///
    /// # Errors
    /// If one does not run, or says what is not the protocol.
    pub fn run(
        &self,
        settings: &Settings,
        wanted: &dyn Fn(&str) -> bool,
        stop: &dyn Fn() -> bool,
    ) -> Result<(Vec<Paired>, Vec<String>)> {
        let mut lots = Lots::new(settings.seed);
        let mut pairs: BTreeMap<String, Paired> = BTreeMap::new();
        let mut alone = BTreeMap::new();
        for _ in 0..settings.pairs {
            if stop() {
                break;
            }
            let mut said = [Said::new(), Said::new()];
            for index in lots.draw() {
                said[index] = self.one([&self.old, &self.new][index])?;
            }
            let [old, mut new] = said;
            for (name, (metric, mut olds)) in old {
                match new.remove(&name) {
                    Some((_, mut news)) if wanted(&name) => pairs
                        .entry(name)
                        .or_insert_with(|| Paired::timed(metric))
                        .add([median(&mut olds), median(&mut news)]),
                    Some(_) => {}
                    None => drop(alone.insert(name, "old")),
                }
            }
            alone.extend(new.into_keys().map(|name| (name, "new")));
        }
        let notes = alone.into_iter().map(|(name, side)| {
            format!("only the {side} program reports {name}: there is nothing to compare")
        });
        Ok((pairs.into_values().collect(), notes.collect()))
    }

    /// Runs a program to its end, and reads what it said.
    fn one(&self, program: &PathBuf) -> Result<Said> {
        let failed = |reason: String| Error::Machine(format!("{}: {reason}", program.display()));
        let mut command = Command::new(program);
        command.args(&self.arguments).stdin(Stdio::null());
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Error::file("run", program))?;
        let output = child.stdout.take().map(reader);
        let errors = child.stderr.take().map(reader);
        let deadline = Instant::now() + self.timeout;
        let status = loop {
            let ended = child.try_wait();
            if let Some(status) = ended.map_err(|error| failed(error.to_string()))? {
                break status;
            }
            if Instant::now() > deadline {
                let _ = child.kill();
                let _ = child.wait();
                return Err(failed(format!(
                    "not done after {:?}; raise --timeout, or let it measure less",
                    self.timeout
                )));
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        // Whoever it has left behind may hold its output open, and is not waited for.
        let text = |reader: Option<Receiver<String>>| {
            let left = deadline.saturating_duration_since(Instant::now());
            let text = reader.and_then(|reader| reader.recv_timeout(left).ok());
            text.ok_or_else(|| failed("it ended, and its output did not".to_owned()))
        };
        let (output, errors) = (text(output)?, text(errors)?);
        if !status.success() {
            let last = errors
                .trim_end()
                .lines()
                .last()
                .unwrap_or("it said nothing");
            return Err(failed(format!("ended with {status}: {last}")));
        }
        parse(&output).map_err(failed)
    }
}

/// Reads all of it, beside whoever waits for the process.
fn reader(mut from: impl Read + Send + 'static) -> Receiver<String> {
    let (to, all) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        let _ = to.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    all
}

fn parse(output: &str) -> Result<Said, String> {
    let mut said = Said::new();
    for (number, line) in output.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let at = |reason: String| {
            let help = r#"{"metric": "latency", "value": 12.5, "unit": "ns", "better": "lower"}"#;
            format!(
                "line {} of its output: {reason}; write only lines like {help}",
                number + 1
            )
        };
        let sample: Sample = serde_json::from_str(line).map_err(|error| at(error.to_string()))?;
        if !sample.value.is_finite() || sample.value <= 0.0 {
            let reason = format!("{} is {}, and must be above 0", sample.metric, sample.value);
            return Err(at(reason));
        }
        let metric = Metric {
            name: crate::validate::printable(&sample.metric),
            unit: crate::validate::printable(&sample.unit),
            better: sample.better,
        };
        let known = said.entry(metric.name.clone());
        let (first, values) = known.or_insert_with(|| (metric.clone(), Vec::new()));
        if *first != metric {
            return Err(at(format!("{} has two units or directions", metric.name)));
        }
        values.push(sample.value);
    }
    if said.is_empty() {
        return Err("it printed no sample; see docs/gate.md for the bench protocol".to_owned());
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
            let error = parse(text).err().unwrap();
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }
}

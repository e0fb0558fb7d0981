//! `sandlab tune`

use super::goal::Goal;
use super::recommend::{Tuning, tune};
use super::side::require_messages;
use crate::experiments::options::{Messages, at_least, whole};
use crate::experiments::{Given, Plan};
use crate::sampling::recorder::Recorder;
use crate::{Error, Result};
use std::path::PathBuf;
use std::time::Duration;

/// The subject, and the goals of tuning.
#[derive(Debug, clap::Args)]
pub struct Parameters {
    /// A built agent, the folder of a bundle or crate, or a component or core module.
    #[arg(value_name = "AGENT|BUNDLE|FILE.wasm")]
    subject: String,
    /// Goals of tuning.
    #[arg(
        long = "for",
        value_name = "GOAL",
        value_enum,
        value_delimiter = ',',
        default_value = "latency,throughput,spawn,density,build-time"
    )]
    goals: Vec<Goal>,
    /// Time for all measuring. The fewest rounds are measured even if they take longer.
    #[arg(long, value_name = "TIME", default_value = "100s", value_parser = duration)]
    time: Duration,
    /// Smallest gain for which a setting is recommended, percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 2, value_parser = whole::<u8>(0..=100))]
    threshold: u8,
    /// Trust the guests as the host's own code: also recommend settings that a hostile guest could
    /// exploit, such as calls without a deadline.
    #[arg(long)]
    trusted: bool,
    /// A folder for the recommendations: GOAL.toml, a sandbox config, and GOAL.rs, the lines for
    /// wasmtime.
    #[arg(long, value_name = "DIR")]
    settings: Option<PathBuf>,
    /// Also sweep so many settings that do nothing: none of them should be recommended.
    #[arg(long, value_name = "N", hide = true, default_value_t = 0, value_parser = whole::<u32>(0..=100))]
    placebos: u32,
    #[command(flatten)]
    messages: Messages,
}

impl Parameters {
    pub(super) fn plan<'a>(&'a self, given: &'a Given) -> Result<Plan<'a>> {
        let subject = self.messages.find(&self.subject, given)?;
        if subject.native.is_some() {
            return Err(Error::Usage(
                "what is tuned is the sandbox: leave `--native` out".to_owned(),
            ));
        }
        let cases = self.messages.cases(&subject)?;
        require_messages(&subject, &cases)?;
        if let Some(folder) = &self.settings {
            std::fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
        }
        let mut goals = self.goals.clone();
        let place = |goal: &Goal| Goal::ALL.iter().position(|known| known == goal);
        goals.sort_by_key(place);
        goals.dedup();
        let tuning = Tuning {
            subject: subject.clone(),
            sandbox: given.sandbox.clone(),
            goals,
            time: self.time,
            threshold: f64::from(self.threshold) / 100.0,
            trusted: self.trusted,
            folder: self.settings.clone(),
            placebos: self.placebos,
        };
        let step = move |to: &mut dyn Recorder| tune(&tuning, cases, to);
        Ok(Plan {
            name: "tune".to_owned(),
            subjects: vec![subject],
            settings: None,
            parts: 1,
            expected: Some(self.time),
            judges: true,
            samples_stacks: false,
            steps: vec![Box::new(step)],
        })
    }
}

/// Reads how long to measure: a second at least.
fn duration(text: &str) -> Result<Duration, String> {
    at_least(text, Duration::from_secs(1), "1s")
}

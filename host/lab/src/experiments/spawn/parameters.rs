//! `sandlab spawn`

use super::run::Starting;
use crate::Result;
use crate::experiments::options::{Messages, times};
use crate::experiments::{Given, Plan, Step};
use crate::sampling::recorder::Recorder;

/// The subject that is started, and the number of starts.
#[derive(Debug, clap::Args)]
pub struct Parameters {
    /// A built agent, the folder of a bundle or crate, or a component or core module.
    #[arg(value_name = "AGENT|BUNDLE|FILE.wasm", default_value = "echo")]
    subject: String,
    /// Starts by each method; a tenth as many by those that compile, or start a process.
    #[arg(long, default_value_t = 200, value_parser = times())]
    rounds: u32,
    #[command(flatten)]
    messages: Messages,
}

impl Parameters {
    pub(super) fn plan<'a>(&'a self, given: &Given) -> Result<Plan<'a>> {
        let subject = self.messages.find(&self.subject, given)?;
        let cases = self.messages.cases(&subject)?;
        let starting = Starting::of(&subject, &given.sandbox, cases)?;
        let step = move |to: &mut dyn Recorder| starting.run(self.rounds, to);
        Ok(Plan {
            name: "spawn".to_owned(),
            subjects: vec![subject],
            settings: None,
            parts: 1,
            expected: None,
            judges: true,
            samples_stacks: false,
            steps: vec![Box::new(step) as Step],
        })
    }
}

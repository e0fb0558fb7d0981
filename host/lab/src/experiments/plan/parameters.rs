//! `sandlab plan`

use super::run::{PlanRequest, plan};
use super::{DensityProbe, Machine, layout};
use crate::experiments::options::{Messages, memory_limit, whole};
use crate::experiments::{Given, Plan, Step};
use crate::sampling::recorder::Recorder;
use crate::{Error, Result};
use bytesize::ByteSize;
use sandlab_runtime::config::Layout;
use std::rc::Rc;

/// The agents that are planned for, and the machine's share that they may use.
#[derive(Debug, clap::Args)]
pub struct Parameters {
    /// A built agent, the folder of a bundle or crate, or a component or core module.
    #[arg(value_name = "AGENT|BUNDLE|FILE.wasm")]
    subject: String,
    /// Memory limit of each agent. [default: the sandbox config's]
    #[arg(long, value_name = "SIZE", value_parser = memory_limit)]
    limit: Option<u64>,
    /// Number of agents to plan for. [default: as many as fit]
    #[arg(long, value_name = "N", value_parser = whole::<u64>(1..=4_000_000))]
    agents: Option<u64>,
    /// Layouts to plan: fast, dense, packed.
    #[arg(long = "layout", value_delimiter = ',', value_name = "LAYOUT", default_value = "fast,dense,packed", value_parser = parse)]
    layouts: Vec<Layout>,
    /// Start the agents in a process of their own, exchange a message with each, and compare with
    /// the prediction.
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    messages: Messages,
}

impl Parameters {
    pub(super) fn plan<'a>(&self, given: &Given) -> Result<Plan<'a>> {
        let machine = Machine::now().ok_or_else(|| {
            Error::Machine("the kernel does not tell what there is: /proc is needed".to_owned())
        })?;
        let subject = self.messages.find(&self.subject, given)?;
        let mut sandbox = given.sandbox.clone();
        if let Some(limit) = self.limit {
            sandbox.memory_limit = ByteSize::b(limit);
        }
        let cases = self.messages.cases(&subject)?;
        let density = DensityProbe::of(&subject, &sandbox, &cases)?;
        let request = PlanRequest { agents: self.agents, verify: self.verify };
        let shared = Rc::new((density, machine));
        let steps = self.layouts.iter().map(|layout| {
            let (layout, shared) = (*layout, shared.clone());
            Box::new(move |to: &mut dyn Recorder| {
                let (density, machine) = &*shared;
                plan(density, layout, machine, &request, to)
            }) as Step
        });
        Ok(Plan {
            name: "plan".to_owned(),
            subjects: vec![subject],
            settings: None,
            parts: self.layouts.len(),
            expected: None,
            judges: true,
            samples_stacks: false,
            steps: steps.collect(),
        })
    }
}

fn parse(text: &str) -> Result<Layout, String> {
    let all = [Layout::Fast, Layout::Dense, Layout::Packed];
    let found = all.into_iter().find(|known| layout(*known) == text);
    found.ok_or_else(|| "a layout is fast, dense or packed".to_owned())
}

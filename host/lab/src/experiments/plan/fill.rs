//! A process with agents: it starts them, exchanges a message with each, and reports its resources.
//! If it dies, the process that started it lives on.

use crate::experiments::plan::open_files::OpenFiles;
use crate::sampling::fleet;
use crate::sampling::probe::ProbeRequest;
use crate::sampling::process_memory::{page_tables, proportional};
use crate::{Error, Result};
use sandlab_runtime::messaging::{Connection, Runtime, Settings};
use sandlab_runtime::subject::{self, Kind, Options};
use sandlab_runtime::wasm::{Mappings, SandboxEngine};
use sandlab_runtime::{Backend, SandboxConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// The request to the process that holds the agents.
#[derive(Debug, Serialize, Deserialize)]
pub struct Fill {
    /// The component or core module.
    #[serde(with = "crate::paths::exact")]
    pub component: PathBuf,
    /// The kind, if it could be more than one.
    pub kind: Option<Kind>,
    /// Messages that an instance lives for, if not as many as its kind's do.
    pub reuse: Option<u64>,
    /// Whether each agent is sent a message. False for instances that end with a message.
    pub asks: bool,
    /// The sandbox config of its agents, with room for all of them.
    pub sandbox: SandboxConfig,
    /// The message that each is sent, and the reply that it must give.
    pub probe: ProbeRequest,
    /// The number of agents at each reading; the last is all.
    pub readings: Vec<u64>,
    /// Threads that the agents run on.
    pub shards: usize,
}

/// The output of the process that holds the agents, one value per line.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "filled", rename_all = "kebab-case")]
pub enum Filled {
    /// So many agents are alive, and each has answered.
    Reading(Reading),
    /// No more agents start.
    Refused {
        /// The reason.
        why: String,
    },
    /// An agent gave a wrong reply or none.
    Wrong {
        /// The error's text.
        why: String,
    },
}

/// The resources that a number of live agents take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reading {
    /// Number of live agents.
    pub agents: u64,
    /// The process's memory, bytes: the proportional set (proc(5)), without pages of files.
    pub resident: u64,
    /// The kernel's page tables of it, and its records of the mappings, bytes.
    pub page_tables: u64,
    /// The process's mappings.
    pub mappings: u64,
    /// The files that the process has open.
    pub open_files: u64,
    /// The time to start all of them, without their first messages, seconds.
    pub started_in: f64,
}

impl Reading {
    /// Returns resident memory and page tables, bytes.
    pub fn memory(&self) -> f64 {
        (self.resident + self.page_tables) as f64
    }
}

/// The kernel's record of a mapping, besides page tables, bytes. It is in no file of the process,
/// but charged to its control group: 15.1 MB for 49,766 mappings (Linux 6.18).
const RECORD: u64 = 304;

/// Messages in flight at once. Few, so that memory of running calls is not counted as memory of
/// agents.
const WINDOW: u32 = 4;

/// Starts the agents, and reports each reading to `say`.
///
/// # Errors
/// If a reading cannot be reported, or the kernel does not tell what the process uses.
pub fn fill(fill: &Fill, say: &mut dyn FnMut(Filled) -> Result<()>) -> Result<()> {
    let options = Options { kind: fill.kind, reuse: fill.reuse };
    let loaded = SandboxEngine::new(&fill.sandbox)
        .and_then(|engine| subject::load(&engine, &fill.component, &options));
    let backend = match loaded {
        Ok(subject) => subject.backend,
        Err(error) => {
            return say(Filled::Refused { why: error.to_string() });
        }
    };
    let all = fill.readings.iter().max().copied().unwrap_or_default();
    let runtime = fleet::start_runtime(Settings {
        shards: fill.shards,
        agents_per_shard: (all / fill.shards as u64 + 1) as u32,
        ..Settings::default()
    })?;
    // The process ends next. Ending the agents one by one takes 3 KiB more for each before it gives
    // anything back: in a control group that was full of them, the process was killed.
    let mut density = ManuallyDrop::new(Growing {
        probe: fill.probe.clone(),
        backend,
        asks: fill.asks,
        connection: runtime.connect(WINDOW),
        runtime,
        agents: 0,
        started_in: 0.0,
    });
    say(Filled::Reading(density.read()?))?;
    for agents in &fill.readings {
        match density.grow_to(*agents) {
            Ok(()) => say(Filled::Reading(density.read()?))?,
            Err(filled) => return say(filled),
        }
    }
    Ok(())
}

/// The agents until now.
struct Growing {
    probe: ProbeRequest,
    backend: Arc<dyn Backend>,
    asks: bool,
    connection: Connection,
    runtime: Runtime,
    agents: u64,
    started_in: f64,
}

impl Growing {
    fn grow_to(&mut self, agents: u64) -> Result<(), Filled> {
        let options = self.probe.options();
        let start = Instant::now();
        let count = (agents - self.agents) as usize;
        let started = self.runtime.spawn_many(&self.backend, &options, count);
        let started = started.map_err(|error| Filled::Refused { why: error.to_string() })?;
        self.started_in += start.elapsed().as_secs_f64();
        self.agents = agents;
        if !self.asks {
            return Ok(());
        }
        let greeted = self.probe.exchange(&mut self.connection, started.into_iter());
        greeted.map_err(|why| Filled::Wrong { why })
    }

    fn read(&self) -> Result<Reading> {
        let unknown = || Error::Machine("the kernel does not tell what memory is used".to_owned());
        let mappings = Mappings::now().ok_or_else(unknown)?.used;
        Ok(Reading {
            agents: self.agents,
            resident: proportional().ok_or_else(unknown)?,
            page_tables: page_tables().ok_or_else(unknown)? + mappings * RECORD,
            mappings,
            open_files: OpenFiles::now().ok_or_else(unknown)?.used,
            started_in: self.started_in,
        })
    }
}

//! An agent that is loaded on one backend, ready to be started many times.

use super::backends;
use super::deployed::{Deployed, Site, Target};
use super::fleet::Fleet;
use super::open_loop::{DEADLINE, Generator, WINDOW};
use super::recorder::Recorder;
use super::senders::Senders;
use super::traffic::{Conversation, Traffic};
use super::workers::{Crew, Hiring};
use crate::bundle::Subject;
use crate::record::Part;
use crate::workload::with_directory;
use crate::{Error, Result};
use sandlab_runtime::messaging::{AgentOptions, Settings, Strategy};
use sandlab_runtime::{Backend, BackendKind, SandboxConfig};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// An agent's program, loaded on one backend, with what its agents are sent.
pub struct Program {
    /// The agent's name in reports.
    pub agent: String,
    /// The backend that `start` is of.
    pub backend: BackendKind,
    /// Starts its instances.
    pub start: Arc<dyn Backend>,
    /// The messages of its agents.
    pub traffic: Traffic,
    /// The configuration of each instance; empty if `configure` is left out.
    pub config: Vec<u8>,
    /// The time from when a message was due within which a good reply of an open loop counts.
    pub deadline: Duration,
    /// Notes for the reader on how it was loaded, such as that calls are async.
    pub notes: Vec<String>,
    /// The temporary directory granted as `/data`; deleted with the last copy. `None` if no case
    /// needs one.
    directory: Option<Arc<TempDir>>,
    /// Counts both sides' messages of an agent that is deployed elsewhere; `None` of all others.
    deployed: Option<Arc<Deployed>>,
    /// The workers that send its messages; `None` if they come from here.
    hiring: Option<Hiring>,
}

/// Children that a load starts at most: tokio has 512 threads for their calls, and each
/// child takes some MB.
pub const MAX_CHILDREN: usize = 500;

/// Loads an agent on each of these backends, with room for so many instances at once.
///
/// # Errors
/// If it does not load there, or the messages do not fit its kind, or need what many agents
/// cannot have.
pub fn programs(
    subject: &Subject,
    backends: &[BackendKind],
    agents: usize,
    sandbox: &SandboxConfig,
    traffic: &Traffic,
    config: &[u8],
) -> Result<Vec<Program>> {
    let mut sandbox = sandbox.clone();
    // And one that is called alone.
    let slots = u32::try_from(agents).unwrap_or(u32::MAX).saturating_add(1);
    sandbox.allocation.slots = sandbox.allocation.slots.max(slots);
    let cases = match traffic {
        Traffic::Echo { .. } => &[][..],
        Traffic::Series(case) => std::slice::from_ref(&**case),
    };
    if agents > 1 && cases.iter().any(|case| case.directory) {
        return Err(Error::Usage(format!(
            "{} writes files, and all agents would write the same ones: use `--agents 1`",
            subject.name()
        )));
    }
    let (sandbox, directory) = with_directory(&sandbox, cases)?;
    let directory = directory.map(Arc::new);
    let load = |kind: &BackendKind| {
        let mut notes = Vec::new();
        Ok(Program {
            agent: subject.name(),
            backend: *kind,
            start: backends::noted(subject, *kind, &sandbox, cases, &mut notes)?,
            notes,
            traffic: traffic.clone(),
            config: config.to_vec(),
            deadline: DEADLINE,
            directory: directory.clone(),
            deployed: None,
            hiring: None,
        })
    };
    backends.iter().map(load).collect()
}

impl Program {
    /// Returns an agent that is deployed at these targets, at least one, whose messages these hosts
    /// count.
    ///
    /// # Errors
    /// If a host cannot be reached, or serves no such agent.
    pub fn deployed(
        targets: Vec<Target>,
        hosts: Vec<Site>,
        deadline: Duration,
        traffic: &Traffic,
    ) -> Result<Self> {
        let deployed = Arc::new(Deployed::new(targets, hosts, deadline)?);
        deployed.accounts()?;
        Ok(Self::of(deployed, traffic))
    }

    /// Returns a deployed agent whose hosts are not asked for their accounts yet.
    pub fn of(deployed: Arc<Deployed>, traffic: &Traffic) -> Self {
        Self {
            agent: deployed.agent().to_owned(),
            backend: BackendKind::Deployed,
            start: deployed.clone(),
            traffic: traffic.clone(),
            config: Vec::new(),
            deadline: DEADLINE,
            notes: Vec::new(),
            directory: None,
            deployed: Some(deployed),
            hiring: None,
        }
    }

    /// Returns the same program with its messages sent by workers, who make the same ones.
    #[must_use]
    pub fn sent_by(&self, hiring: Option<Hiring>) -> Self {
        Self { hiring, ..self.sending(self.traffic.clone()) }
    }

    /// Returns whether its messages come from here.
    pub fn is_sent_from_here(&self) -> bool {
        self.hiring.is_none()
    }

    /// Measures something of it. If it is deployed elsewhere, the accounts of both sides have to
    /// agree on what was sent meanwhile, and are noted.
    ///
    /// # Errors
    /// Those of what is measured; also if the accounts do not agree, or a worker died.
    pub fn measure(
        &self,
        to: &mut dyn Recorder,
        what: impl FnOnce(&mut dyn Recorder) -> Result<()>,
    ) -> Result<()> {
        let Some(deployed) = &self.deployed else {
            return what(to);
        };
        let before = deployed.accounts()?;
        what(to)?;
        deployed.settle(&before)?.into_iter().try_for_each(|note| to.note(note))?;
        match deployed.doubts() {
            doubts if doubts.is_empty() => Ok(()),
            doubts => Err(Error::NotJudged(doubts)),
        }
    }

    /// Returns why it cannot run so many agents; `None` if it can.
    pub fn refuses(&self, agents: usize) -> Option<String> {
        let too_many = self.backend == BackendKind::Process && agents > MAX_CHILDREN;
        too_many.then(|| {
            format!(
                "{agents} agents would be as many child processes; at most {MAX_CHILDREN} are \
                 started"
            )
        })
    }

    /// Returns the same program with other messages.
    #[must_use]
    pub fn sending(&self, traffic: Traffic) -> Self {
        Self {
            agent: self.agent.clone(),
            backend: self.backend,
            start: self.start.clone(),
            traffic,
            config: self.config.clone(),
            deadline: self.deadline,
            notes: self.notes.clone(),
            directory: self.directory.clone(),
            deployed: self.deployed.clone(),
            hiring: self.hiring.clone(),
        }
    }

    /// Returns the same program with another deadline.
    #[must_use]
    pub fn within(&self, deadline: Duration) -> Self {
        Self { deadline, ..self.sending(self.traffic.clone()) }
    }

    /// Returns the mean size of its messages, bytes.
    pub fn bytes(&self) -> usize {
        match &self.traffic {
            Traffic::Echo { size } => *size,
            Traffic::Series(case) => case.mean_bytes() as usize,
        }
    }

    /// Returns the part of a run that loads so many of its agents.
    pub fn part(&self, kind: &str, agents: usize, rate: Option<f64>, shards: usize) -> Part {
        let mix = self.traffic.mix();
        Part {
            backend: Some(self.backend),
            agents,
            size: self.traffic.size(),
            mean_bytes: mix.as_ref().map(|mix| mix.mean_bytes),
            mix: mix.filter(|_| self.traffic.size().is_none()),
            rate,
            shards,
            ..Part::new(kind, &self.agent)
        }
    }

    /// Returns how its agents are started.
    pub fn options(&self) -> AgentOptions {
        AgentOptions {
            config: (!self.config.is_empty()).then(|| self.config.clone()),
            ..AgentOptions::default()
        }
    }

    /// Starts so many of its agents.
    ///
    /// # Errors
    /// If a shard or an agent does not start.
    pub fn fleet(&self, agents: usize, shards: usize) -> Result<Fleet> {
        self.fleet_of(agents, shards, Strategy::default())
    }

    /// Starts so many of its agents, which are handed their messages in this way.
    ///
    /// # Errors
    /// If a shard or an agent does not start.
    pub fn fleet_of(&self, agents: usize, shards: usize, strategy: Strategy) -> Result<Fleet> {
        let settings = Settings { shards, ..Settings::default() };
        let options = AgentOptions { strategy, ..self.options() };
        let peers = match &self.traffic {
            Traffic::Echo { .. } => &[][..],
            Traffic::Series(case) => &case.peers,
        };
        Fleet::with_peers(&self.start, agents, settings, &options, peers)
    }

    /// Gets so many of its agents ready, and whoever sends them their messages.
    ///
    /// # Errors
    /// If a shard or an agent does not start, or there are too few workers.
    pub fn senders(&self, agents: usize, shards: usize) -> Result<Senders> {
        if let Some((hiring, deployed)) = self.hiring.as_ref().zip(self.deployed.as_ref()) {
            let crew = Crew::hire(hiring, agents, self.deadline)?;
            return Ok(Senders::Workers(Box::new(crew), deployed.clone()));
        }
        let fleet = self.fleet(agents, shards)?;
        let generator = Box::new(self.generator(&fleet));
        Ok(Senders::Here { fleet: Box::new(fleet), generator })
    }

    /// Returns a generator that sends a fleet of its agents their messages.
    pub fn generator(&self, fleet: &Fleet) -> Generator<Conversation> {
        let script = Conversation::new(fleet, &self.traffic);
        Generator::new(fleet.runtime.connect(WINDOW), script).within(self.deadline)
    }
}

/// Returns how long a window of an open loop is: a sixtieth of the load, so that there are
/// enough for a trend, but between 100 ms and 10 s.
pub fn window_of(duration: Duration) -> Duration {
    (duration / 60).clamp(Duration::from_millis(100), Duration::from_secs(10))
}

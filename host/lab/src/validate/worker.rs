//! The child process that checks one guest, so that a hostile guest can be stopped. It runs the
//! stages in their order and reports each to its parent, one JSON object per line; before each
//! it waits for a line from the parent.

use super::conformance::{self, NamedCases};
use super::finding::{About, Check, StageReport, Status};
use super::language::Language;
use super::outline::Outline;
use super::policy::Policy;
use super::soak::{Sent, Series};
use super::stage::Stage;
use super::{call, capabilities, format, hygiene, load, soak, spawn, statics, world};
use crate::bundle::sha256;
use crate::workload::with_directory;
use crate::workload::{self, Case, Exchange};
use crate::{Error, Result};
use rustix::process::{Resource, Rlimit, setrlimit};
use sandlab_runtime::native::Twin;
use sandlab_runtime::subject::{self, Adapter, Kind, Subject as Guest};
use sandlab_runtime::{Backend, Message};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufRead, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;
use tempfile::TempDir;
use toml::Table;

/// The parent's order: one guest with its policy.
#[derive(Debug, Serialize, Deserialize)]
pub struct Job {
    /// The component's file.
    #[serde(with = "crate::paths::exact")]
    pub component: PathBuf,
    /// The twin's file; `None` for a component alone.
    pub twin: Option<PathBuf>,
    /// The bundle's workload file; `None` if it has none.
    pub workload: Option<PathBuf>,
    /// The agent's name, by which reference agents have messages; `None` for a component alone.
    pub agent: Option<String>,
    /// Whether the twin belongs to another agent, whose replies this one must give.
    pub is_reference: bool,
    /// The policy for this guest.
    pub policy: Table,
    /// The folder that the policy's paths are relative to.
    pub folder: PathBuf,
    /// Whether loads, starts and calls are timed.
    pub timed: bool,
}

/// A child's report to its parent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The file could not be read.
    Unreadable(String),
    /// The file's identity.
    About(About),
    /// A stage begins as soon as the parent answers.
    Begins(Stage),
    /// A stage has ended, or was not run.
    Ended(Box<StageReport>),
    /// All stages are reported.
    Done,
}

/// Reads a job from standard input, checks the guest, and reports on standard output.
///
/// # Errors
/// If the parent did not write a job, or is gone.
pub fn serve() -> Result<()> {
    let mut line = String::new();
    let stdin = std::io::stdin();
    let read = stdin.lock().read_line(&mut line);
    read.map_err(|error| {
        Error::Machine(format!("cannot read a job from standard input: {error}"))
    })?;
    let job: Job = serde_json::from_str(&line)
        .map_err(|error| Error::Machine(format!("standard input is not a job: {error}")))?;
    let policy = Policy::read(job.policy.clone(), &job.folder).map_err(Error::Usage)?;
    limit(policy.timing.memory_limit.as_u64())?;
    let name = job.component.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let worker = Worker { job, policy, kind: Kind::Agent, name, go: listen()? };
    let told = worker.check();
    told.map_err(|error| Error::Machine(format!("the parent is gone: {error}")))
}

/// Listens for the parent's lines, each of which lets one stage begin. Ends this process when
/// the parent is gone, even if a stage never ends.
fn listen() -> Result<Receiver<()>> {
    let (sender, receiver) = channel();
    let listen = move || {
        for line in std::io::stdin().lines() {
            if line.is_err() || sender.send(()).is_err() {
                break;
            }
        }
        std::process::exit(3);
    };
    let thread = thread::Builder::new().spawn(listen);
    thread.map(|_| receiver).map_err(Error::thread)
}

/// Limits this process's memory, and turns core files off.
fn limit(memory: u64) -> Result<()> {
    let to = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
    let limited =
        setrlimit(Resource::Data, to(memory)).and_then(|()| setrlimit(Resource::Core, to(0)));
    limited.map_err(|error| Error::Machine(format!("cannot limit this process: {error}")))
}

struct Worker {
    job: Job,
    policy: Policy,
    /// The guest's kind; an agent by default.
    kind: Kind,
    /// The first argument that a command sees.
    name: String,
    go: Receiver<()>,
}

/// Results that later stages use.
#[derive(Default)]
struct StageOutputs<'a> {
    outline: Option<Outline<'a>>,
    guest: Option<Guest>,
    messages: Option<Messages>,
}

/// The messages that the guest is sent.
struct Messages {
    /// The cases by source; those that the user adds come first.
    cases: Vec<NamedCases>,
    /// Whether the cases are the guest's own, and not random contents alone.
    known: bool,
}

/// The remedy for a guest without cases of its own.
const UNKNOWN: &str = "there are no cases of its own: name them with `--cases FILE`, or another \
                       agent that it must be like with `--like AGENT`";

impl Worker {
    fn check(mut self) -> std::io::Result<()> {
        let bytes = match read(&self.job.component) {
            Ok(bytes) => bytes,
            Err(error) => return report_event(&Event::Unreadable(error)),
        };
        // A core module is checked as the component that the adapter makes of it, but for an agent,
        // which hosts only take as a component.
        let adapted = match (self.policy.world.kind(), subject::adapt(&bytes)) {
            (None | Some(Kind::Command), Ok((component, Some(Adapter::Command)))) => {
                Some(component.into_owned())
            }
            (None, Ok((component, Some(Adapter::Reactor))))
                if world::kind_of(&component) != Some(Kind::Agent) =>
            {
                Some(component.into_owned())
            }
            _ => None,
        };
        let file = bytes;
        let bytes = adapted.as_ref().unwrap_or(&file);
        let wanted = self.policy.kind.or(self.policy.world.kind());
        let found = wanted.or_else(|| world::kind_of(bytes));
        self.kind = found.unwrap_or(Kind::Agent);
        let mut about =
            About { sha256: sha256(&file), bytes: file.len() as u64, producers: Vec::new() };
        // Deleted when this function returns: the guest may write in it until then.
        let _directory = self.grant_directory();
        let mut found = StageOutputs::default();
        let mut stopped_by = None;
        for stage in Stage::ALL {
            let report = match stopped_by {
                _ if self.policy.skip.contains(&stage) => {
                    StageReport::skipped(stage, "the policy or the command line skips it")
                }
                Some(earlier) => {
                    StageReport::skipped(stage, format!("the stage {earlier} found errors"))
                }
                None => {
                    report_event(&Event::Begins(stage))?;
                    if self.go.recv().is_err() {
                        return Ok(());
                    }
                    self.run(stage, bytes, &mut found)
                }
            };
            if matches!(report.status, Status::Fail | Status::Error) {
                stopped_by = stopped_by.or(Some(stage));
            }
            if stage == Stage::Format {
                let producers = found.outline.iter().flat_map(|outline| &outline.producers);
                about.producers = producers.cloned().collect();
                report_event(&Event::About(std::mem::take(&mut about)))?;
            }
            report_event(&Event::Ended(Box::new(report)))?;
        }
        report_event(&Event::Done)
    }

    fn run<'a>(&self, stage: Stage, bytes: &'a [u8], found: &mut StageOutputs<'a>) -> StageReport {
        let started = Instant::now();
        match self.checks(stage, bytes, found) {
            Ok(checks) => {
                let ns = started.elapsed().as_nanos() as u64;
                StageReport::done(stage, checks, self.job.timed.then_some(ns))
            }
            Err(why) => StageReport::failed_to_run(stage, why),
        }
    }

    fn checks<'a>(
        &self,
        stage: Stage,
        bytes: &'a [u8],
        found: &mut StageOutputs<'a>,
    ) -> Result<Vec<Check>, String> {
        let (policy, timed) = (&self.policy, self.job.timed);
        match stage {
            Stage::Format => {
                let checks = format::check(bytes);
                let is_valid = checks.iter().all(|check| check.status == Status::Pass);
                if is_valid {
                    found.outline(bytes)?;
                }
                Ok(checks)
            }
            Stage::World => Ok(world::check(bytes, &policy.world, self.kind)),
            Stage::Capabilities => {
                Ok(capabilities::check(found.outline(bytes)?, policy, self.kind))
            }
            Stage::Static => Ok(statics::check(bytes, found.outline(bytes)?, policy)),
            Stage::Load => {
                let (guest, checks) = load::check(bytes, &self.name, self.kind, policy, timed)?;
                found.guest = guest;
                Ok(checks)
            }
            Stage::Spawn => spawn::check(&*self.guest(found, bytes)?.backend, policy, timed),
            Stage::Call => {
                self.messages(found)?;
                let (guest, messages) = self.ready(found, bytes)?;
                let Some(case) = messages.first() else {
                    return Ok(vec![Check::skipped("answers", UNKNOWN)]);
                };
                let mut checks = call::check(&*guest.backend, case, policy, timed)?;
                // Otherwise the cases do it.
                if self.kind == Kind::Agent && messages.configuring().is_none() {
                    checks.push(call::configures(&*guest.backend, case)?);
                }
                checks.extend(messages.unknown("a message that it knows"));
                Ok(checks)
            }
            Stage::Conformance => {
                self.messages(found)?;
                let language = Language::of(found.outline(bytes)?);
                let (guest, messages) = self.ready(found, bytes)?;
                let Some(configured) = messages.configured() else {
                    return Ok(vec![Check::skipped("its own cases", UNKNOWN)]);
                };
                let twin = self.twin()?;
                let subject = conformance::Subject {
                    kind: self.kind,
                    guest: &*guest.backend,
                    twin: twin.as_ref().map(|twin| twin as &dyn Backend),
                    is_reference: self.job.is_reference,
                    configured,
                    language,
                    repeatable: policy.conformance.repeatable,
                    clock: conformance::Clock::start(policy.timing.stage_limit),
                };
                let mut checks =
                    conformance::check(&subject, &messages.cases, &policy.conformance)?;
                checks.extend(messages.unknown("its own cases"));
                if subject.twin.is_none() && self.kind == Kind::Agent {
                    let why = "there is no native twin, which bundles of `sandlab build` have: \
                               `--twin BUNDLE` names one that it must be like";
                    checks.push(Check::skipped("twin", why));
                }
                Ok(checks)
            }
            Stage::Soak => {
                self.messages(found)?;
                let language = Language::of(found.outline(bytes)?);
                let (guest, messages) = self.ready(found, bytes)?;
                if self.kind == Kind::Command {
                    let why = "an instance of a command ends with its message";
                    return Ok(vec![Check::skipped("plateau", why)]);
                }
                // A message of any content is for agents alone.
                let payload = messages.payload(policy.soak.payload.as_u64());
                let payload = payload.filter(|_| self.kind == Kind::Agent);
                let series: Vec<_> = messages.largest().into_iter().chain(payload).collect();
                let guest = guest.lasting();
                let mut checks = soak::check(&*guest, &series, policy, language)?;
                checks.extend(messages.unknown("plateau of its own messages"));
                Ok(checks)
            }
            Stage::Hygiene => Ok(hygiene::check(found.outline(bytes)?)),
        }
    }

    /// Returns the guest, and loads it if the stage `load` was skipped.
    fn guest<'f>(&self, found: &'f mut StageOutputs, bytes: &[u8]) -> Result<&'f Guest, String> {
        if found.guest.is_none() {
            found.guest = load::check(bytes, &self.name, self.kind, &self.policy, false)?.0;
        }
        let missing = "the component does not load: run the stage `load` to see why";
        found.guest.as_ref().ok_or_else(|| missing.to_owned())
    }

    fn ready<'f>(
        &self,
        found: &'f mut StageOutputs,
        bytes: &[u8],
    ) -> Result<(&'f Guest, &'f Messages), String> {
        self.guest(found, bytes)?;
        let both = found.guest.as_ref().zip(found.messages.as_ref());
        both.ok_or_else(|| "there are no messages".to_owned())
    }

    /// Collects the guest's own messages and those that the user adds.
    fn messages(&self, found: &mut StageOutputs) -> Result<(), String> {
        if found.messages.is_some() {
            return Ok(());
        }
        let seed = self.policy.conformance.seed;
        let read = |file: &Path| workload::read(file).map_err(|error| error.to_string());
        let named = |name: &str, cases| NamedCases { name: name.to_owned(), cases };
        let mut cases = Vec::new();
        for file in &self.policy.conformance.cases {
            cases.push(named(&file.display().to_string(), read(file)?));
        }
        let agent = self.job.agent.as_deref();
        if let Some(file) = &self.job.workload {
            cases.push(named("its own cases", read(file)?));
        } else if let Some(cases_of) = agent.and_then(|agent| workload::of_agent(agent, seed)) {
            cases.push(named("a reference agent's cases", cases_of));
        }
        let known = !cases.is_empty();
        if let Some(general) = workload::of_kind(self.kind, seed).filter(|_| !known) {
            let name = match self.kind {
                Kind::Agent => "random contents",
                Kind::Service => "GET /",
                Kind::Command | Kind::Function => "no arguments",
            };
            cases.push(named(name, general));
        }
        let others = cases.iter().flat_map(|named| &named.cases);
        if let Some(other) = others.map(|case| case.kind).find(|kind| *kind != self.kind) {
            return Err(format!(
                "the cases are messages to a {other}, and the guest is a {}: name others",
                self.kind
            ));
        }
        found.messages = Some(Messages { cases, known });
        Ok(())
    }

    /// Loads the native twin into this process. It is trusted as any native code; if it ends the
    /// process, the parent reports that.
    fn twin(&self) -> Result<Option<Twin>, String> {
        let file = self.job.twin.as_ref().filter(|_| self.policy.conformance.twin);
        let twin = file.map(|file| Twin::load(file, &self.policy.limits));
        twin.transpose().map_err(|error| error.to_string())
    }

    /// Grants a fresh `/data` to a reference agent that writes in it.
    fn grant_directory(&mut self) -> Option<TempDir> {
        let agent = self.job.agent.as_deref()?;
        let cases = workload::of_agent(agent, self.policy.conformance.seed)?;
        let (limits, directory) = with_directory(&self.policy.limits, &cases).ok()?;
        self.policy.limits = limits;
        directory
    }
}

impl<'a> StageOutputs<'a> {
    fn outline(&mut self, bytes: &'a [u8]) -> Result<&Outline<'a>, String> {
        if self.outline.is_none() {
            let outline = Outline::of(bytes);
            self.outline = Some(outline.map_err(|error| error.to_string())?);
        }
        self.outline.as_ref().ok_or_else(|| "no outline".to_owned())
    }
}

impl Messages {
    fn first(&self) -> Option<&Case> {
        self.cases.first().and_then(|named| named.cases.first())
    }

    /// Returns the first case that configures the guest; `None` if there is none.
    fn configuring(&self) -> Option<&Case> {
        let mut cases = self.cases.iter().flat_map(|named| &named.cases);
        cases.find(|case| !case.config.is_empty())
    }

    /// Returns the case that configures the guest for the general messages.
    fn configured(&self) -> Option<&Case> {
        self.configuring().or_else(|| self.first())
    }

    /// Returns the series that has the largest message, of the guest's own cases and those that the
    /// user adds.
    fn largest(&self) -> Option<Series<'_>> {
        let known = self.cases.iter().filter(|_| self.known).flat_map(|named| &named.cases);
        let size = |exchange: &Exchange| exchange.request.content.len();
        let largest = |case: &&Case| case.exchanges.iter().map(size).max();
        let case = known.max_by_key(largest)?;
        let sent = case.exchanges.iter().map(|exchange| Sent {
            message: exchange.request.clone(),
            is_stated: !exchange.expected.is_open(),
        });
        let messages = sent.collect();
        Some(Series { name: "plateau of its own messages", case, messages })
    }

    /// Returns a series of one message of this size, which any agent may be sent.
    fn payload(&self, size: u64) -> Option<Series<'_>> {
        let content = vec![b'x'; usize::try_from(size).unwrap_or(usize::MAX)];
        let message = Message::request(content);
        let messages = vec![Sent { message, is_stated: false }];
        Some(Series { name: "plateau", case: self.configured()?, messages })
    }

    /// Returns a skipped check if the guest has no cases of its own.
    fn unknown(&self, name: &str) -> Option<Check> {
        (!self.known).then(|| Check::skipped(name, UNKNOWN))
    }
}

/// Reads the file; of one that is too large, one byte more than the limit.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    let read = file.take(format::LARGEST + 1).read_to_end(&mut bytes);
    read.map_err(unreadable)?;
    Ok(bytes)
}

fn report_event(event: &Event) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line)?;
    out.flush()
}

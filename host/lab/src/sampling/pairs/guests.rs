//! Two builds of a guest in one process.
//!
//! The unit of observation is a pair of fresh instances, of components that were loaded anew
//! into an engine of their own: code and memory then lie somewhere else, so that a lucky
//! place does not last for the whole session. Within a pair, short slices alternate
//! (A B B A A B B A), and each side counts with the median of its slices, in CPU time of the
//! thread: what the kernel gives to others meanwhile is not the guest's. A guest that can wait
//! is timed by the wall's clock instead. So are starts, which are too short to be interrupted
//! often, and for which reading a thread's clock would take long.

use super::clock::Clock;
use super::metrics::{identity, of_case};
use super::{InjectedSlowdown, PairOrder, PairSettings, median};
use crate::bundle::Subject;
use crate::printable::printable;
use crate::record::{Paired, RoundSettings};
use crate::sampling::backends;
use crate::sampling::interleave::{calibrate, verify};
use crate::sampling::setup::{Loaded, Side};
use crate::sampling::timing::slice;
use crate::workload::{Case, with_directory};
use crate::{Error, Kind, Result, paths};
use sandlab_runtime::config::Calls;
use sandlab_runtime::subject::{self, Subject as Loadable};
use sandlab_runtime::wasm::{Sampler, SandboxEngine};
use sandlab_runtime::{BackendKind, LoadError, SandboxConfig};
use tempfile::TempDir;

/// Slices of each side in a pair.
const SLICES: usize = 4;

/// Starts of each side in a pair.
const STARTS: usize = 16;

/// The sides' names, the old build first.
pub const SIDES: [&str; 2] = ["old", "new"];

/// A pair needs two instances at once, and each at most as many memories.
const SLOTS: u32 = 64;

/// Two builds, and what both are told.
pub struct Guests {
    agent: String,
    subjects: [Subject; 2],
    files: [Vec<u8>; 2],
    cases: Vec<Case>,
    sandbox: SandboxConfig,
    clock: Clock,
    _directory: Option<TempDir>,
}

impl Guests {
    /// Reads both. What is measured is the sandbox of the sandbox config, with fewer slots.
    ///
    /// # Errors
    /// If a component cannot be read, does not load, or does not take the messages.
    pub fn of(
        old: &Subject,
        new: &Subject,
        cases: Vec<Case>,
        sandbox: &SandboxConfig,
    ) -> Result<Self> {
        let (mut sandbox, directory) = with_directory(sandbox, &cases)?;
        sandbox.allocation.slots = sandbox.allocation.slots.min(SLOTS);
        let mut guests = Self {
            agent: new.name(),
            subjects: [old.clone(), new.clone()],
            files: [old.bytes()?, new.bytes()?],
            cases,
            sandbox,
            clock: Clock::Thread,
            _directory: directory,
        };
        if guests.can_wait()? {
            guests.clock = Clock::Wall;
        }
        Ok(guests)
    }

    fn can_wait(&self) -> Result<bool> {
        let engine = SandboxEngine::new(&self.sandbox).map_err(|source| self.no_engine(source))?;
        for index in 0..SIDES.len() {
            let loaded = self.load_side(&engine, index)?;
            backends::require_fit(&self.subjects[index].name(), &loaded, &self.cases)?;
            if loaded.prepared().calls == Calls::Async {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Loads one of the builds, from memory: its file may change meanwhile.
    fn load_side(&self, engine: &SandboxEngine, index: usize) -> Result<Loadable> {
        let (subject, bytes) = (&self.subjects[index], &self.files[index]);
        let loaded = subject::load_bytes(engine, bytes, &subject.name(), &subject.options);
        loaded.map_err(|source| Error::Load {
            agent: format!(
                "the {} build, {}",
                SIDES[index],
                printable(&paths::shown(subject.component()))
            ),
            backend: BackendKind::Wasm,
            source,
        })
    }

    /// Returns what reports call the new build.
    pub fn agent(&self) -> &str {
        &self.agent
    }

    pub(super) fn files(&self) -> [&[u8]; 2] {
        [&self.files[0], &self.files[1]]
    }

    /// Returns the messages of both.
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }

    pub(super) fn sandbox(&self) -> &SandboxConfig {
        &self.sandbox
    }

    pub(super) fn no_engine(&self, source: LoadError) -> Error {
        Error::Load { agent: self.agent.clone(), backend: BackendKind::Wasm, source }
    }

    /// Loads both into an engine, in this order; the sides are old, new.
    pub(super) fn load(&self, engine: &SandboxEngine, order: [usize; 2]) -> Result<Loaded> {
        let mut sides = [None, None];
        for index in order {
            let backend = self.load_side(engine, index)?.backend;
            sides[index] = Some(Side::of(SIDES[index], backend));
        }
        Ok(Loaded {
            agent: self.agent.clone(),
            sides: sides.into_iter().flatten().collect(),
            notes: Vec::new(),
            _directory: None,
        })
    }

    /// Loads both into engines of their own, whose guests are sampled; the sides are old, new.
    ///
    /// # Errors
    /// If one does not load.
    pub fn sampled(&self, samplers: &[Sampler; 2]) -> Result<Loaded> {
        let sides = samplers.iter().enumerate().map(|(index, sampler)| {
            let engine = SandboxEngine::sampled(&self.sandbox, sampler);
            let engine = engine.map_err(|source| self.no_engine(source))?;
            let backend = self.load_side(&engine, index)?.backend;
            Ok(Side::of(SIDES[index], backend))
        });
        Ok(Loaded {
            agent: self.agent.clone(),
            sides: sides.collect::<Result<_>>()?,
            notes: Vec::new(),
            _directory: None,
        })
    }

    /// Returns how many metrics are timed.
    pub fn timed_metrics(&self) -> usize {
        self.cases.len() + 1
    }

    /// Returns an error with the name of the build that it is of: both are loaded as one subject,
    /// which is called as the new build.
    fn named(&self, error: Error) -> Error {
        let old = self.subjects[0].name();
        match error {
            Error::Call { side, step, source, .. } if side == SIDES[0] => {
                Error::Call { agent: old, side, step, source }
            }
            Error::WrongReply { side, step, reason, .. } if side == SIDES[0] => {
                Error::WrongReply { agent: old, side, step, reason }
            }
            error => error,
        }
    }

    /// Returns an error as what it means here: an old build that ends, or whose replies are not even
    /// its own the next time, cannot be what another build is held against, which is no fault of
    /// the new one.
    pub fn explained(&self, error: Error) -> Error {
        let is_repeated = |case: &Case| {
            let mut exchanges = case.exchanges.iter();
            exchanges.any(|exchange| exchange.expected.is_open())
        };
        match self.named(error) {
            Error::WrongReply { agent, side, step, reason }
                if side == SIDES[0] && self.cases.iter().any(is_repeated) =>
            {
                Error::Usage(format!(
                    "{agent}: the old build answers differently each time ({step}: {reason}), so that \
                 no build can be compared with it; give messages whose replies are always the \
                 same with --messages FILE"
                ))
            }
            error => match &error {
                Error::Call { side, .. } | Error::WrongReply { side, .. }
                    if side == SIDES[0] && error.kind() == Kind::Finding =>
                {
                    Error::Usage(format!(
                        "{error}; no build can be compared with an old one that does not do what it \
                         must: give one that does, or messages that it can answer with --messages FILE"
                    ))
                }
                _ => error,
            },
        }
    }

    /// Times what is `wanted`, pair by pair: a start, and a message of every case. `stop` ends
    /// it after a pair; what was measured stays.
    ///
    /// # Errors
    /// If a build does not load, or does not do what it must.
    pub fn time(
        &self,
        settings: &PairSettings,
        slowdown: InjectedSlowdown,
        wanted: &dyn Fn(&str) -> bool,
        stop: &dyn Fn() -> bool,
    ) -> Result<Vec<Paired>> {
        let timed = self.time_pairs(settings, slowdown, wanted, stop);
        timed.map_err(|error| self.explained(error))
    }

    fn time_pairs(
        &self,
        settings: &PairSettings,
        slowdown: InjectedSlowdown,
        wanted: &dyn Fn(&str) -> bool,
        stop: &dyn Fn() -> bool,
    ) -> Result<Vec<Paired>> {
        let mut starts = Some(Paired::timed(identity("spawn")));
        starts = starts.filter(|paired| wanted(&paired.metric.name));
        let cases = self.cases.iter();
        let cases = cases.map(|case| (case, Paired::timed(of_case("time", case))));
        let cases = cases.filter(|(_, paired)| wanted(&paired.metric.name));
        let mut timed = Vec::new();
        for (case, paired) in cases {
            timed.push((case, self.cycles(case, settings)?, paired));
        }
        let mut order = PairOrder::new(settings.seed);
        for _ in 0..settings.pairs {
            if stop() {
                break;
            }
            let order = order.draw();
            let engine =
                SandboxEngine::new(&self.sandbox).map_err(|source| self.no_engine(source))?;
            let loaded = self.load(&engine, order)?;
            if let (Some(paired), Some(case)) = (&mut starts, self.cases.first()) {
                paired.add(time_starts(&loaded, case, order, slowdown)?);
            }
            for (case, cycles, paired) in &mut timed {
                paired.add(time_messages((&loaded, self.clock), case, *cycles, order, slowdown)?);
            }
        }
        let timed = timed.into_iter().map(|(_, _, paired)| paired);
        Ok(timed.chain(starts).collect())
    }

    /// Returns how many cycles of a case make a slice, on the old build.
    fn cycles(&self, case: &Case, settings: &PairSettings) -> Result<u32> {
        let engine = SandboxEngine::new(&self.sandbox).map_err(|source| self.no_engine(source))?;
        let loaded = self.load(&engine, [0, 1])?;
        let side = &loaded.sides[0];
        let mut agent = loaded.start(side, case)?;
        verify(&loaded, side, agent.as_mut(), case)?;
        let settings = RoundSettings { slice: settings.slice, ..RoundSettings::default() };
        calibrate(&loaded, side, agent.as_mut(), case, &settings)
    }
}

/// Returns the nanoseconds that a start takes, by side.
fn time_starts(
    loaded: &Loaded,
    case: &Case,
    order: [usize; 2],
    slowdown: InjectedSlowdown,
) -> Result<[f64; 2]> {
    let mut took = [Vec::new(), Vec::new()];
    for turn in 0..=STARTS {
        for index in turned(order, turn) {
            let start = Clock::Wall.now();
            let instance = loaded.start(&loaded.sides[index], case)?;
            if index == 1 {
                slowdown.delay(Clock::Wall, start);
            }
            let ns = Clock::Wall.since(start);
            drop(instance);
            // The first one finds its code not yet in memory.
            if turn > 0 {
                took[index].push(ns);
            }
        }
    }
    Ok(took.map(|mut ns| median(&mut ns)))
}

/// Returns the nanoseconds that a message takes, by side.
fn time_messages(
    (loaded, clock): (&Loaded, Clock),
    case: &Case,
    cycles: u32,
    order: [usize; 2],
    slowdown: InjectedSlowdown,
) -> Result<[f64; 2]> {
    let mut agents = [None, None];
    let mut answers = [0; 2];
    for index in order {
        let side = &loaded.sides[index];
        let mut agent = loaded.start(side, case)?;
        answers[index] = verify(loaded, side, agent.as_mut(), case)?;
        agents[index] = Some(agent);
    }
    let messages = f64::from(cycles) * case.exchanges.len() as f64;
    let mut took = [Vec::new(), Vec::new()];
    for turn in 0..=SLICES {
        for index in turned(order, turn) {
            let Some(agent) = &mut agents[index] else {
                continue;
            };
            let start = clock.now();
            let timed = slice(agent.as_mut(), case, cycles)
                .map_err(|error| loaded.failed(&loaded.sides[index], "while timed", error))?;
            if index == 1 {
                slowdown.delay(clock, start);
            }
            let ns = clock.since(start) / messages;
            let expected = answers[index] * u64::from(cycles);
            if timed.answers != expected {
                return Err(Error::WrongReply {
                    agent: loaded.agent.clone(),
                    side: SIDES[index].to_owned(),
                    step: "while it was timed".to_owned(),
                    reason: format!("expected {expected} answers in all, got {}", timed.answers),
                });
            }
            // The first slice warms the caches.
            if turn > 0 {
                took[index].push(ns);
            }
        }
    }
    for (side, agent) in loaded.sides.iter().zip(&mut agents) {
        if let Some(agent) = agent {
            verify(loaded, side, agent.as_mut(), case)?;
        }
    }
    Ok(took.map(|mut ns| median(&mut ns)))
}

/// Returns the order of a turn: A B, then B A, and again, so that neither is always the one whose
/// caches are still warm.
fn turned(order: [usize; 2], turn: usize) -> [usize; 2] {
    let [first, second] = order;
    if turn.is_multiple_of(2) { order } else { [second, first] }
}

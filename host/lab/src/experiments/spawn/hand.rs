//! Starts with wasmtime by hand, so that each phase can be timed by itself.

use super::clock::Clock;
use super::found::Phase;
use super::run::{MANY, Starting};
use super::starts::{Starts, on_all_cores};
use crate::bundle::Subject;
use crate::experiments::by_hand::{ByHand, Instance, Knobs};
use crate::workload::Case;
use crate::workload::with_directory;
use crate::{Error, Result};
use sandlab_runtime::config::{Calls, Strategy};
use sandlab_runtime::wasm::{Cache, Sandbox, Source};
use sandlab_runtime::{Agent, BackendKind, SandboxConfig};
use tempfile::TempDir;
use wasmtime::Engine;
use wasmtime::component::Component;

pub struct Hand {
    component: Vec<u8>,
    config: SandboxConfig,
    knobs: Knobs,
    engine: Engine,
    cache: Cache,
    pooled: ByHand,
    on_demand: ByHand,
    _cached: TempDir,
    _directory: Option<TempDir>,
}

const NAME: &str = "wasmtime by hand";

fn broken(error: impl std::fmt::Display) -> Error {
    Error::Machine(format!("wasmtime by hand: {error}"))
}

impl Hand {
    pub fn load(subject: &Subject, config: &SandboxConfig, cases: &[Case]) -> Result<Self> {
        let (mut config, directory) = with_directory(config, cases)?;
        let path = subject.component();
        let sandbox = Sandbox::load(&path, &config).map_err(|source| Error::Load {
            agent: subject.name(),
            backend: BackendKind::Wasm,
            source,
        })?;
        let knobs = Knobs {
            limiter: true,
            epochs: true,
            fuel: config.fuel.is_some(),
            fiber: sandbox.prepared().calls == Calls::Async,
            wasi: true,
        };
        let component = std::fs::read(&path).map_err(Error::file("read", &path))?;
        config.allocation.strategy = Strategy::OnDemand;
        let on_demand = ByHand::load(&component, &config, knobs).map_err(broken)?;
        config.allocation.strategy = Strategy::Pooled;
        let engine = ByHand::engine(&config, knobs).map_err(broken)?;
        let cached = tempfile::tempdir().map_err(broken)?;
        let cache = Cache::in_folder(cached.path()).map_err(broken)?;
        let compiled = Component::new(&engine, &component).map_err(broken)?;
        cache.put(&engine, &Source::as_it_is(&component), &compiled);
        Ok(Self {
            pooled: ByHand::link(&engine, &compiled, &config, knobs).map_err(broken)?,
            component,
            config,
            knobs,
            engine,
            cache,
            on_demand,
            _cached: cached,
            _directory: directory,
        })
    }
}

impl Starts for Hand {
    fn cold(&self, what: &Starting) -> Result<Clock> {
        let mut clock = Clock::start();
        let compiled = Component::new(&self.engine, &self.component).map_err(broken)?;
        clock.lap(Phase::Compile, 1);
        self.linked(&compiled, clock, what)
    }

    fn cached(&self, what: &Starting) -> Result<Clock> {
        let mut clock = Clock::start();
        let compiled = self.cache.get(&self.engine, &Source::as_it_is(&self.component));
        let compiled = compiled.ok_or_else(|| broken("the cache has lost the component"))?;
        clock.lap(Phase::Deserialise, 1);
        self.linked(&compiled, clock, what)
    }

    fn on_demand(&self, what: &Starting) -> Result<Clock> {
        started(&self.on_demand, Clock::start(), what)
    }

    fn pooled(&self, what: &Starting) -> Result<Clock> {
        started(&self.pooled, Clock::start(), what)
    }

    fn concurrent(&self, what: &Starting) -> Result<Vec<Clock>> {
        on_all_cores(&|| started(&self.pooled, Clock::start(), what))
    }

    fn many(&self, what: &Starting) -> Result<Clock> {
        let mut clock = Clock::start();
        let started = (0..MANY).map(|_| self.pooled.instantiate(what.case.identity().directory));
        let mut agents = started.collect::<Result<Vec<Instance>, _>>().map_err(broken)?;
        clock.lap(Phase::Start, MANY);
        for agent in &mut agents {
            configure(agent, what)?;
        }
        clock.lap(Phase::Configure, MANY);
        for agent in &mut agents {
            greet(agent, what)?;
        }
        clock.lap(Phase::FirstReply, MANY);
        clock.sum();
        drop(agents);
        Ok(clock)
    }
}

impl Hand {
    fn linked(&self, compiled: &Component, mut clock: Clock, what: &Starting) -> Result<Clock> {
        let linked = ByHand::link(&self.engine, compiled, &self.config, self.knobs);
        let linked = linked.map_err(broken)?;
        clock.lap(Phase::Link, 1);
        started(&linked, clock, what)
    }
}

fn started(hand: &ByHand, mut clock: Clock, what: &Starting) -> Result<Clock> {
    let peers = what.case.identity().directory;
    let store = hand.store(peers).map_err(broken)?;
    clock.lap(Phase::Store, 1);
    let mut agent = hand.instantiate_in(store).map_err(broken)?;
    clock.lap(Phase::Instantiate, 1);
    configure(&mut agent, what)?;
    clock.lap(Phase::Configure, 1);
    greet(&mut agent, what)?;
    clock.lap(Phase::FirstReply, 1);
    drop(agent);
    clock.lap(Phase::Drop, 1);
    clock.sum();
    Ok(clock)
}

fn configure(agent: &mut Instance, what: &Starting) -> Result<()> {
    if what.case.config.is_empty() {
        return Ok(());
    }
    let configured = agent.configure(&what.case.config);
    configured.map(drop).map_err(|error| what.failed(NAME, error))
}

fn greet(agent: &mut Instance, what: &Starting) -> Result<()> {
    let handled = agent.handle(&what.exchange().request);
    what.check(&handled.map_err(|error| what.failed(NAME, error))?, NAME)
}

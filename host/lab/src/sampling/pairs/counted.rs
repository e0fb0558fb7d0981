//! The metrics that need no clock: the same each time, on every machine.

use super::guests::Guests;
use super::metrics::{identity, of_case};
use crate::metrics::Identity;
use crate::record::Paired;
use crate::sampling::interleave::verify;
use crate::sampling::setup::{Loaded, Side};
use crate::workload::Case;
use crate::{Error, Result};
use sandlab_runtime::subject;
use sandlab_runtime::wasm::SandboxEngine;
use std::collections::BTreeSet;

/// Fresh instances of each build, to see whether it counts the same each time.
const INSTANCES: usize = 3;

/// More than any message takes.
const FUEL: u64 = 1 << 50;

/// WebAssembly's page.
const PAGE: f64 = 65_536.0;

impl Guests {
    /// Returns what can be told without running either build: the component's size, and the
    /// imports that the new build adds.
    ///
    /// # Errors
    /// If a component is damaged.
    pub fn inspect(&self) -> Result<Vec<Paired>> {
        let sizes = self.files().map(|bytes| vec![bytes.len() as f64]);
        Ok(vec![self.added_imports()?, paired(identity("component-size"), sizes)])
    }

    /// Returns the memory that all messages take at most, and the fuel that a message takes:
    /// with an engine of its own, since counting fuel is not free.
    ///
    /// # Errors
    /// If a build does not load, or does not do what it must.
    pub fn count(&self) -> Result<Vec<Paired>> {
        self.count_all().map_err(|error| self.explained(error))
    }

    fn count_all(&self) -> Result<Vec<Paired>> {
        let mut counted = Vec::new();
        let mut sandbox = self.sandbox().clone();
        sandbox.fuel = Some(FUEL);
        let engine = SandboxEngine::new(&sandbox).map_err(|source| self.no_engine(source))?;
        let loaded = self.load(&engine, [0, 1])?;
        let mut pages = [vec![0.0; INSTANCES], vec![0.0; INSTANCES]];
        for case in self.cases() {
            let mut fuel = [Vec::new(), Vec::new()];
            for (index, side) in loaded.sides.iter().enumerate() {
                for peak in &mut pages[index] {
                    let (burnt, memory) = run(&loaded, side, case)?;
                    fuel[index].push(burnt);
                    *peak = memory.max(*peak);
                }
            }
            counted.push(paired(of_case("fuel", case), fuel));
        }
        counted.push(paired(identity("memory-pages"), pages));
        Ok(counted)
    }

    fn added_imports(&self) -> Result<Paired> {
        let [old, new] = self.files().map(imports);
        let (old, new) = (old?, new?);
        let added: Vec<_> = new.difference(&old).cloned().collect();
        let counts = [vec![0.0], vec![added.len() as f64]];
        let mut paired = paired(identity("imports-added"), counts);
        paired.remark = (!added.is_empty()).then(|| added.join(", "));
        Ok(paired)
    }
}

fn paired(metric: Identity, [old, new]: [Vec<f64>; 2]) -> Paired {
    let varies = [&old, &new].into_iter().any(|v| v.iter().any(|x| *x != v[0]));
    Paired {
        metric,
        counted: true,
        old,
        new,
        remark: varies.then(|| "differs from instance to instance".to_owned()),
    }
}

/// Returns the fuel that a message of a case takes on average, of a fresh instance, and the most
/// pages that it then has.
fn run(loaded: &Loaded, side: &Side, case: &Case) -> Result<(f64, f64)> {
    let mut agent = loaded.start(side, case)?;
    verify(loaded, side, agent.as_mut(), case)?;
    let unknown = || Error::Machine("the sandbox does not tell fuel and memory".to_owned());
    let mut fuel = 0;
    for exchange in &case.exchanges {
        let handled = agent.handle(&exchange.request);
        handled.map_err(|error| loaded.failed(side, "while its fuel was counted", error))?;
        fuel += agent.usage().fuel.ok_or_else(unknown)?;
    }
    let memory = agent.usage().memory_peak.ok_or_else(unknown)?;
    let messages = case.exchanges.len() as f64;
    Ok((fuel as f64 / messages, memory as f64 / PAGE))
}

/// Returns what a component, or one made of a core module, imports. Versions are left out: a newer
/// one of the same interface lets it do nothing that the old one did not.
fn imports(file: &[u8]) -> Result<BTreeSet<String>> {
    let damaged = |error| Error::Usage(format!("the component cannot be read: {error}"));
    let described = subject::describe(file).map_err(damaged)?;
    let names = described.imports.iter().map(|import| {
        let interface = import.name.split_once('@').map_or(&*import.name, |(name, _)| name);
        crate::printable::printable(interface)
    });
    Ok(names.collect())
}

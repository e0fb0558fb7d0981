//! The indices of a component's exports, for sync or async calls.

use super::state::State;
use crate::Interface;
use crate::bindings::{optional, optional_async, plain, plain_async};
use wasmtime::component::{Component, ComponentExportIndex, Instance as Linked, InstancePre};
use wasmtime::{Error, Store};

use optional::exports::sandlab::agent::batch as batch_sync;
use optional::exports::sandlab::agent::parcels as parcels_sync;
use optional_async::exports::sandlab::agent::batch as batch_fiber;
use optional_async::exports::sandlab::agent::parcels as parcels_fiber;
use plain::exports::sandlab::agent::agent as agent_sync;
use plain_async::exports::sandlab::agent::agent as agent_fiber;

/// A thing whose type depends on how the component is called.
pub enum Way<S, F> {
    /// Calls run on the caller's stack.
    Sync(S),
    /// Calls run on a fiber.
    Fiber(F),
}

/// The exported interface `agent` of an instance.
pub type AgentGuest = Way<agent_sync::Guest, agent_fiber::Guest>;

/// The exported interface `batch` of an instance.
pub type BatchGuest = Way<batch_sync::Guest, batch_fiber::Guest>;

/// The exported interface `parcels` of an instance.
pub type ParcelsGuest = Way<parcels_sync::Guest, parcels_fiber::Guest>;

/// The indices of a component's exports, looked up once when it is loaded.
pub struct Exports {
    agent: Way<agent_sync::GuestIndices, agent_fiber::GuestIndices>,
    batch: Option<Way<batch_sync::GuestIndices, batch_fiber::GuestIndices>>,
    parcels: Option<Way<parcels_sync::GuestIndices, parcels_fiber::GuestIndices>>,
    pub checkpoint: Option<ComponentExportIndex>,
    pub restore: Option<ComponentExportIndex>,
}

impl Exports {
    /// Finds the contract's exports in a component.
    ///
    /// # Errors
    /// If the component does not export `agent`, or an interface with another signature.
    pub fn find(pre: &InstancePre<State>, fiber: bool) -> Result<Self, Error> {
        let component = pre.component();
        let state = |function| {
            let interface = interface(component, Interface::State)?;
            component.get_export_index(Some(&interface), function)
        };
        let batch = interface(component, Interface::Batch).map(|_| {
            Ok::<_, Error>(if fiber {
                Way::Fiber(batch_fiber::GuestIndices::new(pre)?)
            } else {
                Way::Sync(batch_sync::GuestIndices::new(pre)?)
            })
        });
        let parcels = interface(component, Interface::Parcels).map(|_| {
            Ok::<_, Error>(if fiber {
                Way::Fiber(parcels_fiber::GuestIndices::new(pre)?)
            } else {
                Way::Sync(parcels_sync::GuestIndices::new(pre)?)
            })
        });
        Ok(Self {
            agent: if fiber {
                Way::Fiber(agent_fiber::GuestIndices::new(pre)?)
            } else {
                Way::Sync(agent_sync::GuestIndices::new(pre)?)
            },
            batch: batch.transpose()?,
            parcels: parcels.transpose()?,
            checkpoint: state("checkpoint"),
            restore: state("restore"),
        })
    }

    /// Returns whether the component exports an interface.
    pub fn has(&self, interface: Interface) -> bool {
        match interface {
            Interface::Batch => self.batch.is_some(),
            Interface::State => self.checkpoint.is_some() && self.restore.is_some(),
            Interface::Parcels => self.parcels.is_some(),
        }
    }

    /// Returns the WIT package's worlds that the component targets, joined by "and".
    pub fn world(&self) -> String {
        let worlds = Interface::ALL.into_iter().filter(|interface| self.has(*interface));
        let worlds: Vec<_> = worlds.map(Interface::world).collect();
        if worlds.is_empty() {
            return "plain-agent".to_owned();
        }
        worlds.join(" and ")
    }

    /// Looks up an instance's `agent`.
    pub fn agent(&self, store: &mut Store<State>, linked: &Linked) -> Result<AgentGuest, Error> {
        Ok(match &self.agent {
            Way::Sync(indices) => Way::Sync(indices.load(store, linked)?),
            Way::Fiber(indices) => Way::Fiber(indices.load(store, linked)?),
        })
    }

    /// Looks up an instance's `batch`. `None` if the component does not export it.
    pub fn batch(
        &self,
        store: &mut Store<State>,
        linked: &Linked,
    ) -> Option<Result<BatchGuest, Error>> {
        Some(match self.batch.as_ref()? {
            Way::Sync(indices) => indices.load(store, linked).map(Way::Sync),
            Way::Fiber(indices) => indices.load(store, linked).map(Way::Fiber),
        })
    }

    /// Looks up an instance's `parcels`. `None` if the component does not export it.
    pub fn parcels(
        &self,
        store: &mut Store<State>,
        linked: &Linked,
    ) -> Option<Result<ParcelsGuest, Error>> {
        Some(match self.parcels.as_ref()? {
            Way::Sync(indices) => indices.load(store, linked).map(Way::Sync),
            Way::Fiber(indices) => indices.load(store, linked).map(Way::Fiber),
        })
    }
}

fn interface(component: &Component, interface: Interface) -> Option<ComponentExportIndex> {
    let name = format!("sandlab:agent/{interface}@0.1.0");
    component.get_export_index(None, &name)
}

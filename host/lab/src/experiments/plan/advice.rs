//! Advice: settings for the sandbox config, and for the machine.

use crate::experiments::plan::PlanRequest;
use crate::experiments::plan::density_probe::DensityProbe;
use crate::experiments::plan::machine::Machine;
use crate::experiments::plan::predict::Capacity;
use crate::{Error, Result};
use sandlab_runtime::config::Layout;
use sandlab_runtime::wasm;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The settings to run a number of agents in a layout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Advice {
    /// Number of agents to run.
    pub agents: u64,
    /// Whether the machine holds them with its current limits.
    pub fits: bool,
    /// The smallest `vm.max_map_count` of the kernel with which it would; null if it does, or if
    /// this limit is not the obstacle.
    pub max_map_count: Option<u64>,
    /// The smallest limit of open files of the process with which it would; null in the same cases.
    pub open_files: Option<u64>,
    /// The lines of the sandbox config, TOML.
    pub sandbox: String,
    /// The settings of wasmtime that follow from it, per pool.
    pub pools: Vec<String>,
}

impl Advice {
    pub(super) fn of(
        density: &DensityProbe,
        capacity: &Capacity,
        machine: &Machine,
        request: &PlanRequest,
    ) -> Result<Self> {
        let agents = request.agents.unwrap_or(capacity.agents());
        let fits = agents <= capacity.agents();
        let raises = |bound: Option<u64>| {
            agents <= capacity.agents_unlimited() && bound.is_some_and(|most| most < agents)
        };
        let sandbox = density.sandbox_to_keep(capacity.layout, agents);
        let pools = wasm::pools(&sandbox).map_err(|error| Error::Machine(error.to_string()))?;
        Ok(Self {
            agents,
            fits,
            max_map_count: raises(capacity.by_mappings)
                .then(|| machine.mappings_for(agents * capacity.mappings)),
            open_files: raises(capacity.by_open_files).then(|| {
                let files = agents * capacity.cost.open_files;
                machine.open_files.limit_for(files)
            }),
            sandbox: sandbox.to_toml(),
            pools: pools.iter().map(|pool| settings(&format!("{pool:?}"))).collect(),
        })
    }
}

/// Returns wasmtime's settings of a pool, `name = value`, read from its debug output, which is the
/// only way to get them.
fn settings(pool: &str) -> String {
    let fields = pool.split(['{', '}', ',']).filter_map(|field| field.trim().split_once(": "));
    let fields = fields.filter(|(name, _)| *name != "limits");
    let fields = fields.map(|(name, value)| format!("{name} = {}", value.to_lowercase()));
    fields.collect::<Vec<_>>().join(", ")
}

/// Returns the layout's name in a sandbox config.
pub fn layout(layout: Layout) -> &'static str {
    match layout {
        Layout::Fast => "fast",
        Layout::Dense => "dense",
        Layout::Packed => "packed",
    }
}

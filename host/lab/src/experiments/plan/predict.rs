//! Predicts the number of agents from the cost of one.

use crate::experiments::plan::density_probe::DensityProbe;
use crate::experiments::plan::fill::Reading;
use crate::experiments::plan::machine::{Machine, MemoryBound};
use sandlab_runtime::SandboxConfig;
use sandlab_runtime::config::Layout;
use sandlab_runtime::wasm::SLOTS_A_POOL;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The resources that one more agent takes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// Memory that is its own, bytes: its share of the proportional set.
    pub resident: f64,
    /// The kernel's page tables, bytes.
    pub page_tables: f64,
    /// Files that it holds open.
    pub open_files: u64,
    /// Memory of all kinds that is taken once, whatever the number of agents, bytes.
    pub once: f64,
    /// To start, seconds, one after another.
    pub start: f64,
}

impl Cost {
    /// Returns the cost by the readings of one process: with no agent, and with two numbers of
    /// agents, whose difference gives the cost of each.
    pub fn of(none: &Reading, some: &Reading, more: &Reading) -> Self {
        let agents = (more.agents - some.agents).max(1) as f64;
        let each = |some: u64, more: u64| (more as f64 - some as f64).max(0.0) / agents;
        let (resident, page_tables) =
            (each(some.resident, more.resident), each(some.page_tables, more.page_tables));
        let all = some.memory() - none.memory();
        Self {
            resident,
            page_tables,
            open_files: each(some.open_files, more.open_files).round() as u64,
            once: (all - (resident + page_tables) * some.agents as f64).max(0.0),
            start: (more.started_in - some.started_in) / agents,
        }
    }

    /// Returns the memory that each agent takes, resident and page tables, bytes.
    pub fn each(&self) -> f64 {
        self.resident + self.page_tables
    }

    /// Returns the memory of this number of agents, resident and page tables, bytes.
    pub fn memory(&self, agents: u64) -> f64 {
        self.once + self.each() * agents as f64
    }
}

/// The resource that runs out first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// The kernel's `vm.max_map_count`.
    Mappings,
    /// The 47 bits of addresses that a process has.
    AddressSpace,
    /// The process's `RLIMIT_NOFILE`.
    OpenFiles,
    /// The machine's memory.
    Memory,
}

/// The number of agents that fit in a layout.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Capacity {
    /// The layout of their memories.
    #[schemars(with = "String")]
    pub layout: Layout,
    /// Agents for which the kernel's mappings are enough; null where agents need none.
    pub by_mappings: Option<u64>,
    /// Agents for which the address space is enough.
    pub by_address_space: u64,
    /// Agents for which the limit of open files is enough; null where agents open none.
    pub by_open_files: Option<u64>,
    /// Agents for which the available memory of the machine or of this process is enough.
    pub by_memory: u64,
    /// The limit that bounds the memory.
    #[serde(default)]
    pub memory_by: MemoryBound,
    /// The resources that one more agent takes.
    pub cost: Cost,
    /// The most mappings of one agent.
    pub mappings: u64,
    /// Slots of the pool that one agent takes.
    pub slots: u32,
    /// Number of agents that there can be if each of them uses its whole memory limit.
    pub at_limit: u64,
    /// Memory limit of each agent, bytes.
    pub limit: u64,
}

/// The share of the available memory that agents may take. The rest is for other work of the
/// machine.
const SHARE_OF_MEMORY: f64 = 0.9;

impl Capacity {
    /// Predicts how many agents of this cost the machine holds.
    pub fn predict(density: &DensityProbe, layout: Layout, machine: &Machine, cost: Cost) -> Self {
        let sandbox = density.sandbox(layout, 1);
        Self::of(&sandbox, density.needs.slots(), machine, cost)
    }

    fn of(sandbox: &SandboxConfig, slots: u32, machine: &Machine, cost: Cost) -> Self {
        let layout = sandbox.allocation.layout;
        let limit = sandbox.memory_limit.as_u64();
        let memory = machine.memory as f64 * SHARE_OF_MEMORY;
        let mappings = u64::from(sandbox.mappings_a_slot()) * u64::from(slots);
        let in_memory = |each: f64| ((memory - cost.once).max(0.0) / each.max(1.0)) as u64;
        let mut capacity = Self {
            layout,
            by_mappings: machine.room().checked_div(mappings),
            by_address_space: slots_in(sandbox, &machine.holes) / u64::from(slots),
            by_open_files: machine.open_files.room().checked_div(cost.open_files),
            memory_by: machine.memory_by,
            by_memory: in_memory(cost.each()),
            cost,
            mappings,
            slots,
            at_limit: in_memory(limit as f64 + cost.each()),
            limit,
        };
        // More memory for each does not help against what else bounds them.
        capacity.at_limit = capacity.at_limit.min(capacity.agents());
        capacity
    }

    /// Returns the number of agents that there can be: the lowest of all bounds.
    pub fn agents(&self) -> u64 {
        self.bounds().map(|(_, agents)| agents).min().unwrap_or(0)
    }

    /// Returns the bound that is reached first.
    pub fn bound(&self) -> Bound {
        let first = self.bounds().min_by_key(|(_, agents)| *agents);
        first.map_or(Bound::Memory, |(bound, _)| bound)
    }

    /// Returns how many there could be if the kernel allowed as many mappings and open files as
    /// they take.
    pub fn agents_unlimited(&self) -> u64 {
        self.by_address_space.min(self.by_memory)
    }

    fn bounds(&self) -> impl Iterator<Item = (Bound, u64)> {
        let mappings = self.by_mappings.map(|agents| (Bound::Mappings, agents));
        let others =
            [(Bound::AddressSpace, self.by_address_space), (Bound::Memory, self.by_memory)];
        let files = self.by_open_files.map(|agents| (Bound::OpenFiles, agents));
        mappings.into_iter().chain(files).chain(others)
    }
}

/// Returns the slots that fit in the holes of the address space: whole pools first, and then part
/// of a pool in the rest of the largest hole.
fn slots_in(sandbox: &SandboxConfig, holes: &[u64]) -> u64 {
    let a_slot = sandbox.address_space_a_slot();
    if sandbox.allocation.layout == Layout::Packed {
        return holes.first().copied().unwrap_or_default() / a_slot;
    }
    let pool = u64::from(SLOTS_A_POOL);
    let whole = holes.iter().map(|hole| hole / (a_slot * pool)).sum::<u64>() * pool;
    let rest = holes.iter().map(|hole| hole % (a_slot * pool) / a_slot);
    whole + rest.max().unwrap_or_default()
}

/// The outcome of starting the planned agents.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Verified {
    /// Before the first agent.
    pub before: Reading,
    /// With all agents, each of which has answered.
    pub after: Reading,
    /// The outcome of starting more than predicted; null if that was not tried.
    pub beyond: Option<Overfill>,
}

/// More agents than were predicted.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Overfill {
    /// Number of agents that started.
    pub agents: u64,
    /// The refusal of the next one; null if all started.
    pub refused: Option<String>,
}

impl Verified {
    /// Returns the memory that they took in fact, resident and page tables, bytes.
    pub fn memory(&self) -> f64 {
        self.after.memory() - self.before.memory()
    }

    /// Returns the measured and the predicted memory, bytes.
    pub fn memory_found(&self, capacity: &Capacity) -> (f64, f64) {
        (self.memory(), capacity.cost.memory(self.after.agents))
    }

    /// Returns measured ÷ predicted memory.
    pub fn memory_ratio(&self, capacity: &Capacity) -> f64 {
        let (measured, predicted) = self.memory_found(capacity);
        measured / predicted
    }

    /// Returns true if the memory differs from the prediction by no more than what all agents take
    /// together. Of few agents that is most of it, and hides what each takes.
    pub fn hides_each(&self, capacity: &Capacity) -> bool {
        let (measured, predicted) = self.memory_found(capacity);
        (measured - predicted).abs() <= capacity.cost.once
    }

    /// Returns measured ÷ predicted number of agents; 1 where the measurement does not contradict
    /// the prediction.
    pub fn agents_ratio(&self, capacity: &Capacity) -> f64 {
        match (&self.beyond, capacity.bound()) {
            // It was refused, so that the limit is between the two.
            (Some(beyond), _) if beyond.refused.is_none() => {
                beyond.agents as f64 / capacity.agents() as f64
            }
            (None, Bound::Memory) if !self.hides_each(capacity) => {
                1.0 / self.memory_ratio(capacity)
            }
            _ => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::plan::OpenFiles;
    use bytesize::ByteSize;
    use sandlab_runtime::config::Calls;

    const COST: Cost =
        Cost { resident: 28_000.0, page_tables: 8_000.0, open_files: 0, once: 0.0, start: 40e-6 };

    fn machine() -> Machine {
        Machine {
            memory: 24 << 30,
            memory_by: MemoryBound::Machine,
            used_mappings: 100,
            mappings: 65_530,
            open_files: OpenFiles { used: 10, limit: 1_024 },
            holes: vec![85 << 40, 41 << 40],
        }
    }

    fn capacity(layout: Layout, slots: u32) -> Capacity {
        let mut sandbox = SandboxConfig { calls: Calls::Sync, ..SandboxConfig::default() };
        sandbox.allocation.layout = layout;
        Capacity::of(&sandbox, slots, &machine(), COST)
    }

    #[test]
    fn each_layout_is_bound_by_something_else() {
        let (fast, dense, packed) =
            (capacity(Layout::Fast, 1), capacity(Layout::Dense, 1), capacity(Layout::Packed, 1));
        assert_eq!(fast.bound(), Bound::Mappings);
        assert!((15_000..16_000).contains(&fast.agents()), "{fast:?}");
        assert_eq!(dense.bound(), Bound::Mappings);
        assert!((30_000..31_200).contains(&dense.agents()), "{dense:?}");
        assert_eq!(packed.bound(), Bound::Memory);
        assert!(packed.agents() > 500_000, "{packed:?}");
        assert!(packed.at_limit < 400, "{packed:?}");
        assert!(fast.at_limit == packed.at_limit && dense.at_limit == packed.at_limit);
    }

    #[test]
    fn more_memories_leave_room_for_fewer_agents() {
        let one = capacity(Layout::Dense, 1);
        let three = capacity(Layout::Dense, 3);
        assert_eq!(three.agents(), one.agents() / 3);
    }

    #[test]
    fn a_small_machine_is_bound_by_its_memory() {
        let machine = Machine { memory: 1 << 20, ..machine() };
        let few = Capacity::of(&SandboxConfig::default(), 1, &machine, COST);
        assert_eq!((few.bound(), few.agents()), (Bound::Memory, 26));
    }

    #[test]
    fn agents_that_hold_files_are_bound_by_those_that_may_be_open() {
        let cost = Cost { open_files: 2, ..COST };
        let few = Capacity::of(&SandboxConfig::default(), 1, &machine(), cost);
        assert_eq!((few.bound(), few.agents()), (Bound::OpenFiles, 475));
        assert_eq!(machine().open_files.limit_for(2 * 2_000), 4_096);
    }

    #[test]
    fn at_their_limit_agents_are_bound_by_all_else_as_well() {
        let machine = Machine { memory: 100 << 30, holes: vec![4 << 40], ..machine() };
        let sandbox = SandboxConfig { memory_limit: ByteSize::mib(1), ..SandboxConfig::default() };
        let few = Capacity::of(&sandbox, 1, &machine, COST);
        assert_eq!(few.bound(), Bound::AddressSpace);
        assert_eq!(few.at_limit, few.agents());
        // And by what all of them take together.
        let cost = Cost { once: 0.9 * (100_u64 << 30) as f64, ..COST };
        assert_eq!(Capacity::of(&sandbox, 1, &machine, cost).at_limit, 0);
    }

    #[test]
    fn a_full_address_space_has_room_for_nobody() {
        let machine = Machine { holes: Vec::new(), ..machine() };
        let none = Capacity::of(&SandboxConfig::default(), 1, &machine, COST);
        assert_eq!((none.bound(), none.agents()), (Bound::AddressSpace, 0));
    }
}

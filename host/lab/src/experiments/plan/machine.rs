//! The resources of this machine that agents can take.

use crate::experiments::plan::open_files::OpenFiles;
use sandlab_runtime::limits::{self, Holder};
use sandlab_runtime::wasm::Mappings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fs;

/// The resources of this machine, and of a process on it, that agents take.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// Memory that can be taken without swapping, bytes: the machine's, or what its control
    /// groups and resource limits leave to this process.
    pub memory: u64,
    /// The limit that bounds the memory.
    #[serde(default)]
    pub memory_by: MemoryBound,
    /// The mappings that a process has before any agent, and those that it may have.
    pub used_mappings: u64,
    /// The kernel's `vm.max_map_count`.
    pub mappings: u64,
    /// Files that a process has open, and those that it may have open.
    pub open_files: OpenFiles,
    /// The free stretches of the address space, bytes, the largest first.
    pub holes: Vec<u64>,
}

/// The holder of the tightest memory limit on this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MemoryBound {
    /// The machine.
    #[default]
    Machine,
    /// A control group, such as a container's.
    ControlGroup,
    /// The process's `RLIMIT_AS`.
    Addresses,
    /// The process's `RLIMIT_DATA`.
    Data,
}

impl From<Holder> for MemoryBound {
    fn from(holder: Holder) -> Self {
        match holder {
            Holder::Machine => Self::Machine,
            Holder::Group(_) => Self::ControlGroup,
            Holder::Addresses(_) => Self::Addresses,
            Holder::Data(_) => Self::Data,
        }
    }
}

/// The end of a process's half of a 47-bit address space.
const END: u64 = 1 << 47;

/// Mappings that the process which holds the agents may have more than this one: a few, measured.
const HOST: u64 = 64;

impl Machine {
    /// Reads the machine's resources. `None` where the kernel does not tell.
    pub fn now() -> Option<Self> {
        let mappings = Mappings::now()?;
        let mut holes = holes(&fs::read_to_string("/proc/self/maps").ok()?);
        if let Some(left) = limits::available_addresses() {
            // It can be used in one place, for all that is known.
            holes.truncate(1);
            holes.iter_mut().for_each(|hole| *hole = left.min(*hole));
        }
        let memory = limits::available_memory()?;
        Some(Self {
            memory: memory.bytes,
            memory_by: memory.by.into(),
            used_mappings: mappings.used,
            mappings: mappings.limit,
            open_files: OpenFiles::now()?,
            holes,
        })
    }

    /// Returns how many mappings agents may take in a process that has a few more of its own
    /// than this one.
    pub fn room(&self) -> u64 {
        self.as_mappings().room().saturating_sub(HOST)
    }

    /// Returns the `vm.max_map_count` with which this number of further mappings would be allowed.
    pub fn mappings_for(&self, more: u64) -> u64 {
        self.as_mappings().limit_for(more)
    }

    fn as_mappings(&self) -> Mappings {
        Mappings { used: self.used_mappings, limit: self.mappings }
    }
}

/// Returns the free ranges between those that `/proc/self/maps` lists, bytes.
fn holes(maps: &str) -> Vec<u64> {
    let ranges = maps.lines().filter_map(|line| {
        let (start, rest) = line.split_once('-')?;
        let end = rest.split(' ').next()?;
        let hex = |text| u64::from_str_radix(text, 16).ok();
        Some((hex(start)?, hex(end)?))
    });
    let (mut holes, mut last) = (Vec::new(), 0);
    for (start, end) in ranges.filter(|(_, end)| *end <= END) {
        holes.push(start.saturating_sub(last));
        last = end;
    }
    holes.push(END - last);
    holes.sort_unstable_by(|a, b| b.cmp(a));
    // Small ones hold no pool.
    holes.retain(|hole| *hole >= 1 << 30);
    holes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_what_is_between_mappings() {
        let maps = "555555554000-555555600000 r-xp 0 00:00 0 /bin/x\n\
                    7fff00000000-7fff80000000 rw-p 0 00:00 0 [stack]\n\
                    ffffffffff600000-ffffffffff601000 --xp 0 00:00 0 [vsyscall]\n";
        let found = holes(maps);
        assert_eq!(
            found,
            [0x5555_5555_4000, 0x7fff_0000_0000 - 0x5555_5560_0000, END - 0x7fff_8000_0000]
        );
    }
}

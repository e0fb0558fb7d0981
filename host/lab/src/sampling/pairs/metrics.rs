//! The metrics of guests in pairs: quantities of the catalogue, under the short names that
//! policies match.

use crate::metrics::quantity::quantities;
use crate::metrics::{Identity, Quantity, shared};
use crate::workload::Case;

quantities! {
    /// Time to start and configure an instance of a component that is loaded already.
    SPAWN = "spawn", "spawn", Nanoseconds, Lower, Gate;
    /// Fuel per message, about one unit per WebAssembly instruction.
    FUEL = "fuel-per-message", "fuel/msg", Count, Lower, Gate;
    /// Pages of linear memory, 64 KiB each, that an instance has at most over its messages.
    MEMORY_PAGES = "memory-pages", "memory pages", Count, Lower, Gate;
    /// Interfaces that only the new build imports, regardless of versions.
    IMPORTS_ADDED = "imports-added", "imports added", Count, Lower, Gate;
}

/// The part of a metric's name before the messages' size, with its quantity.
static NAMES: [(&str, &Quantity); 8] = [
    ("time", &shared::TIME_PER_MESSAGE),
    ("spawn", &SPAWN),
    ("compile", &shared::COMPILE_TIME),
    ("memory", &shared::MEMORY_PER_AGENT),
    ("fuel", &FUEL),
    ("memory-pages", &MEMORY_PAGES),
    ("component-size", &shared::FILE_SIZE),
    ("imports-added", &IMPORTS_ADDED),
];

/// Returns the quantity that is measured under a name, `time/1024`, and the messages' size,
/// bytes; `None` if a guest is not measured by that.
pub fn quantity(name: &str) -> Option<(&'static Quantity, Option<u64>)> {
    let (kind, size) = match name.split_once('/') {
        Some((kind, size)) => (kind, Some(size.parse().ok()?)),
        None => (name, None),
    };
    let (_, quantity) = NAMES.iter().find(|(known, _)| *known == kind)?;
    Some((quantity, size))
}

/// Returns what is measured of every guest under a short name.
pub(super) fn identity(name: &'static str) -> Identity {
    let (quantity, _) = quantity(name).unwrap_or_else(|| unreachable!("{name} has a quantity"));
    Identity::of(quantity, name)
}

/// Returns what is measured of a case: `time/1024`, or `time` if its messages have no stated
/// size.
pub fn of_case(kind: &'static str, case: &Case) -> Identity {
    let identity = identity(kind);
    match case.size {
        Some(size) => Identity { name: format!("{kind}/{size}"), ..identity },
        None => identity,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_means_a_quantity_of_the_catalogue() {
        let (time, size) = quantity("time/1024").unwrap();
        assert_eq!((time.key, size), ("time-per-message", Some(1_024)));
        assert_eq!(quantity("spawn").unwrap().0.key, "spawn");
        assert!(quantity("latency").is_none() && quantity("echo/time/16").is_none());
        assert_eq!(identity("component-size").unit, "bytes");
    }
}

//! Whether something is left behind by every message.

use crate::experiments::load::Cycle;
use serde::Serialize;

/// Something that grew with every one of the last cycles.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Leak {
    /// What.
    pub what: &'static str,
    /// How much a message, in its unit.
    pub per_message: f64,
    /// In what it is counted.
    pub unit: &'static str,
}

/// So many times in a row something has to grow: by chance alone, that happens to one
/// series in 5,040 (7 values in rising order).
pub const GROWTHS: usize = 6;

/// What grew in each of the last six cycles; none if there were fewer. The counters are
/// exact and the cycles equal, so that nothing has to be estimated: trend tests on resident
/// memory called 17 to 99 % of leak-free runs leaking, since its values depend on each other.
pub fn leaks(cycles: &[Cycle]) -> Option<Vec<Leak>> {
    let last = cycles.last_chunk::<{ GROWTHS + 1 }>()?;
    type Counter = fn(&Cycle) -> Option<u64>;
    let counters: [(&'static str, &'static str, Counter); 5] = [
        ("host heap", "bytes", |cycle| cycle.heap),
        ("linear memory", "bytes", |cycle| {
            Some(cycle.census.linear_memory)
        }),
        ("agents", "agents", |cycle| Some(cycle.census.agents)),
        ("tasks", "tasks", |cycle| Some(cycle.census.tasks)),
        ("queued messages", "messages", |cycle| {
            Some(cycle.census.queued)
        }),
    ];
    let messages = (last[GROWTHS].messages - last[0].messages) as f64;
    let grown = counters.into_iter().filter_map(|(what, unit, counter)| {
        let values: Vec<u64> = last.iter().filter_map(counter).collect();
        let grows = values.len() == last.len() && values.is_sorted_by(|a, b| a < b);
        let grown = values.last()? - values.first()?.min(values.last()?);
        grows.then(|| Leak {
            what,
            per_message: grown as f64 / messages,
            unit,
        })
    });
    Some(grown.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sandlab_runtime::messaging::Census;

    fn cycles(heap: impl Fn(u64) -> u64) -> Vec<Cycle> {
        let cycle = |n| Cycle {
            messages: n * 1_000,
            heap: Some(heap(n)),
            census: Census {
                agents: 5,
                ..Census::default()
            },
        };
        (1..=8).map(cycle).collect()
    }

    #[test]
    fn eight_bytes_a_message_are_found_and_noise_is_not() {
        let leak = leaks(&cycles(|n| 1_000_000 + n * 8_000)).unwrap();
        assert_eq!(leak.len(), 1);
        assert_eq!((leak[0].what, leak[0].per_message), ("host heap", 8.0));
        assert_eq!(leaks(&cycles(|n| 1_000 + n % 3)), Some(Vec::new()));
        assert_eq!(leaks(&cycles(|n| n)[..6]), None);
    }
}

//! Finds out whether every message leaves something behind.

use super::found::Cycle;
use crate::metrics::Unit;

/// A count that is taken at each rest, such as the bytes of the host's heap.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted {
    /// Its name.
    pub what: &'static str,
    /// The unit of `per_message`.
    pub unit: Unit,
    /// Growth per message, from the first to the last of the rests that are looked at.
    pub per_message: f64,
    /// True if it grew from each rest to the next.
    pub leaks: bool,
}

/// So many times in a row something has to grow: by chance alone, that happens to one
/// series in 5,040 (7 values in rising order).
pub const GROWTHS: usize = 6;

/// Returns how what is counted grew over the last six cycles; `None` if there were fewer. The
/// counters are exact and the cycles equal, so that nothing has to be estimated: trend tests on
/// resident memory called 17 to 99 % of leak-free runs leaking, since its values depend on each
/// other.
pub fn counted(cycles: &[Cycle]) -> Option<Vec<Counted>> {
    let last = cycles.last_chunk::<{ GROWTHS + 1 }>()?;
    type Counter = fn(&Cycle) -> Option<u64>;
    let counters: [(&'static str, Unit, Counter); 5] = [
        ("host heap", Unit::Bytes, |cycle| cycle.heap),
        ("linear memory", Unit::Bytes, |cycle| Some(cycle.census.linear_memory)),
        ("agents", Unit::Count, |cycle| Some(cycle.census.agents)),
        ("tasks", Unit::Count, |cycle| Some(cycle.census.tasks)),
        ("queued messages", Unit::Count, |cycle| Some(cycle.census.queued)),
    ];
    let messages = (last[GROWTHS].messages - last[0].messages) as f64;
    let counted = counters.into_iter().filter_map(|(what, unit, counter)| {
        let values: Option<Vec<u64>> = last.iter().map(counter).collect();
        let values = values?;
        let (first, last) = (*values.first()? as f64, *values.last()? as f64);
        Some(Counted {
            what,
            unit,
            per_message: (last - first) / messages,
            leaks: values.is_sorted_by(|a, b| a < b),
        })
    });
    Some(counted.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sandlab_runtime::messaging::Census;

    fn cycles(heap: impl Fn(u64) -> u64) -> Vec<Cycle> {
        let cycle = |n| Cycle {
            messages: n * 1_000,
            heap: Some(heap(n)),
            census: Census { agents: 5, ..Census::default() },
        };
        (1..=8).map(cycle).collect()
    }

    #[test]
    fn eight_bytes_per_message_are_found_and_noise_is_not() {
        let leaks = |cycles: &[Cycle]| -> Option<Vec<_>> {
            let leaks = counted(cycles)?.into_iter().filter(|counted| counted.leaks);
            Some(leaks.map(|leak| (leak.what, leak.per_message)).collect())
        };
        let found = leaks(&cycles(|n| 1_000_000 + n * 8_000));
        assert_eq!(found, Some(vec![("host heap", 8.0)]));
        assert_eq!(leaks(&cycles(|n| 1_000 + n % 3)), Some(vec![]));
        assert_eq!(leaks(&cycles(|n| n)[..6]), None);
    }
}

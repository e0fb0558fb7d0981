//! What else the machine did while something was measured.

use rustix::param::clock_ticks_per_second;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// How much of the cores' time went elsewhere, as shares of all of it. What this machine
/// does not tell is `None`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
pub struct Noise {
    /// To other guests of the same machine ("steal", proc(5)).
    pub steal: Option<f64>,
    /// To other processes on this one.
    pub others: Option<f64>,
}

/// Above this share, whatever took the time may have moved a median: a core that is
/// shared for 5 % of the time delays 5 % of the slices.
const NOISY: f64 = 0.05;

/// The kernel counts in ticks of 10 ms: of a shorter time they say too little.
const SHORTEST: Duration = Duration::from_secs(1);

impl Noise {
    /// What a reader must know, if the machine was not quiet.
    pub fn warning(&self) -> Option<String> {
        let over = |share: Option<f64>| share.filter(|share| *share > NOISY);
        let what = match (over(self.others), over(self.steal)) {
            (Some(share), _) => format!("other processes took {:.0} %", share * 100.0),
            (None, Some(share)) => format!("other virtual machines took {:.0} %", share * 100.0),
            (None, None) => return None,
        };
        Some(format!(
            "noisy: {what} of the cores' time while this was measured; intervals are wider for it"
        ))
    }
}

/// Watches from when it is made.
pub struct Watch {
    since: Instant,
    machine: Option<Machine>,
    own: Option<u64>,
}

/// Ticks since the machine started, and over how many cores, whichever of them are ours.
#[derive(Clone, Copy)]
struct Machine {
    cores: usize,
    busy: u64,
    steal: u64,
}

impl Watch {
    /// Starts to watch.
    pub fn start() -> Self {
        Self {
            since: Instant::now(),
            machine: machine(),
            own: own(),
        }
    }

    /// What happened until now.
    pub fn noise(&self) -> Noise {
        let (Some(before), Some(after)) = (self.machine, machine()) else {
            return Noise::default();
        };
        let elapsed = self.since.elapsed();
        if elapsed < SHORTEST {
            return Noise::default();
        }
        let ticks = clock_ticks_per_second() as f64 * after.cores as f64;
        let all = elapsed.as_secs_f64() * ticks;
        let share = |ticks: u64| ticks as f64 / all;
        let busy = after.busy.saturating_sub(before.busy);
        let mine = self.own.zip(own()).map(|(before, after)| after - before);
        Noise {
            steal: Some(share(after.steal.saturating_sub(before.steal))),
            others: mine.map(|mine| share(busy.saturating_sub(mine))),
        }
    }
}

/// The first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal.
fn machine() -> Option<Machine> {
    let text = std::fs::read_to_string("/proc/stat").ok()?;
    let ticks = numbers(text.lines().next()?.strip_prefix("cpu ")?)?;
    let [user, nice, system, _, _, irq, softirq, steal, ..] = ticks[..] else {
        return None;
    };
    let is_core = |line: &&str| line.starts_with("cpu") && !line.starts_with("cpu ");
    Some(Machine {
        cores: text.lines().filter(is_core).count(),
        busy: user + nice + system + irq + softirq,
        steal,
    })
}

/// This process's and its ended children's: fields 14 to 17 of `/proc/self/stat`. The
/// second field, the name, may have spaces and ends at the last parenthesis.
fn own() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, after_name) = text.rsplit_once(") ")?;
    let after_state = after_name.split_once(' ')?.1;
    let fields: Vec<&str> = after_state.split(' ').collect();
    Some(numbers(&fields.get(10..14)?.join(" "))?.iter().sum())
}

fn numbers(text: &str) -> Option<Vec<u64>> {
    let words = text.split_whitespace();
    words.map(|word| word.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_work_is_not_others() {
        let watch = Watch::start();
        while watch.since.elapsed() < SHORTEST {
            std::hint::black_box(0);
        }
        let used = own().unwrap() - watch.own.unwrap();
        assert!(used > 0, "a busy second took no time");
        let noise = watch.noise();
        assert!(noise.others.unwrap() >= 0.0 && noise.steal.unwrap() >= 0.0);
    }

    #[test]
    fn only_a_noisy_run_is_called_so() {
        let noise = |others, steal| Noise { steal, others };
        assert_eq!(noise(Some(0.01), Some(0.0)).warning(), None);
        assert_eq!(noise(None, None).warning(), None);
        let others = noise(Some(0.3), None).warning().unwrap();
        assert!(others.contains("other processes took 30 %"), "{others}");
        assert!(noise(Some(0.0), Some(0.1)).warning().is_some());
    }
}

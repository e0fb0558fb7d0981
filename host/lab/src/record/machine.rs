//! The use of the cores: the kernel's counts of this process, its children and all others.

use rustix::param::clock_ticks_per_second;
use rustix::process::{WaitId, WaitIdOptions, waitid};
use rustix::time::{ClockId, clock_gettime};
use sandlab_runtime::limits::throttled;
use std::collections::HashMap;
use std::fs::read_to_string;
use std::time::{Duration, Instant};

/// The machine's activity between two readings. What this machine does not tell is `None`.
#[derive(Debug, Clone, Copy)]
pub struct Stretch {
    /// The time between the two readings, by the wall clock.
    pub elapsed: Duration,
    /// Cores of this machine, whichever of them are ours.
    pub cores: usize,
    /// CPU time of this process and its children.
    pub own: Duration,
    /// The time that their threads were ready and waited for a core, all together.
    pub waited: Option<Duration>,
    /// CPU time of all other processes.
    pub others: Option<Duration>,
    /// CPU time that other guests of the host took.
    pub steal: Option<Duration>,
    /// The time that a control group's quota kept the process from running.
    pub throttled: Option<Duration>,
}

/// The kernel's counters at a moment.
pub(super) struct Counters {
    at: Instant,
    stat: Option<Stat>,
    own: Duration,
    /// CPU time of children that have ended.
    ended: Duration,
    /// Of each thread of this process, and of each child's first one, which does its work.
    threads: HashMap<u32, Thread>,
    children: Vec<u32>,
    throttled: Option<Duration>,
}

/// All cores since the machine started.
#[derive(Clone, Copy)]
struct Stat {
    cores: usize,
    busy: Duration,
    steal: Duration,
}

/// A thread's line in `schedstat`.
#[derive(Clone, Copy, Default)]
struct Thread {
    ran: Duration,
    waited: Duration,
    slices: u32,
}

/// A thread that is woken waits this long for its core to leave idle, with nobody else there; in
/// a virtual machine as long as the host takes to run the core again. Who waits for somebody
/// else's slice waits for milliseconds.
const WAKING: Duration = Duration::from_micros(50);

impl Counters {
    pub(super) fn now() -> Self {
        let children = children();
        let mut threads: HashMap<u32, Thread> = HashMap::new();
        for id in numbers_in("/proc/self/task") {
            threads.extend(thread(&format!("/proc/self/task/{id}/schedstat")).map(|it| (id, it)));
        }
        for id in &children {
            threads.extend(thread(&format!("/proc/{id}/schedstat")).map(|it| (*id, it)));
        }
        let time = clock_gettime(ClockId::ProcessCPUTime);
        Self {
            // A CPU clock starts at zero, and its nanoseconds are below a second.
            own: Duration::new(time.tv_sec as u64, time.tv_nsec as u32),
            ended: ended_children().unwrap_or_default(),
            threads,
            children,
            stat: stat(),
            throttled: throttled(),
            at: Instant::now(),
        }
    }

    /// Returns what happened until the later reading.
    pub(super) fn until(&self, later: &Self) -> Stretch {
        let since = |id: &u32| {
            let before = self.threads.get(id).copied().unwrap_or_default();
            later.threads.get(id).map(|after| after.since(before))
        };
        let of_children = later.children.iter().filter_map(|id| Some(since(id)?.ran));
        let of_children: Duration = of_children.sum();
        let own = later.own.saturating_sub(self.own)
            + later.ended.saturating_sub(self.ended)
            + of_children;
        let waited = later.threads.keys().filter_map(since).map(|it| it.waited_for_others());
        let stat = self.stat.zip(later.stat);
        let throttled = self.throttled.zip(later.throttled);
        Stretch {
            elapsed: later.at - self.at,
            cores: later.stat.map_or(1, |stat| stat.cores.max(1)),
            own,
            waited: (!later.threads.is_empty()).then(|| waited.sum()),
            others: stat
                .map(|(before, after)| after.busy.saturating_sub(before.busy).saturating_sub(own)),
            steal: stat.map(|(before, after)| after.steal.saturating_sub(before.steal)),
            throttled: throttled.map(|(before, after)| after.saturating_sub(before)),
        }
    }
}

impl Thread {
    fn since(self, before: Self) -> Self {
        Self {
            ran: self.ran.saturating_sub(before.ran),
            waited: self.waited.saturating_sub(before.waited),
            slices: self.slices.saturating_sub(before.slices),
        }
    }

    fn waited_for_others(self) -> Duration {
        self.waited.saturating_sub(WAKING.saturating_mul(self.slices))
    }
}

/// Reads `schedstat` (sched-stats.rst): nanoseconds on a core, nanoseconds of waiting for one,
/// and the number of times that it got one.
fn thread(path: &str) -> Option<Thread> {
    let [ran, waited, slices] = numbers(&read_to_string(path).ok()?)?[..] else {
        return None;
    };
    Some(Thread {
        ran: Duration::from_nanos(ran),
        waited: Duration::from_nanos(waited),
        slices: slices.try_into().unwrap_or(u32::MAX),
    })
}

/// Returns the processes that this one started and that have not ended.
fn children() -> Vec<u32> {
    // Without children, which is the rule, nobody's list of processes is gone through.
    let peek = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    if waitid(WaitId::All, peek).is_err() {
        return Vec::new();
    }
    let own = std::process::id();
    let is_child = |id: &u32| {
        let text = read_to_string(format!("/proc/{id}/stat")).ok();
        let parent = text.and_then(|text| after_name(&text)?.split(' ').nth(1)?.parse().ok());
        parent == Some(own)
    };
    numbers_in("/proc").into_iter().filter(is_child).collect()
}

/// Reads the first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal.
fn stat() -> Option<Stat> {
    let text = read_to_string("/proc/stat").ok()?;
    let counted = numbers(text.lines().next()?.strip_prefix("cpu ")?)?;
    let [user, nice, system, _, _, irq, softirq, steal, ..] = counted[..] else {
        return None;
    };
    let is_core = |line: &&str| line.starts_with("cpu") && !line.starts_with("cpu ");
    Some(Stat {
        cores: text.lines().filter(is_core).count(),
        busy: ticks(user + nice + system + irq + softirq),
        steal: ticks(steal),
    })
}

/// Reads fields 16 and 17 of `/proc/self/stat`: the CPU time of children that have ended.
fn ended_children() -> Option<Duration> {
    let text = read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = after_name(&text)?.split(' ').collect();
    Some(ticks(numbers(&fields.get(13..15)?.join(" "))?.iter().sum()))
}

/// Returns the fields of a process's `stat` from the third on. The second, its name, may have
/// spaces and ends at the last parenthesis.
fn after_name(stat: &str) -> Option<&str> {
    Some(stat.rsplit_once(") ")?.1)
}

fn ticks(ticks: u64) -> Duration {
    Duration::from_secs_f64(ticks as f64 / clock_ticks_per_second() as f64)
}

fn numbers(text: &str) -> Option<Vec<u64>> {
    let words = text.split_whitespace();
    words.map(|word| word.parse().ok()).collect()
}

/// Returns the entries of a folder that are numbers: threads, or processes.
fn numbers_in(folder: &str) -> Vec<u32> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_work_and_that_of_children_is_not_others() {
        let before = Counters::now();
        let mut child = std::process::Command::new("sh");
        let mut child = child.args(["-c", "while :; do :; done"]).spawn().unwrap();
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(300) {
            std::hint::black_box(0);
        }
        let alive = before.until(&Counters::now());
        child.kill().unwrap();
        child.wait().unwrap();
        let ended = before.until(&Counters::now());
        for stretch in [alive, ended] {
            assert!(stretch.own > Duration::from_millis(20), "{stretch:?}");
            assert!(stretch.cores > 0 && stretch.others.is_some() && stretch.waited.is_some());
            // No more than all cores together can have run.
            let most = stretch.elapsed * stretch.cores as u32 + Duration::from_millis(50);
            assert!(stretch.own + stretch.others.unwrap() <= most, "{stretch:?}");
        }
    }

    #[test]
    fn a_wait_for_an_idle_core_is_not_a_wait_for_others() {
        let woken = Thread { waited: Duration::from_millis(4), slices: 100, ..Thread::default() };
        assert_eq!(woken.waited_for_others(), Duration::ZERO);
        let preempted = Thread { slices: 2, ..woken };
        assert!(preempted.waited_for_others() > Duration::from_millis(3));
    }
}

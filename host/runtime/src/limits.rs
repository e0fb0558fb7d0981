//! The kernel's limits of this process: its control groups (cgroups(7), of version 1 and 2) and
//! resource limits (getrlimit(2)). A limit of a group holds for all groups beneath it, so that
//! the least of the way up to the root counts.

use rustix::process::{Resource, getrlimit};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

/// A control group that this process is in, by its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Group {
    /// The folder of a control group of version 1.
    V1(PathBuf),
    /// The folder of a control group of version 2.
    V2(PathBuf),
}

/// Returns the groups of this process that can limit `memory`, `cpu` or another controller, each
/// before the one that it is in.
pub(crate) fn groups(controller: &str) -> Vec<Group> {
    let read = |file| fs::read_to_string(file).unwrap_or_default();
    groups_in(&read("/proc/self/mountinfo"), &read("/proc/self/cgroup"), controller)
}

fn groups_in(mounts: &str, own: &str, controller: &str) -> Vec<Group> {
    let hierarchies = mounts.lines().filter_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let mount: Vec<&str> = mount.split(' ').collect();
        let kind: Vec<&str> = kind.split(' ').collect();
        let (name, group) = match *kind.first()? {
            "cgroup2" => ("", Group::V2 as fn(PathBuf) -> Group),
            "cgroup" if kind.last()?.split(',').any(|option| option == controller) => {
                (controller, Group::V1 as fn(PathBuf) -> Group)
            }
            _ => return None,
        };
        // `4:cpu,memory:/path` in version 1, `0::/path` in version 2.
        let path = own.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let is_it = fields.next()?.split(',').any(|one| one == name);
            fields.next().filter(|_| is_it)
        })?;
        // In a container the mount can begin below the hierarchy's root. Where the path is the
        // host's nevertheless, only the root of the mount is there.
        let (path, root) = (Path::new(path), Path::new(*mount.get(3)?));
        let path = path.strip_prefix(root).or(path.strip_prefix("/")).ok()?;
        Some((PathBuf::from(*mount.get(4)?), path.to_owned(), group))
    });
    let levels = hierarchies.flat_map(|(mount, path, group)| {
        let levels: Vec<_> = path.ancestors().map(|level| group(mount.join(level))).collect();
        levels
    });
    levels.collect()
}

/// The limit that bounds the memory of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// The machine has no more.
    Machine,
    /// The control group, such as a container's, may have so many bytes.
    Group(u64),
    /// The process may have so many bytes of addresses (`RLIMIT_AS`; `ulimit -v`).
    Addresses(u64),
    /// The process may have so many bytes of data (`RLIMIT_DATA`; `ulimit -d`).
    Data(u64),
}

/// As a subject: "this container's limit of 512.0 MiB".
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        match *self {
            Self::Machine => f.write_str("this machine"),
            Self::Group(limit) => write!(f, "this container's limit of {:.1} MiB", mib(limit)),
            Self::Addresses(limit) => {
                write!(f, "this process's limit of {:.1} MiB (`ulimit -v`)", mib(limit))
            }
            Self::Data(limit) => {
                write!(f, "this process's limit of {:.1} MiB (`ulimit -d`)", mib(limit))
            }
        }
    }
}

/// Memory that this process could still take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Available {
    /// Bytes that can still be taken without swapping.
    pub bytes: u64,
    /// The limit that is reached first.
    pub by: Holder,
}

/// Returns what this process could still take without swapping; `None` where the kernel does not
/// tell.
pub fn available_memory() -> Option<Available> {
    let machine = Available {
        bytes: field(&fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:")? << 10,
        by: Holder::Machine,
    };
    let groups = groups("memory");
    let groups = groups.iter().filter_map(|group| {
        let limit = group.memory_limit()?;
        Some(Available {
            bytes: limit.saturating_sub(group.memory_in_use()?),
            by: Holder::Group(limit),
        })
    });
    let resources = [
        (Resource::As, "VmSize:", Holder::Addresses as fn(u64) -> Holder),
        (Resource::Data, "VmData:", Holder::Data),
    ];
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resources = resources.into_iter().filter_map(|(resource, used, holder)| {
        let limit = getrlimit(resource).current?;
        Some(Available {
            bytes: limit.saturating_sub(field(&status, used)? << 10),
            by: holder(limit),
        })
    });
    let all = [machine].into_iter().chain(groups).chain(resources);
    all.min_by_key(|available| available.bytes)
}

/// Returns how much of its addresses this process may still use, bytes; `None` if that is not
/// limited.
pub fn available_addresses() -> Option<u64> {
    let limit = getrlimit(Resource::As).current?;
    let status = fs::read_to_string("/proc/self/status").ok()?;
    Some(limit.saturating_sub(field(&status, "VmSize:")? << 10))
}

/// Returns the least memory limit of this process's control groups, bytes; `None` without one.
pub fn memory_limit() -> Option<u64> {
    let groups = groups("memory");
    groups.iter().filter_map(Group::memory_limit).min()
}

/// Returns how many cores' time this process's control groups may use; `None` if that is not
/// limited.
pub fn cpu_quota() -> Option<f64> {
    let groups = groups("cpu");
    groups.iter().filter_map(Group::cpu_quota).reduce(f64::min)
}

/// Returns how long the quotas of this process's control groups have kept threads from running,
/// all together, since the groups were made; `None` if no group tells.
pub fn throttled() -> Option<Duration> {
    // Kept: this is read for every window that is measured.
    static GROUPS: OnceLock<Vec<Group>> = OnceLock::new();
    let groups = GROUPS.get_or_init(|| groups("cpu")).iter();
    groups.filter_map(Group::throttled).reduce(|all, one| all + one)
}

/// The most that version 1 says instead of "no limit" is a number of pages near 2^63.
const NO_LIMIT: u64 = 1 << 60;

impl Group {
    /// Returns the path of its file, which has another name in each version.
    pub(crate) fn file(&self, v1: &str, v2: &str) -> PathBuf {
        match self {
            Self::V1(folder) => folder.join(v1),
            Self::V2(folder) => folder.join(v2),
        }
    }

    fn read(&self, v1: &str, v2: &str) -> Option<String> {
        fs::read_to_string(self.file(v1, v2)).ok()
    }

    fn memory_limit(&self) -> Option<u64> {
        let text = self.read("memory.limit_in_bytes", "memory.max")?;
        // `max` is no number.
        let limit: u64 = text.trim().parse().ok()?;
        (limit < NO_LIMIT).then_some(limit)
    }

    /// Returns the memory in use, bytes, without what the kernel gives back as soon as memory is
    /// short: pages of files.
    fn memory_in_use(&self) -> Option<u64> {
        let text = self.read("memory.usage_in_bytes", "memory.current")?;
        let used: u64 = text.trim().parse().ok()?;
        let stat = self.read("memory.stat", "memory.stat").unwrap_or_default();
        let names = match self {
            Self::V1(_) => ["total_inactive_file", "total_active_file"],
            Self::V2(_) => ["inactive_file", "active_file"],
        };
        let files = names.iter().filter_map(|name| field(&stat, name));
        Some(used.saturating_sub(files.sum()))
    }

    fn throttled(&self) -> Option<Duration> {
        let text = self.read("cpu.stat", "cpu.stat")?;
        match self {
            Self::V1(_) => field(&text, "throttled_time").map(Duration::from_nanos),
            Self::V2(_) => field(&text, "throttled_usec").map(Duration::from_micros),
        }
    }

    fn cpu_quota(&self) -> Option<f64> {
        let number = |text: &str| text.trim().parse::<f64>().ok();
        let (quota, period) = match self {
            // -1 is no quota.
            Self::V1(_) => (
                number(&self.read("cpu.cfs_quota_us", "")?)?,
                number(&self.read("cpu.cfs_period_us", "")?)?,
            ),
            // `max 100000` is none.
            Self::V2(_) => {
                let text = self.read("", "cpu.max")?;
                let (quota, period) = text.trim().split_once(' ')?;
                (number(quota)?, number(period)?)
            }
        };
        (quota > 0.0 && period > 0.0).then(|| quota / period)
    }
}

/// Returns the number of the line that begins with this name.
fn field(text: &str, name: &str) -> Option<u64> {
    let mut words = text.lines().map(str::split_whitespace);
    let mut line = words.find(|words| words.clone().next() == Some(name))?;
    line.nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a temporary folder with these files.
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn each_group_comes_before_the_one_that_it_is_in_in_both_versions() {
        let mounts = "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n\
                      35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
                      41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
        let own = "5:memory:/x\n4:cpu,cpuacct:/job/task\n0::/slice\n";
        let v1 = ["cpu/job/task", "cpu/job", "cpu/"].map(|path| Group::V1(under(path)));
        let v2 = ["unified/slice", "unified/"].map(|path| Group::V2(under(path)));
        assert_eq!(groups_in(mounts, own, "cpu"), [&v1[..], &v2[..]].concat());
        let inside = "41 31 0:38 /docker/c0 /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
        let found = groups_in(inside, "0::/docker/c0/app\n", "memory");
        assert_eq!(found, ["app", ""].map(|path| Group::V2(under(path))));
        assert_eq!(groups_in("", own, "memory"), []);
    }

    fn under(path: &str) -> PathBuf {
        Path::new("/sys/fs/cgroup").join(path)
    }

    #[test]
    fn both_versions_tell_their_limits() {
        let v1 = folder(&[
            ("memory.limit_in_bytes", "536870912\n"),
            ("memory.usage_in_bytes", "100000000\n"),
            ("memory.stat", "inactive_file 5\ntotal_inactive_file 20000000\ntotal_active_file 1\n"),
            ("cpu.cfs_quota_us", "50000\n"),
            ("cpu.cfs_period_us", "100000\n"),
            ("cpu.stat", "nr_periods 26\nnr_throttled 21\nthrottled_time 900000000\n"),
        ]);
        let v1 = Group::V1(v1.path().to_owned()).all();
        let v2 = folder(&[
            ("memory.max", "536870912\n"),
            ("memory.current", "100000000\n"),
            ("memory.stat", "anon 7\ninactive_file 20000000\nactive_file 1\n"),
            ("cpu.max", "50000 100000\n"),
            ("cpu.stat", "usage_usec 5\nnr_throttled 21\nthrottled_usec 900000\n"),
        ]);
        let v2 = Group::V2(v2.path().to_owned()).all();
        assert_eq!((v1, v2), (LIMITED, LIMITED));
    }

    #[test]
    fn no_limit_is_none() {
        let v1 = folder(&[
            ("memory.limit_in_bytes", "9223372036854771712\n"),
            ("cpu.cfs_quota_us", "-1\n"),
            ("cpu.cfs_period_us", "100000\n"),
        ]);
        let v2 = folder(&[("memory.max", "max\n"), ("cpu.max", "max 100000\n")]);
        for group in [Group::V1(v1.path().to_owned()), Group::V2(v2.path().to_owned())] {
            assert_eq!(group.all(), (None, None, None, None), "{group:?}");
        }
    }

    type All = (Option<u64>, Option<u64>, Option<f64>, Option<Duration>);

    const LIMITED: All =
        (Some(512 << 20), Some(79_999_999), Some(0.5), Some(Duration::from_millis(900)));

    impl Group {
        fn all(&self) -> All {
            (self.memory_limit(), self.memory_in_use(), self.cpu_quota(), self.throttled())
        }
    }

    #[test]
    fn this_machine_tells() {
        let available = available_memory().unwrap();
        assert!(available.bytes > 0, "{available:?}");
    }
}

//! How long a control group's CPU quota kept this process from running.

use std::fs::read_to_string;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

/// Returns how long the quotas of this process's group, or of one above it, have kept it from
/// running since they were set; `None` if there is no group that would tell.
pub(super) fn throttled() -> Option<Duration> {
    static FILES: OnceLock<Vec<PathBuf>> = OnceLock::new();
    let files = FILES.get_or_init(|| {
        let read = |file| read_to_string(file).unwrap_or_default();
        files(&read("/proc/self/mountinfo"), &read("/proc/self/cgroup"))
    });
    let counted = files.iter().filter_map(|file| time(&read_to_string(file).ok()?));
    counted.reduce(|all, one| all + one)
}

/// Returns the `cpu.stat` of every group from this process's own up to the root of each
/// hierarchy (cgroups(7)).
fn files(mounts: &str, groups: &str) -> Vec<PathBuf> {
    let mounts = mounts.lines().filter_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let mount: Vec<&str> = mount.split(' ').collect();
        let kind: Vec<&str> = kind.split(' ').collect();
        let is_ours = match *kind.first()? {
            "cgroup2" => |group: &str| group.starts_with("0::"),
            "cgroup" if kind.last()?.split(',').any(|option| option == "cpu") => {
                |group: &str| group.split([':', ',']).skip(1).any(|name| name == "cpu")
            }
            _ => return None,
        };
        let group = groups.lines().find(|group| is_ours(group))?;
        let path = Path::new(group.splitn(3, ':').nth(2)?);
        // In a container the mount may begin below the hierarchy's root.
        let root = Path::new(*mount.get(3)?);
        let path = path.strip_prefix(root).or(path.strip_prefix("/")).ok()?;
        Some((PathBuf::from(*mount.get(4)?), path.to_owned()))
    });
    let files = mounts.flat_map(|(mount, path)| {
        let levels: Vec<PathBuf> = path.ancestors().map(|level| mount.join(level)).collect();
        levels.into_iter().map(|level| level.join("cpu.stat"))
    });
    files.collect()
}

/// Reads `throttled_usec` of version 2, or `throttled_time`, nanoseconds, of version 1.
fn time(stat: &str) -> Option<Duration> {
    let value = |name: &str| {
        let mut lines = stat.lines().filter_map(|line| line.split_once(' '));
        let (_, value) = lines.find(|(key, _)| *key == name)?;
        value.parse().ok()
    };
    let version_2 = value("throttled_usec").map(Duration::from_micros);
    version_2.or_else(|| value("throttled_time").map(Duration::from_nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_up_to_the_root_is_read_in_both_versions() {
        let mounts = "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n\
                      35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
                      41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
        let groups = "5:memory:/x\n4:cpu,cpuacct:/job/task\n0::/slice\n";
        let paths = [
            "/sys/fs/cgroup/cpu/job/task/cpu.stat",
            "/sys/fs/cgroup/cpu/job/cpu.stat",
            "/sys/fs/cgroup/cpu/cpu.stat",
            "/sys/fs/cgroup/unified/slice/cpu.stat",
            "/sys/fs/cgroup/unified/cpu.stat",
        ];
        assert_eq!(files(mounts, groups), paths.map(PathBuf::from));
        let inside = "41 31 0:38 /docker/c0 /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
        let found = files(inside, "0::/docker/c0/app\n");
        assert_eq!(found[0], Path::new("/sys/fs/cgroup/app/cpu.stat"));
    }

    #[test]
    fn both_versions_tell_the_time() {
        let second = "usage_usec 5\nnr_periods 26\nnr_throttled 21\nthrottled_usec 900000\n";
        assert_eq!(time(second), Some(Duration::from_millis(900)));
        let first = "nr_periods 26\nnr_throttled 21\nthrottled_time 900000000\n";
        assert_eq!(time(first), Some(Duration::from_millis(900)));
        assert_eq!(time("usage_usec 5\n"), None);
    }
}

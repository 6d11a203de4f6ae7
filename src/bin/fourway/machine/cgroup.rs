//! The limits of this process's control groups and of their ancestors, in both versions of control groups.
//!
//! A container may see only the root of its own groups. So every ancestor of a group is read, and those that are not
//! there have no limit.

use std::path::Path;

use super::Reader;

/// A limit of memory that a group has, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    pub limit: u64,
    /// The memory that the group uses now.
    pub used: Option<u64>,
    /// The file that sets the limit.
    pub file: String,
}

impl Memory {
    /// Returns the bytes that the group can still have.
    pub fn free(&self) -> u64 {
        self.limit.saturating_sub(self.used.unwrap_or_default())
    }
}

/// Returns the limits of memory of all groups, without those that are not set.
pub fn memory(read: Reader<'_>) -> Vec<Memory> {
    let files = Files { controller: "memory", unified: "memory.max", own: "memory.limit_in_bytes" };
    let limit = |(folder, file): (String, &str)| {
        let used = if file == files.unified { "memory.current" } else { "memory.usage_in_bytes" };
        let path = format!("{folder}/{file}");
        let number = |path: &str| read(path).and_then(|text| text.trim().parse().ok());
        Some(Memory { limit: number(&path)?, used: number(&format!("{folder}/{used}")), file: path })
    };
    folders(read, &files).into_iter().filter_map(limit).collect()
}

/// A limit of processor time, as processors: 0.5 is half of the time of one.
#[derive(Debug, Clone, PartialEq)]
pub struct Quota {
    pub processors: f64,
    /// The file that sets the limit.
    pub file: String,
}

/// Returns the lowest limit of processor time, or `None` if no group has one.
pub fn quota(read: Reader<'_>) -> Option<Quota> {
    let files = Files { controller: "cpu", unified: "cpu.max", own: "cpu.cfs_quota_us" };
    let limit = |(folder, file): (String, &str)| {
        let path = format!("{folder}/{file}");
        let text = read(&path)?;
        // The file of the second version has both numbers.
        let period = read(&format!("{folder}/cpu.cfs_period_us")).unwrap_or_default();
        let both = format!("{text} {period}");
        let mut numbers = both.split_whitespace().map(str::parse::<f64>);
        let (quota, period) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        (quota > 0.0 && period > 0.0).then(|| Quota { processors: quota / period, file: path })
    };
    let quotas = folders(read, &files).into_iter().filter_map(limit);
    quotas.min_by(|a, b| a.processors.total_cmp(&b.processors))
}

/// The files that set a limit.
struct Files {
    controller: &'static str,
    /// In the second version, in which all controllers share one tree.
    unified: &'static str,
    /// In the first version, in which each controller has a tree of its own.
    own: &'static str,
}

/// Returns the folder of each group of the process and of their ancestors, and the name of the file there.
fn folders(read: Reader<'_>, files: &Files) -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    for line in read("/proc/self/cgroup").unwrap_or_default().lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else { continue };
        let (root, file) = if controllers.is_empty() {
            ("/sys/fs/cgroup".to_owned(), files.unified)
        } else if controllers.split(',').any(|name| name == files.controller) {
            (format!("/sys/fs/cgroup/{}", files.controller), files.own)
        } else {
            continue;
        };
        for ancestor in Path::new(group).ancestors().filter_map(Path::to_str) {
            found.push((format!("{root}{}", ancestor.trim_end_matches('/')), file));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(groups: &str) -> Vec<u64> {
        let read = |path: &str| match path {
            "/proc/self/cgroup" => Some(groups.to_owned()),
            "/sys/fs/cgroup/a/b/memory.max" => Some("max\n".to_owned()),
            "/sys/fs/cgroup/a/memory.max" => Some("1000\n".to_owned()),
            "/sys/fs/cgroup/memory/memory.limit_in_bytes" => Some("2000\n".to_owned()),
            _ => None,
        };
        memory(&read).iter().map(|group| group.limit).collect()
    }

    #[test]
    fn every_control_group_of_the_process_limits_it() {
        assert_eq!(limits("0::/a/b\n"), [1000]);
        assert_eq!(limits("4:cpu:/x\n3:memory:/not/here\n"), [2000]);
        assert_eq!(limits("nonsense\n"), []);
    }

    #[test]
    fn a_group_that_uses_memory_has_less_of_it_left() {
        let read = |path: &str| match path {
            "/proc/self/cgroup" => Some("0::/a\n".to_owned()),
            "/sys/fs/cgroup/a/memory.max" => Some("1000\n".to_owned()),
            "/sys/fs/cgroup/a/memory.current" => Some("400\n".to_owned()),
            _ => None,
        };
        let groups = memory(&read);
        assert_eq!((groups[0].free(), groups[0].file.as_str()), (600, "/sys/fs/cgroup/a/memory.max"));
    }

    fn quota_of(groups: &'static str, files: &[(&'static str, &'static str)]) -> Option<f64> {
        let read = |path: &str| {
            let found = files.iter().find(|(file, _)| *file == path).map(|(_, text)| text.to_string());
            found.or_else(|| (path == "/proc/self/cgroup").then(|| groups.to_owned()))
        };
        quota(&read).map(|quota| quota.processors)
    }

    #[test]
    fn the_lowest_quota_of_both_versions_counts() {
        let unified = [
            ("/sys/fs/cgroup/a/b/cpu.max", "150000 100000\n"),
            ("/sys/fs/cgroup/a/cpu.max", "50000 100000\n"),
            ("/sys/fs/cgroup/cpu.max", "max 100000\n"),
        ];
        assert_eq!(quota_of("0::/a/b\n", &unified), Some(0.5));
        let own = [
            ("/sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "200000\n"),
            ("/sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n"),
            ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"),
            ("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
        ];
        assert_eq!(quota_of("4:cpu,cpuacct:/x\n", &own), Some(2.0));
        assert_eq!(quota_of("0::/\n", &[]), None);
    }
}

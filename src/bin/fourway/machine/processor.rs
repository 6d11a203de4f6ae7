//! The processors: their number, and the time that a hypervisor took from them.

use std::thread;

use super::{Reader, cgroup};

/// The processors of this machine that this process may use.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Processors {
    pub count: Option<usize>,
    /// The limit of a control group.
    pub quota: Option<cgroup::Quota>,
    pub times: Option<Times>,
}

impl Processors {
    /// Reads everything but the number of processors, which it takes.
    pub fn read(read: Reader<'_>, count: Option<usize>) -> Self {
        let times = read("/proc/stat").and_then(|stat| Times::parse(&stat));
        Processors { count, quota: cgroup::quota(read), times }
    }
}

/// Returns the number of processors that this process may run on.
pub fn count() -> Option<usize> {
    // Where the system does not tell, this is an error and not 1.
    thread::available_parallelism().ok().map(Into::into)
}

/// What all processors together have done since the start of the machine, in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    pub total: u64,
    /// The time in which there was work, and the hypervisor ran something else.
    pub stolen: u64,
}

impl Times {
    /// Parses `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal. Two further columns, for guests, are
    /// already counted in the first two (`man 5 proc_stat`).
    fn parse(stat: &str) -> Option<Self> {
        let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let columns: Option<Vec<u64>> =
            line.split_whitespace().take(8).map(|column| column.parse().ok()).collect();
        let columns = columns.filter(|columns| columns.len() == 8)?;
        Some(Times {
            total: columns.iter().fold(0, |sum, &ticks| sum.saturating_add(ticks)),
            stolen: columns[7],
        })
    }

    /// Returns the stolen part, from 0 to 1.
    pub fn share_stolen(&self) -> f64 {
        if self.total == 0 { 0.0 } else { self.stolen as f64 / self.total as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stolen_time_is_a_part_of_all_processors_time() {
        let stat = "cpu  50 0 20 20 0 0 5 5 40 0\ncpu0 9 9 9 9 9 9 9 9 9 9\n";
        let times = Times::parse(stat).unwrap();
        assert_eq!(times, Times { total: 100, stolen: 5 });
        assert!((times.share_stolen() - 0.05).abs() < 1e-9);
    }

    #[test]
    fn a_line_without_stolen_time_is_not_read() {
        assert_eq!(Times::parse("cpu  1 2 3 4\n"), None);
        assert_eq!(Times::parse("intr 5\n"), None);
    }
}

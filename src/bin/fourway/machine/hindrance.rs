//! What keeps processors from the program without a trace in its own count: a hypervisor that takes their time for
//! other machines, and a control group that has used up its share.

use std::time::Duration;

/// Times since an unknown beginning, or between two reads. `None` is unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hindrance {
    /// The time that the hypervisor has taken from all processors of this machine together (`steal`, proc_stat(5)).
    pub stolen: Option<Duration>,
    /// The time for which the program's control groups were stopped (`throttled_usec` of `cpu.stat`).
    pub throttled: Option<Duration>,
}

impl Hindrance {
    pub fn since(self, before: Hindrance) -> Hindrance {
        let since = |now: Option<Duration>, before: Option<Duration>| Some(now?.saturating_sub(before?));
        Hindrance {
            stolen: since(self.stolen, before.stolen),
            throttled: since(self.throttled, before.throttled),
        }
    }

    /// Returns how much of this belongs to one second, if it is spread evenly over `elapsed`.
    pub fn in_a_second_of(self, elapsed: Duration) -> Hindrance {
        let part = 1.0 / elapsed.as_secs_f64().max(1.0);
        let of = |time: Option<Duration>| time.map(|time| time.mul_f64(part));
        Hindrance { stolen: of(self.stolen), throttled: of(self.throttled) }
    }
}

/// Returns the stolen time of the first line of `/proc/stat`. It is the eighth number, in hundredths of a second.
#[cfg(any(target_os = "linux", test))]
fn stolen_of(stat: &str) -> Option<Duration> {
    let ticks: u64 = stat.strip_prefix("cpu ")?.split_ascii_whitespace().nth(7)?.parse().ok()?;
    Some(Duration::from_millis(ticks.saturating_mul(10)))
}

/// Returns the throttled time of a `cpu.stat`, which has microseconds in version 2 of control groups, and nanoseconds
/// in version 1.
#[cfg(any(target_os = "linux", test))]
fn throttled_of(cpu_stat: &str) -> Option<Duration> {
    let number = |line: &str, name| line.strip_prefix(name)?.trim().parse::<u64>().ok();
    cpu_stat.lines().find_map(|line| {
        let micros = number(line, "throttled_usec ").map(Duration::from_micros);
        micros.or_else(|| number(line, "throttled_time ").map(Duration::from_nanos))
    })
}

/// Returns the paths of the `cpu.stat` of a process's control groups and of their ancestors.
#[cfg(any(target_os = "linux", test))]
fn group_paths(groups: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else { continue };
        let root = match controllers {
            "" => "/sys/fs/cgroup",
            controllers if controllers.split(',').any(|controller| controller == "cpu") => {
                "/sys/fs/cgroup/cpu"
            }
            _ => continue,
        };
        let ancestors = std::path::Path::new(group).ancestors().filter_map(std::path::Path::to_str);
        paths.extend(ancestors.map(|group| format!("{root}{}/cpu.stat", group.trim_end_matches('/'))));
    }
    paths
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::{self, File};
    use std::os::unix::fs::FileExt;

    use super::*;

    /// Reads the hindrance again and again. It keeps its files open, and allocates nothing when it reads.
    #[derive(Debug)]
    pub struct Watch {
        stat: Option<File>,
        groups: Vec<File>,
    }

    impl Watch {
        pub fn open() -> Self {
            let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
            let groups = group_paths(&groups).into_iter().filter_map(|path| File::open(path).ok());
            let has_count = |file: &File| read(file, throttled_of).is_some();
            Watch { stat: File::open("/proc/stat").ok(), groups: groups.filter(has_count).collect() }
        }

        #[cfg(test)]
        pub fn of_nothing() -> Self {
            Watch { stat: None, groups: Vec::new() }
        }

        pub fn read(&self) -> Hindrance {
            let throttled = self.groups.iter().filter_map(|group| read(group, throttled_of));
            Hindrance {
                stolen: self.stat.as_ref().and_then(|stat| read(stat, stolen_of)),
                throttled: throttled.reduce(Duration::saturating_add),
            }
        }
    }

    /// Reads the beginning of a file. That is enough for the numbers that are wanted.
    fn read<T>(file: &File, parse: fn(&str) -> Option<T>) -> Option<T> {
        let mut text = [0; 512];
        let len = file.read_at(&mut text, 0).ok()?;
        let text = text[..len].utf8_chunks().next()?.valid();
        parse(text)
    }
}

#[cfg(target_os = "linux")]
pub use linux::Watch;

/// Other systems have no such counts.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
pub struct Watch;

#[cfg(not(target_os = "linux"))]
impl Watch {
    pub fn open() -> Self {
        Watch
    }

    #[cfg(test)]
    pub fn of_nothing() -> Self {
        Watch
    }

    pub fn read(&self) -> Hindrance {
        Hindrance::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stolen_time_is_the_eighth_number_of_the_first_line() {
        let stat = "cpu  1 2 3 4 5 6 7 250 9 10\ncpu0 9 9 9 9 9 9 9 9 9 9\n";
        assert_eq!(stolen_of(stat), Some(Duration::from_millis(2500)));
        assert_eq!(stolen_of("cpu  1 2 3 4\n"), None);
        assert_eq!(stolen_of("intr 1 2 3 4 5 6 7 8 9\n"), None);
    }

    #[test]
    fn throttled_time_is_found_in_both_versions_of_control_groups() {
        assert_eq!(
            throttled_of("usage_usec 9\nnr_throttled 3\nthrottled_usec 70\n"),
            Some(Duration::from_micros(70))
        );
        assert_eq!(throttled_of("nr_throttled 3\nthrottled_time 70\n"), Some(Duration::from_nanos(70)));
        assert_eq!(throttled_of("usage_usec 9\n"), None);
    }

    #[test]
    fn every_control_group_of_the_processors_and_its_ancestors_is_watched() {
        let v1 = "/sys/fs/cgroup/cpu";
        assert_eq!(
            group_paths("4:memory:/m\n3:cpu,cpuacct:/a/b\n0::/c\n"),
            [
                format!("{v1}/a/b/cpu.stat"),
                format!("{v1}/a/cpu.stat"),
                format!("{v1}/cpu.stat"),
                "/sys/fs/cgroup/c/cpu.stat".into(),
                "/sys/fs/cgroup/cpu.stat".into(),
            ]
        );
        assert!(group_paths("2:cpuacct:/x\nnonsense\n").is_empty());
    }

    #[test]
    fn a_long_time_is_cut_down_to_a_second() {
        let of = |millis| Hindrance { stolen: Some(Duration::from_millis(millis)), throttled: None };
        assert_eq!(of(500).in_a_second_of(Duration::from_secs(10)), of(50));
        assert_eq!(of(500).in_a_second_of(Duration::from_millis(200)), of(500));
    }

    #[test]
    fn what_is_unknown_before_or_after_is_unknown_between() {
        let of = |stolen: Option<u64>| Hindrance { stolen: stolen.map(Duration::from_secs), throttled: None };
        assert_eq!(of(Some(5)).since(of(Some(3))), of(Some(2)));
        assert_eq!(of(Some(5)).since(of(None)), of(None));
    }
}

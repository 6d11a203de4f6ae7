//! The memory of the machine, and the part of it that this process can have.

use super::{Reader, cgroup, this};

/// Returns the memory that this process can have: the minimum of the machine's, the control groups' and the address
/// space's. Returns `None` if the system does not report it.
pub fn of_process() -> Option<u64> {
    let machine = in_all(&this)?;
    let groups = cgroup::memory(&this).into_iter().map(|group| group.limit);
    [machine].into_iter().chain(groups).chain(address_space()).min()
}

/// Returns the machine's memory in bytes.
pub fn in_all(read: Reader<'_>) -> Option<u64> {
    field(&read("/proc/meminfo")?, "MemTotal:")
}

/// Returns the bytes that programs can still have without swapping, as the kernel estimates them.
pub fn free(read: Reader<'_>) -> Option<u64> {
    field(&read("/proc/meminfo")?, "MemAvailable:")
}

#[cfg(unix)]
fn address_space() -> Option<u64> {
    rlimit::Resource::AS.get_soft().ok().filter(|&limit| limit != rlimit::INFINITY)
}

#[cfg(not(unix))]
fn address_space() -> Option<u64> {
    None
}

fn field(meminfo: &str, name: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_from_meminfo() {
        let text = "MemTotal:        2048 kB\nMemFree:  7 kB\nMemAvailable:    1024 kB\n";
        let read = |path: &str| (path == "/proc/meminfo").then(|| text.to_owned());
        assert_eq!(in_all(&read), Some(2 << 20));
        assert_eq!(free(&read), Some(1 << 20));
        assert_eq!(field("MemFree:  7 kB\n", "MemTotal:"), None);
        assert_eq!(field("MemTotal:  18446744073709551615 kB\n", "MemTotal:"), Some(u64::MAX));
    }
}

//! How much memory the program may use: at most half of what the machine or its control group has. The other half is for
//! the kernel's part of each connection, which counts in a control group as well.

use std::fmt;
use std::fs;
use std::path::Path;

use fourway::Config;

/// The most buffers of each kind, if there is memory for them. Slow clients beyond that number make way for others.
const MOST: [usize; 2] = [4096, 256];

/// Less than this is not divided further.
const LEAST_BUFFERS: [usize; 2] = [16, 2];
const LEAST_CONNECTIONS: usize = 64;

/// The memory that the server can come to use.
#[derive(Debug)]
pub struct Memory {
    /// In bytes, with the response's body.
    reserved: u64,
    /// What there is; `None` if the system does not say.
    available: Option<u64>,
    /// How many connections were to be held, if there is no memory for so many.
    wanted: Option<usize>,
}

impl Memory {
    /// Chooses how many buffers there are, and lowers the number of connections if half of the memory does not suffice.
    pub fn divide(config: &mut Config, body: usize, available: Option<u64>) -> Result<Self, String> {
        let wanted = config.max_connections;
        let [most_heads, most_bodies] = MOST;
        config.buffers.heads = wanted.min(most_heads);
        config.buffers.outs = config.buffers.heads;
        config.buffers.bodies = wanted.min(most_bodies);
        let most = available.map_or(u64::MAX, |bytes| bytes / 2);
        let total = |config: &Config| config.reserved_bytes() as u64 + body as u64;
        while total(config) > most {
            if !lower_the_dearest(config) {
                let needed = total(config);
                return Err(format!(
                    "{} of memory are too little: the program uses at most half of it, and needs {}",
                    Bytes(available.unwrap_or_default()),
                    Bytes(needed)
                ));
            }
        }
        let wanted = Some(wanted).filter(|&wanted| wanted > config.max_connections);
        Ok(Memory { reserved: total(config), available, wanted })
    }

    /// A sentence if fewer connections can be held than were to be.
    pub fn warning(&self, held: usize) -> Option<String> {
        let (wanted, available) = (self.wanted?, self.available?);
        Some(format!(
            "{wanted} connections would take more than half of the {} of memory: at most {held} are held",
            Bytes(available)
        ))
    }
}

/// `at most 452 MiB of memory`
impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {} of memory", Bytes(self.reserved))
    }
}

/// Halves the number of what takes most. Returns whether anything could be halved.
fn lower_the_dearest(config: &mut Config) -> bool {
    let lowered = [lower_connections, lower_buffers, lower_bodies].map(|lower| {
        let mut lowered = config.clone();
        lower(&mut lowered);
        lowered
    });
    let Some(cheapest) = lowered.into_iter().min_by_key(Config::reserved_bytes) else { return false };
    let is_lower = cheapest.reserved_bytes() < config.reserved_bytes();
    *config = cheapest;
    is_lower
}

fn lower_connections(config: &mut Config) {
    config.max_connections = halve(config.max_connections, LEAST_CONNECTIONS);
}

fn lower_buffers(config: &mut Config) {
    config.buffers.heads = halve(config.buffers.heads, LEAST_BUFFERS[0]);
    config.buffers.outs = config.buffers.heads;
}

fn lower_bodies(config: &mut Config) {
    config.buffers.bodies = halve(config.buffers.bodies, LEAST_BUFFERS[1]);
}

fn halve(number: usize, least: usize) -> usize {
    (number / 2).max(least.min(number))
}

/// The memory that this process can have: that of the machine, or of its control group or its address space if that is
/// less. `None` where the system does not say.
pub fn available() -> Option<u64> {
    let machine = mem_total(&fs::read_to_string("/proc/meminfo").ok()?);
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let groups = group_limits(&groups, |file| fs::read_to_string(file).ok());
    machine.into_iter().chain(groups).chain(address_space()).min()
}

#[cfg(unix)]
fn address_space() -> Option<u64> {
    rlimit::Resource::AS.get_soft().ok().filter(|&limit| limit != rlimit::INFINITY)
}

#[cfg(not(unix))]
fn address_space() -> Option<u64> {
    None
}

fn mem_total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// The limits of the control groups of a process, and of the groups around them. A container may see only
/// the root of its own.
fn group_limits(groups: &str, read: impl Fn(&str) -> Option<String>) -> Vec<u64> {
    let mut limits = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else { continue };
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            "memory" => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => continue,
        };
        for ancestor in Path::new(group).ancestors().filter_map(Path::to_str) {
            let path = format!("{root}{}/{file}", ancestor.trim_end_matches('/'));
            limits.extend(read(&path).and_then(|text| text.trim().parse::<u64>().ok()));
        }
    }
    limits
}

/// `12 MiB`
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: u64 = 1 << 20;
        write!(f, "{} MiB", self.0.div_ceil(MIB))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn divided(connections: usize, available: u64) -> (Config, Memory) {
        let mut config = Config::default();
        config.max_connections = connections;
        let memory = Memory::divide(&mut config, 6, Some(available)).expect("it suffices");
        (config, memory)
    }

    #[test]
    fn with_much_memory_there_are_all_buffers_and_connections() {
        let (config, memory) = divided(1 << 20, 24 << 30);
        assert_eq!(
            (config.max_connections, config.buffers.heads, config.buffers.bodies),
            (1 << 20, 4096, 256)
        );
        assert_eq!(memory.warning(config.max_connections), None);
    }

    #[test]
    fn no_division_takes_more_than_half_of_the_memory() {
        for connections in [1, 100, 20_000, 1 << 20] {
            for available in [16 * MIB, 64 * MIB, 256 * MIB, 1024 * MIB] {
                let (config, memory) = divided(connections, available);
                assert_eq!(memory.reserved, config.reserved_bytes() as u64 + 6);
                assert!(memory.reserved <= available / 2, "{connections} connections, {available} bytes");
                assert!(config.buffers.heads >= 16.min(connections) && config.buffers.bodies >= 1);
            }
        }
    }

    #[test]
    fn many_connections_are_cut_with_a_sentence_if_there_is_no_memory_for_them() {
        let (config, memory) = divided(1 << 20, 256 * MIB);
        assert!((100_000..1 << 20).contains(&config.max_connections), "{}", config.max_connections);
        let warning = memory.warning(config.max_connections).expect("it is cut");
        assert!(warning.contains("1048576") && warning.contains("256 MiB"), "{warning}");
    }

    #[test]
    fn too_little_memory_is_an_error() {
        let mut config = Config::default();
        let error = Memory::divide(&mut config, 0, Some(4 * MIB)).unwrap_err();
        assert!(error.contains("4 MiB"), "{error}");
    }

    #[test]
    fn the_memory_of_the_machine_is_read() {
        assert_eq!(mem_total("MemTotal:        2048 kB\nMemFree:  7 kB\n"), Some(2 << 20));
        assert_eq!(mem_total("MemFree:  7 kB\n"), None);
    }

    #[test]
    fn each_control_group_around_the_process_limits_it() {
        let files = |path: &str| match path {
            "/sys/fs/cgroup/a/b/memory.max" => Some("max\n".to_owned()),
            "/sys/fs/cgroup/a/memory.max" => Some("1000\n".to_owned()),
            "/sys/fs/cgroup/memory/memory.limit_in_bytes" => Some("2000\n".to_owned()),
            _ => None,
        };
        assert_eq!(group_limits("0::/a/b\n", files), [1000]);
        assert_eq!(group_limits("4:cpu:/x\n3:memory:/not/here\n", files), [2000]);
        assert_eq!(group_limits("nonsense\n", files), []);
    }
}

//! The memory that the program may use: at most half of what the machine or the control group has. The kernel needs the
//! other half for its part of each connection, which a control group also counts.

use std::fmt;

use fourway::Config;

/// The maximum number of buffers for heads and for responses. Slow clients beyond it are evicted.
const MAX_BUFFERS: usize = 4096;

/// The minimum numbers, which are not halved further.
const MIN_BUFFERS: usize = 16;
const MIN_CONNECTIONS: usize = 64;

/// The memory that the server reserves.
#[derive(Debug)]
pub struct Memory {
    /// In bytes, including the body of the response.
    reserved: u64,
    /// The available memory in bytes, or `None` if the system does not report it.
    available: Option<u64>,
    /// The wanted number of connections, if memory does not suffice for it.
    wanted: Option<usize>,
}

impl Memory {
    /// Sets the numbers of buffers. Lowers the number of connections if half of the memory does not suffice. `own` is
    /// what the program needs beside the server, for a number of connections.
    pub fn divide(
        config: &mut Config,
        own: impl Fn(usize) -> usize,
        available: Option<u64>,
    ) -> Result<Self, String> {
        let wanted = config.max_connections;
        config.buffers.heads = wanted.min(MAX_BUFFERS);
        config.buffers.outs = config.buffers.heads;
        let most = available.map_or(u64::MAX, |bytes| bytes / 2);
        let total = |config: &Config| config.reserved_bytes() as u64 + own(config.max_connections) as u64;
        while total(config) > most {
            if !lower_the_largest(config) {
                let needed = total(config);
                return Err(format!(
                    "too little memory: the program needs {}, and uses at most half of the {} available",
                    Bytes(needed),
                    Bytes(available.unwrap_or_default())
                ));
            }
        }
        let wanted = Some(wanted).filter(|&wanted| wanted > config.max_connections);
        Ok(Memory { reserved: total(config), available, wanted })
    }

    /// Returns a warning if memory does not suffice for the wanted number of connections. `name` is the option that
    /// sets this number.
    pub fn warning(&self, held: usize, name: &str) -> Option<String> {
        let (wanted, available) = (self.wanted?, self.available?);
        Some(format!(
            "half of the memory ({} in all) has room for {held} of {wanted} connections: \
             raise the memory limit, or lower {name}",
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

/// Halves the number that saves the most memory. Returns `false` if none can be halved.
fn lower_the_largest(config: &mut Config) -> bool {
    let lowered = [lower_connections, lower_buffers].map(|lower| {
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
    config.max_connections = halve(config.max_connections, MIN_CONNECTIONS);
}

fn lower_buffers(config: &mut Config) {
    config.buffers.heads = halve(config.buffers.heads, MIN_BUFFERS);
    config.buffers.outs = config.buffers.heads;
}

fn halve(number: usize, least: usize) -> usize {
    (number / 2).max(least.min(number))
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
        config.buffers.bodies = 1;
        let memory = Memory::divide(&mut config, |_| 6, Some(available)).expect("it suffices");
        (config, memory)
    }

    #[test]
    fn enough_memory_gives_all_buffers_and_connections() {
        let (config, memory) = divided(1 << 20, 24 << 30);
        assert_eq!((config.max_connections, config.buffers.heads), (1 << 20, 4096));
        assert_eq!(memory.warning(config.max_connections, "--max-connections"), None);
    }

    #[test]
    fn the_reserved_memory_is_at_most_half() {
        for connections in [1, 100, 20_000, 1 << 20] {
            for available in [16 * MIB, 64 * MIB, 256 * MIB, 1024 * MIB] {
                let (config, memory) = divided(connections, available);
                assert_eq!(memory.reserved, config.reserved_bytes() as u64 + 6);
                assert!(memory.reserved <= available / 2, "{connections} connections, {available} bytes");
                assert!(config.buffers.heads >= 16.min(connections));
            }
        }
    }

    #[test]
    fn too_little_memory_for_all_connections_is_a_warning() {
        let (config, memory) = divided(1 << 20, 256 * MIB);
        assert!((100_000..1 << 20).contains(&config.max_connections), "{}", config.max_connections);
        let warning = memory.warning(config.max_connections, "--max-connections").expect("it is cut");
        assert!(warning.contains("1048576") && warning.contains("256 MiB"), "{warning}");
    }

    #[test]
    fn too_little_memory_for_the_minimum_is_an_error() {
        let mut config = Config::default();
        let error = Memory::divide(&mut config, |_| 0, Some(2 * MIB)).unwrap_err();
        assert!(error.contains("2 MiB"), "{error}");
    }
}

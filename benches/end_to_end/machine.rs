//! What the measurement asks of the machine: a core, and files enough.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores that this process may use.
pub fn cores() -> io::Result<Vec<usize>> {
    let allowed = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core)).collect())
}

/// Keeps this thread on one core, and with it every process that it starts from now on.
pub fn pin(core: usize) -> io::Result<()> {
    let mut only = CpuSet::new();
    only.set(core);
    sched_setaffinity(None, &only)
        .map_err(|error| io::Error::other(format!("core {core} cannot be had: {error}")))
}

/// How many connections can be held beside what else is open, at both ends alike; a line is
/// printed where that is less than was asked for.
pub fn connections_possible(wanted: usize) -> io::Result<usize> {
    /// Those under load, those that `fourway` keeps back, and what a process has open anyway.
    const OTHERS: u64 = 400;
    let limit = rlimit::increase_nofile_limit(u64::MAX)?;
    let possible = usize::try_from(limit.saturating_sub(OTHERS)).unwrap_or(usize::MAX).min(wanted);
    if possible < wanted {
        println!("{possible} connections are held instead of {wanted}: the file limit is {limit}");
    }
    Ok(possible)
}

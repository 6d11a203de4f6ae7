//! Memory: that of the machine, that of the control group, and that of TCP's buffers.

use super::super::machine::cgroup;
use super::asked::Asked;
use super::finding::{Count, Finding, Mebibytes, What, write_to};
use super::machine::Machine;

/// What the kernel takes for one end of an idle connection: the socket, its inode and file, and its place in the poller.
/// Measured with a million of them on Linux 6.18.
const KERNEL: u64 = 4096;

/// What the server takes for an idle connection. `tests/cost` holds it.
const OURS: u64 = 48;

pub fn findings(asked: &Asked, machine: &Machine) -> Vec<Finding> {
    vec![whole(asked, machine), group(asked, machine), buffers(asked, machine)]
}

/// Returns the bytes of one connection on this machine.
fn each(asked: &Asked) -> u64 {
    KERNEL * asked.ends() + OURS
}

fn cost(asked: &Asked) -> String {
    let ends = if asked.has_client() { " for each of its two ends" } else { "" };
    format!("An idle connection takes {KERNEL} bytes of the kernel{ends} and {OURS} of the server.")
}

fn whole(asked: &Asked, machine: &Machine) -> Finding {
    const WHAT: What = What { name: "memory", subject: "memory", setting: "MemAvailable" };
    let (Some(free), Some(all)) = (machine.free_memory, machine.memory) else {
        return Finding::unknown(WHAT, "/proc/meminfo cannot be read.");
    };
    let allowed = free / each(asked);
    let text = format!("The machine has {}. {}", Mebibytes(all), cost(asked));
    Finding::new(WHAT, Mebibytes(free)).allows(allowed, asked.connections).text(text)
}

fn group(asked: &Asked, machine: &Machine) -> Finding {
    const WHAT: What =
        What { name: "cgroup_memory", subject: "memory of the control group", setting: "The limit" };
    let all = machine.memory.unwrap_or(u64::MAX);
    let set = machine.groups.iter().filter(|group| group.limit < all);
    let Some(tightest) = set.min_by_key(|group| group.free()) else {
        return if machine.memory.is_some() {
            Finding::new(WHAT, "none")
        } else {
            Finding::unknown(WHAT, "This system does not tell it.")
        };
    };
    let cgroup::Memory { limit, used, file } = tightest;
    let used = used.map_or("The part that the group uses is unknown".to_owned(), |used| {
        format!("The group uses {}", Mebibytes(used))
    });
    let needed = (limit - tightest.free()).saturating_add(asked.connections * each(asked));
    let allowed = tightest.free() / each(asked);
    Finding::new(WHAT, Mebibytes(*limit))
        .allows(allowed, asked.connections)
        .text(format!("{used}. It pays the kernel's part of each connection too."))
        .line(|| write_to(needed, file))
}

fn buffers(asked: &Asked, machine: &Machine) -> Finding {
    const WHAT: What =
        What { name: "tcp_mem", subject: "pages for TCP's buffers", setting: "net.ipv4.tcp_mem" };
    let Some([low, pressure, most]) = machine.tcp_mem else {
        return Finding::unknown(WHAT, "net.ipv4.tcp_mem cannot be read.");
    };
    let Some(used) = machine.sockstat.map(|sockstat| sockstat.pages) else {
        return Finding::unknown(WHAT, "/proc/net/sockstat cannot be read.");
    };
    let allowed = most.saturating_sub(used);
    let needed = used.saturating_add(asked.connections);
    Finding::new(WHAT, format!("{low} {pressure} {most}"))
        .allows(allowed, asked.connections)
        .text(format!(
            "A socket with one unread byte or FIN takes a page. {} are in use. The kernel saves beyond {}, and beyond {} \
             connections stall.",
            Count(used),
            Count(pressure),
            Count(most)
        ))
        // The kernel's own ratio of the three.
        .line(|| format!("sysctl -w net.ipv4.tcp_mem=\"{} {} {needed}\"", needed / 2, needed / 3 * 2))
}

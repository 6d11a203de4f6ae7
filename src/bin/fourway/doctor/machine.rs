//! Everything that the doctor looks at, read once.

use super::super::machine::files::{self, Files};
use super::super::machine::ports::{Ports, Taken};
use super::super::machine::processor::{self, Processors};
use super::super::machine::sockstat::{self, Sockstat};
use super::super::machine::time_wait::Reuse;
use super::super::machine::{Reader, cgroup, memory, sysctl, table, this};

/// What the kernel tells. `None` is what it does not tell.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Machine {
    pub files: Files,
    pub somaxconn: Option<u64>,
    pub syn_backlog: Option<u64>,
    pub syn_cookies: Option<u64>,
    pub ports: Option<Ports>,
    pub taken: Option<Taken>,
    pub tw_buckets: Option<u64>,
    pub reuse: Reuse,
    pub tcp_mem: Option<[u64; 3]>,
    pub sockstat: Option<Sockstat>,
    pub memory: Option<u64>,
    pub free_memory: Option<u64>,
    pub groups: Vec<cgroup::Memory>,
    pub processors: Processors,
    pub conntrack: Option<Conntrack>,
}

/// The table in which a firewall tracks connections, if the kernel has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conntrack {
    pub most: u64,
    pub used: Option<u64>,
    /// The seconds for which it keeps a connection that has ended.
    pub time_wait: Option<u64>,
}

impl Machine {
    /// Reads this machine.
    pub fn read() -> Self {
        let mut machine = Self::of(&this, files::of_process(), processor::count());
        if let (Some(ports), Some(lines)) = (&machine.ports, table::lines()) {
            machine.taken = Some(Taken::count(lines, &ports.range));
        }
        machine
    }

    /// Reads everything but the sockets. The limits of open files and the number of processors do not stand in files.
    pub fn of(read: Reader<'_>, open_files: Option<(u64, u64)>, processors: Option<usize>) -> Self {
        let number = |name| sysctl::number(read, name);
        let conntrack = |most| Conntrack {
            most,
            used: number("net.netfilter.nf_conntrack_count"),
            time_wait: number("net.netfilter.nf_conntrack_tcp_timeout_time_wait"),
        };
        Machine {
            files: Files::read(read, open_files),
            somaxconn: number("net.core.somaxconn"),
            syn_backlog: number("net.ipv4.tcp_max_syn_backlog"),
            syn_cookies: number("net.ipv4.tcp_syncookies"),
            ports: Ports::read(read),
            taken: None,
            tw_buckets: number("net.ipv4.tcp_max_tw_buckets"),
            reuse: Reuse::read(read),
            tcp_mem: sysctl::three_numbers(read, "net.ipv4.tcp_mem"),
            sockstat: sockstat::read(read),
            memory: memory::in_all(read),
            free_memory: memory::free(read),
            groups: cgroup::memory(read),
            processors: Processors::read(read, processors),
            conntrack: number("net.netfilter.nf_conntrack_max").map(conntrack),
        }
    }
}

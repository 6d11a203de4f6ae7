//! The states of both ends of a connection, as the kernel has them.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::PATIENCE;
use super::sockets::{self, Entry};

/// What the kernel calls the state of one end (`include/net/tcp_states.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Established,
    FinWait1,
    FinWait2,
    TimeWait,
    CloseWait,
    LastAck,
    Closing,
    Other(u8),
}

impl State {
    fn from_number(number: u8) -> State {
        match number {
            1 => State::Established,
            4 => State::FinWait1,
            5 => State::FinWait2,
            6 => State::TimeWait,
            8 => State::CloseWait,
            9 => State::LastAck,
            11 => State::Closing,
            other => State::Other(other),
        }
    }
}

/// Both ends of one connection over the loopback device; `None` is an end that is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    pub server: Option<State>,
    pub client: Option<State>,
}

/// The addresses of both ends of a connection; they outlive the socket.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    server: SocketAddr,
    client: SocketAddr,
}

impl Pair {
    pub fn of(client: &TcpStream) -> Pair {
        let local = client.local_addr().expect("the client's own address");
        let peer = client.peer_addr().expect("the server's address");
        Pair { server: peer, client: local }
    }

    /// Returns what the kernel has of both ends now.
    pub fn ends(&self) -> Ends {
        let state = |end: Option<Entry>| end.map(|end| State::from_number(end.state));
        Ends {
            server: state(sockets::end_of(self.server, self.client)),
            client: state(sockets::end_of(self.client, self.server)),
        }
    }

    /// Returns how many bytes the server's end has not sent or not had acknowledged, and how many it has not read.
    pub fn queued_at_server(&self) -> Option<(u64, u64)> {
        sockets::end_of(self.server, self.client).map(|end| (end.unsent.into(), end.unread.into()))
    }

    pub fn wait_for_server(&self, wanted: State) {
        super::wait_until(&format!("the server's end is in {wanted:?}"), || {
            self.ends().server == Some(wanted)
        });
    }
}

/// Returns what remains of connections when none of their ends can change before TIME_WAIT runs out.
fn final_ends(pairs: &[Pair]) -> Vec<Ends> {
    let is_final = |end: Option<State>| matches!(end, None | Some(State::TimeWait));
    let mut before = Vec::new();
    // An end may be missing for a moment while it becomes a TIME_WAIT. It is not missing twice in a row.
    super::wait_until("all ends are closed or in TIME_WAIT", || {
        let ends: Vec<Ends> = pairs.iter().map(Pair::ends).collect();
        let all_are_final = ends.iter().all(|ends| is_final(ends.server) && is_final(ends.client));
        let settled = all_are_final && before == ends;
        before = ends;
        settled
    });
    before
}

/// Returns a server's own ends of its connections, accepted or not: their states, and how many bytes wait to be read.
pub fn ends_at(server: SocketAddr) -> Vec<(State, u64)> {
    let mut ends = sockets::with_ports(server.port(), 0);
    ends.retain(|end| end.local == server);
    ends.iter().map(|end| (State::from_number(end.state), end.unread.into())).collect()
}

/// Returns how many clients have sent a SYN to a port, and have no connection yet.
pub fn syns_to(port: u16) -> usize {
    const SYN_SENT: u8 = 2;
    sockets::with_ports(0, port).iter().filter(|end| end.state == SYN_SENT).count()
}

/// Returns the number of connections in the accept queue of a listener, and its backlog.
pub fn queue_of(server: SocketAddr) -> (u32, u32) {
    const LISTEN: u8 = 10;
    let mut sockets = sockets::with_ports(server.port(), 0).into_iter();
    let listener = sockets.find(|socket| (socket.local, socket.state) == (server, LISTEN));
    listener.map(|socket| (socket.unread, socket.unsent)).expect("a listener")
}

/// Returns how many clients of a server have sent one SYN and have no connection yet.
pub fn fresh_syns_to(server: SocketAddr) -> usize {
    const SYN_SENT: u8 = 2;
    let clients = sockets::with_ports(0, server.port());
    let is_fresh = |end: &&Entry| (end.remote, end.state, end.repeats) == (server, SYN_SENT, 0);
    clients.iter().filter(is_fresh).count()
}

/// Makes rounds, each of which ends a connection, and fails unless each of them leaves what is expected. A round that the
/// kernel may have disturbed is repeated.
///
/// Two things end a TIME_WAIT, whichever side closed first, and the kernel counts both. It keeps at most
/// `tcp_max_tw_buckets` of them for the whole machine. And it answers a late segment, repeated or overtaken on its way
/// between two processors, out of TIME_WAIT; the reset of the other end, which is gone, then ends the TIME_WAIT (RFC
/// 1337 §1). On a busy machine this happens to one close in a hundred. Such a round proves nothing against the server. A
/// server that really closes the wrong way does so again.
pub fn every_round_leaves(expected: Ends, rounds: usize, mut round: impl FnMut() -> Pair) {
    const ATTEMPTS: usize = 5;
    let mut left = rounds;
    for attempt in 1..=ATTEMPTS {
        let before = Disturbances::up_to_now();
        let pairs: Vec<Pair> = (0..left).map(|_| round()).collect();
        let mut others = final_ends(&pairs);
        let after = Disturbances::up_to_now();
        others.retain(|ends| *ends != expected);
        if others.is_empty() {
            return;
        }
        let is_disturbed = after != before;
        assert!(is_disturbed && attempt < ATTEMPTS, "{} of {left} leave {others:?}", others.len());
        eprintln!("{} of {left} rounds are repeated, {before:?}, {after:?}: {others:?}", others.len());
        if after.overflows != before.overflows {
            wait_for_room();
        }
        left = others.len();
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Disturbances {
    overflows: u64,
    resets: u64,
}

impl Disturbances {
    fn up_to_now() -> Disturbances {
        Disturbances {
            overflows: counter("/proc/net/netstat", "TcpExt:", "TCPTimeWaitOverflow"),
            resets: counter("/proc/net/snmp", "Tcp:", "OutRsts"),
        }
    }
}

/// One of the kernel's counters: a line of names is followed by one of numbers.
fn counter(file: &str, group: &str, name: &str) -> u64 {
    let table = fs::read_to_string(file).expect(file);
    let mut lines = table.lines().filter_map(|line| line.strip_prefix(group));
    let mut line = || lines.next().unwrap_or("").split_ascii_whitespace();
    let (names, counts) = (line(), line());
    let mut both = names.zip(counts);
    both.find(|(found, _)| *found == name).and_then(|(_, count)| count.parse().ok()).unwrap_or(0)
}

/// Waits until half of a full table of TIME_WAIT has run out, which takes at most a minute.
fn wait_for_room() {
    let full = sockets_in_time_wait();
    let start = Instant::now();
    while start.elapsed() < PATIENCE && sockets_in_time_wait() > full / 2 {
        thread::sleep(Duration::from_millis(100));
    }
}

fn sockets_in_time_wait() -> u64 {
    let table = fs::read_to_string("/proc/net/sockstat").expect("/proc/net/sockstat");
    let mut words = table.split_ascii_whitespace().skip_while(|&word| word != "tw");
    words.nth(1).and_then(|count| count.parse().ok()).expect("a count of tw")
}

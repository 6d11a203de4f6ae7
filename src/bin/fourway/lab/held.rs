//! Who holds TIME_WAIT, and for how long still: the kernel's list (`/proc/net/tcp`) has these sockets and their timers.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use crate::machine::table::{self, State};

/// The sockets in TIME_WAIT of the connections to one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    pub by_client: Ends,
    pub by_server: Ends,
}

/// The ends of connections on one side that are in TIME_WAIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ends {
    pub count: usize,
    /// The longest time that is left of one of them.
    pub left: Duration,
}

impl Held {
    /// Reads the kernel's list. Returns `None` if there is none.
    pub fn measure(server: SocketAddr) -> Option<Self> {
        table::lines().map(|lines| Self::count(lines, server))
    }

    fn count(lines: impl Iterator<Item = String>, server: SocketAddr) -> Self {
        let mut held = Held::default();
        // While sockets come and go, the kernel may list one of them twice.
        let mut seen = HashSet::new();
        // A list of many sockets is searched faster for a text than it is parsed.
        let port = format!(":{:04X} ", server.port());
        for line in lines.filter(|line| line.contains(&port)) {
            let Some(socket) = table::parse(&line).filter(|socket| socket.state == State::TimeWait) else {
                continue;
            };
            if !seen.insert((socket.local, socket.remote)) {
                continue;
            }
            let left = table::timer(&line).unwrap_or_default();
            if socket.local == server {
                held.by_server.add(left);
            } else if socket.remote == server {
                held.by_client.add(left);
            }
        }
        held
    }
}

impl Ends {
    fn add(&mut self, left: Duration) {
        self.count += 1;
        self.left = self.left.max(left);
    }
}

#[cfg(test)]
pub mod tests {
    use std::fmt::Debug;

    use super::*;
    use crate::machine::table::tests::line;

    /// Measures until the result is as expected. The kernel may disturb a measurement: it ends a TIME_WAIT early when it
    /// has too many, or when a segment of the connection comes late (RFC 1337 §1). It does not do so five times in a row.
    pub fn measures<T: PartialEq + Debug>(expected: &T, mut measure: impl FnMut() -> T) {
        const ATTEMPTS: usize = 5;
        let others: Vec<T> =
            (0..ATTEMPTS).map(|_| measure()).take_while(|measured| measured != expected).collect();
        assert!(others.len() < ATTEMPTS, "expected {expected:?}, measured {others:?}");
    }

    /// Returns how many ends of the clients and of the server are in TIME_WAIT.
    pub fn counts(held: Option<Held>) -> (usize, usize) {
        let held = held.expect("the list of sockets");
        (held.by_client.count, held.by_server.count)
    }

    #[test]
    fn the_side_of_a_time_wait_is_known_by_its_own_address() {
        let (server, client) = (("127.0.0.9", 80), ("127.0.0.9", 5000));
        let waiting = |local, remote, ticks: &str| {
            line(local, remote, "06").replace("00:00000000 00000000", &format!("03:{ticks} 00000000"))
        };
        let lines = [
            waiting(server, client, "000016F2"),
            waiting(server, ("127.0.0.9", 5001), "00000064"),
            waiting(server, ("127.0.0.9", 5001), "00000064"),
            waiting(("127.0.0.9", 5002), server, "000003E8"),
            waiting(("127.0.0.9", 81), client, "00001770"),
            line(server, ("127.0.0.9", 5003), "05"),
        ];
        let held = Held::count(lines.into_iter(), "127.0.0.9:80".parse().unwrap());
        assert_eq!(held.by_server, Ends { count: 2, left: Duration::from_millis(58_740) });
        assert_eq!(held.by_client, Ends { count: 1, left: Duration::from_secs(10) });
    }
}

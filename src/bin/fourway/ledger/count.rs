//! The counts of a look, made socket by socket.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::super::machine::time_wait::{self, Reuse};
use super::message::{LISTEN, STATES, Socket, TIME_WAIT};

/// The maximum number of pairs in the table.
pub const MOST_PAIRS: usize = 256;

/// The time for which a TIME_WAIT is counted for the present rate.
const RECENT: Duration = Duration::from_secs(5);

const WHOLE: Duration = Duration::from_secs(time_wait::SECONDS);

/// The connections of clients at one address of this machine to one listener. Each has a port of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    pub client: IpAddr,
    pub server: SocketAddr,
    /// The clients' ends that are not in TIME_WAIT.
    pub live: u64,
    /// The clients' ends in TIME_WAIT.
    pub time_wait: u64,
    /// Those of them that keep their port: if the kernel reuses ports, these are the youngest.
    pub keeping: u64,
    /// Those of them that are at most five seconds old.
    pub recent: u64,
    /// The age of the oldest.
    pub oldest: Duration,
}

impl Pair {
    /// Returns the number of ports that the pair has, and cannot have again now.
    pub fn taken(&self) -> u64 {
        self.live + self.keeping
    }

    /// Returns how many connections a second end in TIME_WAIT at the client.
    pub fn rate(&self) -> f64 {
        let window = self.oldest.clamp(Duration::from_secs(1), RECENT);
        self.recent as f64 / window.as_secs_f64()
    }

    /// Returns whether the kernel sees a loopback connection in it.
    pub fn is_loopback(&self) -> bool {
        self.client.is_loopback() || self.server.ip().is_loopback()
    }
}

#[derive(Debug)]
pub struct Count {
    listeners: Vec<SocketAddr>,
    reuse: Reuse,
    pub held_here: u64,
    pub held_by_clients: u64,
    pub states_here: [u64; STATES],
    pub pairs: Vec<Pair>,
    pub in_other_pairs: u64,
    pub sockets: u64,
    ports: Option<RangeInclusive<u16>>,
    /// A bit for each port on which somebody listens.
    listened: Vec<u64>,
}

impl Count {
    pub fn new(listeners: &[SocketAddr], ports: Option<RangeInclusive<u16>>, reuse: Reuse) -> Self {
        Count {
            listeners: listeners.to_vec(),
            reuse,
            held_here: 0,
            held_by_clients: 0,
            states_here: [0; STATES],
            pairs: Vec::with_capacity(MOST_PAIRS),
            in_other_pairs: 0,
            sockets: 0,
            ports,
            listened: vec![0; (1 << 16) / 64],
        }
    }

    /// Returns the number of ports of the range on which somebody listens. No client gets them.
    pub fn ports_of_listeners(&self) -> usize {
        let is_listened = |port: &u16| self.listened[usize::from(port / 64)] & (1 << (port % 64)) != 0;
        self.ports.clone().map_or(0, |ports| ports.filter(is_listened).count())
    }

    pub fn add(&mut self, socket: &Socket) {
        self.sockets += 1;
        if socket.state == LISTEN {
            let port = socket.local.port();
            self.listened[usize::from(port / 64)] |= 1 << (port % 64);
        } else if self.is_ours(socket.local) {
            self.states_here[usize::from(socket.state)] += 1;
            if socket.state == TIME_WAIT {
                self.held_here += 1;
            }
        } else if self.is_ours(socket.remote) && self.is_on_this_machine(socket) {
            self.add_client(socket);
        }
    }

    fn is_ours(&self, address: SocketAddr) -> bool {
        self.listeners.iter().any(|own| {
            let is_any = own.ip().is_unspecified();
            own.port() == address.port() && (is_any || own.ip().to_canonical() == address.ip())
        })
    }

    /// Returns whether a client's socket here has its server here. An address of all interfaces does not tell, but then
    /// the kernel gives the client the address that it connects to, or the loopback device's.
    fn is_on_this_machine(&self, socket: &Socket) -> bool {
        let is_named = self.listeners.iter().any(|own| own.ip().to_canonical() == socket.remote.ip());
        is_named || socket.remote.ip().is_loopback() || socket.remote.ip() == socket.local.ip()
    }

    fn add_client(&mut self, socket: &Socket) {
        let is_waiting = socket.state == TIME_WAIT;
        self.held_by_clients += u64::from(is_waiting);
        let reuse = self.reuse;
        let Some(pair) = self.pair(socket.local.ip(), socket.remote) else {
            self.in_other_pairs += 1;
            return;
        };
        if !is_waiting {
            pair.live += 1;
            return;
        }
        let age = WHOLE.saturating_sub(socket.left);
        // Without the settings, a port counts as taken for the whole time.
        let hold =
            reuse.hold(pair.is_loopback()).map_or(WHOLE, |hold| Duration::from_secs_f64(hold.seconds()));
        pair.time_wait += 1;
        pair.keeping += u64::from(age < hold);
        pair.recent += u64::from(age <= RECENT);
        pair.oldest = pair.oldest.max(age);
    }

    /// Returns the pair of these addresses, or `None` if the table is full.
    fn pair(&mut self, client: IpAddr, server: SocketAddr) -> Option<&mut Pair> {
        let known = self.pairs.iter().position(|pair| (pair.client, pair.server) == (client, server));
        let at = match known {
            Some(at) => at,
            None if self.pairs.len() < MOST_PAIRS => {
                let empty = Pair {
                    client,
                    server,
                    live: 0,
                    time_wait: 0,
                    keeping: 0,
                    recent: 0,
                    oldest: Duration::ZERO,
                };
                self.pairs.push(empty);
                self.pairs.len() - 1
            }
            None => return None,
        };
        self.pairs.get_mut(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reuse(setting: &'static str) -> Reuse {
        Reuse::read(&|path: &str| match path {
            "/proc/sys/net/ipv4/tcp_tw_reuse" => Some(setting.into()),
            "/proc/sys/net/ipv4/tcp_timestamps" => Some("1".into()),
            _ => None,
        })
    }

    fn count(listeners: &[&str]) -> Count {
        let listeners: Vec<_> = listeners.iter().map(|listener| listener.parse().unwrap()).collect();
        Count::new(&listeners, Some(1000..=1999), reuse("2"))
    }

    fn socket(state: u8, local: &str, remote: &str, age: u64) -> Socket {
        let left = WHOLE - Duration::from_millis(age);
        Socket { state, local: local.parse().unwrap(), remote: remote.parse().unwrap(), left }
    }

    const ESTABLISHED: u8 = 1;

    #[test]
    fn the_side_that_closed_first_holds_time_wait() {
        let mut count = count(&["127.0.0.1:80"]);
        count.add(&socket(TIME_WAIT, "127.0.0.1:80", "127.0.0.1:1001", 0));
        count.add(&socket(TIME_WAIT, "127.0.0.1:1002", "127.0.0.1:80", 0));
        count.add(&socket(TIME_WAIT, "127.0.0.1:1003", "127.0.0.1:80", 0));
        count.add(&socket(ESTABLISHED, "127.0.0.1:80", "127.0.0.1:1004", 0));
        count.add(&socket(ESTABLISHED, "127.0.0.1:1004", "127.0.0.1:80", 0));
        assert_eq!((count.held_here, count.held_by_clients, count.sockets), (1, 2, 5));
        assert_eq!((count.states_here[1], count.states_here[6]), (1, 1));
        assert_eq!((count.pairs.len(), count.pairs[0].live, count.pairs[0].time_wait), (1, 1, 2));
    }

    #[test]
    fn sockets_of_other_programs_do_not_count() {
        let mut count = count(&["127.0.0.1:80", "0.0.0.0:81"]);
        count.add(&socket(TIME_WAIT, "127.0.0.2:80", "127.0.0.1:1001", 0));
        count.add(&socket(TIME_WAIT, "127.0.0.1:1001", "127.0.0.2:80", 0));
        // A client here of another machine's port 81.
        count.add(&socket(TIME_WAIT, "10.0.0.1:1001", "10.0.0.2:81", 0));
        assert_eq!((count.held_here, count.held_by_clients, count.pairs.len()), (0, 0, 0));
        count.add(&socket(TIME_WAIT, "10.0.0.1:1001", "10.0.0.1:81", 0));
        count.add(&socket(TIME_WAIT, "10.0.0.1:81", "10.0.0.2:1001", 0));
        assert_eq!((count.held_here, count.held_by_clients, count.pairs.len()), (1, 1, 1));
    }

    #[test]
    fn a_reused_port_is_kept_for_a_second() {
        let mut count = count(&["127.0.0.1:80"]);
        for (port, age) in [(1001, 0), (1002, 999), (1003, 1000), (1004, 5000), (1005, 5001), (1006, 20_000)]
        {
            count.add(&socket(TIME_WAIT, &format!("127.0.0.1:{port}"), "127.0.0.1:80", age));
        }
        let pair = count.pairs[0];
        assert_eq!((pair.time_wait, pair.keeping, pair.recent), (6, 2, 4));
        assert_eq!((pair.oldest, pair.rate()), (Duration::from_secs(20), 0.8));
    }

    #[test]
    fn without_reuse_a_port_is_kept_as_long_as_time_wait() {
        for setting in ["0", "unreadable"] {
            let mut count = Count::new(&["127.0.0.1:80".parse().unwrap()], None, reuse(setting));
            count.add(&socket(TIME_WAIT, "127.0.0.1:1001", "127.0.0.1:80", 59_999));
            assert_eq!(count.pairs[0].keeping, 1);
        }
    }

    #[test]
    fn a_young_pair_has_the_rate_of_its_first_second() {
        let mut count = count(&["127.0.0.1:80"]);
        for port in 1001..1101 {
            count.add(&socket(TIME_WAIT, &format!("127.0.0.1:{port}"), "127.0.0.1:80", 2000));
        }
        assert_eq!(count.pairs[0].rate(), 50.0);
    }

    #[test]
    fn a_full_table_counts_the_rest_together() {
        let mut count = count(&["0.0.0.0:80"]);
        for host in 0..=255 {
            count.add(&socket(TIME_WAIT, &format!("127.0.0.{host}:1001"), "127.0.0.1:80", 0));
            count.add(&socket(TIME_WAIT, &format!("127.0.1.{host}:1001"), "127.0.0.1:80", 0));
        }
        assert_eq!((count.pairs.len(), count.in_other_pairs, count.held_by_clients), (MOST_PAIRS, 256, 512));
        assert_eq!(count.pairs.capacity(), MOST_PAIRS, "it does not grow");
    }

    #[test]
    fn each_port_with_a_listener_counts_once() {
        let mut count = count(&["0.0.0.0:80"]);
        for local in ["0.0.0.0:1000", "[::]:1000", "127.0.0.1:1999", "127.0.0.1:2000", "0.0.0.0:80"] {
            let remote = "0.0.0.0:0";
            count.add(&socket(LISTEN, local, remote, 0));
        }
        assert_eq!(count.ports_of_listeners(), 2);
    }
}

//! The ledger beside the real kernel: TIME_WAITs that a test makes on loopback.

use std::io::{self, ErrorKind, Read};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Instant;

use super::super::super::machine::table::{self, State};
use super::super::super::machine::{sockstat, this};
use super::super::dump::{Kernel, Netlink};
use super::super::message::{self, Family, REQUEST};
use super::super::outlook::Lasting;
use super::super::{Detail, Ledger, REPLY};
use super::{CALLS, turn_to_the_end};

/// A listener, and connections to it that have ended or live.
struct Server {
    listener: TcpListener,
    address: SocketAddr,
    live: Vec<TcpStream>,
}

impl Server {
    fn start(host: [u8; 4]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::from(host), 0)).unwrap();
        Server { address: listener.local_addr().unwrap(), listener, live: Vec::new() }
    }

    /// Returns the client's end and the server's.
    fn connection(&self) -> [TcpStream; 2] {
        let client = TcpStream::connect(self.address).unwrap();
        [client, self.listener.accept().unwrap().0]
    }

    fn end(first: TcpStream, mut second: TcpStream) {
        first.shutdown(Shutdown::Write).unwrap();
        assert_eq!(second.read(&mut [0]).unwrap(), 0);
        drop(second);
        let mut first = first;
        assert_eq!(first.read(&mut [0]).unwrap(), 0);
    }

    fn server_closes_first(&self) {
        let [client, server] = self.connection();
        Self::end(server, client);
    }

    fn client_closes_first(&self) {
        let [client, server] = self.connection();
        Self::end(client, server);
    }

    fn repeat(&self, times: usize, round: fn(&Server)) {
        for _ in 0..times {
            round(self);
        }
    }

    /// Returns the TIME_WAITs of the server and of its clients in the kernel's text.
    fn in_the_table(&self) -> (u64, u64) {
        let sockets = table::lines().unwrap().filter_map(|line| table::parse(&line));
        let waiting: Vec<_> = sockets.filter(|socket| socket.state == State::TimeWait).collect();
        let count = |address: fn(&table::Socket) -> SocketAddr| {
            waiting.iter().filter(|socket| address(socket) == self.address).count() as u64
        };
        (count(|socket| socket.local), count(|socket| socket.remote))
    }

    fn looked(&self) -> Detail {
        let mut ledger = Ledger::new(&[self.address]);
        let now = Instant::now();
        ledger.look(now);
        turn_to_the_end(&mut ledger, now);
        let view = ledger.view();
        view.detail.clone().unwrap_or_else(|| panic!("{:?}", view.problem))
    }
}

/// What the kernel lists of it can change while a test reads: another program's reset ends a TIME_WAIT.
const ATTEMPTS: usize = 5;

#[test]
fn both_close_orders_are_those_of_the_kernels_table() {
    let mut last = None;
    for attempt in 0..ATTEMPTS {
        let mut server = Server::start([127, 0, 0, 31 + attempt as u8]);
        server.repeat(10, Server::server_closes_first);
        server.repeat(7, Server::client_closes_first);
        for _ in 0..3 {
            let ends = server.connection();
            server.live.extend(ends);
        }
        let detail = server.looked();
        let (here, by_clients) = server.in_the_table();
        assert!(detail.sockets >= here + by_clients);
        let pair = detail.pairs.first().expect("a pair");
        assert_eq!((pair.client, pair.server), (Ipv4Addr::LOCALHOST.into(), server.address));
        last = Some((
            detail.held_here,
            detail.held_by_clients,
            here,
            by_clients,
            pair.live,
            detail.states_here[1],
        ));
        if last == Some((10, 7, 10, 7, 3, 3)) {
            return;
        }
    }
    panic!("{ATTEMPTS} attempts, the last: {last:?}");
}

#[test]
fn the_ages_of_time_waits_give_the_rate() {
    let server = Server::start([127, 0, 0, 41]);
    server.repeat(50, Server::client_closes_first);
    let detail = server.looked();
    let pair = detail.pairs[0];
    // All of them are at most as old as this test.
    assert_eq!(pair.recent, pair.time_wait);
    assert!(pair.time_wait > 40 && pair.rate() > 8.0, "{pair:?}");
    let outlook = detail.outlook.expect("this machine has a range of ports");
    assert_eq!((outlook.server, outlook.taken + outlook.left), (server.address, outlook.ports));
    if outlook.rate * 60.0 < outlook.ports as f64 {
        assert_eq!(outlook.lasting, Lasting::Forever);
    }
}

#[test]
fn an_ipv6_socket_is_looked_at_too() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else { return };
    let server = Server { address: listener.local_addr().unwrap(), listener, live: Vec::new() };
    server.repeat(5, Server::server_closes_first);
    assert!((1..=5).contains(&server.looked().held_here));
}

#[test]
fn the_cheap_count_is_that_of_the_whole_machine() {
    let server = Server::start([127, 0, 0, 42]);
    server.repeat(5, Server::server_closes_first);
    let mut ledger = Ledger::new(&[server.address]);
    let now = Instant::now();
    ledger.cheap(now);
    assert!(ledger.view().counts.expect("this kernel has sockstat").time_wait > 0);
    assert_eq!((ledger.view().is_looking, &ledger.view().detail), (false, &None));
}

/// Runs a test in a network namespace of its own, which a script in sh prepares. Its traces and its settings would be in the
/// way of others.
fn in_own_namespace(name: &str, script: &str, test: fn()) {
    const IS_INSIDE: &str = "FOURWAY_TEST_IN_NAMESPACE";
    if std::env::var_os(IS_INSIDE).is_some() {
        return test();
    }
    let mut unshare = Command::new("unshare");
    unshare.args(["-rn", "sh", "-ec", &format!(r#"ip link set lo up; {script} exec "$0" "$@""#)]);
    unshare.arg(std::env::current_exe().unwrap()).args([&format!("ledger::tests::real::{name}"), "--exact"]);
    let Ok(ended) = unshare.env(IS_INSIDE, "1").output() else { return };
    let output = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
    if !output.contains("running 1 test") {
        eprintln!("SKIPPED, because unshare -rn and ip are not possible here: {output}");
        return;
    }
    assert!(ended.status.success() && output.contains("1 passed"), "{output}");
}

#[test]
fn the_ports_that_are_left_are_those_that_a_client_gets() {
    let script = r#"echo "50000 50199" > /proc/sys/net/ipv4/ip_local_port_range
        echo 50000-50009 > /proc/sys/net/ipv4/ip_local_reserved_ports
        echo 0 > /proc/sys/net/ipv4/tcp_tw_reuse;"#;
    in_own_namespace("the_ports_that_are_left_are_those_that_a_client_gets", script, || {
        let listener = TcpListener::bind("127.0.0.1:50100").unwrap();
        let mut server = Server { address: listener.local_addr().unwrap(), listener, live: Vec::new() };
        server.repeat(60, Server::client_closes_first);
        // These cost no port.
        server.repeat(10, Server::server_closes_first);
        for _ in 0..30 {
            let ends = server.connection();
            server.live.extend(ends);
        }
        let outlook = server.looked().outlook.expect("a pair");
        assert_eq!(outlook.ports, 200 - 10 - 1);
        let mut got = 0;
        let error = loop {
            match TcpStream::connect(server.address) {
                Ok(client) => server.live.push(client),
                Err(error) => break error,
            }
            got += 1;
        };
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
        assert_eq!((outlook.left, got), (got, outlook.left), "{outlook:?}");
        assert!((95..=105).contains(&got), "{outlook:?}");
    });
}

#[test]
fn a_look_at_twenty_thousand_real_time_waits_makes_one_receive_a_turn() {
    let name = "a_look_at_twenty_thousand_real_time_waits_makes_one_receive_a_turn";
    in_own_namespace(name, "", look_at_twenty_thousand);
}

/// A kernel that counts the calls.
struct Counted(Netlink);

impl Kernel for Counted {
    fn ask(&mut self, request: &[u8; REQUEST]) -> io::Result<()> {
        CALLS.set(CALLS.get() + 1);
        self.0.ask(request)
    }

    fn receive(&mut self, reply: &mut [u8]) -> io::Result<usize> {
        CALLS.set(CALLS.get() + 1);
        self.0.receive(reply)
    }
}

fn look_at_twenty_thousand() {
    const ENOUGH: u64 = 20_000;
    let waiting = || sockstat::read(&this).unwrap().time_wait;
    // The kernel prefers one half of the ports. A port that it chooses again ends the server's TIME_WAIT.
    let servers: Vec<_> = (1..=8).map(|host| Server::start([127, 0, 0, host])).collect();
    for _ in 0..ENOUGH / 4 {
        for server in &servers {
            server.server_closes_first();
        }
        if waiting() >= ENOUGH {
            break;
        }
    }
    assert!(waiting() >= ENOUGH, "{}", waiting());
    let addresses: Vec<_> = servers.iter().map(|server| server.address).collect();
    let mut ledger = Ledger::over(&addresses, || Ok(Box::new(Counted(Netlink::open()?))));
    let (before, now) = (waiting(), Instant::now());
    ledger.look(now);
    turn_to_the_end(&mut ledger, now);
    let (after, detail) = (waiting(), ledger.view().detail.clone().expect("a result"));
    assert!((after..=before).contains(&detail.held_here), "{after} {detail:?} {before}");
    // A receive has at most 32 KiB, and a socket at least 88 bytes. Two calls are requests.
    assert!(detail.receives >= detail.sockets / (REPLY as u64 / 88), "{detail:?}");
    assert_eq!(CALLS.get(), detail.receives + 2);
}

#[test]
fn a_request_of_each_family_is_taken_by_this_kernel() {
    for family in [Family::V4, Family::V6] {
        let mut kernel = Netlink::open().unwrap();
        kernel.ask(&message::request(family)).unwrap();
        let mut reply = vec![0; REPLY];
        let length = kernel.receive(&mut reply).unwrap();
        let parts: Vec<_> = message::parts(&reply[..length]).collect();
        assert!(!parts.is_empty() && !parts.contains(&message::Part::Unknown), "{parts:?}");
    }
}

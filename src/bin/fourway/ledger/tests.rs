//! The ledger beside a kernel that a test plays, and beside the real one.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Command;

use super::super::machine::table::{self, State};
use super::message::tests::{done, refusal, time_wait};
use super::message::{Family, REQUEST};
use super::outlook::Lasting;
use super::*;

thread_local! {
    /// What the kernel of this thread's test sends, and the number of calls to it.
    static REPLIES: RefCell<VecDeque<io::Result<Vec<u8>>>> = RefCell::default();
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

/// The kernel of a test. Where a test has no replies for it, it has nothing to say.
struct Played;

impl Kernel for Played {
    fn ask(&mut self, _: &[u8; REQUEST]) -> io::Result<()> {
        CALLS.set(CALLS.get() + 1);
        Ok(())
    }

    fn receive(&mut self, reply: &mut [u8]) -> io::Result<usize> {
        CALLS.set(CALLS.get() + 1);
        let next = REPLIES.with_borrow_mut(VecDeque::pop_front);
        let bytes = next.unwrap_or_else(|| Err(ErrorKind::WouldBlock.into()))?;
        reply[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

const SERVER: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 80);

fn played(replies: impl IntoIterator<Item = io::Result<Vec<u8>>>) -> Ledger {
    REPLIES.with_borrow_mut(|kept| *kept = replies.into_iter().collect());
    Ledger::over(&[SocketAddr::from(SERVER)], || Ok(Box::new(Played)))
}

/// Turns until the look has ended, and returns the time of its last turn. A turn makes at most one call.
fn turn_to_the_end(ledger: &mut Ledger, mut now: Instant) -> Instant {
    while ledger.view().is_looking {
        let before = CALLS.get();
        ledger.turn(now);
        assert!(CALLS.get() - before <= 1, "{} calls in one turn", CALLS.get() - before);
        now += ledger.next_timeout(now).unwrap_or_default();
    }
    now
}

/// Returns the kernel's list of so many clients' sockets, in pieces of at most 32 KiB.
fn list_of_clients(number: u16) -> Vec<io::Result<Vec<u8>>> {
    let message = |port| time_wait((Ipv4Addr::LOCALHOST, 32_768 + port), SERVER, Duration::from_secs(59));
    let messages: Vec<_> = (0..number).map(message).collect();
    let pieces = messages.chunks(REPLY / messages[0].len()).map(|messages| Ok(messages.concat()));
    pieces.collect()
}

#[test]
fn a_look_at_twenty_thousand_sockets_makes_one_call_a_turn() {
    let mut list = list_of_clients(20_000);
    let pieces = list.len() as u64;
    list.extend([Ok(done()), Ok(done())]);
    let mut ledger = played(list);
    let now = Instant::now();
    ledger.look(now);
    assert_eq!(CALLS.get(), 0, "to look is not to dump");
    let end = turn_to_the_end(&mut ledger, now);
    let detail = ledger.view().detail.as_ref().expect("a result");
    assert_eq!((detail.held_by_clients, detail.held_here, detail.sockets), (20_000, 0, 20_000));
    assert_eq!(detail.receives, pieces + 2);
    assert!(pieces > 50, "{pieces}");
    // Two calls are requests.
    assert_eq!(end - now, PACE * (detail.receives as u32 + 2 - 1));
}

#[test]
fn turns_between_two_receives_make_no_call() {
    let mut ledger = played(list_of_clients(1000));
    let now = Instant::now();
    ledger.look(now);
    ledger.turn(now);
    assert_eq!(ledger.next_timeout(now), Some(PACE));
    for early in [now, now + PACE / 2, now + PACE - Duration::from_nanos(1)] {
        ledger.turn(early);
        assert_eq!(CALLS.get(), 1);
    }
    assert_eq!(ledger.next_timeout(now + PACE * 2), Some(Duration::ZERO));
    ledger.turn(now + PACE);
    assert_eq!(CALLS.get(), 2);
}

#[test]
fn a_ledger_that_nobody_looks_at_makes_no_call() {
    let mut ledger = played([]);
    let now = Instant::now();
    ledger.turn(now);
    assert_eq!((CALLS.get(), ledger.next_timeout(now)), (0, None));
    assert_eq!(ledger.view(), &View::default());
}

#[test]
fn a_fresh_result_is_not_looked_for_again() {
    let list = || [Ok(done()), Ok(done())];
    let mut ledger = played(list().into_iter().chain(list()));
    let now = Instant::now();
    ledger.look(now);
    let end = turn_to_the_end(&mut ledger, now);
    ledger.look(end + FRESH - Duration::from_millis(1));
    assert!(!ledger.view().is_looking);
    ledger.look(end + FRESH);
    assert!(ledger.view().is_looking && ledger.view().detail.is_some(), "the last result stays meanwhile");
    turn_to_the_end(&mut ledger, end + FRESH);
    assert_eq!(ledger.view().detail.as_ref().map(|detail| detail.at), Some(end + FRESH + PACE * 3));
}

#[test]
fn a_second_look_meanwhile_changes_nothing() {
    let mut ledger = played(list_of_clients(1000).into_iter().chain([Ok(done()), Ok(done())]));
    let now = Instant::now();
    ledger.look(now);
    ledger.turn(now);
    ledger.look(now);
    turn_to_the_end(&mut ledger, now + PACE);
    assert_eq!(ledger.view().detail.as_ref().map(|detail| detail.sockets), Some(1000));
}

#[test]
fn a_kernel_without_ipv6_is_no_problem() {
    const ENOENT: i32 = 2;
    let mut ledger = played([Ok(done()), Ok(refusal(ENOENT))]);
    ledger.look(Instant::now());
    turn_to_the_end(&mut ledger, Instant::now());
    assert!(ledger.view().detail.is_some() && ledger.view().problem.is_none());
}

#[test]
fn a_kernel_that_refuses_is_a_problem_until_it_answers() {
    const ENOENT: i32 = 2;
    let mut ledger = played([Ok(refusal(ENOENT)), Ok(done()), Ok(done())]);
    let now = Instant::now();
    ledger.look(now);
    turn_to_the_end(&mut ledger, now);
    let problem = ledger.view().problem.clone().expect("a problem");
    assert!(problem.contains("No such file") && ledger.view().detail.is_none(), "{problem}");
    ledger.look(now);
    turn_to_the_end(&mut ledger, now);
    assert!(ledger.view().detail.is_some() && ledger.view().problem.is_none());
}

#[test]
fn a_kernel_that_never_answers_ends_the_look() {
    let mut ledger = played([]);
    let now = Instant::now();
    ledger.look(now);
    let end = turn_to_the_end(&mut ledger, now);
    assert!(ledger.view().problem.is_some() && ledger.view().detail.is_none());
    assert!(end - now <= PACE * 60);
}

#[test]
fn a_socket_that_cannot_be_had_is_a_problem() {
    let mut ledger = Ledger::over(&[], || Err(ErrorKind::PermissionDenied.into()));
    ledger.look(Instant::now());
    assert!(ledger.view().problem.is_some() && !ledger.view().is_looking);
}

// --- the real kernel ---

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

/// Set for the copy of this test program that has a network namespace of its own.
const IN_NAMESPACE: &str = "FOURWAY_TEST_IN_NAMESPACE";

#[test]
fn a_look_at_twenty_thousand_real_time_waits_makes_one_receive_a_turn() {
    if std::env::var_os(IN_NAMESPACE).is_some() {
        return look_at_twenty_thousand();
    }
    // So many TIME_WAITs would be in the way of other tests for a minute.
    let this = "ledger::tests::a_look_at_twenty_thousand_real_time_waits_makes_one_receive_a_turn";
    let mut unshare = Command::new("unshare");
    unshare
        .args(["-rn", "sh", "-c", r#"ip link set lo up && exec "$0" "$@""#])
        .arg(std::env::current_exe().unwrap());
    let ended = unshare.args([this, "--exact"]).env(IN_NAMESPACE, "1").output();
    let Ok(ended) = ended else { return };
    let output = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
    if !output.contains("running 1 test") {
        eprintln!("SKIPPED, because unshare -rn and ip are not possible here: {output}");
        return;
    }
    assert!(ended.status.success() && output.contains("1 passed"), "{output}");
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

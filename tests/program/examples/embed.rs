//! The example `embed`.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Instant;

use super::{Example, page};
use crate::common::{Client, PATIENCE, get, wait_until};

/// What the example `embed` tells of its loop.
struct State {
    ticks: u64,
    echoes: u64,
    typed: String,
}

fn state(api: SocketAddr) -> State {
    let page = page(api, "/");
    let parse = || {
        let (ticks, rest) = page.strip_prefix("ticks ")?.split_once(", echoes ")?;
        let (echoes, typed) = rest.split_once(", typed ")?;
        let typed = typed.strip_suffix('\n')?.to_owned();
        Some(State { ticks: ticks.parse().ok()?, echoes: echoes.parse().ok()?, typed })
    };
    parse().unwrap_or_else(|| panic!("not a state: {page:?}"))
}

#[test]
fn the_udp_socket_echoes_while_both_servers_are_kept_busy() {
    const ENOUGH: u64 = 50;
    let mut embed = Example::on_any_port("embed");
    let (api, admin, udp) = (embed.http(), embed.http(), embed.address("echoing on udp://"));
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_read_timeout(Some(PATIENCE)).expect("a read timeout");
    socket.connect(udp).expect("an address");
    let echo = |number: u64| -> io::Result<bool> {
        socket.send(&number.to_be_bytes())?;
        let mut datagram = [0; 64];
        let length = socket.recv(&mut datagram)?;
        Ok(datagram[..length] == number.to_be_bytes())
    };
    let is_over = AtomicBool::new(false);
    let rounds = [AtomicU64::new(0), AtomicU64::new(0)];
    let keep_busy = |address, rounds: &AtomicU64| {
        let mut client = Client::connect(address);
        while !is_over.load(Relaxed) {
            client.send(get("/").repeat(16));
            (0..16).for_each(|_| assert_eq!(client.response().status, 200));
            rounds.fetch_add(1, Relaxed);
        }
    };
    let mut echoes = 0;
    thread::scope(|scope| {
        let busy = [(api, &rounds[0]), (admin, &rounds[1])]
            .map(|(address, rounds)| scope.spawn(move || keep_busy(address, rounds)));
        // Each of the three gets on while the two others do.
        let is_enough = || rounds.iter().all(|rounds| rounds.load(Relaxed) >= ENOUGH);
        let mut echoed = Ok(true);
        while matches!(echoed, Ok(true)) && (echoes < ENOUGH || !is_enough()) {
            if busy.iter().any(|client| client.is_finished()) {
                break;
            }
            echoed = echo(echoes);
            echoes += 1;
        }
        // Before anything can fail, because the scope waits for its threads.
        is_over.store(true, Relaxed);
        assert!(echoed.expect("every datagram comes back"), "as it was sent");
        for client in busy {
            client.join().expect("a client that was served");
        }
    });
    assert_eq!(state(api).echoes, echoes);
}

#[test]
fn the_ticks_keep_pace_with_the_clock() {
    let mut embed = Example::on_any_port("embed");
    let api = embed.http();
    let before_first = Instant::now();
    let first = state(api).ticks;
    let after_first = Instant::now();
    wait_until("twenty more ticks", || {
        let at_least = after_first.elapsed().as_millis() / 10;
        let more = u128::from(state(api).ticks - first);
        let at_most = before_first.elapsed().as_millis() / 10;
        // The first and the last may have been on either side of a tick.
        assert!(at_least <= more + 1 && more <= at_most + 1, "{at_least} to {at_most} ticks, not {more}");
        more >= 20
    });
}

#[test]
fn a_line_from_the_thread_reaches_the_loop() {
    let mut embed = Example::on_any_port("embed");
    let api = embed.http();
    assert_eq!(state(api).typed, "");
    embed.type_line("good morning");
    wait_until("the line is shown", || state(api).typed == "good morning");
}

#[test]
fn one_server_reports_on_the_other() {
    let mut embed = Example::on_any_port("embed");
    let (api, admin) = (embed.http(), embed.http());
    (0..3).for_each(|_| drop(page(api, "/")));
    assert_eq!(page(admin, "/"), "requests of the api 3\n");
}

//! When the program accepts: at a rate, with pauses, or not at all.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::child::Child;
use crate::common::kernel::{ends_at, fresh_syns_to, queue_of, syns_to};
use crate::common::program::{Program, command};
use crate::common::tools::{self, Folder};
use crate::common::{Client, PATIENCE, begin_to_connect, get, get_and_close, wait_until};

/// Switches accepting, and waits until the program says so.
fn switch(program: &mut Program, is_on: bool) {
    program.signal(if is_on { "USR2" } else { "USR1" });
    program.stderr.wait_for(if is_on {
        "accepting is on"
    } else {
        "accepting is off: connects are not answered"
    });
}

fn start_off() -> Program {
    let mut program = Program::start(&["--accept", "off"]);
    program.stderr.wait_for("accepting is off: connects are not answered");
    program
}

/// The addresses of clients of the program.
fn reachable(program: &Program) -> Vec<SocketAddr> {
    let reach = |address: SocketAddr| match address {
        _ if !address.ip().is_unspecified() => address,
        SocketAddr::V4(_) => (Ipv4Addr::LOCALHOST, address.port()).into(),
        SocketAddr::V6(_) => (Ipv6Addr::LOCALHOST, address.port()).into(),
    };
    program.addresses().into_iter().map(reach).collect()
}

/// The exit codes of curl for all addresses at once, and what it has printed.
fn curl(addresses: &[SocketAddr]) -> Vec<(Option<i32>, String)> {
    let start = |address: &SocketAddr| {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--connect-timeout", "1", "--noproxy", "*", &format!("http://{address}/")]);
        Child::start(&mut curl)
    };
    let children: Vec<_> = addresses.iter().map(start).collect();
    children.into_iter().map(Child::wait).map(|ended| (ended.status.code(), ended.stdout)).collect()
}

#[test]
fn while_accepting_is_off_curl_fails_by_its_connect_timeout_on_every_listener() {
    const TIMED_OUT: i32 = 28;
    if tools::find(&["curl"]).is_none() {
        return;
    }
    let ipv6 = if TcpListener::bind("[::1]:0").is_ok() { ",[::1]:0,[::]:0" } else { "" };
    let mut program = Program::start_as(command(&["--listen", &format!("127.0.0.1:0,0.0.0.0:0{ipv6}")]));
    let addresses = reachable(&program);
    for _ in 0..2 {
        assert_eq!(curl(&addresses), vec![(Some(0), "xixizi".into()); addresses.len()]);
        switch(&mut program, false);
        assert_eq!(curl(&addresses), vec![(Some(TIMED_OUT), String::new()); addresses.len()]);
        switch(&mut program, true);
    }
    assert_eq!(curl(&addresses), vec![(Some(0), "xixizi".into()); addresses.len()]);
    let ended = program.end();
    assert_eq!(ended.number("connections"), 3 * addresses.len() as u64);
    assert_eq!(ended.number("errors"), 0);
}

#[test]
fn three_of_three_syns_are_not_answered_until_accepting_is_on() {
    let mut program = start_off();
    let clients: Vec<TcpStream> = (0..3).map(|_| begin_to_connect(program.address)).collect();
    wait_until("all have repeated their SYN", || fresh_syns_to(program.address) == 0);
    assert_eq!(syns_to(program.address.port()), 3);
    assert_eq!(ends_at(program.address).len(), 1, "the listener alone");
    switch(&mut program, true);
    for stream in clients {
        let mut client = Client::over(stream);
        client.send(get("/"));
        assert_eq!(client.response().body, b"xixizi");
        client.reset();
    }
    let ended = program.end();
    assert_eq!(ended.number("connections"), 3);
    assert_eq!(ended.number("errors"), 0);
}

#[test]
fn connections_that_are_open_are_served_while_accepting_is_off() {
    let mut program = Program::start(&[]);
    let mut client = program.connect();
    assert_eq!(client.ask("/path").body, b"xixizi");
    switch(&mut program, false);
    assert_eq!(client.ask("/path").body, b"xixizi");
    program.end();
}

/// Stops a program in its poller, so that it handles signals before clients when it goes on.
fn stop(program: &Program) {
    wait_until("it sleeps", || program.is_asleep());
    program.signal("STOP");
    wait_until("it is stopped", || program.is_stopped());
}

/// A client that is in the accept queue of a program when it switches accepting off.
fn queued(program: &mut Program) -> Client {
    stop(program);
    let mut client = program.connect();
    client.send(get("/path"));
    program.signal("USR1");
    program.signal("CONT");
    program.stderr.wait_for("accepting is off");
    assert_eq!(queue_of(program.address), (1, 4096));
    client
}

#[test]
fn a_client_in_the_queue_waits_while_accepting_is_off() {
    let mut program = Program::start(&[]);
    let mut client = queued(&mut program);
    switch(&mut program, true);
    assert_eq!(client.response().body, b"xixizi");
    assert_eq!(program.end().number("connections"), 1);
}

#[test]
fn a_client_in_the_queue_is_served_at_the_end_even_if_accepting_is_off() {
    let mut program = Program::start(&[]);
    let mut client = queued(&mut program);
    program.signal("TERM");
    assert_eq!(client.response().body, b"xixizi");
    drop(client);
    assert_eq!(program.wait().number("requests"), 1);
}

#[test]
fn an_inherited_socket_answers_again_after_the_program_has_ended() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut program = Program::start_on(&listener, &[]);
    switch(&mut program, false);
    let address = listener.local_addr().unwrap();
    let client = begin_to_connect(address);
    wait_until("it has repeated its SYN", || fresh_syns_to(address) == 0);
    program.end();
    // The program has made it non-blocking. The kernel answers the next SYN.
    listener.set_nonblocking(false).unwrap();
    assert_eq!(listener.accept().unwrap().1, client.local_addr().unwrap());
}

#[test]
fn clients_of_a_unix_socket_connect_and_wait_while_accepting_is_off() {
    let folder = Folder::new();
    let path = folder.path("socket");
    let listens = format!("127.0.0.1:0,unix:{}", path.display());
    let mut program = Program::start_as(command(&["--listen", &listens, "--accept", "off"]));
    program.stderr.wait_for("accepting is off");
    let mut client = UnixStream::connect(&path).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.write_all(get_and_close("/path").as_bytes()).unwrap();
    wait_until("it sleeps", || program.is_asleep());
    switch(&mut program, true);
    let mut response = String::new();
    client.read_to_string(&mut response).unwrap();
    assert!(response.ends_with("xixizi"), "{response}");
    program.end();
}

#[test]
fn connections_are_accepted_at_the_rate_of_the_option() {
    const CLIENTS: u32 = 20;
    let program = Program::start(&["--accept-rate", "50"]);
    let begin = Instant::now();
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| program.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.ask("/path").body, b"xixizi");
    }
    // The first is due at once. A late loop may catch up with 10 ms.
    let least = (CLIENTS - 1) * Duration::from_millis(20) - Duration::from_millis(10);
    assert!(begin.elapsed() >= least, "{:?} of {least:?}", begin.elapsed());
    drop(clients);
    assert_eq!(program.end().number("connections"), u64::from(CLIENTS));
}

#[test]
fn a_pause_follows_each_accept() {
    let program = Program::start(&["--accept-pause", "200ms"]);
    let begin = Instant::now();
    for number in 0..3 {
        assert_eq!(program.connect().ask("/path").body, b"xixizi");
        assert!(begin.elapsed() >= number * Duration::from_millis(200), "{number}: {:?}", begin.elapsed());
    }
    program.end();
}

#[test]
fn clients_that_wait_are_accepted_together_before_the_pause() {
    let program = Program::start(&["--accept-pause", "1h"]);
    stop(&program);
    let mut clients: Vec<_> = (0..3).map(|_| program.connect()).collect();
    program.signal("CONT");
    for client in &mut clients {
        assert_eq!(client.ask("/path").body, b"xixizi");
    }
    let mut late = program.connect();
    late.send(get("/path"));
    wait_until("it sleeps", || program.is_asleep());
    assert_eq!(queue_of(program.address), (1, 4096));
    // A drain accepts the clients in the queue.
    program.signal("TERM");
    assert_eq!(late.response().body, b"xixizi");
    drop((late, clients));
    assert_eq!(program.wait().number("connections"), 4);
}

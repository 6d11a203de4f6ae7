//! How long the status server lives, and where it listens.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;

use super::{start, stats};
use crate::common::program::{Program, command, on_free_port, run};
use crate::common::tools::{Folder, TempFile};
use crate::common::{Client, PATIENCE, get, get_and_close, wait_until};

/// More than the kernel takes for a client that does not read.
fn large() -> TempFile {
    TempFile::with(vec![b'x'; 20_000_000])
}

#[test]
fn the_health_is_503_while_the_server_drains_and_both_servers_end_together() {
    let body = large();
    let (program, address) = start(&["--body-file", body.path(), "--drain-timeout", "60s"]);
    let mut status = Client::connect(address);
    assert_eq!((status.ask("/healthz").status, stats(&mut status).text("phase")), (200, "running"));
    let mut slow = program.connect();
    slow.send(get("/"));
    slow.response_head();
    program.signal("TERM");
    wait_until("it drains", || status.ask("/healthz").status == 503);
    assert_eq!(status.ask("/healthz").body, b"draining\n");
    let draining = stats(&mut status);
    assert_eq!((draining.text("phase"), draining.count("connections.live")), ("draining", 1));
    assert!(TcpStream::connect(program.address).is_err(), "the target accepts nobody any more");
    assert!(Client::connect(address).ask("/metrics").body.len() > 1000, "the status server does");
    slow.try_rest().expect("the rest of the response");
    // The target waits for this.
    drop(slow);
    status.expect_end();
    drop(status);
    assert_eq!(program.wait().code(), Some(0));
}

#[test]
fn a_client_of_the_status_server_that_stalls_does_not_keep_the_program_alive() {
    let (program, address) = start(&[]);
    let mut stalled = Client::connect(address);
    stalled.send("GET /stats.json HTT");
    // It was accepted before this one is answered.
    Client::connect(address).ask("/healthz");
    assert_eq!(program.end().code(), Some(0));
    stalled.expect_end();
}

#[test]
fn a_second_signal_ends_both_servers_at_once() {
    let body = large();
    let (program, address) = start(&["--body-file", body.path(), "--drain-timeout", "60s"]);
    let mut status = Client::connect(address);
    let mut slow = program.connect();
    slow.send(get("/"));
    slow.response_head();
    program.signal("TERM");
    wait_until("it drains", || status.ask("/healthz").status == 503);
    // Signals within 100 ms count as one.
    let mut program = program;
    wait_until("it ends", || {
        program.try_signal("TERM");
        program.status().is_some()
    });
    assert!(status.try_rest().is_err() || status.try_rest().is_ok_and(|rest| rest.is_empty()));
    slow.try_rest().expect_err("the response was cut off");
    assert_eq!(program.wait().code(), Some(0));
}

#[test]
fn it_listens_on_several_addresses_from_the_environment_too() {
    let mut command = on_free_port(&[]);
    command.env("FOURWAY_STATUS_LISTEN", "127.0.0.1:0,127.0.0.1:0");
    let program = Program::start_as(command);
    let addresses = program.addresses();
    assert_eq!(addresses.len(), 3, "{}", program.greeting);
    for &address in &addresses[1..] {
        assert_eq!(Client::connect(address).ask("/healthz").body, b"ok\n");
    }
    program.end();
}

#[test]
fn it_listens_on_a_unix_socket_whose_file_goes_away_with_it() {
    let folder = Folder::new();
    let path = folder.path("status");
    let program = Program::start(&["--status-listen", &format!("unix:{}", path.display())]);
    let mut status = UnixStream::connect(&path).unwrap();
    status.set_read_timeout(Some(PATIENCE)).unwrap();
    status.write_all(get_and_close("/healthz").as_bytes()).unwrap();
    let mut response = String::new();
    status.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n") && response.ends_with("ok\n"), "{response}");
    program.end();
    assert!(!path.exists());
}

#[test]
fn a_target_that_does_not_accept_does_not_silence_the_status_server() {
    let (program, address) = start(&["--accept", "off"]);
    assert_eq!(Client::connect(address).ask("/healthz").body, b"ok\n");
    assert_eq!(stats(&mut Client::connect(address)).count("connections.accepted"), 0);
    program.end();
}

#[test]
fn without_the_option_nothing_shows_the_figures() {
    let program = Program::start(&[]);
    assert_eq!(program.addresses().len(), 1);
    assert_eq!(program.connect().ask("/stats.json").body, b"xixizi");
    program.end();
}

#[test]
fn an_address_that_is_taken_is_an_error_that_names_the_option() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let ended = run(on_free_port(&["--status-listen", &taken]));
    assert_eq!(ended.code(), Some(1));
    assert!(ended.stderr.contains(&taken) && ended.stderr.contains("--status-listen"), "{}", ended.stderr);
}

#[test]
fn the_address_of_the_target_is_taken_by_this_server() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let ended = run(command(&["--listen", &free, "--status-listen", &free]));
    assert_eq!(ended.code(), Some(1));
    assert!(ended.stderr.contains("this server already listens on"), "{}", ended.stderr);
}

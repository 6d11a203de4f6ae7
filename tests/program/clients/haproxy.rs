//! HAProxy before the program.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use super::{BODY, REQUESTS, program};
use crate::common::child::Child;
use crate::common::tools::{self, Folder};
use crate::common::{ANY_PORT, Client, PATIENCE, get};

/// Sends a thousand requests through an HAProxy that never tries twice, on four connections. Returns how many
/// connections HAProxy made to the program.
fn haproxy(options: &[&str], reuse: &str) -> Option<usize> {
    let haproxy = tools::find(&["haproxy"])?;
    let program = program(options);
    let folder = Folder::new();
    let admin = folder.path("admin");
    let config = format!(
        "global\n    stats socket {admin} mode 600 level user\n\
             defaults\n    mode http\n    retries 0\n    timeout connect 30s\n    timeout client 30s\n    timeout server 30s\n\
             frontend front\n    bind fd@0\n    default_backend back\n\
             backend back\n    {reuse}\n    server fourway {backend}\n",
        admin = admin.display(),
        backend = program.address,
    );
    // It gets its listener from here, so no port has to be guessed, and early clients wait in the queue.
    let listener = TcpListener::bind(ANY_PORT).expect("a free port");
    let front = listener.local_addr().expect("its address");
    let mut command = Command::new(haproxy);
    command.args(["-db", "-f"]).arg(folder.write("haproxy.cfg", config));
    command.stdin(Stdio::from(OwnedFd::from(listener)));
    let _proxy = Child::with_streams(&mut command);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = Client::connect(front);
                for number in 0..REQUESTS / 4 {
                    client.send(get("/"));
                    let response = client.response();
                    assert_eq!(response.status, 200, "{number}: {}", response.head);
                    assert_eq!(response.body, BODY.as_bytes(), "{number}");
                }
            });
        }
    });
    let table = ask_haproxy(&admin);
    let count = |column| backend_count(&table, column);
    assert_eq!(count("hrsp_2xx"), REQUESTS, "{table}");
    for failures in ["econ", "eresp", "wretr", "wredis", "hrsp_5xx", "cli_abrt", "srv_abrt"] {
        assert_eq!(count(failures), 0, "{failures}: {table}");
    }
    assert_eq!(count("connect") + count("reuse"), REQUESTS, "{table}");
    Some(count("connect"))
}

fn ask_haproxy(admin: &Path) -> String {
    let mut socket = UnixStream::connect(admin).expect("haproxy's own socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("a read timeout");
    socket.write_all(b"show stat\n").expect("a command");
    let mut table = String::new();
    socket.read_to_string(&mut table).expect("an answer");
    table
}

fn backend_count(table: &str, column: &str) -> usize {
    let fields = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
    let names = fields(table.lines().next().expect("a first line").trim_start_matches("# "));
    let at = names.iter().position(|name| name == column).unwrap_or_else(|| panic!("no {column}: {table}"));
    let server = table.lines().find(|line| line.starts_with("back,fourway,")).expect("the server's line");
    fields(server)[at].parse().unwrap_or(0)
}

#[test]
fn haproxy_with_keep_alive_to_the_server() {
    if let Some(connections) = haproxy(&[], "http-reuse always") {
        assert!(connections <= 8, "{connections} connections");
    }
}

#[test]
fn haproxy_that_closes_each_connection_to_the_server() {
    if let Some(connections) = haproxy(&[], "option http-server-close\n    http-reuse never") {
        assert_eq!(connections, REQUESTS);
    }
}

#[test]
fn haproxy_when_the_server_closes() {
    if let Some(connections) = haproxy(&["--keep-alive", "off"], "http-reuse always") {
        assert_eq!(connections, REQUESTS);
    }
}

#[test]
fn haproxy_when_the_client_is_to_close_first() {
    let options = ["--close", "peer", "--keep-alive", "off"];
    if let Some(connections) = haproxy(&options, "http-reuse always") {
        assert_eq!(connections, REQUESTS);
    }
}

//! The program on Unix sockets, and their files.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;

use crate::common::program::{Ended, Program, command, command_after, run};
use crate::common::tools::{self, Folder};
use crate::common::{PATIENCE, get_and_close, wait_until};

/// An option for a socket in a folder, beside a TCP port.
fn listen(path: &Path) -> String {
    format!("127.0.0.1:0,unix:{}", path.display())
}

fn start(path: &Path) -> Program {
    Program::start_as(command(&["--listen", &listen(path)]))
}

/// Asks over a Unix socket, and returns all of the response.
fn ask(path: &Path) -> String {
    let mut client = UnixStream::connect(path).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.write_all(get_and_close("/path").as_bytes()).unwrap();
    let mut response = String::new();
    client.read_to_string(&mut response).unwrap();
    response
}

/// The end of a program that cannot have this path.
fn refused(path: &Path) -> Ended {
    let ended = run(command(&["--listen", &listen(path)]));
    assert_eq!((ended.code(), ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(
        ended.stderr.contains(&format!("cannot listen on unix:{}: ", path.display())),
        "{}",
        ended.stderr
    );
    ended
}

#[test]
fn a_unix_socket_is_served_beside_a_port_and_its_file_goes_with_the_program() {
    let folder = Folder::new();
    let path = folder.path("socket");
    let program = start(&path);
    assert!(program.greeting.contains(&format!(", unix:{}; ", path.display())), "{}", program.greeting);
    assert!(ask(&path).ends_with("\r\n\r\nxixizi"));
    assert_eq!(program.connect().ask("/path").body, b"xixizi");
    let ended = program.end();
    assert_eq!(ended.number("requests"), 2);
    assert!(!path.exists());
}

#[test]
fn curl_asks_over_a_unix_socket() {
    let Some(curl) = tools::find(&["curl"]) else { return };
    let folder = Folder::new();
    let path = folder.path("socket");
    let _program = start(&path);
    let mut curl = Command::new(curl);
    curl.args(["--silent", "--show-error", "--unix-socket"]).arg(&path).arg("http://localhost/path");
    assert_eq!(tools::run_to_text(&mut curl).0, "xixizi");
}

#[test]
fn the_file_of_a_killed_program_is_replaced() {
    let folder = Folder::new();
    let path = folder.path("socket");
    drop(start(&path));
    assert!(path.exists(), "SIGKILL leaves it");
    let program = start(&path);
    assert!(ask(&path).ends_with("xixizi"));
    program.end();
    assert!(!path.exists());
}

#[test]
fn a_socket_that_somebody_listens_on_is_an_error_and_stays() {
    let folder = Folder::new();
    let path = folder.path("socket");
    let listener = UnixListener::bind(&path).unwrap();
    assert!(refused(&path).stderr.contains("a program listens on it: stop that program"));
    // The accept queue of another may be full.
    listener.set_nonblocking(true).unwrap();
    let socket = socket2::SockRef::from(&listener);
    socket.listen(0).unwrap();
    assert!(refused(&path).stderr.contains("a program listens on it"));
    assert!(listener.accept().is_ok() && path.exists());
}

#[test]
fn a_file_that_is_no_socket_is_an_error_and_stays() {
    let folder = Folder::new();
    let path = folder.write("file", "precious");
    assert!(refused(&path).stderr.contains("a file of this name exists, and it is not a socket"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    assert!(refused(&folder.path("missing/socket")).stderr.contains("No such file or directory"));
    assert!(
        refused(&folder.path(&"x".repeat(200))).stderr.contains("the path is too long for a Unix socket")
    );
}

#[test]
fn a_file_that_has_replaced_the_programs_own_stays() {
    let folder = Folder::new();
    let path = folder.path("socket");
    let program = start(&path);
    fs::remove_file(&path).unwrap();
    let _other = UnixListener::bind(&path).unwrap();
    program.end();
    assert!(path.exists());
}

#[test]
fn the_umask_decides_who_may_connect() {
    let folder = Folder::new();
    for (mask, mode) in [("077", 0o700), ("007", 0o770)] {
        let path = folder.path(mask);
        let command = command_after(&format!("umask {mask}"), &["--listen", &listen(&path)]);
        let _program = Program::start_as(command);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
    }
}

#[test]
fn a_program_that_cannot_start_leaves_no_socket_file() {
    let folder = Folder::new();
    let path = folder.path("socket");
    let ended = run(command(&["--listen", &format!("unix:{},198.51.100.1:80", path.display())]));
    assert_eq!(ended.code(), Some(1));
    assert!(!path.exists());
}

#[test]
fn clients_in_the_queue_of_a_unix_socket_are_served_when_the_program_ends() {
    let folder = Folder::new();
    let path = folder.path("socket");
    let program = start(&path);
    program.signal("STOP");
    wait_until("it is stopped", || program.is_stopped());
    let mut client = UnixStream::connect(&path).unwrap();
    client.write_all(get_and_close("/path").as_bytes()).unwrap();
    program.signal("TERM");
    program.signal("CONT");
    let mut response = String::new();
    client.read_to_string(&mut response).unwrap();
    assert!(response.ends_with("xixizi"), "{response}");
    assert_eq!(program.wait().number("requests"), 1);
}

//! The example `unix_admin`.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;

use super::{Example, binary};
use crate::common::PATIENCE;
use crate::common::child::Child;
use crate::common::tools::{self, Folder};

fn start(path: &Path) -> Example {
    let mut example = Example::start("unix_admin", &[path]);
    assert_eq!(example.next_line(), format!("listening on unix:{}", path.display()));
    example
}

/// Everything that comes back for one request, as text.
fn exchange(path: &Path, method: &str, target: &str, body: &str) -> String {
    let mut stream = UnixStream::connect(path).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a read timeout");
    let length = body.len();
    let head =
        format!("{method} {target} HTTP/1.1\r\nHost: vm\r\nConnection: close\r\nContent-Length: {length}");
    write!(stream, "{head}\r\n\r\n{body}").expect("the server takes what is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("a whole answer");
    answer
}

fn status(answer: &str) -> &str {
    answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).expect("a status")
}

fn machine(path: &Path) -> String {
    let answer = exchange(path, "GET", "/vm", "");
    assert_eq!(status(&answer), "200", "{answer}");
    assert!(answer.contains("\r\nContent-Type: application/json\r\n"), "{answer}");
    answer.split_once("\r\n\r\n").expect("a body").1.to_owned()
}

#[test]
fn the_state_changes_when_it_is_put() {
    let folder = Folder::new();
    let path = folder.path("vm.sock");
    let _example = start(&path);
    assert_eq!(machine(&path), "{\"state\":\"running\",\"changes\":0}\n");
    let answer = exchange(&path, "PUT", "/vm/state", "paused");
    assert_eq!(status(&answer), "204", "{answer}");
    assert_eq!(machine(&path), "{\"state\":\"paused\",\"changes\":1}\n");
}

#[test]
fn a_state_that_does_not_exist_changes_nothing() {
    let folder = Folder::new();
    let path = folder.path("vm.sock");
    let _example = start(&path);
    assert_eq!(status(&exchange(&path, "PUT", "/vm/state", "exploded")), "400");
    assert_eq!(status(&exchange(&path, "PUT", "/vm/state", &"x".repeat(65))), "413");
    assert_eq!(machine(&path), "{\"state\":\"running\",\"changes\":0}\n");
}

#[test]
fn a_wrong_method_is_answered_with_the_allowed_ones() {
    let folder = Folder::new();
    let path = folder.path("vm.sock");
    let _example = start(&path);
    for (method, target, allowed) in [("DELETE", "/vm", "GET, HEAD"), ("GET", "/vm/state", "PUT")] {
        let answer = exchange(&path, method, target, "");
        assert_eq!(status(&answer), "405", "{answer}");
        assert!(answer.contains(&format!("\r\nAllow: {allowed}\r\n")), "{answer}");
    }
}

#[test]
fn an_unknown_path_is_not_found() {
    let folder = Folder::new();
    let path = folder.path("vm.sock");
    let _example = start(&path);
    assert_eq!(status(&exchange(&path, "GET", "/", "")), "404");
}

#[test]
fn curl_reads_and_changes_the_state() {
    let Some(curl) = tools::find(&["curl"]) else { return };
    let folder = Folder::new();
    let path = folder.path("vm.sock");
    let _example = start(&path);
    let run = |arguments: &[&str]| {
        let mut curl = Command::new(&curl);
        curl.args(["--silent", "--show-error", "--fail", "--unix-socket"]).arg(&path).args(arguments);
        tools::run_to_text(&mut curl).0
    };
    assert_eq!(run(&["http://localhost/vm/state", "-X", "PUT", "-d", "paused"]), "");
    assert_eq!(run(&["http://localhost/vm"]), "{\"state\":\"paused\",\"changes\":1}\n");
}

#[test]
fn the_socket_is_its_owners_alone() {
    let folder = Folder::new();
    let path = folder.path("vm.sock");
    let _example = start(&path);
    let mode = fs::metadata(&path).expect("the socket's file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_socket_of_a_killed_example_is_replaced() {
    let folder = Folder::new();
    let path = folder.path("vm.sock");
    drop(start(&path));
    assert!(path.exists(), "it was killed, so it left its file");
    let _example = start(&path);
    assert_eq!(status(&exchange(&path, "GET", "/vm", "")), "200");
}

#[test]
fn a_socket_on_which_somebody_listens_is_left_alone() {
    let folder = Folder::new();
    let path = folder.path("vm.sock");
    let _other = UnixListener::bind(&path).expect("a socket");
    let ended = Child::run(Command::new(binary("unix_admin")).arg(&path));
    assert!(!ended.status.success() && ended.stdout.is_empty());
    UnixStream::connect(&path).expect("the file still leads to who listens");
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let folder = Folder::new();
    let path = folder.write("vm.sock", "somebody's own");
    let ended = Child::run(Command::new(binary("unix_admin")).arg(&path));
    assert!(!ended.status.success() && ended.stdout.is_empty());
    assert_eq!(fs::read_to_string(&path).expect("the file"), "somebody's own");
}

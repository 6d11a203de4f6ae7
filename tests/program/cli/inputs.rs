//! A file or a socket that the program cannot use is a sentence, never a silence.

use std::fs::File;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::process::Command;

use crate::common::child::Child;
use crate::common::program::{Ended, Program, command, command_after, handing_over, run};
use crate::common::tools::{self, Folder, TempFile};

/// The end of a program that cannot use a body file.
fn refused_body(path: &str) -> String {
    let ended = run(command(&["--listen", "127.0.0.1:0", "--body-file", path]));
    assert_eq!((ended.code(), ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("cannot read --body-file {path}: ")), "{}", ended.stderr);
    ended.stderr
}

#[test]
fn a_body_file_that_is_a_pipe_a_socket_a_directory_or_a_device_is_refused() {
    let folder = Folder::new();
    let pipe = folder.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(refused_body(pipe.to_str().unwrap()).contains("it is a pipe, not a regular file"));
    let socket = folder.path("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    assert!(refused_body(socket.to_str().unwrap()).contains("it is a socket, not a regular file"));
    assert!(refused_body("/").contains("it is a directory, not a regular file"));
    assert!(refused_body("/dev/zero").contains("it is a device, not a regular file"));
    assert!(refused_body("/dev/null").contains("it is a device, not a regular file"));
}

#[test]
#[cfg(target_os = "linux")]
fn an_enormous_body_file_is_refused_before_it_is_read() {
    let file = TempFile::with(b"");
    // All of it is a hole.
    if File::options().write(true).open(file.path()).unwrap().set_len(1 << 43).is_err() {
        return tools::skipped("the file system has no file of 8 TiB");
    }
    let log = refused_body(file.path());
    assert!(log.contains("it has 8796093022208 bytes") && log.contains("at most "), "{log}");
}

#[test]
fn listen_fds_that_is_no_number_of_sockets_is_an_error() {
    for number in ["-1", "0", "x", "65", "2000000000"] {
        let mut command = command(&["--listen", "127.0.0.1:0"]);
        command.env("LISTEN_FDS", number);
        let ended = run(command);
        assert_eq!((ended.code(), ended.stdout.as_str()), (Some(1), ""), "{number}: {}", ended.stderr);
        assert!(ended.stderr.starts_with("fourway: error: LISTEN_FDS is "), "{number}: {}", ended.stderr);
    }
}

#[test]
fn listen_pid_that_is_no_number_is_an_error() {
    let mut command = command(&["--listen", "127.0.0.1:0"]);
    command.env("LISTEN_FDS", "1").env("LISTEN_PID", "me");
    let ended = run(command);
    assert_eq!(ended.code(), Some(1));
    assert!(ended.stderr.starts_with("fourway: error: LISTEN_PID is "), "{}", ended.stderr);
}

#[test]
fn sockets_for_another_process_are_left_alone_and_a_warning_says_so() {
    let mut command = command(&["--listen", "127.0.0.1:0"]);
    command.env("LISTEN_FDS", "1").env("LISTEN_PID", "1");
    let program = Program::start_as(command);
    assert_eq!(program.connect().ask("/path").body, b"xixizi");
    let log = program.end().stderr;
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains("LISTEN_FDS is ignored: LISTEN_PID is 1"), "{log}");
}

#[test]
fn empty_variables_hand_over_nothing() {
    let mut command = command(&["--listen", "127.0.0.1:0"]);
    command.env("LISTEN_FDS", "").env("LISTEN_PID", "");
    let program = Program::start_as(command);
    assert_eq!(program.connect().ask("/path").body, b"xixizi");
    assert_eq!(program.end().stderr, "");
}

/// The end of a program that is started with this descriptor as its first socket.
fn refused_socket(descriptor: OwnedFd) -> Ended {
    Child::with_streams(&mut handing_over(descriptor, &[])).wait()
}

#[test]
fn a_descriptor_that_is_no_tcp_listener_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connection = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let folder = Folder::new();
    let descriptors: [OwnedFd; 4] = [
        File::open("/dev/null").unwrap().into(),
        UdpSocket::bind("127.0.0.1:0").unwrap().into(),
        UnixListener::bind(folder.path("unix")).unwrap().into(),
        connection.into(),
    ];
    for descriptor in descriptors {
        let ended = refused_socket(descriptor);
        assert_eq!((ended.code(), ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
        assert!(ended.stderr.contains("socket 1 of LISTEN_FDS is not a TCP listener: "), "{}", ended.stderr);
    }
}

#[test]
fn a_descriptor_that_is_not_open_is_an_error() {
    let script = "exec 3<&-; export LISTEN_FDS=1 LISTEN_PID=$$";
    let ended = run(command_after(script, &["--listen", "127.0.0.1:0"]));
    assert_eq!((ended.code(), ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("socket 1 of LISTEN_FDS is not a TCP listener: "), "{}", ended.stderr);
}

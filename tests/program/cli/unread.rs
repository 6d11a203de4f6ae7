//! Output that is not read, or cannot be written: it never holds up the server.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::child::{Child, Lines};
use crate::common::program::{Program, command, command_after, on_free_port};
use crate::common::tools::{self, TempFile};
use crate::common::{Client, get, wait_until};

const REQUESTS: usize = 100_000;

/// Sends requests in pipelined batches, and takes each answer.
fn ask(program: &Program, requests: usize) {
    const BATCH: usize = 500;
    let mut client = program.connect();
    let batch = get("/path").repeat(BATCH);
    for _ in 0..requests / BATCH {
        client.send(&batch);
        for _ in 0..BATCH {
            assert_eq!(client.response().body, b"xixizi");
        }
    }
}

/// Starts a program and reads no more of its standard output than the first line.
fn start_unread(mut command: Command) -> (Program, BufReader<ChildStdout>) {
    let mut child = Child::unread(command.stdin(Stdio::null()).stdout(Stdio::piped()));
    let mut stdout = BufReader::with_capacity(1, child.process.stdout.take().unwrap());
    let mut greeting = String::new();
    stdout.read_line(&mut greeting).unwrap();
    (Program::of(child, greeting), stdout)
}

/// The number in the line that says how many lines are missing.
fn missing(log: &str) -> Vec<usize> {
    let lines = log.lines().filter_map(|line| line.strip_prefix("fourway: warning: "));
    let counts = lines.filter(|line| line.contains("missing here")).map(|line| line.split(' ').next());
    counts.map(|count| count.unwrap().parse().unwrap()).collect()
}

#[test]
fn an_unread_log_does_not_stop_the_server() {
    let mut command = on_free_port(&["-v"]);
    command.stderr(Stdio::piped());
    let (program, mut stdout) = start_unread(command);
    ask(&program, REQUESTS);
    program.end();
    let mut summary = String::new();
    stdout.read_to_string(&mut summary).unwrap();
    assert!(summary.contains("ended after"), "{summary}");
}

#[test]
fn one_unread_pipe_for_all_output_does_not_stop_the_server() {
    let (program, _unread) = start_unread(command_after("exec 2>&1", &["--listen", "127.0.0.1:0", "-vv"]));
    ask(&program, REQUESTS / 5);
    program.end();
}

#[test]
fn a_reader_that_comes_back_learns_how_many_lines_are_missing() {
    let mut command = on_free_port(&["-v"]);
    command.stderr(Stdio::piped());
    let (mut program, _stdout) = start_unread(command);
    ask(&program, REQUESTS);
    let mut log = Lines::of(program.process.stderr.take().unwrap());
    log.wait_for("missing here: this output was not read fast enough");
    program.connect().ask_last("/path");
    program.signal("TERM");
    let log = log.take_rest();
    let requests = log.lines().filter(|line| line.contains("GET /path HTTP/1.1 200")).count();
    assert_eq!(requests + missing(&log).iter().sum::<usize>(), REQUESTS + 1);
    assert!(log.lines().last().unwrap().contains("GET /path"), "the log goes on");
    assert!(program.wait().status.success());
}

/// A socket that takes no more bytes, and its other end.
fn full() -> (OwnedFd, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    theirs.set_nonblocking(true).unwrap();
    while (&theirs).write(&[b'.'; 4096]).is_ok() {}
    theirs.set_nonblocking(false).unwrap();
    (theirs.into(), ours)
}

/// A free port of a host that no other test uses, so nobody takes the port before the program does.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.10:0").unwrap().local_addr().unwrap()
}

/// Connects as soon as somebody listens.
fn connect(address: SocketAddr) -> Client {
    wait_until("it listens", || TcpStream::connect(address).is_ok());
    Client::connect(address)
}

#[test]
fn the_program_starts_and_ends_although_all_its_output_is_unread() {
    let (stream, _unread) = full();
    let address = free_address();
    let mut command = command(&["--listen", &address.to_string(), "-v"]);
    command.stdin(Stdio::null()).stdout(stream.try_clone().unwrap()).stderr(stream);
    let program = Child::unread(&mut command);
    assert_eq!(connect(address).ask("/path").body, b"xixizi");
    program.end();
}

#[test]
fn a_second_signal_ends_the_wait_for_unread_output() {
    let (stream, _unread) = full();
    let address = free_address();
    let mut command = command(&["--listen", &address.to_string(), "-v"]);
    command.stdin(Stdio::null()).stdout(stream.try_clone().unwrap()).stderr(stream);
    let program = Child::unread(&mut command);
    connect(address).ask("/path");
    program.signal("TERM");
    // A second signal within 100 ms would count as the first.
    thread::sleep(Duration::from_millis(300));
    program.signal("TERM");
    let begin = Instant::now();
    assert_eq!(program.wait().code(), Some(0));
    // Without the second signal, the log and the summary would each wait for a second.
    assert!(begin.elapsed() < Duration::from_millis(900), "{:?}", begin.elapsed());
}

#[test]
fn a_log_on_a_full_disk_does_not_stop_the_server() {
    let Ok(full) = OpenOptions::new().write(true).open("/dev/full") else {
        return tools::skipped("there is no /dev/full");
    };
    let mut command = on_free_port(&["-v"]);
    command.stderr(full);
    let (program, _stdout) = start_unread(command);
    ask(&program, 1000);
    program.end();
}

#[test]
fn a_log_that_reaches_the_limit_of_file_sizes_does_not_end_the_server() {
    let file = TempFile::with(b"");
    // A block is 512 bytes or 1,024.
    let script = format!("ulimit -f 4; exec 2>{}", file.path());
    let (program, _stdout) = start_unread(command_after(&script, &["--listen", "127.0.0.1:0", "-v"]));
    ask(&program, 1000);
    program.end();
    let log = fs::read_to_string(file.path()).unwrap();
    assert!((2048..=4096).contains(&log.len()), "{}", log.len());
}

#[test]
fn a_log_in_a_file_is_whole_and_in_order() {
    let file = TempFile::with(b"");
    let script = format!("exec 2>>{0} >>{0}", file.path());
    let address = free_address();
    let mut command = command_after(&script, &["--listen", &address.to_string(), "-v"]);
    let program = Child::unread(command.stdin(Stdio::null()));
    let mut client = connect(address);
    for number in 0..1000 {
        client.ask(&format!("/{number}"));
    }
    drop(client);
    program.end();
    let log = fs::read_to_string(file.path()).unwrap();
    let mut lines = log.lines();
    assert!(lines.next().unwrap().contains("listening on"), "{log}");
    for number in 0..1000 {
        assert!(lines.next().unwrap().contains(&format!(" GET /{number} HTTP/1.1 200 ")), "{log}");
    }
    assert!(lines.next().unwrap().contains("ended after"), "{log}");
}

#[test]
fn a_log_that_cannot_be_written_any_more_does_not_stop_the_server() {
    let mut program = Program::start(&["-v"]);
    // This closes the pipe.
    program.stderr = Lines::none();
    ask(&program, 1000);
    program.end();
}

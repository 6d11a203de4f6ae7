//! Output that is not read, or cannot be written: it never holds up the server.

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::program::{Client, Lines, PATIENCE, Program, Scratch, command, command_after, start};

const REQUESTS: usize = 100_000;

/// How often a test looks again.
const POLL: Duration = Duration::from_millis(5);

/// Sends requests in pipelined batches, and takes each answer.
fn ask(program: &Program, requests: usize) {
    const BATCH: usize = 500;
    let mut client = program.connect();
    let batch = "GET /path HTTP/1.1\r\nHost: a\r\n\r\n".repeat(BATCH);
    for _ in 0..requests / BATCH {
        client.send(&batch);
        for _ in 0..BATCH {
            assert_eq!(client.response().body, b"xixizi");
        }
    }
}

/// Waits until the program has ended, and returns its exit code.
fn wait(child: &mut Child) -> Option<i32> {
    let begin = Instant::now();
    loop {
        match child.try_wait().unwrap() {
            Some(status) => return status.code(),
            None => assert!(begin.elapsed() < PATIENCE, "it does not end"),
        }
        thread::sleep(POLL);
    }
}

/// Starts a program and reads no more of its standard output than the first line.
fn start_unread(mut command: Command) -> (Program, BufReader<ChildStdout>) {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::with_capacity(1, child.stdout.take().unwrap());
    let mut greeting = String::new();
    stdout.read_line(&mut greeting).unwrap();
    let (nothing, silence) = (Lines::of(io::empty()), Lines::of(io::empty()));
    (Program { child, stdout: nothing, stderr: silence, greeting }, stdout)
}

/// The number in the line that says how many lines are missing.
fn missing(log: &str) -> Vec<usize> {
    let lines = log.lines().filter_map(|line| line.strip_prefix("fourway: warning: "));
    let counts = lines.filter(|line| line.contains("missing here")).map(|line| line.split(' ').next());
    counts.map(|count| count.unwrap().parse().unwrap()).collect()
}

#[test]
fn a_log_that_nobody_reads_does_not_stop_the_server() {
    let mut command = command(&["--listen", "127.0.0.1:0", "-v"]);
    command.stderr(Stdio::piped());
    let (mut program, mut stdout) = start_unread(command);
    ask(&program, REQUESTS);
    program.signal("TERM");
    assert_eq!(wait(&mut program.child), Some(0));
    let mut summary = String::new();
    stdout.read_to_string(&mut summary).unwrap();
    assert!(summary.contains("ended after"), "{summary}");
}

#[test]
fn one_pipe_for_everything_that_nobody_reads_does_not_stop_it_either() {
    let (mut program, _unread) =
        start_unread(command_after("exec 2>&1", &["--listen", "127.0.0.1:0", "-vv"]));
    ask(&program, REQUESTS / 5);
    program.signal("TERM");
    assert_eq!(wait(&mut program.child), Some(0));
}

#[test]
fn a_reader_that_comes_back_learns_how_many_lines_are_missing() {
    let mut command = command(&["--listen", "127.0.0.1:0", "-v"]);
    command.stderr(Stdio::piped());
    let (mut program, _stdout) = start_unread(command);
    ask(&program, REQUESTS);
    let mut log = Lines::of(program.child.stderr.take().unwrap());
    log.wait_for("missing here: this output was not read fast enough");
    program.connect().get_last();
    program.signal("TERM");
    let log = log.finish();
    let requests = log.lines().filter(|line| line.contains("GET /path HTTP/1.1 200")).count();
    assert_eq!(requests + missing(&log).iter().sum::<usize>(), REQUESTS + 1);
    assert!(log.lines().last().unwrap().contains("GET /path"), "the log goes on");
    assert_eq!(wait(&mut program.child), Some(0));
}

/// A socket that takes no more bytes, and its other end.
fn full() -> (OwnedFd, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    theirs.set_nonblocking(true).unwrap();
    while (&theirs).write(&[b'.'; 4096]).is_ok() {}
    theirs.set_nonblocking(false).unwrap();
    (theirs.into(), ours)
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Connects as soon as somebody listens.
fn connect(address: SocketAddr) -> Client {
    let begin = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(begin.elapsed() < PATIENCE, "it does not start");
        thread::sleep(POLL);
    }
    Client::to(address)
}

#[test]
fn it_starts_and_ends_though_nobody_reads_a_word() {
    let (stream, _unread) = full();
    let address = free_address();
    let mut command = command(&["--listen", &address.to_string(), "-v"]);
    command.stdin(Stdio::null()).stdout(stream.try_clone().unwrap()).stderr(stream);
    let child = command.spawn().unwrap();
    let (nothing, silence) = (Lines::of(io::empty()), Lines::of(io::empty()));
    let mut program = Program { child, stdout: nothing, stderr: silence, greeting: String::new() };
    assert_eq!(connect(address).get().body, b"xixizi");
    program.signal("TERM");
    assert_eq!(wait(&mut program.child), Some(0));
}

#[test]
fn a_log_on_a_full_disk_does_not_stop_the_server() {
    let Ok(full) = OpenOptions::new().write(true).open("/dev/full") else { return };
    let mut command = command(&["--listen", "127.0.0.1:0", "-v"]);
    command.stderr(full);
    let (mut program, _stdout) = start_unread(command);
    ask(&program, 1000);
    program.signal("TERM");
    assert_eq!(wait(&mut program.child), Some(0));
}

#[test]
fn a_log_that_reaches_the_limit_of_file_sizes_does_not_end_the_server() {
    let file = Scratch::with("limited", b"");
    // A block is 512 bytes or 1,024.
    let script = format!("ulimit -f 4; exec 2>{}", file.path());
    let (mut program, _stdout) = start_unread(command_after(&script, &["--listen", "127.0.0.1:0", "-v"]));
    ask(&program, 1000);
    program.signal("TERM");
    assert_eq!(wait(&mut program.child), Some(0));
    let log = fs::read_to_string(file.path()).unwrap();
    assert!((2048..=4096).contains(&log.len()), "{}", log.len());
}

#[test]
fn a_log_in_a_file_is_whole_and_in_order() {
    let file = Scratch::with("whole", b"");
    let script = format!("exec 2>>{0} >>{0}", file.path());
    let address = free_address();
    let mut command = command_after(&script, &["--listen", &address.to_string(), "-v"]);
    let mut child = command.stdin(Stdio::null()).spawn().unwrap();
    let mut client = connect(address);
    for number in 0..1000 {
        client.send(&format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n"));
        client.response();
    }
    drop(client);
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert_eq!(wait(&mut child), Some(0));
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
    let mut program = start(&["-v"]);
    program.stderr = Lines::of(io::empty());
    ask(&program, 1000);
    assert_eq!(program.stop().code, Some(0));
}

//! The program as its users meet it: arguments, environment, answers, logs, signals, summary.
#![cfg(all(unix, feature = "cli"))]

use std::fs;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

/// Nothing here takes so long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

// --- the program ---

/// A running program, ended with its test.
struct Program {
    child: Child,
    stdout: Lines,
    stderr: Lines,
    /// What it said when it had started.
    greeting: String,
}

/// How a program ended.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// What is written to a pipe, as it comes. A thread reads, so that nobody waits for a full pipe.
struct Lines {
    receiver: Receiver<String>,
    seen: String,
}

impl Lines {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Lines { receiver, seen: String::new() }
    }

    /// The next line; `None` at the end.
    fn next(&mut self) -> Option<String> {
        match self.receiver.recv_timeout(PATIENCE) {
            Ok(line) => {
                self.seen += &format!("{line}\n");
                Some(line)
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("silent for too long after: {}", self.seen),
        }
    }

    fn wait_for(&mut self, part: &str) -> String {
        while let Some(line) = self.next() {
            if line.contains(part) {
                return line;
            }
        }
        panic!("no {part:?} in: {}", self.seen);
    }

    fn finish(mut self) -> String {
        while self.next().is_some() {}
        self.seen
    }
}

/// The program with none of the environment that it looks at.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fourway"));
    command.args(arguments);
    tidy(command)
}

fn tidy(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FOURWAY_") {
            command.env_remove(name);
        }
    }
    command.env_remove("RUST_LOG");
    command
}

/// The same in a shell that does something first.
fn command_after(script: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    let script = format!("{script}; exec \"$0\" \"$@\"");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_fourway")]).args(arguments);
    tidy(command)
}

/// Runs a program that ends by itself.
fn run(mut command: Command) -> Ended {
    Program::spawn(&mut command).end()
}

/// Starts the program on a port that the system chooses.
fn start(arguments: &[&str]) -> Program {
    start_as(command(&[&["--listen", "127.0.0.1:0"], arguments].concat()))
}

fn start_as(mut command: Command) -> Program {
    let mut program = Program::spawn(&mut command);
    match program.stdout.next() {
        Some(line) => program.greeting = line,
        None => panic!("it did not start: {}", program.end().stderr),
    }
    program
}

impl Program {
    fn spawn(command: &mut Command) -> Self {
        let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let stdout = Lines::of(child.stdout.take().unwrap());
        let stderr = Lines::of(child.stderr.take().unwrap());
        Program { child, stdout, stderr, greeting: String::new() }
    }

    fn addresses(&self) -> Vec<SocketAddr> {
        let list = self.greeting.strip_prefix("fourway: listening on ").unwrap();
        let (list, _) = list.split_once(';').unwrap();
        list.split(", ").map(|url| url.strip_prefix("http://").unwrap().parse().unwrap()).collect()
    }

    fn connect(&self) -> Client {
        Client::to(self.addresses()[0])
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Waits until it has ended: its pipes close when it does.
    fn end(mut self) -> Ended {
        let stdout = std::mem::replace(&mut self.stdout, Lines::of(io::empty())).finish();
        let stderr = std::mem::replace(&mut self.stderr, Lines::of(io::empty())).finish();
        Ended { code: self.child.wait().unwrap().code(), stdout, stderr }
    }

    fn stop(self) -> Ended {
        self.signal("TERM");
        self.end()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// A number of the summary.
    fn number(&self, name: &str) -> u64 {
        let value = |line: &str| line.trim().strip_prefix(name)?.trim().parse().ok();
        self.stdout.lines().rev().find_map(value).unwrap_or_else(|| panic!("no {name:?} in: {}", self.stdout))
    }
}

// --- its client ---

struct Client {
    stream: BufReader<TcpStream>,
}

struct Response {
    status_line: String,
    headers: Vec<String>,
    body: Vec<u8>,
}

impl Response {
    fn header(&self, name: &str) -> Option<&str> {
        let (_, value) =
            self.headers.iter().filter_map(|line| line.split_once(": ")).find(|(n, _)| *n == name)?;
        Some(value)
    }
}

impl Client {
    fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client { stream: BufReader::new(stream) }
    }

    fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn get(&mut self) -> Response {
        self.send("GET /path HTTP/1.1\r\nHost: a\r\n\r\n");
        self.response()
    }

    fn get_last(&mut self) -> Response {
        self.send("GET /path HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        self.response()
    }

    fn response(&mut self) -> Response {
        let mut response = self.response_head();
        let length: usize = response.header("Content-Length").unwrap().parse().unwrap();
        response.body = vec![0; length];
        self.stream.read_exact(&mut response.body).unwrap();
        response
    }

    fn response_head(&mut self) -> Response {
        let mut line = || {
            let mut line = String::new();
            self.stream.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        };
        let status_line = line();
        let headers = std::iter::from_fn(|| Some(line()).filter(|line| !line.is_empty())).collect();
        Response { status_line, headers, body: Vec::new() }
    }

    /// What else comes until the end, which has to be an orderly one.
    fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).unwrap();
        rest
    }
}

/// A file for one test, removed behind it.
struct Scratch(PathBuf);

impl Scratch {
    fn with(name: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("fourway-{}-{name}", std::process::id()));
        fs::write(&path, bytes).unwrap();
        Scratch(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// More than the kernel takes for a client that does not read, and no two parts of it alike.
fn large() -> Vec<u8> {
    (0..5_000_000_u32).flat_map(|word| word.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

// --- arguments ---

#[rustfmt::skip]
const OPTIONS: [&str; 17] = [
    "LISTEN", "BODY", "BODY_FILE", "CONTENT_TYPE", "CLOSE", "KEEP_ALIVE", "MAX_CONNECTIONS", "BACKLOG",
    "REUSE_PORT", "HEAD_TIMEOUT", "BODY_TIMEOUT", "IDLE_TIMEOUT", "WRITE_TIMEOUT", "LINGER_TIMEOUT",
    "DRAIN_TIMEOUT", "DRAIN_IDLE", "VERBOSE",
];

#[test]
fn help_names_each_option_and_its_variable() {
    for help in ["-h", "--help"] {
        let ended = run(command(&[help]));
        assert_eq!(ended.code, Some(0));
        for name in OPTIONS {
            let option = format!("--{} ", name.to_lowercase().replace('_', "-"));
            let text = ended.stdout.replace("...", " ").replace('\n', " ");
            assert!(text.contains(&option), "{option} in {help}");
            assert!(text.contains(&format!("FOURWAY_{name}]")), "{name} in {help}");
        }
    }
}

#[test]
fn help_explains_each_close_mode() {
    let help = run(command(&["--help"])).stdout;
    for mode in ["fin", "peer", "rst", "drop"] {
        assert!(help.contains(&format!("- {mode}: ")), "{mode}");
    }
}

#[test]
fn the_version_is_the_crates() {
    let ended = run(command(&["--version"]));
    assert_eq!(ended.stdout, format!("fourway {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(ended.code, Some(0));
}

#[test]
fn a_wrong_value_ends_it_with_2_and_says_what_would_be_right() {
    let long = "x".repeat(2000);
    let cases = [
        ("--listen", "8080", "an address is IP:PORT"),
        ("--listen", "example.org:80", "an address is IP:PORT"),
        ("--listen", "127.0.0.1:0,nonsense", "an address is IP:PORT"),
        ("--head-timeout", "10", "a time has its unit, such as 500ms"),
        ("--idle-timeout", "soon", "a time has its unit, such as 500ms"),
        ("--drain-timeout", "0s", "longer than zero"),
        ("--close", "gently", "fin, peer, rst, drop"),
        ("--drain-idle", "wait", "close, last-request"),
        ("--keep-alive", "maybe", "either on or off"),
        ("--max-connections", "0", "1 or more, such as 10000 or 10k"),
        ("--max-connections", "many", "1 or more, such as 10000 or 10k"),
        ("--backlog", "9999999999", "below 4,294,967,296"),
        ("--content-type", "text/plain\r\nX: y", "printable ASCII"),
        ("--content-type", "", "printable ASCII"),
        ("--content-type", &long, "printable ASCII"),
    ];
    for (option, value, sentence) in cases {
        let ended = run(command(&[option, value]));
        assert_eq!(ended.code, Some(2), "{option} {value}: {}", ended.stderr);
        assert!(ended.stderr.contains(sentence), "{option} {value}: {}", ended.stderr);
        assert!(ended.stderr.contains(option), "{option} {value}: {}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
}

#[test]
fn a_wrong_variable_ends_it_with_2() {
    let mut command = command(&[]);
    command.env("FOURWAY_WRITE_TIMEOUT", "1 fortnight");
    let ended = run(command);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--write-timeout"), "{}", ended.stderr);
}

#[test]
fn two_bodies_are_one_too_many() {
    let ended = run(command(&["--body", "x", "--body-file", "y"]));
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("either --body or --body-file"), "{}", ended.stderr);
}

#[test]
fn a_body_file_that_cannot_be_read_is_named_in_one_line() {
    let ended = run(command(&["--body-file", "/nonexistent/page"]));
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("--body-file /nonexistent/page: No such file"), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
}

#[test]
fn a_port_in_use_is_named_in_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = run(command(&["--listen", "127.0.0.1:0", "--listen", &address]));
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("cannot listen on {address}")), "{}", ended.stderr);
    assert!(ended.stderr.contains("choose another with --listen"), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
}

#[test]
fn the_environment_works_and_the_command_line_wins() {
    let mut command = command(&["--content-type", "text/b"]);
    command.env("FOURWAY_LISTEN", "127.0.0.1:0,127.0.0.1:0").env("FOURWAY_BODY", "from the environment");
    command.env("FOURWAY_CONTENT_TYPE", "text/a").env("FOURWAY_KEEP_ALIVE", "off");
    command.env("FOURWAY_MAX_CONNECTIONS", "20").env("FOURWAY_REUSE_PORT", "yes").env("FOURWAY_VERBOSE", "1");
    let program = start_as(command);
    assert_eq!(program.addresses().len(), 2);
    assert!(program.greeting.contains("up to 20 connections"), "{}", program.greeting);
    let response = program.connect().get();
    assert_eq!(response.body, b"from the environment");
    assert_eq!(response.header("Content-Type"), Some("text/b"));
    assert_eq!(response.header("Connection"), Some("close"));
    assert!(program.stop().stderr.contains("GET /path"));
}

#[test]
fn a_body_of_the_command_line_wins_over_a_body_file_of_the_environment() {
    let mut command = command(&["--listen", "127.0.0.1:0", "--body", "mine"]);
    command.env("FOURWAY_BODY_FILE", "/nonexistent");
    assert_eq!(start_as(command).connect().get().body, b"mine");
}

#[test]
fn a_body_file_of_the_command_line_wins_over_a_body_of_the_environment() {
    let file = Scratch::with("wins", b"mine");
    let mut command = command(&["--listen", "127.0.0.1:0", "--body-file", file.path()]);
    command.env("FOURWAY_BODY", "not mine");
    assert_eq!(start_as(command).connect().get().body, b"mine");
}

// --- answers ---

#[test]
fn by_default_each_request_is_answered_with_xixizi() {
    let program = start(&[]);
    let mut client = program.connect();
    for _ in 0..3 {
        let response = client.get();
        assert_eq!(response.status_line, "HTTP/1.1 200 OK");
        assert_eq!(response.header("Content-Type"), Some("text/plain"));
        assert_eq!(response.body, b"xixizi");
    }
    client.send("POST /elsewhere HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    assert_eq!(client.response().body, b"xixizi");
}

#[test]
fn it_listens_on_ipv4_and_ipv6_at_once() {
    if TcpListener::bind("[::1]:0").is_err() {
        return; // This machine has no IPv6.
    }
    let arguments = ["--listen", "127.0.0.1:0", "--listen", "[::1]:0,127.0.0.1:0"];
    let program = start_as(command(&arguments));
    let addresses = program.addresses();
    assert_eq!(addresses.iter().map(SocketAddr::is_ipv6).collect::<Vec<_>>(), [false, true, false]);
    for address in addresses {
        assert_ne!(address.port(), 0);
        assert_eq!(Client::to(address).get().body, b"xixizi");
    }
}

#[test]
fn localhost_is_an_address() {
    let program = start_as(command(&["--listen", "localhost:0"]));
    for address in program.addresses() {
        assert!(address.ip().is_loopback());
        assert_eq!(Client::to(address).get().body, b"xixizi");
    }
}

#[test]
fn processes_can_share_a_port() {
    let first = start(&["--reuse-port"]);
    let address = first.addresses()[0].to_string();
    let second = start_as(command(&["--reuse-port", "--listen", &address]));
    assert_eq!(second.connect().get().body, b"xixizi");
}

#[test]
fn body_and_content_type_are_what_was_asked_for() {
    let program = start(&["--body", "<p>hällo", "--content-type", "text/html; charset=utf-8"]);
    let response = program.connect().get();
    assert_eq!(response.body, "<p>hällo".as_bytes());
    assert_eq!(response.header("Content-Type"), Some("text/html; charset=utf-8"));
}

#[test]
fn an_empty_body_is_a_body() {
    assert_eq!(start(&["--body", ""]).connect().get().body, b"");
}

#[test]
fn a_large_file_arrives_whole_on_several_connections_at_once() {
    let bytes = large();
    let file = Scratch::with("large", &bytes);
    let program = start(&["--body-file", file.path()]);
    let mut clients: Vec<_> = (0..4).map(|_| program.connect()).collect();
    for client in &mut clients {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    for client in &mut clients {
        let response = client.response();
        assert_eq!(response.header("Content-Type"), Some("application/octet-stream"));
        assert!(response.body == bytes, "a body differs");
    }
    drop(clients);
    let ended = program.stop();
    assert_eq!(ended.number("requests"), 4);
    assert!(ended.number("bytes sent") > 80_000_000);
}

/// The memory that a program holds, in bytes.
#[cfg(target_os = "linux")]
fn resident(program: &Program) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", program.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[test]
#[cfg(target_os = "linux")]
fn a_large_file_is_held_once_however_many_download_it() {
    let bytes = large();
    let file = Scratch::with("once", &bytes);
    let program = start(&["--body-file", file.path()]);
    let mut clients: Vec<_> = (0..20).map(|_| program.connect()).collect();
    for client in &mut clients {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        client.response_head();
    }
    assert!(resident(&program) < 2 * bytes.len() as u64, "{}", resident(&program));
}

#[test]
fn without_keep_alive_the_first_response_is_the_last() {
    let program = start(&["--keep-alive", "off"]);
    let mut client = program.connect();
    assert_eq!(client.get().header("Connection"), Some("close"));
    assert_eq!(client.rest(), b"");
}

#[test]
fn an_idle_connection_ends_after_the_time_asked_for() {
    let program = start(&["--idle-timeout", "50ms"]);
    assert_eq!(program.connect().rest(), b"");
    let ended = program.stop();
    assert_eq!(ended.number("idle timeout"), 1);
    assert_eq!(ended.number("errors"), 0);
}

#[test]
fn a_slow_head_ends_after_the_time_asked_for() {
    let program = start(&["--head-timeout", "50ms"]);
    let mut slow = program.connect();
    slow.send("GET / HT");
    assert_eq!(slow.response().status_line, "HTTP/1.1 408 Request Timeout");
    assert_eq!(slow.rest(), b"");
    drop(slow);
    let ended = program.stop();
    assert_eq!(ended.number("answered with 408"), 1);
    assert_eq!(ended.number("errors"), 1);
}

// --- who closes first ---

#[test]
fn with_fin_the_server_closes_first() {
    let program = start(&["--close", "fin"]);
    let mut client = program.connect();
    assert_eq!(client.get_last().body, b"xixizi");
    assert_eq!(client.rest(), b"");
    let ended = program.stop();
    assert_eq!(ended.number("closed first by the server"), 1);
    assert_eq!(ended.number("closed first by the client"), 0);
}

#[test]
fn with_peer_the_client_closes_first() {
    let program = start(&["--close", "peer", "-vv"]);
    let mut client = program.connect();
    assert_eq!(client.get_last().body, b"xixizi");
    client.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.rest(), b"");
    let ended = program.stop();
    assert_eq!(ended.number("closed first by the client"), 1);
    assert_eq!(ended.number("closed first by the server"), 0);
}

#[test]
fn with_peer_a_client_that_does_not_close_is_closed() {
    let program = start(&["--close", "peer", "--linger-timeout", "50ms"]);
    let mut client = program.connect();
    assert_eq!(client.get_last().body, b"xixizi");
    assert_eq!(client.rest(), b"");
    assert_eq!(program.stop().number("closed first by the server"), 1);
}

#[test]
fn with_rst_a_small_response_arrives_before_the_reset() {
    let program = start(&["--close", "rst"]);
    let mut client = program.connect();
    assert_eq!(client.get_last().body, b"xixizi");
    assert_eq!(client.stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(program.stop().number("answered, then closed"), 1);
}

#[test]
fn with_drop_nothing_is_sent() {
    let program = start(&["--close", "drop"]);
    let mut client = program.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.rest(), b"");
    let ended = program.stop();
    assert_eq!(ended.number("dropped without an answer"), 1);
    assert_eq!(ended.number("requests"), 1);
    assert_eq!(ended.number("bytes sent"), 0);
}

// --- logs ---

#[test]
fn without_v_nothing_is_logged() {
    let program = start(&[]);
    program.connect().get();
    assert_eq!(program.stop().stderr, "");
}

#[test]
fn v_logs_one_line_for_each_request() {
    let program = start(&["-v"]);
    let mut client = program.connect();
    let peer = client.stream.get_ref().local_addr().unwrap();
    client.get();
    client.send("POST /two?x=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    client.response();
    drop(client);
    let log = program.stop().stderr;
    let lines: Vec<_> = log.lines().collect();
    assert_eq!(lines.len(), 2, "{log}");
    assert!(lines[0].contains(&format!(" {peer} GET /path HTTP/1.1 200 107 bytes")), "{log}");
    assert!(lines[1].contains(&format!(" {peer} POST /two?x=1 HTTP/1.1 200 107 bytes")), "{log}");
}

#[test]
fn vv_logs_each_change_of_state_with_its_reason() {
    let program = start(&["-vv"]);
    program.connect().get();
    let log = program.stop().stderr;
    assert!(log.contains("slot 0: Sending -> Idle (all sent)"), "{log}");
    assert!(log.contains("Idle -> gone ("), "{log}");
    assert!(log.contains("GET /path"), "{log}");
    assert!(!log.contains("slot 0: readable"), "{log}");
}

#[test]
fn vvv_logs_each_event() {
    let program = start(&["-vvv"]);
    program.connect().get();
    let log = program.stop().stderr;
    assert!(log.contains("slot 0: readable"), "{log}");
}

#[test]
fn rust_log_wins_over_v() {
    let mut command = command(&["--listen", "127.0.0.1:0", "-v"]);
    command.env("RUST_LOG", "fourway::state=trace");
    let program = start_as(command);
    program.connect().get();
    let log = program.stop().stderr;
    assert!(log.contains("slot 0") && !log.contains("GET /path"), "{log}");
}

// --- limits ---

#[test]
fn a_low_file_limit_is_said_and_kept() {
    let arguments = ["--listen", "127.0.0.1:0"];
    let program = start_as(command_after("ulimit -n 100", &arguments));
    assert!(program.greeting.ends_with("; up to 36 connections (file limit 100, 64 kept back)"));
    let mut clients = Vec::new();
    for _ in 0..60 {
        // The longest idle makes room, so each is served at once.
        let mut client = program.connect();
        assert_eq!(client.get().body, b"xixizi");
        clients.push(client);
    }
    let ended = program.stop();
    assert_eq!(ended.number("connections"), 60);
    assert_eq!(ended.number("evicted"), 24);
    assert_eq!(ended.stderr, "");
}

#[test]
fn the_soft_file_limit_is_raised_to_the_hard_one() {
    let arguments = ["--listen", "127.0.0.1:0"];
    let program = start_as(command_after("ulimit -n 200; ulimit -Sn 100", &arguments));
    assert!(program.greeting.ends_with("up to 136 connections (file limit 200, 64 kept back)"));
}

#[test]
fn more_connections_than_files_are_held_as_far_as_they_can_be() {
    let arguments = ["--listen", "127.0.0.1:0", "--max-connections", "1k"];
    let program = start_as(command_after("ulimit -n 100", &arguments));
    assert!(program.greeting.contains("up to 36 connections"), "{}", program.greeting);
    let log = program.stop().stderr;
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains("1000 connections were asked for") && log.contains("allows 36"), "{log}");
}

#[test]
fn a_file_limit_without_room_is_one_line_and_1() {
    let ended = run(command_after("ulimit -n 50", &["--listen", "127.0.0.1:0"]));
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("ulimit -n"), "{}", ended.stderr);
}

#[test]
#[cfg(target_os = "linux")]
fn a_backlog_that_the_system_cuts_is_a_warning() {
    let most: u32 = fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap().trim().parse().unwrap();
    assert_eq!(start(&["--backlog", &most.to_string()]).stop().stderr, "");
    let log = start(&["--backlog", &(most + 1).to_string()]).stop().stderr;
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains(&format!("cut to {most} by net.core.somaxconn")), "{log}");
}

// --- signals and the summary ---

#[test]
fn sigterm_lets_a_response_finish_and_closes_idle_connections() {
    let bytes = large();
    let file = Scratch::with("drain", &bytes);
    let mut program = start(&["--body-file", file.path(), "--drain-timeout", "60s"]);
    let mut busy = program.connect();
    busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    busy.response_head();
    let mut idle = program.connect();
    idle.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    idle.response_head();

    program.signal("TERM");
    program.stderr.wait_for("waiting at most 60s for 1 of 2 connections");
    assert_eq!(idle.rest(), b"");
    let refused = TcpStream::connect(program.addresses()[0]).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert!(busy.rest() == bytes, "the response was cut");

    let ended = program.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.number("connections"), 2);
    assert_eq!(ended.number("requests"), 2);
    assert_eq!(ended.number("closed because"), 2);
    assert_eq!(ended.number("errors"), 0);
}

#[test]
fn sigint_does_the_same() {
    let program = start(&[]);
    program.connect().get();
    program.signal("INT");
    let ended = program.end();
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.number("requests"), 1);
}

#[test]
fn the_summary_is_a_table() {
    let program = start(&[]);
    let response = program.connect().get_last();
    assert_eq!(response.body, b"xixizi");
    let ended = program.stop();
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert!(lines[1].starts_with("fourway: ended after "), "{}", ended.stdout);
    let busy = ["busy", "time busy", "time idle", "longest turn"];
    for name in ["bytes received", "ListenOverflows of the kernel"].into_iter().chain(busy) {
        assert!(lines.iter().any(|line| line.trim().starts_with(name)), "{name}: {}", ended.stdout);
    }
    assert_eq!(ended.number("bytes received"), 50);
    assert_eq!(ended.number("bytes sent"), 126);
}

/// A program with a download that its client does not read on.
fn with_stalled_download(arguments: &[&str], file: &Scratch) -> (Program, Client) {
    let program = start(&[arguments, &["--body-file", file.path()]].concat());
    let mut client = program.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.response_head();
    (program, client)
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let file = Scratch::with("second", &large());
    let (mut program, mut client) = with_stalled_download(&["--drain-timeout", "1h"], &file);
    program.signal("TERM");
    program.stderr.wait_for("a second signal");
    program.signal("TERM");
    let ended = program.end();
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.number("shutdown"), 1);
    let cut = client.stream.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(cut.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn the_drain_timeout_bounds_the_wait() {
    let file = Scratch::with("bound", &large());
    let (program, _client) = with_stalled_download(&["--drain-timeout", "50ms"], &file);
    let ended = program.stop();
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.number("shutdown"), 1);
}

#[test]
fn nobody_has_to_read_what_it_prints() {
    let mut command = command(&["--listen", "127.0.0.1:0"]);
    let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut greeting = String::new();
    stdout.read_line(&mut greeting).unwrap();
    drop(stdout);
    let stderr = Lines::of(child.stderr.take().unwrap());
    let program = Program { child, stdout: Lines::of(io::empty()), stderr, greeting };
    let ended = program.stop();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

//! The program as a child process, and its client.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

/// Nothing here takes so long unless it hangs.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running program, ended with its test.
pub struct Program {
    pub child: Child,
    pub stdout: Lines,
    pub stderr: Lines,
    /// What it said when it had started.
    pub greeting: String,
}

/// How a program ended.
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// What is written to a pipe, as it comes. A thread reads, so that nobody waits for a full pipe.
pub struct Lines {
    pub receiver: Receiver<String>,
    pub seen: String,
}

impl Lines {
    pub fn of(pipe: impl Read + Send + 'static) -> Self {
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
    pub fn next(&mut self) -> Option<String> {
        match self.receiver.recv_timeout(PATIENCE) {
            Ok(line) => {
                self.seen += &format!("{line}\n");
                Some(line)
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("silent for too long after: {}", self.seen),
        }
    }

    pub fn wait_for(&mut self, part: &str) -> String {
        while let Some(line) = self.next() {
            if line.contains(part) {
                return line;
            }
        }
        panic!("no {part:?} in: {}", self.seen);
    }

    pub fn finish(mut self) -> String {
        while self.next().is_some() {}
        self.seen
    }
}

/// The program with none of the environment that it looks at.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fourway"));
    command.args(arguments);
    tidy(command)
}

pub fn tidy(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FOURWAY_") {
            command.env_remove(name);
        }
    }
    command.env_remove("RUST_LOG").env_remove("LISTEN_FDS").env_remove("LISTEN_PID");
    command
}

/// The same in a shell that does something first.
pub fn command_after(script: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    let script = format!("{script}; exec \"$0\" \"$@\"");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_fourway")]).args(arguments);
    tidy(command)
}

/// Runs a program that ends by itself.
pub fn run(mut command: Command) -> Ended {
    Program::spawn(&mut command).end()
}

/// Starts the program on a port that the system chooses.
pub fn start(arguments: &[&str]) -> Program {
    start_as(command(&[&["--listen", "127.0.0.1:0"], arguments].concat()))
}

pub fn start_as(mut command: Command) -> Program {
    let mut program = Program::spawn(&mut command);
    match program.stdout.next() {
        Some(line) => program.greeting = line,
        None => panic!("it did not start: {}", program.end().stderr),
    }
    program
}

impl Program {
    pub fn spawn(command: &mut Command) -> Self {
        let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let stdout = Lines::of(child.stdout.take().unwrap());
        let stderr = Lines::of(child.stderr.take().unwrap());
        Program { child, stdout, stderr, greeting: String::new() }
    }

    pub fn addresses(&self) -> Vec<SocketAddr> {
        let list = self.greeting.strip_prefix("fourway: listening on ").unwrap();
        let (list, _) = list.split_once(';').unwrap();
        list.split(", ").map(|url| url.strip_prefix("http://").unwrap().parse().unwrap()).collect()
    }

    pub fn connect(&self) -> Client {
        Client::to(self.addresses()[0])
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Waits until it has ended: its pipes close when it does.
    pub fn end(mut self) -> Ended {
        let stdout = std::mem::replace(&mut self.stdout, Lines::of(io::empty())).finish();
        let stderr = std::mem::replace(&mut self.stderr, Lines::of(io::empty())).finish();
        Ended { code: self.child.wait().unwrap().code(), stdout, stderr }
    }

    pub fn stop(self) -> Ended {
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
    pub fn number(&self, name: &str) -> u64 {
        let value = |line: &str| line.trim().strip_prefix(name)?.trim().parse().ok();
        self.stdout.lines().rev().find_map(value).unwrap_or_else(|| panic!("no {name:?} in: {}", self.stdout))
    }
}

// --- its client ---

pub struct Client {
    pub stream: BufReader<TcpStream>,
}

pub struct Response {
    pub status_line: String,
    pub headers: Vec<String>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) =
            self.headers.iter().filter_map(|line| line.split_once(": ")).find(|(n, _)| *n == name)?;
        Some(value)
    }
}

impl Client {
    pub fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client { stream: BufReader::new(stream) }
    }

    pub fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
    }

    pub fn get(&mut self) -> Response {
        self.send("GET /path HTTP/1.1\r\nHost: a\r\n\r\n");
        self.response()
    }

    pub fn get_last(&mut self) -> Response {
        self.send("GET /path HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        self.response()
    }

    pub fn response(&mut self) -> Response {
        let mut response = self.response_head();
        let length: usize = response.header("Content-Length").unwrap().parse().unwrap();
        response.body = vec![0; length];
        self.stream.read_exact(&mut response.body).unwrap();
        response
    }

    pub fn response_head(&mut self) -> Response {
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
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).unwrap();
        rest
    }
}

/// A file for one test, removed behind it.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn with(name: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("fourway-{}-{name}", std::process::id()));
        fs::write(&path, bytes).unwrap();
        Scratch(path)
    }

    pub fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// More than the kernel takes for a client that does not read, and no two parts of it alike.
pub fn large() -> Vec<u8> {
    (0..5_000_000_u32).flat_map(|word| word.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

//! The examples as their readers have them: each one is run, used and killed, and none is long.

mod embed;
mod metrics;
mod deferred;
mod own_loop;
mod events;
mod download;
mod upload;
mod proxy;
mod websocket;
#[cfg(all(unix, feature = "uds"))]
mod unix_admin;

use std::env::consts::EXE_SUFFIX;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::child::Child;
use crate::common::{Client, Response, get, get_and_close};

/// A running example. It has to run until its test ends.
pub struct Example {
    pub child: Child,
}

impl Example {
    fn start<S: AsRef<OsStr>>(name: &str, arguments: &[S]) -> Example {
        let mut command = Command::new(binary(name));
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = Child::with_streams(&mut command);
        child.has_to_run();
        Example { child }
    }

    /// Starts an example on ports that the system chooses, as many as the example has.
    pub fn on_any_port(name: &str) -> Example {
        Example::start(name, &["127.0.0.1:0"; 3])
    }

    pub fn next_line(&mut self) -> String {
        self.child.stdout.next_line().expect("the example says where it listens")
    }

    /// The address in its next line, which has to begin like this.
    fn address(&mut self, start: &str) -> SocketAddr {
        let line = self.next_line();
        let address = line.strip_prefix(start).and_then(|address| address.parse().ok());
        address.unwrap_or_else(|| panic!("no address after {start:?} in {line:?}"))
    }

    pub fn http(&mut self) -> SocketAddr {
        self.address("listening on http://")
    }

    /// A line on its terminal.
    fn type_line(&mut self, line: &str) {
        let terminal = self.child.process.stdin.as_mut().expect("its input is a pipe");
        writeln!(terminal, "{line}").expect("the example reads its input");
    }
}

/// Where cargo has put the example. `cargo test` builds it; `cargo test --test program` does not,
/// and must not be content with one that was built from other sources.
fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let profile = test.parent().and_then(Path::parent).expect("a folder of cargo's");
    let binary = profile.join("examples").join(format!("{name}{EXE_SUFFIX}"));
    let time = |file: &Path| fs::metadata(file).and_then(|metadata| metadata.modified()).ok();
    let sources = fs::read_to_string(binary.with_extension("d")).unwrap_or_default();
    let mut sources = sources.split_ascii_whitespace().skip(1).map(Path::new);
    let built = time(&binary);
    let is_fresh =
        built.is_some() && sources.all(|source| time(source).is_none_or(|time| Some(time) <= built));
    assert!(is_fresh, "{} is missing or old: `cargo build --examples` makes it", binary.display());
    binary
}

/// The whole answer to one request.
fn ask(address: SocketAddr, request: &str) -> Response {
    let mut client = Client::connect(address);
    client.send(request);
    client.response()
}

fn text(response: &Response) -> (u16, &str) {
    (response.status, std::str::from_utf8(&response.body).expect("a text"))
}

/// The body of a page that is there.
fn page(address: SocketAddr, target: &str) -> String {
    let response = ask(address, &get_and_close(target));
    let (status, body) = text(&response);
    assert_eq!(status, 200, "{target}: {body}");
    body.to_owned()
}

// --- all of them ---

/// Name and text of each. The further files of a folder are named like `folder/file`.
fn sources() -> Vec<(String, String)> {
    let mut sources = Vec::new();
    for path in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")) {
        let name = stem(&path);
        let programs = if path.is_dir() { files(&path) } else { vec![path] };
        for file in programs.iter().filter(|file| file.extension().is_some_and(|end| end == "rs")) {
            let is_further = stem(file) != name && stem(file) != "main";
            let name = if is_further { format!("{name}/{}", stem(file)) } else { name.clone() };
            sources.push((name, fs::read_to_string(file).expect("a text")));
        }
    }
    sources
}

/// The sources of the programs, without further files.
fn programs() -> impl Iterator<Item = (String, String)> {
    sources().into_iter().filter(|(name, _)| !name.contains('/'))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path()).collect()
}

fn stem(path: &Path) -> String {
    path.file_stem().expect("a name").to_string_lossy().into_owned()
}

#[test]
fn every_file_of_an_example_is_shorter_than_a_hundred_lines_and_a_step_than_150() {
    let sources = sources();
    assert!(sources.len() >= 13, "the examples are here");
    for (name, source) in sources {
        let (lines, most) = (source.lines().count(), if name.starts_with("steps/") { 150 } else { 100 });
        assert!(lines < most, "{name} has {lines} lines");
    }
}

#[test]
fn every_example_begins_with_how_to_run_and_to_ask_it() {
    for (name, source) in programs() {
        let docs: Vec<&str> = source.lines().map_while(|line| line.strip_prefix("//!")).collect();
        let docs = docs.join("\n");
        assert!(docs.contains(&format!("\n cargo run --example {name} ")), "{name} is run");
        assert!(docs.contains("\n curl "), "{name} is asked");
    }
}

#[test]
fn every_example_is_in_the_documentation() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/EMBEDDING.md"));
    let page = page.expect("the page about embedding");
    let (_, list) = page.split_once("| `cargo run --example` |").expect("its list of examples");
    let (list, _) = list.split_once("\n\n").expect("more follows the list");
    let named = |line: &str| Some(line.strip_prefix("| `")?.split([' ', '`']).next()?.to_owned());
    let mut listed: Vec<String> = list.lines().filter_map(named).collect();
    let mut names: Vec<String> = programs().map(|(name, _)| name).collect();
    listed.sort();
    names.sort();
    assert_eq!(listed, names);
}

// --- hello ---

#[test]
fn hello_answers() {
    let mut hello = Example::on_any_port("hello");
    let response = ask(hello.http(), &get("/"));
    assert_eq!(text(&response), (200, "hello\n"));
    assert_eq!(response.header("Content-Type"), Some("text/plain"));
}

#[test]
fn hello_says_which_methods_it_allows() {
    let mut hello = Example::on_any_port("hello");
    let response = ask(hello.http(), "DELETE / HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(text(&response), (405, ""));
    assert_eq!(response.header("Allow"), Some("GET, HEAD"));
}

#[test]
fn hello_has_no_other_page() {
    let mut hello = Example::on_any_port("hello");
    assert_eq!(text(&ask(hello.http(), &get("/other"))), (404, "not here\n"));
}

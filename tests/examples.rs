//! The examples as their readers have them: each one is run, used and killed, and none is long.

mod common;

use std::collections::HashSet;
use std::env::consts::EXE_SUFFIX;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use common::child::Child;
use common::{Client, PATIENCE, Response, get, get_and_close, wait_until};

// --- an example as a child process ---

/// A running example. It has to run until its test ends.
struct Example {
    child: Child,
}

impl Example {
    fn start<S: AsRef<OsStr>>(name: &str, arguments: &[S]) -> Example {
        let mut command = Command::new(binary(name));
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = Child::with_streams(&mut command);
        child.has_to_run();
        Example { child }
    }

    /// On ports that the system chooses, as many as it likes.
    fn on_any_port(name: &str) -> Example {
        Example::start(name, &["127.0.0.1:0"; 3])
    }

    fn next_line(&mut self) -> String {
        self.child.stdout.next_line().expect("the example says where it listens")
    }

    /// The address in its next line, which has to begin like this.
    fn address(&mut self, start: &str) -> SocketAddr {
        let line = self.next_line();
        let address = line.strip_prefix(start).and_then(|address| address.parse().ok());
        address.unwrap_or_else(|| panic!("no address after {start:?} in {line:?}"))
    }

    fn http(&mut self) -> SocketAddr {
        self.address("listening on http://")
    }

    /// A line on its terminal.
    fn type_line(&mut self, line: &str) {
        let terminal = self.child.process.stdin.as_mut().expect("its input is a pipe");
        writeln!(terminal, "{line}").expect("the example reads its input");
    }
}

/// Where cargo has put the example. `cargo test` builds it; `cargo test --test examples` does not,
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

/// Name and text of each.
fn sources() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let files = fs::read_dir(folder).expect("the examples").map(|file| file.expect("a file").path());
    let name = |file: &Path| file.file_stem().expect("a name").to_string_lossy().into_owned();
    files.map(|file| (name(&file), fs::read_to_string(&file).expect("a text"))).collect()
}

#[test]
fn every_example_is_shorter_than_a_hundred_lines() {
    let sources = sources();
    assert!(sources.len() >= 6, "the examples are here");
    for (name, source) in sources {
        assert!(source.lines().count() < 100, "{name} has {} lines", source.lines().count());
    }
}

#[test]
fn every_example_begins_with_how_to_run_and_to_ask_it() {
    for (name, source) in sources() {
        let docs: Vec<&str> = source.lines().map_while(|line| line.strip_prefix("//!")).collect();
        let docs = docs.join("\n");
        assert!(docs.contains(&format!("\n cargo run --example {name} ")), "{name} is run");
        assert!(docs.contains("\n curl "), "{name} is asked");
    }
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

// --- own_loop ---

#[test]
fn own_loop_answers() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let address = free.expect("a free port");
    let _own_loop = Example::start("own_loop", &[address.to_string()]);
    wait_until("it listens", || TcpStream::connect(address).is_ok());
    assert_eq!(text(&ask(address, &get("/"))), (200, "hello\n"));
}

#[test]
fn the_readme_shows_own_loop() {
    let sources = sources();
    let (_, source) = sources.iter().find(|(name, _)| name == "own_loop").expect("the example");
    let code = source.lines().skip_while(|line| line.starts_with("//!") || line.is_empty());
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"));
    let readme = readme.expect("the README");
    let shown = readme.lines().skip_while(|line| *line != "```rust").skip(1);
    assert!(shown.take_while(|line| *line != "```").eq(code), "README.md does not show examples/own_loop.rs");
}

// --- embed ---

/// What the example `embed` tells of its loop.
struct State {
    ticks: u64,
    echoes: u64,
    typed: String,
}

fn state(api: SocketAddr) -> State {
    let page = page(api, "/");
    let parse = || {
        let (ticks, rest) = page.strip_prefix("ticks ")?.split_once(", echoes ")?;
        let (echoes, typed) = rest.split_once(", typed ")?;
        let typed = typed.strip_suffix('\n')?.to_owned();
        Some(State { ticks: ticks.parse().ok()?, echoes: echoes.parse().ok()?, typed })
    };
    parse().unwrap_or_else(|| panic!("not a state: {page:?}"))
}

#[test]
fn the_udp_socket_echoes_while_both_servers_are_kept_busy() {
    const ENOUGH: u64 = 50;
    let mut embed = Example::on_any_port("embed");
    let (api, admin, udp) = (embed.http(), embed.http(), embed.address("echoing on udp://"));
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_read_timeout(Some(PATIENCE)).expect("a read timeout");
    socket.connect(udp).expect("an address");
    let echo = |number: u64| -> io::Result<bool> {
        socket.send(&number.to_be_bytes())?;
        let mut datagram = [0; 64];
        let length = socket.recv(&mut datagram)?;
        Ok(datagram[..length] == number.to_be_bytes())
    };
    let is_over = AtomicBool::new(false);
    let rounds = [AtomicU64::new(0), AtomicU64::new(0)];
    let keep_busy = |address, rounds: &AtomicU64| {
        let mut client = Client::connect(address);
        while !is_over.load(Relaxed) {
            client.send(get("/").repeat(16));
            (0..16).for_each(|_| assert_eq!(client.response().status, 200));
            rounds.fetch_add(1, Relaxed);
        }
    };
    let mut echoes = 0;
    thread::scope(|scope| {
        let busy = [(api, &rounds[0]), (admin, &rounds[1])]
            .map(|(address, rounds)| scope.spawn(move || keep_busy(address, rounds)));
        // Each of the three gets on while the two others do.
        let is_enough = || rounds.iter().all(|rounds| rounds.load(Relaxed) >= ENOUGH);
        let mut echoed = Ok(true);
        while matches!(echoed, Ok(true)) && (echoes < ENOUGH || !is_enough()) {
            if busy.iter().any(|client| client.is_finished()) {
                break;
            }
            echoed = echo(echoes);
            echoes += 1;
        }
        // Before anything can fail, for the scope waits for its threads.
        is_over.store(true, Relaxed);
        assert!(echoed.expect("every datagram comes back"), "as it was sent");
        for client in busy {
            client.join().expect("a client that was served");
        }
    });
    assert_eq!(state(api).echoes, echoes);
}

#[test]
fn the_ticks_keep_pace_with_the_clock() {
    let mut embed = Example::on_any_port("embed");
    let api = embed.http();
    let before_first = Instant::now();
    let first = state(api).ticks;
    let after_first = Instant::now();
    wait_until("twenty more ticks", || {
        let at_least = after_first.elapsed().as_millis() / 10;
        let more = u128::from(state(api).ticks - first);
        let at_most = before_first.elapsed().as_millis() / 10;
        // The first and the last may have been on either side of a tick.
        assert!(at_least <= more + 1 && more <= at_most + 1, "{at_least} to {at_most} ticks, not {more}");
        more >= 20
    });
}

#[test]
fn a_line_from_the_thread_reaches_the_loop() {
    let mut embed = Example::on_any_port("embed");
    let api = embed.http();
    assert_eq!(state(api).typed, "");
    embed.type_line("good morning");
    wait_until("the line is shown", || state(api).typed == "good morning");
}

#[test]
fn one_server_tells_of_the_other() {
    let mut embed = Example::on_any_port("embed");
    let (api, admin) = (embed.http(), embed.http());
    (0..3).for_each(|_| drop(page(api, "/")));
    assert_eq!(page(admin, "/"), "requests of the api 3\n");
}

// --- metrics ---

#[test]
fn at_most_ten_lines_of_metrics_are_about_the_server() {
    let sources = sources();
    let (_, source) = sources.iter().find(|(name, _)| name == "metrics").expect("the example");
    let code = source.lines().filter(|line| !line.starts_with("//!"));
    let (added, own): (Vec<&str>, Vec<&str>) = code.partition(|line| line.ends_with("; // +fourway"));
    assert!((1..=10).contains(&added.len()), "{} lines are marked", added.len());
    for line in own {
        let about_it = ["fourway", "server", "listener", "handler", "responder", "TEXT"];
        assert!(about_it.iter().all(|word| !line.contains(word)), "{line} is not marked");
    }
}

#[test]
fn the_metrics_are_what_prometheus_reads() {
    let mut metrics = Example::on_any_port("metrics");
    let response = ask(metrics.http(), &get("/metrics"));
    assert_eq!(response.header("Content-Type"), Some("text/plain; version=0.0.4"));
    let (status, body) = text(&response);
    assert_eq!(status, 200);
    assert!(body.ends_with('\n'), "the last line ends as the others");
    let (mut helped, mut typed, mut seen) = (HashSet::new(), HashSet::new(), HashSet::new());
    for line in body.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').expect("a name and a text");
            assert!(helped.insert(name) && !help.is_empty(), "{line}");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a name and a type");
            assert!(typed.insert(name) && kind == "counter", "{line}");
        } else {
            let (series, value) = line.rsplit_once(' ').expect("a sample and its value");
            let name = series.split('{').next().expect("a name");
            assert!(helped.contains(name) && typed.contains(name), "{line} follows its HELP and TYPE");
            assert!(name.ends_with("_total"), "a counter has a counter's name: {line}");
            assert!(seen.insert(series), "{line} is given once");
            assert_eq!(value.parse(), Ok(0_u64), "{line}");
        }
    }
    assert_eq!((helped.len(), seen.len()), (2, 9), "every severity has its sample");
}

#[test]
fn the_metrics_show_what_the_program_counts() {
    let mut metrics = Example::on_any_port("metrics");
    let (http, syslog) = (metrics.http(), metrics.address("counting syslog on udp://"));
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    for message in
        ["<11>user.err: broken", "<3>kern.err: broken", "<191>local7.debug", "<>", "no priority", ""]
    {
        socket.send_to(message.as_bytes(), syslog).expect("sent");
    }
    wait_until("all are counted", || page(http, "/metrics").ends_with("\nsyslog_malformed_total 3\n"));
    let page = page(http, "/metrics");
    for (severity, count) in [("err", 2), ("debug", 1), ("warning", 0)] {
        let sample = format!("\nsyslog_messages_total{{severity=\"{severity}\"}} {count}\n");
        assert!(page.contains(&sample), "{sample} in {page}");
    }
}

// --- deferred ---

/// The place in the order of answers, and the number that was answered.
fn answer(response: &Response) -> (u64, u64) {
    let (status, body) = text(response);
    assert_eq!(status, 200, "{body}");
    let parse = || {
        let (place, number) = body.strip_prefix("answer ")?.strip_suffix('\n')?.split_once(": ")?;
        Some((place.parse().ok()?, number.parse().ok()?))
    };
    parse().unwrap_or_else(|| panic!("not an answer: {body:?}"))
}

#[test]
fn the_worker_answers_each_client_with_its_own() {
    const FACTORS: [u64; 8] = [2, 3, 5, 7, 11, 13, 17, 1_000_003];
    let mut deferred = Example::on_any_port("deferred");
    let address = deferred.http();
    let clients: Vec<(u64, Client)> = (0..40)
        .map(|number| {
            let factor = FACTORS[number % FACTORS.len()];
            let mut client = Client::connect(address);
            client.send(get(&format!("/factor?n={}", factor * 1_000_003)));
            (factor, client)
        })
        .collect();
    for (factor, mut client) in clients {
        assert_eq!(answer(&client.response()).1, factor);
    }
    assert_eq!(page(address, "/counts"), "waiting 0, gone 0\n");
}

#[test]
fn a_timer_answers_no_earlier_than_asked() {
    let mut deferred = Example::on_any_port("deferred");
    let mut client = Client::connect(deferred.http());
    for ms in [0, 1, 30, 200] {
        let start = Instant::now();
        client.send(get(&format!("/after?ms={ms}")));
        assert_eq!(answer(&client.response()).1, ms);
        assert!(start.elapsed() >= Duration::from_millis(ms), "{ms} ms took {:?}", start.elapsed());
    }
}

#[test]
fn timers_answer_in_the_order_of_their_time() {
    const GAP: u64 = 300;
    let mut deferred = Example::on_any_port("deferred");
    let address = deferred.http();
    for _ in 0..20 {
        let start = Instant::now();
        let in_time = || start.elapsed() < Duration::from_millis(GAP);
        let clients = [3 * GAP, 2 * GAP, GAP].map(|ms| {
            let mut client = Client::connect(address);
            client.send(get(&format!("/after?ms={ms}")));
            client
        });
        // If all wait before one gap is over, the one that was asked last is due first. On a
        // machine that is too busy for that, the round proves nothing.
        let all_wait = || page(address, "/counts") == "waiting 3, gone 0\n";
        let proves_something = loop {
            match (all_wait(), in_time()) {
                (true, true) => break true,
                (_, false) => break false,
                (false, true) => {}
            }
        };
        let [last, second, first] = clients.map(|mut client| answer(&client.response()).0);
        if proves_something {
            assert!(first < second && second < last, "answered in the order {first}, {second}, {last}");
            return;
        }
    }
    panic!("this machine is too busy for the test");
}

#[test]
fn a_client_that_resets_is_forgotten_and_the_others_are_served() {
    let mut deferred = Example::on_any_port("deferred");
    let address = deferred.http();
    let mut client = Client::connect(address);
    client.send(get("/after?ms=20000"));
    wait_until("it waits", || page(address, "/counts") == "waiting 1, gone 0\n");
    client.reset();
    wait_until("it is gone", || page(address, "/counts") == "waiting 0, gone 1\n");
    assert_eq!(answer(&ask(address, &get("/factor?n=91"))), (1, 7));
}

#[test]
fn what_cannot_be_asked_is_refused_at_once() {
    let mut deferred = Example::on_any_port("deferred");
    let address = deferred.http();
    for target in
        ["/", "/factor", "/factor?n=1", "/factor?n=1000000000000001", "/after?ms=-1", "/after?ms=20001"]
    {
        assert_eq!(ask(address, &get(target)).status, 400, "{target}");
    }
}

// --- unix_admin ---

#[cfg(all(unix, feature = "uds"))]
mod unix_admin {
    use super::*;
    use common::tools::{self, Folder};
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::{UnixListener, UnixStream};

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
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: vm\r\nConnection: close\r\nContent-Length: {length}"
        );
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
    fn a_wrong_method_is_told_the_right_ones() {
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
    fn a_socket_that_a_killed_one_left_behind_is_replaced() {
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
}

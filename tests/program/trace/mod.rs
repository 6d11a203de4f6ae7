//! The trace of a running server, and the subcommand that prints a trace.

mod printed;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::json::Json;
use crate::common::program::{Ended, Program, command, run};
use crate::common::tools::Folder;
use crate::common::{get, get_and_close, wait_until};

/// The records of a trace, without its header.
struct Trace(Vec<Json>);

impl Trace {
    fn parse(text: &str) -> Trace {
        let mut lines = text.lines().map(Json::parse);
        let header = lines.next().expect("a header");
        assert_eq!((header.count("fourway_trace"), header.text("source")), (1, "server"));
        Trace(lines.collect())
    }

    fn read(path: &Path) -> Trace {
        Trace::parse(&fs::read_to_string(path).expect("the trace"))
    }

    fn of(&self, kind: &str) -> impl Iterator<Item = &Json> {
        self.0.iter().filter(move |record| record.text("kind") == kind)
    }

    fn last(&self) -> &Json {
        self.0.last().expect("a record")
    }

    /// The numbers of the connections that it is about.
    fn connections(&self) -> BTreeSet<u64> {
        self.0.iter().filter_map(|record| members(record).get("connection")?.as_count()).collect()
    }
}

fn members(record: &Json) -> &BTreeMap<String, Json> {
    match record {
        Json::Object(members) => members,
        other => panic!("{other:?} is no record"),
    }
}

fn traced(folder: &Folder, options: &[&str]) -> (Program, PathBuf) {
    let path = folder.path("trace");
    let trace = ["--trace", path.to_str().expect("UTF-8"), "--summary", "json"];
    (Program::start(&[&trace, options].concat()), path)
}

fn counters(ended: &Ended) -> Json {
    Json::parse(ended.stdout.lines().last().expect("the summary"))
}

/// Clients that end in several ways, the last of them in the server's drain.
fn visit(program: &Program) {
    for _ in 0..3 {
        let mut client = program.connect();
        client.ask("/");
        client.ask("/");
    }
    program.connect().ask_last("/");
    let mut early = program.connect();
    early.send("GET / HT");
    early.finish();
    early.expect_end();
    let mut bad = program.connect();
    bad.send("nonsense\r\n\r\n");
    assert_eq!(bad.response().status, 400);
    let mut reset = program.connect();
    reset.ask("/");
    reset.reset();
}

#[test]
fn a_trace_agrees_with_the_counters() {
    let folder = Folder::new();
    let (program, path) = traced(&folder, &[]);
    visit(&program);
    let mut idle = program.connect();
    idle.ask("/");
    let ended = program.end();
    idle.expect_end();
    let (trace, counters) = (Trace::read(&path), counters(&ended));

    let accepted = trace.of("accepted").count() as u64;
    assert_eq!((accepted, counters.count("connections.accepted")), (8, 8));
    let sum = |name: &str| -> u64 {
        let ends = trace.of("turn").filter(|turn| turn.text("step") == "ends");
        ends.map(|turn| turn.count(name)).sum()
    };
    assert_eq!(sum("accepted"), accepted);
    assert_eq!(sum("requests"), counters.count("requests"));
    assert_eq!(sum("closed"), counters.count("connections.closed"));
    let mut responses = BTreeMap::new();
    for response in trace.of("response") {
        *responses.entry(response.count("status")).or_insert(0) += 1;
    }
    assert_eq!(responses, BTreeMap::from([(200, 9), (400, 1)]));

    let mut closes: BTreeMap<(String, bool), u64> = BTreeMap::new();
    for close in trace.of("closed") {
        let by_client = close.at("peer_first") == &Json::Bool(true);
        *closes.entry((snake_case(close.text("reason")), by_client)).or_default() += 1;
    }
    for reason in counters.members("connections.closes").keys() {
        for (side, by_client) in [("client", true), ("server", false)] {
            let traced = closes.remove(&(reason.clone(), by_client)).unwrap_or_default();
            assert_eq!(
                traced,
                counters.count(&format!("connections.closes.{reason}.{side}")),
                "{reason} {side}"
            );
        }
    }
    assert!(closes.is_empty(), "{closes:?}");
}

/// The name of a reason as the counters have it.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

#[test]
fn a_trace_is_whole_and_numbered_and_each_step_names_its_line() {
    let folder = Folder::new();
    let (program, path) = traced(&folder, &[]);
    visit(&program);
    program.end();
    let trace = Trace::read(&path);
    for (at, record) in trace.0.iter().enumerate() {
        assert_eq!(record.count("n"), at as u64 + 1);
    }
    let end = trace.last();
    assert_eq!((end.text("kind"), end.count("lost")), ("end", 0));
    assert_eq!(end.count("records"), trace.0.len() as u64 - 1);
    let times: Vec<u64> = trace.0.iter().map(|record| record.count("t")).collect();
    assert!(times.is_sorted(), "time does not go back");
    for record in trace.0.iter().filter(|record| record.text("kind") != "end") {
        let (file, line) = record.text("at").rsplit_once(':').expect("a line");
        let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("a file");
        let line = source.lines().nth(line.parse::<usize>().expect("a number") - 1);
        assert!(line.is_some_and(|line| !line.trim().is_empty()), "{record:?}");
    }
}

#[test]
fn what_is_armed_queued_and_lent_is_cancelled_taken_out_and_returned() {
    let folder = Folder::new();
    let (program, path) = traced(&folder, &[]);
    visit(&program);
    program.end();
    let trace = Trace::read(&path);
    let mut deadlines = BTreeMap::new();
    let mut queued = BTreeSet::new();
    let mut buffers = BTreeSet::new();
    for record in &trace.0 {
        let slot = || record.count("slot");
        let buffer = || (slot(), record.text("buffer").to_owned());
        match record.text("kind") {
            // A deadline that is armed anew is in the same list as before.
            "armed" => {
                let before = deadlines.insert(slot(), record.text("list").to_owned());
                assert!(before.is_none_or(|list| list == record.text("list")), "{record:?}");
            }
            "cancelled" => {
                assert_eq!(deadlines.remove(&slot()).as_deref(), Some(record.text("list")), "{record:?}");
            }
            "queued" => assert!(queued.insert(slot()), "{record:?}"),
            "dequeued" => assert!(queued.remove(&slot()), "{record:?}"),
            "lent" => assert!(buffers.insert(buffer()), "{record:?}"),
            "returned" => assert!(buffers.remove(&buffer()), "{record:?}"),
            _ => {}
        }
    }
    assert!(deadlines.is_empty() && queued.is_empty() && buffers.is_empty());
    assert!(trace.of("lent").count() >= 2, "the half head has a record and a head buffer");
}

#[test]
fn every_third_connection_is_traced_and_no_other() {
    let folder = Folder::new();
    let (program, path) = traced(&folder, &["--trace-every", "3"]);
    for _ in 0..10 {
        program.connect().ask("/");
    }
    program.end();
    let trace = Trace::read(&path);
    assert_eq!(trace.connections(), BTreeSet::from([3, 6, 9]));
    assert_eq!(trace.of("response").count(), 3);
    let alone = |record: &&Json| {
        !members(record).contains_key("connection") && !matches!(record.text("kind"), "turn" | "end")
    };
    assert_eq!(trace.0.iter().find(alone), None, "nothing else is about no connection");
}

#[test]
fn a_trace_that_nobody_reads_stops_nobody_and_says_how_much_is_missing() {
    let folder = Folder::new();
    let pipe = folder.path("trace");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    // Opened for both, so that neither side waits for the other.
    let mut reader = fs::File::options().read(true).write(true).open(&pipe).expect("the pipe");
    let (mut program, _) = traced(&folder, &["--close", "fin"]);
    const REQUESTS: usize = 6_000;
    let mut client = program.connect();
    // More than both buffers and the pipe take.
    for _ in 0..REQUESTS / 100 {
        client.send(get("/").repeat(100));
        for _ in 0..100 {
            assert_eq!(client.response().status, 200);
        }
    }
    for _ in 0..1_000 {
        program.connect().ask_last("/");
    }
    let text = std::thread::spawn(move || {
        let mut text = Vec::new();
        let mut bytes = [0; 64 * 1024];
        while !text.ends_with(b"\n")
            || !String::from_utf8_lossy(last_line(&text)).contains("\"kind\":\"end\"")
        {
            let len = reader.read(&mut bytes).expect("the pipe is open");
            text.extend_from_slice(&bytes[..len]);
        }
        String::from_utf8(text).expect("UTF-8")
    });
    // What was lost is noted as soon as there is space again.
    wait_until("the server answers", || {
        program.status().is_none() && program.connect().ask("/").status == 200
    });
    program.end();
    let trace = Trace::parse(&text.join().expect("the end of the trace"));
    let lost: u64 = trace.of("gap").map(|gap| gap.count("lost")).sum();
    let end = trace.last();
    assert!(lost > 0, "{} records are there", trace.0.len());
    assert_eq!(end.count("lost"), lost);
    assert_eq!(end.count("records"), trace.0.len() as u64 - 1 + lost);
    // The numbers skip what is missing, and nothing else.
    let mut expected = 1;
    for record in &trace.0 {
        if record.text("kind") == "gap" {
            expected += record.count("lost");
        }
        assert_eq!(record.count("n"), expected, "{record:?}");
        expected += 1;
    }
}

fn last_line(text: &[u8]) -> &[u8] {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.rsplit(|&byte| byte == b'\n').next().unwrap_or_default()
}

#[test]
fn the_status_server_is_not_in_the_trace() {
    let folder = Folder::new();
    let (program, path) = traced(&folder, &["--status-listen", "127.0.0.1:0"]);
    let status = program.addresses()[1];
    for _ in 0..3 {
        crate::common::Client::connect(status).ask("/stats.json");
    }
    program.connect().ask("/the-only-one");
    program.end();
    let trace = Trace::read(&path);
    assert_eq!(trace.connections(), BTreeSet::from([1]));
    let targets: Vec<_> = trace.of("response").map(|response| response.text("target")).collect();
    assert_eq!(targets, ["/the-only-one"]);
}

#[test]
fn a_traced_server_does_not_log_the_trace() {
    let folder = Folder::new();
    let (program, _) = traced(&folder, &[]);
    program.connect().ask("/");
    let ended = program.end();
    assert_eq!(ended.stderr, "");
}

#[test]
fn a_file_that_cannot_be_written_is_an_error() {
    let folder = Folder::new();
    let pipe = folder.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let pipe = pipe.to_str().expect("UTF-8");
    for (file, sentence) in [
        ("/", "Is a directory"),
        ("/no/such/folder", "No such file"),
        (pipe, "it is a pipe that nobody reads"),
    ] {
        let ended = run(command(&["--listen", "127.0.0.1:0", "--trace", file]));
        assert_eq!((ended.code(), ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
        assert!(
            ended.stderr.starts_with(&format!("fourway: error: cannot write --trace {file}: ")),
            "{}",
            ended.stderr
        );
        assert!(ended.stderr.contains(sentence), "{}", ended.stderr);
    }
}

#[test]
fn a_server_that_has_no_port_leaves_the_file_to_another() {
    let folder = Folder::new();
    let path = folder.path("trace");
    let trace = path.to_str().expect("UTF-8");
    fs::write(&path, "the trace of another\n").expect("the file");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let ended = run(command(&["--listen", &address, "--trace", trace]));
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
    assert_eq!(fs::read_to_string(&path).expect("the file"), "the trace of another\n");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_ends_the_trace_and_not_the_server() {
    let program = Program::start(&["--trace", "/dev/full"]);
    for _ in 0..10 {
        let mut client = program.connect();
        client.send(get_and_close("/"));
        assert_eq!(client.response().status, 200);
    }
    let ended = program.end();
    assert_eq!(ended.code(), Some(0));
    assert!(ended.stderr.contains("the trace is not whole: No space left on device"), "{}", ended.stderr);
}

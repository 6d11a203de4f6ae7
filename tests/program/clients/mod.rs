//! The main job of the program: clients that others wrote make a thousand requests each, none fails, and every body is the
//! right one.
//!
//! A test that finds its client missing says so on the terminal. Where `CI` is set it fails.

mod documented;
mod haproxy;

use std::net::SocketAddr;
use std::process::Command;

use crate::common::child::Child;
use crate::common::program::Program;
use crate::common::tools::{self, Folder, TempFile, run_to_text};
use crate::common::{Client, big, get, get_and_close};

const REQUESTS: usize = 1000;

/// A body in which nothing of a head occurs.
const BODY: &str = "the quick brown fox jumps over the lazy dog; 0123456789";

/// Answers with [`BODY`]; the body is compared once by our own client as well.
fn program(options: &[&str]) -> Program {
    let program = Program::start(&[&["--body", BODY], options].concat());
    let mut client = Client::connect(program.address);
    client.send(get_and_close("/"));
    assert_eq!(client.response().body, BODY.as_bytes());
    program
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}/")
}

/// What follows a label in the text that a program wrote.
fn after<'t>(text: &'t str, label: &str) -> &'t str {
    let line = text.lines().find_map(|line| line.trim().strip_prefix(label));
    line.unwrap_or_else(|| panic!("no {label:?} in:\n{text}")).trim()
}

#[test]
fn a_thousand_requests_on_one_connection_are_answered_by_the_program() {
    let program = program(&[]);
    let mut client = Client::connect(program.address);
    for number in 0..REQUESTS {
        client.send(get(&format!("/{number}")));
        let response = client.response();
        assert_eq!((response.status, response.body.as_slice()), (200, BODY.as_bytes()));
    }
}

#[test]
fn a_large_body_from_a_file_arrives_whole_a_thousand_times() {
    let file = TempFile::with(big());
    let program = Program::start(&["--body-file", file.path()]);
    let mut client = Client::connect(program.address);
    for number in 0..REQUESTS {
        client.send(get("/"));
        assert!(client.response().body == big(), "{number}");
    }
}

// --- curl ---

/// One curl fetches a thousand times and writes the bodies one after the other; how many
/// connections it made.
fn curl(options: &[&str], more: &str) -> Option<usize> {
    let curl = tools::find(&["curl"])?;
    let program = program(options);
    let one = format!("url = \"{}\"\n", url(program.address));
    let mut list = "silent\nshow-error\nfail\nnoproxy = \"*\"\n".to_owned() + more;
    list += "write-out = \"%{stderr}%{http_code} %{num_connects} %{size_download}\\n\"\n";
    list += &one.repeat(REQUESTS);
    let folder = Folder::new();
    let config = folder.write("curl", list);
    let (bodies, log) = run_to_text(Command::new(curl).arg("-q").arg("-K").arg(config));
    assert!(bodies == BODY.repeat(REQUESTS), "{} bytes of bodies", bodies.len());
    let mut connections = 0;
    assert_eq!(log.lines().count(), REQUESTS, "{log}");
    for line in log.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        assert!(fields.len() == 3 && fields[0] == "200", "{line}");
        assert_eq!(fields[2], BODY.len().to_string());
        connections += fields[1].parse::<usize>().expect("a number");
    }
    Some(connections)
}

#[test]
fn curl_with_keep_alive() {
    if let Some(connections) = curl(&[], "") {
        assert_eq!(connections, 1);
    }
}

#[test]
fn curl_when_the_server_closes() {
    if let Some(connections) = curl(&["--keep-alive", "off"], "") {
        assert_eq!(connections, REQUESTS);
    }
}

#[test]
fn curl_when_it_asks_for_the_close() {
    if let Some(connections) = curl(&[], "header = \"Connection: close\"\n") {
        assert_eq!(connections, REQUESTS);
    }
}

#[test]
fn curl_with_http_1_0() {
    if let Some(connections) = curl(&[], "http1.0\n") {
        assert_eq!(connections, REQUESTS);
    }
}

#[test]
fn curl_when_the_client_is_to_close_first() {
    if let Some(connections) = curl(&["--close", "peer", "--keep-alive", "off"], "") {
        assert_eq!(connections, REQUESTS);
    }
}

#[test]
fn curl_when_the_server_resets() {
    if let Some(connections) = curl(&["--close", "rst", "--keep-alive", "off"], "") {
        assert_eq!(connections, REQUESTS);
    }
}

#[test]
fn curl_with_uploads() {
    let upload = format!("data = \"{}\"\n", "x".repeat(3000));
    if let Some(connections) = curl(&[], &upload) {
        assert_eq!(connections, 1);
    }
}

#[test]
fn curl_with_uploads_that_wait_to_be_asked_for() {
    let upload = format!("data = \"{}\"\nheader = \"Expect: 100-continue\"\n", "x".repeat(3000));
    if let Some(connections) = curl(&[], &upload) {
        assert_eq!(connections, 1);
    }
}

// --- wrk ---

/// Every response is compared by the script; wrk itself counts what failed below it.
///
/// With a connection for each request it pauses for `delay` milliseconds between them. A second at full speed would
/// fill the kernel's table of TIME_WAIT, and slow down all other tests.
fn wrk(options: &[&str], header: &str, delay: u32) {
    let Some(wrk) = tools::find(&["wrk"]) else { return };
    let program = program(options);
    let folder = Folder::new();
    let script = folder.write(
        "check.lua",
        format!(
            r#"
local threads = {{}}
function setup(thread) table.insert(threads, thread) end
function init(args) good, bad = 0, 0 end
function delay() return {delay} end
function response(status, headers, body)
    if status == 200 and body == "{BODY}" then good = good + 1 else bad = bad + 1 end
end
function done(summary, latency, requests)
    local good, bad, e = 0, 0, summary.errors
    for _, thread in ipairs(threads) do
        good, bad = good + thread:get("good"), bad + thread:get("bad")
    end
    print("GOOD " .. good)
    print("BAD " .. bad)
    print("ERRORS " .. e.connect + e.read + e.write + e.status + e.timeout)
end
"#
        ),
    );
    // It runs for a time, not for a number: again, where a busy machine made too few.
    let mut good = 0;
    while good < REQUESTS {
        let mut command = Command::new(&wrk);
        command.args(["-t", "2", "-c", "10", "-d", "1s", "--timeout", "30s", "-s"]).arg(&script);
        if !header.is_empty() {
            command.args(["-H", header]);
        }
        let (text, _) = run_to_text(command.arg(url(program.address)));
        assert_eq!((after(&text, "BAD"), after(&text, "ERRORS")), ("0", "0"), "{text}");
        let answered: usize = after(&text, "GOOD").parse().expect("a number");
        assert!(answered > 0, "{text}");
        good += answered;
    }
}

#[test]
fn wrk_with_keep_alive() {
    wrk(&[], "", 0);
}

#[test]
fn wrk_when_the_server_closes() {
    wrk(&["--keep-alive", "off"], "", 5);
}

#[test]
fn wrk_when_it_asks_for_the_close() {
    wrk(&[], "Connection: close", 5);
}

// --- ab ---

/// A thousand requests at full speed, by ab's own account, and then a thousand of which it
/// prints the bodies.
fn ab(options: &[&str], switches: &[&str]) -> Option<String> {
    let ab = tools::find(&["ab"])?;
    let program = program(options);
    let command = |verbosity: &str| {
        let mut command = Command::new(&ab);
        command.args(["-n", "1000", "-c", "10", "-q", "-v", verbosity]).args(switches);
        command.arg(url(program.address));
        command
    };
    let (text, _) = run_to_text(&mut command("1"));
    assert_eq!(after(&text, "Complete requests:"), "1000", "{text}");
    assert_eq!(after(&text, "Failed requests:"), "0", "{text}");
    assert!(!text.contains("Non-2xx") && !text.contains("Write errors"), "{text}");
    assert_eq!(after(&text, "Document Length:"), format!("{} bytes", BODY.len()));
    assert_eq!(after(&text, "HTML transferred:"), format!("{} bytes", BODY.len() * REQUESTS));
    let (printed, _) = run_to_text(&mut command("5"));
    assert_eq!(after(&printed, "Failed requests:"), "0");
    assert_eq!(printed.matches(&format!("\r\n\r\n{BODY}\n")).count(), REQUESTS);
    Some(text)
}

#[test]
fn ab_without_keep_alive() {
    ab(&[], &[]);
}

#[test]
fn ab_with_keep_alive() {
    if let Some(text) = ab(&[], &["-k"]) {
        assert_eq!(after(&text, "Keep-Alive requests:"), "1000");
    }
}

#[test]
fn ab_with_keep_alive_when_the_server_closes() {
    if let Some(text) = ab(&["--keep-alive", "off"], &["-k"]) {
        assert_eq!(after(&text, "Keep-Alive requests:"), "0");
    }
}

// --- h2load ---

/// Checks h2load's own account, and the bodies that it prints with `-v`.
fn h2load(options: &[&str], switches: &[&str]) {
    let Some(h2load) = tools::find(&["h2load"]) else { return };
    let program = program(options);
    let command = |more: &[&str]| {
        let mut command = Command::new(&h2load);
        command.args(["--h1", "-n", "1000"]).args(switches).args(more).arg(url(program.address));
        command
    };
    let expected = "1000 total, 1000 started, 1000 done, 1000 succeeded, 0 failed, 0 errored, 0 timeout";
    let (text, _) = run_to_text(&mut command(&[]));
    assert_eq!(after(&text, "requests:"), expected, "{text}");
    assert_eq!(after(&text, "status codes:"), "1000 2xx, 0 3xx, 0 4xx, 0 5xx");
    assert!(text.contains(&format!("({}) data", BODY.len() * REQUESTS)), "{text}");
    let (printed, _) = run_to_text(&mut command(&["-v"]));
    assert_eq!(after(&printed, "requests:"), expected);
    assert_eq!(printed.matches(BODY).count(), REQUESTS);
}

#[test]
fn h2load_with_ten_connections() {
    h2load(&[], &["-c", "10", "-m", "1"]);
}

#[test]
fn h2load_with_pipelining() {
    h2load(&[], &["-c", "4", "-m", "16"]);
}

#[test]
fn h2load_with_a_connection_for_each_request() {
    h2load(&["--keep-alive", "off"], &["-c", "1000", "-m", "1"]);
}

// --- a browser ---

#[test]
fn a_browser_shows_the_page() {
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    let Some(browser) = tools::find(&names) else { return };
    let folder = Folder::new();
    let page = "<!DOCTYPE html><html><head><title>fourway</title></head>\
                    <body><p id=\"text\">what was served</p></body></html>";
    let file = folder.write("page.html", page);
    let file = file.to_str().expect("in UTF-8");
    let program = Program::start(&["--body-file", file, "--content-type", "text/html"]);
    let mut command = Command::new(browser);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]);
    command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    command.arg(format!("--user-data-dir={}", folder.path("profile").display()));
    let ended = Child::run(command.arg("--dump-dom").arg(url(program.address)));
    let dom = ended.stdout.replace('\n', "");
    assert!(!dom.is_empty(), "{}", ended.stderr);
    assert_eq!(dom, page);
}

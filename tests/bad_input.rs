//! What is not HTTP/1.1, or too much of it: each error on a real socket, with its
//! exact status, told in full before the server closes; and the server lives on.

mod common;

use std::io::Write;
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use common::{Client, Host, PATIENCE, Response, expect_alive, get};
use fourway::{Config, Stats};

/// A name, what the client sends, and the status that answers it.
type Row = (&'static str, Vec<u8>, u16);

fn row(name: &'static str, request: impl AsRef<[u8]>, status: u16) -> Row {
    (name, request.as_ref().to_vec(), status)
}

/// A sound request but for one more line.
fn with(line: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: test\r\n{line}\r\n\r\n")
}

/// A chunked body behind a sound head.
fn chunked(body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n{body}")
}

fn host_rows() -> Vec<Row> {
    vec![
        row("no Host in 1.1", "GET / HTTP/1.1\r\n\r\n", 400),
        row("two Hosts", with("Host: other"), 400),
        row("the same Host twice", with("Host: test"), 400),
        row("a Host with a path", "GET / HTTP/1.1\r\nHost: test/path\r\n\r\n", 400),
        row("a Host with a blank", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        row("a Host with a user", "GET / HTTP/1.1\r\nHost: user@test\r\n\r\n", 400),
        row("a Host with a list", "GET / HTTP/1.1\r\nHost: [a, b]\r\n\r\n", 400),
        row("a Host with a port that is none", "GET / HTTP/1.1\r\nHost: test:http\r\n\r\n", 400),
        row("a Host whose bracket stays open", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400),
        row("a Host outside ASCII", "GET / HTTP/1.1\r\nHost: t\u{e9}st\r\n\r\n", 400),
        row("a malformed Host in 1.0", "GET / HTTP/1.0\r\nHost: a b\r\n\r\n", 400),
        row("two Hosts in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    ]
}

fn length_rows() -> Vec<Row> {
    vec![
        row("a length and a coding", with("Content-Length: 0\r\nTransfer-Encoding: chunked"), 400),
        row("a coding and a length", with("Transfer-Encoding: chunked\r\nContent-Length: 5"), 400),
        row("two lengths that differ", with("Content-Length: 1\r\nContent-Length: 2"), 400),
        row("a list of lengths that differ", with("Content-Length: 1, 2"), 400),
        row("a length that is a word", with("Content-Length: five"), 400),
        row("a length with a sign", with("Content-Length: +5"), 400),
        row("a negative length", with("Content-Length: -5"), 400),
        row("a length with a blank", with("Content-Length: 1 2"), 400),
        row("a length with a point", with("Content-Length: 1.0"), 400),
        row("a hexadecimal length", with("Content-Length: 0x10"), 400),
        row("an empty length", with("Content-Length:"), 400),
        row("a coding in 1.0", "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        row("an empty coding", with("Transfer-Encoding:"), 400),
        row("the coding gzip alone", with("Transfer-Encoding: gzip"), 400),
        row("a coding that is unknown alone", with("Transfer-Encoding: xchunked"), 400),
        row("a coding behind chunked", with("Transfer-Encoding: chunked, gzip"), 400),
        row("an empty coding behind chunked", with("Transfer-Encoding: chunked\r\nTransfer-Encoding:"), 400),
        row("chunked twice", with("Transfer-Encoding: chunked, chunked"), 400),
        row("chunked in two lines", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), 400),
    ]
}

fn chunk_rows() -> Vec<Row> {
    vec![
        row("a chunk size that is no number", chunked("x\r\n"), 400),
        row("an empty chunk size", chunked("\r\n"), 400),
        row("a negative chunk size", chunked("-1\r\n"), 400),
        row("a chunk size with 0x", chunked("0x1\r\na\r\n"), 400),
        row("a blank before a chunk size", chunked(" 1\r\na\r\n"), 400),
        row("a chunk longer than its size", chunked("1\r\nab\r\n"), 400),
        row("a bare LF after a chunk size", chunked("1\na\r\n0\r\n\r\n"), 400),
        row("a bare LF after a chunk", chunked("1\r\na\n0\r\n\r\n"), 400),
        row("a bare LF in a chunk extension", chunked("1;x\n\r\na\r\n"), 400),
        row("a control byte in a trailer", chunked("0\r\nX: \0\r\n\r\n"), 400),
        row("a folded trailer", chunked("0\r\n X: y\r\n\r\n"), 400),
        row("a trailer that is no header", chunked("0\r\nX\r\n\r\n"), 400),
        row("a chunk extension that ends in quotes", chunked("1;a=\"\r\na\r\n0\r\n\r\n"), 400),
        row("a chunk extension without end", chunked(&format!("1;{}", "x".repeat(10_000))), 400),
        row("a chunk size without end", chunked(&"0".repeat(10_000)), 400),
    ]
}

fn line_rows() -> Vec<Row> {
    vec![
        row("a folded header", with("X: a\r\n b"), 400),
        row("a header folded by a tab", with("X: a\r\n\tb"), 400),
        row("a blank before the first header", "GET / HTTP/1.1\r\n Host: test\r\n\r\n", 400),
        row("a blank before the colon", with("X : a"), 400),
        row("a tab before the colon", with("X\t: a"), 400),
        row("a blank inside a name", with("X Y: a"), 400),
        row("a header without a name", with(": a"), 400),
        row("a header without a colon", with("X"), 400),
        row("a name outside ASCII", with("\u{e9}: a"), 400),
        row("NUL in a name", with("X\0: a"), 400),
        row("NUL in a value", with("X: a\0b"), 400),
        row("a bell in a value", with("X: a\x07b"), 400),
        row("DEL in a value", with("X: a\x7fb"), 400),
        row("a bare CR in a value", with("X: a\rb"), 400),
        row("a bare CR behind a value", with("X: a\r\r\nY: b"), 400),
        row("a bare LF in a value", with("X: a\nY: b"), 400),
        row("a bare LF behind the request line", "GET / HTTP/1.1\nHost: test\r\n\r\n", 400),
        row("a bare LF behind a header", "GET / HTTP/1.1\r\nHost: test\n\r\n", 400),
        row("a bare LF as the empty line", "GET / HTTP/1.1\r\nHost: test\r\n\n", 400),
        row("bare LFs alone", "GET / HTTP/1.1\nHost: test\n\n", 400),
        row("a bare LF before the request", "\nGET / HTTP/1.1\r\nHost: test\r\n\r\n", 400),
        row("a bare CR before the request", "\rGET / HTTP/1.1\r\nHost: test\r\n\r\n", 400),
        row("a bare CR behind the request line", "GET / HTTP/1.1\rHost: test\r\n\r\n", 400),
    ]
}

fn request_line_rows() -> Vec<Row> {
    let line = |line: &str| format!("{line}\r\nHost: test\r\n\r\n");
    vec![
        row("a target outside ASCII", line("GET /\u{e9} HTTP/1.1"), 400),
        row("a target with NUL", line("GET /\0 HTTP/1.1"), 400),
        row("a target with a control byte", line("GET /\x1b HTTP/1.1"), 400),
        row("a target with DEL", line("GET /\x7f HTTP/1.1"), 400),
        row("a target with a blank", line("GET /a b HTTP/1.1"), 400),
        row("a target that is no path", line("GET a HTTP/1.1"), 400),
        row("a target of another scheme", line("GET ftp://test/ HTTP/1.1"), 400),
        row("a target with a fragment", line("GET /a#b HTTP/1.1"), 400),
        row("a URL without a host", line("GET http:///a HTTP/1.1"), 400),
        row("a URL with a port alone", line("GET http://:80/ HTTP/1.1"), 400),
        row("a URL with a user", line("GET http://user@test/ HTTP/1.1"), 400),
        row("no target", line("GET HTTP/1.1"), 400),
        row("a star to GET", line("GET * HTTP/1.1"), 400),
        row("a method that is no token", line("G(T / HTTP/1.1"), 400),
        row("no method", line(" / HTTP/1.1"), 400),
        row("HTTP/0.9", "GET /\r\n", 400),
        row("a version in small letters", line("GET / http/1.1"), 400),
        row("a version that is no number", line("GET / HTTP/one"), 400),
        row("another protocol", line("GET / ICY/1.1"), 400),
        row("a word", "hello\r\n\r\n", 400),
        row("a TLS handshake", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    ]
}

fn other_statuses() -> Vec<Row> {
    let long = |count: usize| "x".repeat(count);
    let many: String = (0..100).map(|number| format!("X-{number}: x\r\n")).collect();
    let trailers = "X: y\r\n".repeat(10_000);
    vec![
        row("a length beyond the limit", with("Content-Length: 1048577"), 413),
        row("a length beyond all numbers", with("Content-Length: 99999999999999999999999999"), 413),
        row("a chunk beyond the limit", chunked("100001\r\n"), 413),
        row("a chunk beyond all numbers", chunked("ffffffffffffffffffff\r\n"), 413),
        row("a second chunk beyond the limit", chunked("1\r\na\r\n100000\r\n"), 413),
        row("a target beyond the limit", format!("GET /{} HTTP/1.1\r\nHost: test\r\n\r\n", long(8192)), 414),
        row("a target beyond a head's limit", format!("GET /{} HTTP/1.1\r\n", long(20_000)), 414),
        row("a target without end", format!("GET /{}", long(20_000)), 414),
        row("an expectation that is unknown", with("Expect: miracles"), 417),
        row("101 headers", format!("GET / HTTP/1.1\r\nHost: test\r\n{many}\r\n"), 431),
        row("a header beyond the limit", with(&format!("X: {}", long(16 * 1024))), 431),
        row("a header without end", format!("GET / HTTP/1.1\r\nHost: test\r\nX: {}", long(20_000)), 431),
        row("a name without end", format!("GET / HTTP/1.1\r\n{}", long(20_000)), 431),
        row("trailers beyond the limit", chunked(&format!("0\r\n{trailers}\r\n")), 431),
        row("the codings gzip and chunked", with("Transfer-Encoding: gzip, chunked"), 501),
        row("CONNECT", "CONNECT test:443 HTTP/1.1\r\nHost: test:443\r\n\r\n", 501),
        row("HTTP/2.0", "GET / HTTP/2.0\r\nHost: test\r\n\r\n", 505),
        row("HTTP/2 with prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        row("HTTP/3.0", "GET / HTTP/3.0\r\nHost: test\r\n\r\n", 505),
        row("HTTP/0.9 with a version", "GET / HTTP/0.9\r\nHost: test\r\n\r\n", 505),
    ]
}

fn all_rows() -> Vec<Row> {
    [host_rows(), length_rows(), chunk_rows(), line_rows(), request_line_rows(), other_statuses()].concat()
}

/// A server whose timeouts are not what answers.
fn host() -> Host {
    let mut config = Config::default();
    config.timeouts.head = PATIENCE;
    config.timeouts.body = PATIENCE;
    config.timeouts.linger = PATIENCE;
    Host::start(config)
}

/// An error page: whole, the last, and followed by the server's FIN before the client's.
fn refused(client: &mut Client, name: &str) -> Response {
    let response = client.try_response().unwrap_or_else(|error| panic!("{name}: {error}"));
    let status = response.status.to_string();
    assert!(response.header("Content-Length").is_some(), "{name}: {}", response.head);
    assert_eq!(response.header("Connection"), Some("close"), "{name}");
    assert!(response.body.starts_with(status.as_bytes()), "{name}: {}", response.body.escape_ascii());
    let rest = client.try_rest().unwrap_or_else(|error| panic!("{name}: not closed by a FIN: {error}"));
    assert!(rest.is_empty(), "{name}: after the error comes {}", rest.escape_ascii());
    response
}

fn each_is_refused(rows: &[Row]) {
    let host = host();
    let mut wrong = Vec::new();
    for (name, request, status) in rows {
        let mut client = Client::connect(host.address);
        client.send(request);
        let response = refused(&mut client, name);
        if response.status != *status {
            wrong.push(format!("{name}: {} instead of {status}", response.status));
        }
        drop(client);
        expect_alive(host.address);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(refusals(&host.stats()), rows.len() as u64);
}

fn refusals(stats: &Stats) -> u64 {
    stats.errors.iter().sum()
}

#[test]
fn a_host_that_is_missing_doubled_or_malformed_is_400() {
    each_is_refused(&host_rows());
}

#[test]
fn lengths_and_codings_that_two_servers_could_read_differently_are_400() {
    each_is_refused(&length_rows());
}

#[test]
fn a_broken_chunked_body_is_400() {
    each_is_refused(&chunk_rows());
}

#[test]
fn a_broken_header_line_is_400() {
    each_is_refused(&line_rows());
}

#[test]
fn a_broken_request_line_is_400() {
    each_is_refused(&request_line_rows());
}

#[test]
fn what_is_too_large_or_not_spoken_here_has_its_own_status() {
    each_is_refused(&other_statuses());
}

#[test]
fn the_status_is_the_same_when_the_bytes_come_one_by_one() {
    let host = host();
    let mut wrong = Vec::new();
    for (name, request, status) in all_rows().into_iter().filter(|(_, request, _)| request.len() < 1000) {
        let mut client = Client::connect(host.address);
        request.iter().for_each(|byte| client.send([*byte]));
        let response = refused(&mut client, name);
        if response.status != status {
            wrong.push(format!("{name}: {} instead of {status}", response.status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    expect_alive(host.address);
}

#[test]
fn a_good_request_is_answered_before_the_bad_one_behind_it() {
    let host = host();
    for (name, request, status) in all_rows() {
        let mut client = Client::connect(host.address);
        client.send([get("/good").as_bytes(), &request].concat());
        assert_eq!(client.response().body, b"/good", "{name}");
        assert_eq!(refused(&mut client, name).status, status, "{name}");
    }
}

#[test]
fn nothing_is_answered_behind_a_bad_request() {
    let host = host();
    let complete = all_rows().into_iter().filter(|(_, request, _)| request.ends_with(b"\r\n\r\n"));
    for (name, request, status) in complete {
        let mut client = Client::connect(host.address);
        client.send([&request[..], get("/behind").as_bytes()].concat());
        assert_eq!(refused(&mut client, name).status, status, "{name}");
    }
    assert_eq!(host.stats().requests, 0);
}

#[test]
fn a_bad_request_and_a_fin_in_one_go_are_refused_all_the_same() {
    let host = host();
    for (name, request, status) in all_rows() {
        let mut client = Client::connect(host.address);
        client.send(&request);
        client.finish();
        assert_eq!(refused(&mut client, name).status, status, "{name}");
    }
    expect_alive(host.address);
}

// --- too slow ---

/// One short timeout, and how an unfinished request is answered.
fn is_timed_out(config: Config, request: &str) {
    let host = Host::start(config);
    let mut client = Client::connect(host.address);
    client.send(request);
    assert_eq!(refused(&mut client, request).status, 408);
    drop(client);
    assert_eq!(host.stats().errors(408), 1);
    expect_alive(host.address);
}

#[test]
fn a_head_that_does_not_end_in_time_is_408() {
    let mut config = Config::default();
    config.timeouts.head = Duration::from_millis(100);
    is_timed_out(config, "GET / HTTP/1.1\r\nHost: te");
}

#[test]
fn a_body_that_does_not_end_in_time_is_408() {
    let mut config = Config::default();
    config.timeouts.body = Duration::from_millis(100);
    is_timed_out(config.clone(), "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n12345");
    is_timed_out(config, &chunked("a\r\n12345"));
}

#[test]
fn a_head_sent_byte_by_byte_does_not_win_time() {
    let mut config = Config::default();
    config.timeouts.head = Duration::from_millis(200);
    config.timeouts.linger = PATIENCE;
    let host = Host::start(config);
    let mut client = Client::connect(host.address);
    let mut writer = client.socket().try_clone().expect("a second handle");
    client.send("GET / HTTP/1.1\r\n");
    std::thread::scope(|scope| {
        // For as long as the server takes it, which is no longer than the client reads.
        scope.spawn(move || {
            while writer.write_all(b"X: y\r\n").is_ok() {
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        let response = client.response();
        assert_eq!(response.status, 408);
        client.expect_end();
        let _ = client.socket().shutdown(Shutdown::Write);
    });
}

#[test]
fn a_connection_that_says_nothing_is_closed_without_an_answer() {
    let mut config = Config::default();
    config.timeouts.idle = Duration::from_millis(100);
    let host = Host::start(config);
    Client::connect(host.address).expect_end();
}

// --- at random ---

/// Marsaglia's xorshift: the same bytes in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

/// Sends it all and a FIN: whatever comes back are whole responses up to a FIN.
fn is_survived(address: SocketAddr, bytes: &[u8]) {
    let mut client = Client::connect(address);
    client.send(bytes);
    client.finish();
    let rest = client.try_rest().unwrap_or_else(|error| panic!("{}: {error}", bytes.escape_ascii()));
    let is_response = rest.is_empty() || rest.starts_with(b"HTTP/1.1 ");
    assert!(is_response, "{}: {}", bytes.escape_ascii(), rest.escape_ascii());
}

#[test]
fn a_thousand_clients_that_send_random_bytes_harm_nobody() {
    let host = host();
    let mut random = Random(0x4_0A7);
    for _ in 0..1000 {
        let length = random.below(2000);
        let bytes: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        is_survived(host.address, &bytes);
    }
    expect_alive(host.address);
}

#[test]
fn a_thousand_clients_whose_requests_were_damaged_harm_nobody() {
    let host = host();
    let rows = all_rows();
    let mut random = Random(0x4_0A7);
    for _ in 0..1000 {
        let mut bytes = rows[random.below(rows.len())].1.clone();
        bytes.truncate(2000);
        for _ in 0..random.below(4) {
            let at = random.below(bytes.len());
            bytes[at] = random.next() as u8;
        }
        is_survived(host.address, &bytes);
    }
    expect_alive(host.address);
}

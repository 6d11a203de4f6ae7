//! Malformed requests, each on a real socket: the server refuses it with its exact status, sends the whole error page
//! before it closes, and lives on.

use std::collections::HashSet;
use std::io::Write;
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use crate::common::witness::answers;
use crate::common::{Client, Host, PATIENCE, expect_alive, get};
use crate::malformed::{self, Case, DEFAULT};
use fourway::{Config, Stats};

/// A server whose timeouts are not what answers.
fn host() -> Host {
    let mut config = Config::default();
    config.timeouts.head = PATIENCE;
    config.timeouts.body = PATIENCE;
    config.timeouts.linger = PATIENCE;
    Host::start(config)
}

/// Reads to the server's FIN. The error page is whole, it is the last response, and it says so. Before it come the bodies
/// `good`. The client leaves by a reset, so that thousands of them do not stay in TIME_WAIT.
fn expect_refusal(mut client: Client, good: &[&str], case: &Case) {
    let title = case.title();
    let received = client.try_rest().unwrap_or_else(|error| panic!("{title}: not closed by a FIN: {error}"));
    let (mut responses, rest) = answers(&received, |at, _| at == good.len() && case.is_head());
    assert!(rest.is_empty(), "{title}: this is no response: {}", rest.escape_ascii());
    let page = responses.pop().unwrap_or_else(|| panic!("{title}: no response"));
    let bodies: Vec<&[u8]> = responses.iter().map(|response| &response.body[..]).collect();
    assert_eq!(bodies, good.iter().map(|body| body.as_bytes()).collect::<Vec<_>>(), "{title}");
    assert_eq!((page.status, page.header("Connection")), (case.status, Some("close")), "{title}");
    assert!(page.header("Content-Length").is_some(), "{title}: {}", page.head);
    let says_status = page.body.starts_with(case.status.to_string().as_bytes());
    assert!(says_status || case.is_head(), "{title}: {}", page.body.escape_ascii());
    client.reset();
}

/// Sends each malformed request of these families. After each of them the server serves another client.
fn each_is_refused(families: &[&str]) {
    let host = host();
    let cases = malformed::all(&DEFAULT).into_iter().filter(|case| families.contains(&case.family));
    let mut count = 0;
    for case in cases {
        let mut client = Client::connect(host.address);
        client.send(&case.bytes);
        expect_refusal(client, &[], &case);
        expect_alive(host.address);
        count += 1;
    }
    assert!(count > 0, "these are families of the catalogue");
    assert_eq!(refusals(&host.stats()), count);
}

fn refusals(stats: &Stats) -> u64 {
    stats.errors.iter().sum()
}

#[test]
fn each_malformed_request_stands_in_the_catalogue_once() {
    let cases = malformed::all(&DEFAULT);
    let titles: HashSet<String> = cases.iter().map(Case::title).collect();
    let requests: HashSet<&[u8]> = cases.iter().map(|case| &case.bytes[..]).collect();
    assert_eq!((titles.len(), requests.len()), (cases.len(), cases.len()));
    assert_eq!(cases.len(), 1212, "docs/TESTING.md counts them");
}

#[test]
fn a_missing_second_or_malformed_host_is_refused() {
    each_is_refused(&[malformed::HOSTS]);
}

#[test]
fn lengths_and_codings_that_two_servers_could_read_differently_are_refused() {
    each_is_refused(&[malformed::LENGTHS, malformed::CL_TE, malformed::TE_CL, malformed::TE_TE]);
}

#[test]
fn a_broken_chunked_body_is_refused() {
    use crate::malformed::{CHUNK_ENDS, CHUNK_EXTENSIONS, CHUNK_SIZES, TRAILERS};
    each_is_refused(&[CHUNK_SIZES, CHUNK_EXTENSIONS, CHUNK_ENDS, TRAILERS]);
}

#[test]
fn a_broken_header_line_is_refused() {
    each_is_refused(&[malformed::HEADS, malformed::FIELDS]);
}

#[test]
fn a_broken_request_line_is_refused() {
    each_is_refused(&[malformed::REQUEST_LINES, malformed::TARGETS]);
}

#[test]
fn a_request_beyond_a_limit_has_its_own_status() {
    each_is_refused(&[malformed::LIMITS, malformed::EXPECTATIONS, malformed::TWO_ERRORS]);
}

#[test]
fn the_status_is_the_same_when_the_bytes_come_one_by_one() {
    let host = host();
    for case in malformed::all(&DEFAULT).into_iter().filter(|case| case.bytes.len() < 1000) {
        let mut client = Client::connect(host.address);
        for byte in &case.bytes {
            client.send([*byte]);
        }
        expect_refusal(client, &[], &case);
    }
    expect_alive(host.address);
}

#[test]
fn a_good_request_before_a_bad_one_is_answered() {
    let host = host();
    for case in malformed::all(&DEFAULT) {
        let mut client = Client::connect(host.address);
        client.send([get("/good").as_bytes(), &case.bytes].concat());
        expect_refusal(client, &["/good"], &case);
    }
}

#[test]
fn nothing_is_answered_after_a_bad_request() {
    let host = host();
    for case in malformed::all(&DEFAULT) {
        let mut client = Client::connect(host.address);
        client.send([&case.bytes, get("/behind").as_bytes()].concat());
        expect_refusal(client, &[], &case);
    }
    assert_eq!(host.stats().requests, 0);
}

#[test]
fn a_bad_request_that_comes_with_a_fin_is_refused() {
    let host = host();
    for case in malformed::all(&DEFAULT) {
        let mut client = Client::connect(host.address);
        client.send(&case.bytes);
        client.finish();
        expect_refusal(client, &[], &case);
    }
    expect_alive(host.address);
}

// --- too slow ---

/// One short timeout, and how an unfinished request is answered.
fn is_timed_out(config: Config, request: impl AsRef<[u8]>) {
    let host = Host::start(config);
    let mut client = Client::connect(host.address);
    client.send(request);
    let response = client.response();
    assert_eq!((response.status, response.header("Connection")), (408, Some("close")));
    client.expect_end();
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
    is_timed_out(config, malformed::post_chunked("a\r\n12345"));
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
fn a_silent_connection_is_closed_without_a_response() {
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
fn a_thousand_clients_that_send_random_bytes_do_no_harm() {
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
fn a_thousand_clients_with_damaged_requests_do_no_harm() {
    let host = host();
    let cases = malformed::all(&DEFAULT);
    let mut random = Random(0x4_0A7);
    for _ in 0..1000 {
        let mut bytes = cases[random.below(cases.len())].bytes.clone();
        bytes.truncate(2000);
        for _ in 0..random.below(4) {
            let at = random.below(bytes.len());
            bytes[at] = random.next() as u8;
        }
        is_survived(host.address, &bytes);
    }
    expect_alive(host.address);
}

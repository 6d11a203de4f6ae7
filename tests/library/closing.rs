//! The end of a connection: no way of closing costs a client its answer if the client keeps its word. Who holds TIME_WAIT
//! is in `tests/alone/time_wait.rs`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{ByHand, Client, Host, PATIENCE, big, get, get_and_close, wait_until};
use fourway::{CloseMode, Config, Reason};

/// A server that waits for a client's FIN longer than any test does.
fn config(close: CloseMode) -> Config {
    let mut config = Config::default();
    config.close = close;
    config.timeouts.linger = PATIENCE;
    // The tests make many servers, each for few clients.
    config.exchanges = 16;
    config
}

// --- what goes over the wire ---

#[cfg(target_os = "linux")]
mod segments {
    use super::*;
    use crate::common::tools;
    use std::path::Path;
    use std::process::Command;

    /// How many segments the client has got of a server that has answered, and closed if it does so first.
    fn received(ss: &Path, config: Config, request: &str) -> u32 {
        let mut server = ByHand::new(config);
        let mut client = Client::connect(server.address);
        client.send(request);
        server.turn_until("the request is answered", |server| server.stats().requests == 1);
        server.settle();
        assert_eq!(client.response().body, b"/who");
        let port = client.socket().local_addr().expect("the client's own address").port();
        let pair = format!("sport = :{port} and dport = :{}", server.address.port());
        let (told, _) = tools::run_to_text(Command::new(ss).args(["-tinH", &pair]));
        let count = told.split_ascii_whitespace().find_map(|word| word.strip_prefix("segs_in:"));
        count.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("no segs_in in {told}"))
    }

    #[test]
    fn the_fin_takes_no_segment_of_its_own() {
        let Some(ss) = tools::find(&["ss"]) else { return };
        // Closed at once in the first case, and behind a linger in the second.
        for (keep_alive, request) in [(true, get_and_close("/who")), (false, get("/who"))] {
            let [of_the_answer, with_fin] = [CloseMode::Peer, CloseMode::Fin].map(|close| {
                let mut config = config(close);
                config.keep_alive = keep_alive;
                received(&ss, config, &request)
            });
            assert_eq!(with_fin, of_the_answer, "{request}");
        }
    }
}

// --- a large answer arrives whole ---

/// Request bytes that the server has not read when it closes: more than it takes in one read.
fn request_and_more(target: &str) -> Vec<u8> {
    [get_and_close(target).as_bytes(), &vec![b'x'; 200_000]].concat()
}

#[test]
fn with_fin_a_large_answer_is_whole_although_request_bytes_were_left_unread() {
    let mut server = ByHand::new(config(CloseMode::Fin));
    let mut client = Client::connect(server.address);
    client.send(request_and_more("/big"));
    let client = thread::spawn(move || {
        let response = client.response();
        client.expect_end();
        response
    });
    assert!(server.serve(client).body == big());
    server.turn_until("the connection has ended well", |s| s.stats().closes(Reason::Answered) == 1);
}

#[test]
fn with_peer_a_large_answer_is_whole_although_request_bytes_were_left_unread() {
    let mut server = ByHand::new(config(CloseMode::Peer));
    let mut client = Client::connect(server.address);
    client.send(request_and_more("/big"));
    let client = thread::spawn(move || client.response());
    assert!(server.serve(client).body == big());
    server.turn_until("the connection has ended well", |s| s.stats().closes(Reason::Answered) == 1);
}

/// Reads just so much of an answer that the server can send all of it, says something more, and
/// only then reads the rest.
fn sends_more_after_the_last_byte(close: CloseMode, more: &[u8]) {
    let host = Host::start(config(close));
    let mut stream = TcpStream::connect(host.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(get_and_close("/big").as_bytes()).unwrap();
    let mut got = Vec::new();
    let whole = loop {
        let mut piece = [0; 16 * 1024];
        let len = stream.read(&mut piece).unwrap();
        got.extend_from_slice(&piece[..len]);
        let head = got.windows(4).position(|end| end == b"\r\n\r\n").expect("a head comes in one piece");
        let whole = head + 4 + big().len();
        if host.stats().bytes_out == whole as u64 {
            break whole;
        }
        assert!(got.len() < whole, "the server has sent all that arrived");
    };
    stream.write_all(more).unwrap();
    while got.len() < whole {
        let mut piece = [0; 16 * 1024];
        let len = stream.read(&mut piece).expect("no reset");
        assert!(len > 0, "the answer ends after {} of {whole} bytes", got.len());
        got.extend_from_slice(&piece[..len]);
    }
    assert!(got.ends_with(big()));
    if close == CloseMode::Fin {
        assert_eq!(stream.read(&mut [0]).expect("a FIN, not a reset"), 0);
    }
}

#[test]
fn with_fin_a_large_answer_is_whole_although_the_client_sends_more_after_it() {
    for more in [&b"\r\n"[..], &[b'x'; 100_000]] {
        sends_more_after_the_last_byte(CloseMode::Fin, more);
    }
}

#[test]
fn with_peer_a_large_answer_is_whole_although_the_client_sends_more_after_it() {
    for more in [&b"\r\n"[..], &[b'x'; 100_000]] {
        sends_more_after_the_last_byte(CloseMode::Peer, more);
    }
}

// --- a client that closes its half first ---

/// How a request and the client's FIN come to the server.
#[derive(Debug, Clone, Copy)]
enum Arrival {
    BeforeAccept,
    WhileIdle,
    AfterHalfTheRequest,
    AfterAnotherRequest,
}

const ARRIVALS: [Arrival; 4] =
    [Arrival::BeforeAccept, Arrival::WhileIdle, Arrival::AfterHalfTheRequest, Arrival::AfterAnotherRequest];

#[cfg(target_os = "linux")]
fn half_closed_client_is_answered(close: CloseMode, arrival: Arrival, request: &[u8], answers: &[&[u8]]) {
    use crate::common::kernel::{Pair, State};

    let mut server = ByHand::new(config(close));
    let mut client = Client::connect(server.address);
    let pair = Pair::of(client.socket());
    let mut rest = request;
    match arrival {
        Arrival::BeforeAccept => {}
        Arrival::WhileIdle => server.turn_until("it is accepted", |s| s.stats().idle == 1),
        Arrival::AfterHalfTheRequest => {
            client.send(&request[..request.len() / 2]);
            rest = &request[request.len() / 2..];
            server.turn_until("half has arrived", |s| s.stats().bytes_in == request.len() as u64 / 2);
        }
        Arrival::AfterAnotherRequest => {
            client.send(get("/first"));
            server.turn_until("it is answered", |s| s.stats().requests == 1 && s.stats().idle == 1);
            assert_eq!(client.response().body, b"/first");
        }
    }
    client.send(rest);
    client.finish();
    // Now the server's next read finds the bytes and the FIN.
    pair.wait_for_server(State::CloseWait);
    let client = thread::spawn(move || (client.try_rest(), client));
    server.turn_until("the connection has ended", |s| s.stats().closed == 1);
    let (received, client) = server.serve(client);
    let received = received.unwrap_or_else(|error| panic!("{close:?} {arrival:?}: {error}"));
    let mut rest = &received[..];
    for answer in answers {
        let head = rest.windows(4).position(|end| end == b"\r\n\r\n");
        let body = &rest[head.unwrap_or_else(|| panic!("{close:?} {arrival:?}: an answer is missing")) + 4..];
        assert!(body.starts_with(answer), "{close:?} {arrival:?}: {} bytes of it came", body.len());
        rest = &body[answer.len()..];
    }
    assert!(rest.is_empty(), "{close:?} {arrival:?}: {}", rest.escape_ascii());
    drop(client);
}

#[test]
#[cfg(target_os = "linux")]
fn a_request_and_a_fin_in_one_wake_up_are_answered_in_full() {
    for close in [CloseMode::Fin, CloseMode::Peer] {
        for arrival in ARRIVALS {
            half_closed_client_is_answered(close, arrival, get("/big").as_bytes(), &[big()]);
            half_closed_client_is_answered(close, arrival, get("/small").as_bytes(), &[b"/small"]);
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_last_request_and_a_fin_in_one_wake_up_are_answered_in_full() {
    for close in [CloseMode::Fin, CloseMode::Peer] {
        for arrival in ARRIVALS {
            half_closed_client_is_answered(close, arrival, get_and_close("/big").as_bytes(), &[big()]);
            half_closed_client_is_answered(close, arrival, get_and_close("/small").as_bytes(), &[b"/small"]);
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn pipelined_requests_and_a_fin_in_one_wake_up_are_all_answered_in_full() {
    let requests = [get("/a"), get("/big"), get("/b"), get("/big"), get_and_close("/c")].concat();
    for close in [CloseMode::Fin, CloseMode::Peer] {
        for arrival in ARRIVALS {
            let answers = [&b"/a"[..], big(), b"/b", big(), b"/c"];
            half_closed_client_is_answered(close, arrival, requests.as_bytes(), &answers);
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn an_upload_and_a_fin_in_one_wake_up_are_answered() {
    // Short enough for the FIN to arrive before anything is read.
    let length = 40_000;
    let head = format!("POST /length HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n");
    let request = [head.as_bytes(), &vec![b'x'; length]].concat();
    for close in [CloseMode::Fin, CloseMode::Peer] {
        for arrival in ARRIVALS {
            half_closed_client_is_answered(close, arrival, &request, &[b"40000"]);
        }
    }
}

#[test]
fn a_client_that_half_closes_while_its_answer_is_on_the_way_gets_all_of_it() {
    for close in [CloseMode::Fin, CloseMode::Peer] {
        let mut server = ByHand::new(config(close));
        let mut client = Client::connect(server.address);
        client.send([get("/big"), get("/big"), get("/big"), get("/big")].concat());
        // It cannot send all that while the client reads nothing.
        server.turn_until("it has begun to answer", |s| s.stats().bytes_out > 0);
        server.settle();
        assert!(server.server.stats().bytes_out < 4 * big().len() as u64, "{close:?}");
        client.finish();
        let client = thread::spawn(move || {
            let bodies: Vec<_> = (0..4).map(|_| client.response().body).collect();
            client.expect_end();
            bodies
        });
        let bodies = server.serve(client);
        assert!(bodies.iter().all(|body| body == big()), "{close:?}");
    }
}

// --- an error response arrives ---

const TIMES: usize = 100;
const MEGABYTE: usize = 1_000_000;

fn huge_header() -> Vec<u8> {
    let mut request = b"GET / HTTP/1.1\r\nHost: test\r\nX: ".to_vec();
    request.resize(request.len() + MEGABYTE, b'x');
    request.extend_from_slice(b"\r\n\r\n");
    request
}

fn many_headers() -> Vec<u8> {
    let mut request = b"GET / HTTP/1.1\r\nHost: test\r\n".to_vec();
    while request.len() < MEGABYTE {
        request.extend_from_slice(b"X-Header: and its value\r\n");
    }
    request.extend_from_slice(b"\r\n");
    request
}

/// Longer than the default limit of 1 MiB.
fn huge_body() -> Vec<u8> {
    let head = format!("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n", 2 * MEGABYTE);
    [head.as_bytes(), &vec![b'x'; 2 * MEGABYTE]].concat()
}

fn huge_chunked_body() -> Vec<u8> {
    let head = "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = [&b"8000\r\n"[..], &[b'x'; 0x8000], b"\r\n"].concat();
    [head.as_bytes(), &chunk.repeat(2 * MEGABYTE / 0x8000), b"0\r\n\r\n"].concat()
}

/// The client writes all of it, whatever is answered, and reads only then.
fn is_told_after_writing_everything(request: &[u8], status: u16) {
    let host = Host::start(config(CloseMode::Fin));
    for time in 0..TIMES {
        let mut client = Client::connect(host.address);
        client.socket().write_all(request).unwrap_or_else(|error| panic!("time {time}: {error}"));
        let response = client.try_response().unwrap_or_else(|error| panic!("time {time}: {error}"));
        assert_eq!(response.status, status);
        client.expect_end();
    }
    assert_eq!(host.stats().errors(status), TIMES as u64);
}

/// The client reads from the start, and goes on writing after it was answered.
fn is_told_while_writing(request: &[u8], status: u16) {
    let host = Host::start(config(CloseMode::Fin));
    for time in 0..TIMES {
        let mut client = Client::connect(host.address);
        let mut writer = client.socket().try_clone().expect("a second handle");
        thread::scope(|scope| {
            let writing = scope.spawn(move || writer.write_all(request));
            let response = client.try_response().unwrap_or_else(|error| panic!("time {time}: {error}"));
            assert_eq!(response.status, status);
            client.expect_end();
            writing.join().expect("no panic").unwrap_or_else(|error| panic!("time {time}: {error}"));
        });
    }
    assert_eq!(host.stats().errors(status), TIMES as u64);
}

#[test]
fn a_header_of_a_megabyte_is_answered_by_431_when_the_client_writes_everything_first() {
    is_told_after_writing_everything(&huge_header(), 431);
}

#[test]
fn a_header_of_a_megabyte_is_answered_by_431_when_the_client_reads_meanwhile() {
    is_told_while_writing(&huge_header(), 431);
}

#[test]
fn a_megabyte_of_headers_is_answered_by_431_when_the_client_writes_everything_first() {
    is_told_after_writing_everything(&many_headers(), 431);
}

#[test]
fn a_body_beyond_the_limit_is_answered_by_413_when_the_client_writes_everything_first() {
    is_told_after_writing_everything(&huge_body(), 413);
}

#[test]
fn a_body_beyond_the_limit_is_answered_by_413_when_the_client_reads_meanwhile() {
    is_told_while_writing(&huge_body(), 413);
}

#[test]
fn a_chunked_body_beyond_the_limit_is_answered_by_413_when_the_client_writes_everything_first() {
    is_told_after_writing_everything(&huge_chunked_body(), 413);
}

#[test]
fn a_chunked_body_beyond_the_limit_is_answered_by_413_when_the_client_reads_meanwhile() {
    is_told_while_writing(&huge_chunked_body(), 413);
}

// --- lingering ends ---

#[test]
fn a_client_that_never_closes_is_let_go_after_the_linger_timeout() {
    let mut config = config(CloseMode::Fin);
    config.timeouts.linger = Duration::from_millis(50);
    let host = Host::start(config);
    let mut client = Client::connect(host.address);
    client.send("nonsense\r\n\r\n");
    assert_eq!(client.response().status, 400);
    client.expect_end();
    wait_until("it is let go", || host.stats().closes(Reason::LingerTimeout) == 1);
    assert_eq!(host.stats().open, 0);
    drop(client);
}

#[test]
fn a_client_that_never_stops_sending_is_cut_off_when_the_linger_total_is_over() {
    let mut config = config(CloseMode::Fin);
    config.timeouts.linger_total = Duration::from_millis(50);
    let host = Host::start(config);
    let mut client = Client::connect(host.address);
    let begin = Instant::now();
    client.send("nonsense\r\n\r\n");
    assert_eq!(client.response().status, 400);
    let piece = [b'x'; 1024];
    let cut = std::iter::repeat_with(|| client.socket().write_all(&piece)).find_map(Result::err);
    assert!(cut.is_some() && begin.elapsed() >= Duration::from_millis(45), "{cut:?}");
    wait_until("it is counted", || host.stats().closes(Reason::LingerLimit) == 1);
}

//! The example `proxy`, in front of upstreams that are servers of this library, or that say what a test makes them say.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use fourway::{Body, Config, GoneReason, Reason};

use super::{Example, ask, page, text};
use crate::common::embed::Rig;
use crate::common::tools;
use crate::common::{ANY_PORT, Client, Host, PATIENCE, big, get, wait_until};

/// The example in front of an upstream, for which it waits this number of seconds.
fn in_front_of(upstream: SocketAddr, seconds: &str) -> (Example, SocketAddr) {
    let mut example = Example::start("proxy", &["127.0.0.1:0", &upstream.to_string(), seconds]);
    let address = example.http();
    (example, address)
}

/// Waits until the proxy has nothing but the connection that asks for its figures.
fn expect_nothing_left(proxy: SocketAddr) {
    wait_until("nothing is left in the proxy", || {
        let figures = page(proxy, "/proxy-stats");
        let rest = figures.strip_prefix("open 0, ").or_else(|| figures.strip_prefix("open 1, "));
        rest == Some("deferred 0, streaming 0, upstream 0\n")
    });
}

/// An upstream that answers each request with the same bytes, and then closes. It passes the heads of the requests on.
fn saying(answer: &[u8]) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind(ANY_PORT).expect("a free port");
    let address = listener.local_addr().expect("its address");
    let (sender, heads) = mpsc::channel();
    let answer = answer.to_vec();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).expect("a head");
                head.extend(byte);
            }
            let _ = sender.send(String::from_utf8(head).expect("a text"));
            stream.write_all(&answer).expect("the proxy takes it");
            stream.shutdown(Shutdown::Write).expect("an end");
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    (address, heads)
}

/// An upstream that hears of clients that leave.
fn listening_upstream() -> Rig {
    let mut config = Config::default();
    config.half_close = false;
    Rig::new(config)
}

// --- what passes ---

#[test]
fn requests_and_responses_pass() {
    let upstream = Host::start(Config::default());
    let (_example, proxy) = in_front_of(upstream.address, "10");
    let mut client = Client::connect(proxy);
    let response = client.ask("/path?query=1");
    assert_eq!(text(&response), (200, "/path?query=1"));
    assert_eq!(response.header("Content-Type"), Some("text/plain"));
    assert_eq!(response.header("Via"), Some("1.1 fourway"));
    assert!(client.ask("/big").body == big());
    client.send(format!("POST /length HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n", big().len()));
    client.send(big());
    assert_eq!(client.response().body, big().len().to_string().as_bytes());
    client.send(
        "POST /length HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    );
    assert_eq!(client.response().body, b"3");
    client.send("HEAD /big HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.response_head().header("Content-Length"), Some("1048576"));
    assert_eq!(client.ask("/after").body, b"/after");
    assert_eq!(upstream.stats().accepted, 6);
    expect_nothing_left(proxy);
}

#[test]
fn a_body_of_unknown_length_ends_with_the_connection_of_the_upstream() {
    let (upstream, _heads) = saying(b"HTTP/1.0 203 Fine\r\nX-Own: 1\r\n\r\nsome text");
    let (_example, proxy) = in_front_of(upstream, "10");
    let mut client = Client::connect(proxy);
    for _ in 0..2 {
        client.send(get("/"));
        let response = client.response_head();
        assert_eq!((response.status, response.header("X-Own")), (203, Some("1")));
        assert_eq!(response.header("Transfer-Encoding"), Some("chunked"));
        let chunks = b"9\r\nsome text\r\n0\r\n\r\n";
        let mut body = [0; 19];
        client.stream.read_exact(&mut body).expect("one chunk, and the last");
        assert_eq!(&body, chunks);
    }
}

#[test]
fn headers_that_are_about_one_connection_do_not_pass() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
        Connection: close, X-Hop\r\nX-Hop: 1\r\nx-hop: 2\r\nKeep-Alive: 5\r\nX-End: 3\r\nConnection: TE\r\n\r\n";
    let (upstream, heads) = saying(answer.as_bytes());
    let (_example, proxy) = in_front_of(upstream, "10");
    let mut client = Client::connect(proxy);
    client.send(
        "GET http://other/a?b HTTP/1.1\r\nHost: test\r\nConnection: keep-alive, x-hop\r\nX-Hop: 1\r\nTE: trailers\r\n\
         Upgrade: h2c\r\nX-End: 2\r\n\r\n",
    );
    let response = client.response();
    let names: Vec<&str> =
        response.head.lines().skip(1).filter_map(|line| line.split_once(':')).map(|it| it.0).collect();
    assert_eq!(names, ["Date", "X-End", "Via", "Content-Length"]);
    assert_eq!(response.header("Date"), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
    let head = heads.recv_timeout(PATIENCE).expect("a request");
    let expected = "GET http://other/a?b HTTP/1.0\r\nHost: other\r\nVia: 1.1 fourway\r\nContent-Length: 0\r\n\
        X-End: 2\r\n\r\n";
    assert_eq!(head, expected);
}

#[test]
fn a_large_body_passes_and_takes_no_memory() {
    const LENGTH: u64 = 64 << 20;
    let mut upstream = listening_upstream();
    upstream.world.bodies.insert("/large", Body::Repeat { page: big().into(), len: LENGTH });
    let (example, proxy) = in_front_of(upstream.address, "10");
    #[cfg(target_os = "linux")]
    let before = example.child.most_resident();
    let mut client = Client::connect(proxy);
    let reader = thread::spawn(move || {
        client.send(get("/large"));
        let head = client.response_head();
        assert_eq!(head.header("Content-Length"), Some("67108864"));
        let mut page = vec![0; big().len()];
        for _ in 0..LENGTH / big().len() as u64 {
            client.stream.read_exact(&mut page).expect("a page");
            assert!(page == big());
        }
    });
    upstream.until("the client has it", |_, _| reader.is_finished());
    reader.join().expect("each page is right");
    #[cfg(target_os = "linux")]
    assert!(example.child.most_resident() < before + (4 << 20));
    drop(example);
}

// --- a thousand at once ---

#[test]
fn a_thousand_requests_at_once_are_answered_in_order_on_each_connection() {
    const REQUESTS: usize = 3;
    // This process has both ends, and the example inherits its limit.
    let count = tools::descriptors(2 * 1000) / 2;
    let mut config = Config::default();
    // Connections of the round before may still be closing.
    config.max_connections = 2 * count;
    let mut upstream = Rig::new(config);
    let (_example, proxy) = in_front_of(upstream.address, "60");
    let target = |client: usize, request: usize| format!("/later/{client}/{request}");
    let mut clients: Vec<Client> = (0..count)
        .map(|number| {
            let mut client = Client::over_small(TcpStream::connect(proxy).expect("a connection"));
            client.send((0..REQUESTS).map(|request| get(&target(number, request))).collect::<String>());
            client
        })
        .collect();
    for round in 1..=REQUESTS {
        upstream.until("all of them wait", |_, world| world.asked.len() == round * count);
        let figures = format!("deferred {count}, streaming 0, upstream {count}\n");
        assert!(page(proxy, "/proxy-stats").ends_with(&figures));
        // The last that came is answered first.
        let asked = upstream.world.asked.iter().skip((round - 1) * count).cloned().collect::<Vec<_>>();
        for (id, target) in std::mem::take(&mut upstream.world.parked).into_iter().zip(asked).rev() {
            let responder = upstream.server.respond(id, Instant::now()).expect("the proxy waits");
            responder.send(200, "text/plain", target);
        }
        upstream.settle();
    }
    for (number, client) in clients.iter_mut().enumerate() {
        for request in 0..REQUESTS {
            assert_eq!(client.response().body, target(number, request).as_bytes());
        }
    }
    drop(clients);
    expect_nothing_left(proxy);
    upstream.until("nothing is left in the upstream", |server, _| server.stats().open == 0);
    assert_eq!(upstream.server.stats().requests, (count * REQUESTS) as u64);
}

// --- clients that leave ---

#[test]
fn a_client_that_leaves_ends_its_request_to_the_upstream() {
    for how in ["a reset", "a close", "a close of its half"] {
        let mut upstream = listening_upstream();
        let (_example, proxy) = in_front_of(upstream.address, "60");
        let mut client = Client::connect(proxy);
        client.send(get("/later"));
        upstream.until_asked(1);
        upstream.settle();
        let mut half_closed = None;
        match how {
            "a reset" => client.reset(),
            "a close" => drop(client),
            _ => {
                client.finish();
                half_closed = Some(client);
            }
        }
        upstream.until(how, |_, world| !world.gone.is_empty());
        // The proxy cannot tell the last two apart.
        if let Some(mut client) = half_closed {
            client.expect_end();
        }
        assert_eq!(upstream.world.gone[0].1, GoneReason::Ended(Reason::PeerClosedEarly), "{how}");
        expect_nothing_left(proxy);
    }
}

#[test]
fn a_client_that_does_not_read_stops_the_upstream_and_one_that_leaves_ends_it() {
    let mut upstream = listening_upstream();
    upstream.world.bodies.insert("/endless", Body::Repeat { page: big().into(), len: 1 << 40 });
    let (_example, proxy) = in_front_of(upstream.address, "60");
    let mut client = Client::connect(proxy);
    client.send(get("/endless"));
    upstream.until_asked(1);
    // What the sockets hold is some mebibytes. After that nothing moves.
    let mut sent = 0;
    upstream.until("nothing moves", |server, _| {
        let before = std::mem::replace(&mut sent, server.stats().bytes_out);
        before > 0 && before == sent
    });
    assert!(sent < 64 << 20, "{sent} bytes");
    client.reset();
    upstream.until("the upstream hears of it", |server, _| server.stats().open == 0);
    expect_nothing_left(proxy);
}

// --- upstreams that fail ---

#[test]
fn an_upstream_that_nobody_listens_for_is_a_502_and_the_connection_goes_on() {
    // The port of a listener that is gone. Nobody else takes a port of this host.
    let nobody = TcpListener::bind("127.0.0.13:0").and_then(|listener| listener.local_addr());
    let (_example, proxy) = in_front_of(nobody.expect("a free port"), "10");
    let mut client = Client::connect(proxy);
    for _ in 0..3 {
        assert_eq!(client.ask("/").status, 502);
    }
    expect_nothing_left(proxy);
}

#[test]
fn an_upstream_that_does_not_speak_http_is_a_502() {
    let long = format!("HTTP/1.0 200 OK\r\nX-Long: {}\r\n\r\n", "x".repeat(70_000));
    for answer in [
        "",
        "HTTP/1.0 200 OK\r\nContent-Len",
        "nonsense\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: some\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        &long,
    ] {
        let (upstream, _heads) = saying(answer.as_bytes());
        let (_example, proxy) = in_front_of(upstream, "10");
        let response = ask(proxy, &get("/"));
        assert_eq!(response.status, 502, "{answer}");
        expect_nothing_left(proxy);
    }
}

#[test]
fn a_body_that_is_cut_off_does_not_look_whole() {
    let (upstream, _heads) = saying(b"HTTP/1.0 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    let (_example, proxy) = in_front_of(upstream, "10");
    let mut client = Client::connect(proxy);
    client.send(get("/"));
    assert!(client.try_response().is_err());
    expect_nothing_left(proxy);
}

#[test]
fn an_upstream_that_is_silent_is_a_504_and_is_left() {
    let mut upstream = listening_upstream();
    let (_example, proxy) = in_front_of(upstream.address, "0.2");
    let mut client = Client::connect(proxy);
    let start = Instant::now();
    client.send(get("/later"));
    upstream.until("the proxy leaves", |_, world| !world.gone.is_empty());
    assert!(start.elapsed() >= Duration::from_millis(200), "{:?}", start.elapsed());
    assert_eq!(client.response().status, 504);
    expect_nothing_left(proxy);
    // The connection goes on.
    client.send(get("/at-once"));
    upstream.until_asked(2);
    upstream.settle();
    assert_eq!(client.response().body, b"/at-once");
}

#[test]
fn an_upstream_that_falls_silent_in_a_body_is_cut_off() {
    let listener = TcpListener::bind(ANY_PORT).expect("a free port");
    let (_example, proxy) = in_front_of(listener.local_addr().expect("its address"), "0.2");
    let mut client = Client::connect(proxy);
    client.send(get("/"));
    let (mut upstream, _) = listener.accept().expect("the proxy");
    upstream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 10\r\n\r\nhalf").expect("the proxy takes it");
    assert!(client.try_response().is_err());
    upstream.set_read_timeout(Some(PATIENCE)).expect("a read timeout");
    upstream.read_to_end(&mut Vec::new()).expect("the proxy leaves");
    expect_nothing_left(proxy);
}

#[test]
fn an_upstream_that_refuses_a_body_before_it_has_it_is_heard() {
    // Its own body limit is smaller than that of the proxy.
    let mut config = Config::default();
    config.limits.body_bytes = 1000;
    let upstream = Host::start(config);
    let (_example, proxy) = in_front_of(upstream.address, "10");
    let mut client = Client::connect(proxy);
    client.send(format!("POST /length HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n", big().len()));
    client.send(big());
    assert_eq!(client.response().status, 413);
    expect_nothing_left(proxy);
}

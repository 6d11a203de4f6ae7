//! Unix sockets, in a host's loop as TCP is.

#![cfg(all(unix, feature = "uds"))]

#[path = "../common/mod.rs"]
mod common;

#[cfg(target_os = "linux")]
mod credentials;
#[cfg(target_os = "linux")]
mod descriptors;
mod leaving;
#[cfg(target_os = "linux")]
mod passing;
mod streams;
mod taken;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use common::embed::{Loop, World};
use common::tools::Folder;
use common::{PATIENCE, big, get, get_and_close};
use fourway::{Body, Config, Handler, Listener, Phase, Reason, Reply, Request, Responder, Server, mio};

/// A server that listens on a path; its folder goes with it.
struct Site {
    host: Loop,
    server: Server,
    world: World,
    path: PathBuf,
    _folder: Folder,
}

impl Site {
    fn new() -> Site {
        Site::with(Config::default())
    }

    fn with(config: Config) -> Site {
        let folder = Folder::new();
        let path = folder.path("socket");
        let host = Loop::new(64);
        let mut server = host.server(0, config);
        let own = server.add_listener(UnixListener::bind(&path).expect("a new path")).expect("a listener");
        assert_eq!(server.local_addr(own), None, "it has no internet address");
        Site { host, server, world: World::default(), path, _folder: folder }
    }

    fn until(&mut self, what: &str, mut is_so: impl FnMut(&Server, &World) -> bool) {
        let start = Instant::now();
        while !is_so(&self.server, &self.world) {
            assert!(start.elapsed() < PATIENCE, "still not so: {what}: {:?}", self.server);
            assert_eq!(self.host.gather(&mut self.server, Duration::from_millis(100)), []);
            self.server.process(Instant::now(), &mut self.world);
        }
    }

    fn until_asked(&mut self, count: usize) {
        self.until(&format!("{count} requests have come"), |_, world| world.asked.len() >= count);
    }

    fn client(&self) -> Client {
        Client::over(UnixStream::connect(&self.path).expect("a connection"))
    }

    /// Turns until a client on another thread has finished.
    fn serve<T: Send + 'static>(&mut self, client: impl FnOnce() -> T + Send + 'static) -> T {
        let client = thread::spawn(client);
        self.until("the client has finished", |_, _| client.is_finished());
        client.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

struct Client(BufReader<UnixStream>);

impl Client {
    fn over(stream: UnixStream) -> Client {
        stream.set_read_timeout(Some(PATIENCE)).expect("a read timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a write timeout");
        Client(BufReader::new(stream))
    }

    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.get_ref().write_all(bytes.as_ref()).expect("the server takes what is sent");
    }

    /// The body of the next response, which is a 200.
    fn body(&mut self) -> Vec<u8> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(self.0.read_line(&mut head).expect("a head") > 0, "ended after {head:?}");
        }
        assert!(head.starts_with("HTTP/1.1 200 "), "{head:?}");
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).expect("a length");
        let mut body = vec![0; length.trim().parse().expect("a number")];
        self.0.read_exact(&mut body).expect("a whole body");
        body
    }

    fn expect_end(&mut self) {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).expect("an end, not an error");
        assert_eq!(rest.escape_ascii().to_string(), "");
    }
}

#[test]
fn a_connection_is_kept_alive() {
    let mut site = Site::new();
    let mut client = site.client();
    for number in 0..10 {
        client.send(get(&format!("/{number}")));
        site.until_asked(number + 1);
        assert_eq!(client.body(), format!("/{number}").as_bytes());
    }
    assert_eq!((site.server.stats().accepted, site.server.stats().idle), (1, 1));
}

#[test]
fn a_requested_close_is_an_end_and_not_an_error() {
    let mut site = Site::new();
    for round in 0..10 {
        let mut client = site.client();
        client.send(get_and_close("/"));
        site.until_asked(round + 1);
        assert_eq!(client.body(), b"/");
        client.expect_end();
    }
    site.until("all have ended", |server, _| server.stats().open == 0);
    assert_eq!(site.server.stats().closes(Reason::Answered), 10);
}

#[test]
fn a_listener_of_mio_is_as_good_as_one_of_std() {
    let folder = Folder::new();
    let path = folder.path("socket");
    let mut site = Site::new();
    let listener = mio::net::UnixListener::bind(&path).expect("a new path");
    let own = site.server.add_listener(listener).expect("a listener");
    let mut client = Client::over(UnixStream::connect(&path).expect("a connection"));
    client.send(get("/"));
    site.until_asked(1);
    assert_eq!(client.body(), b"/");
    // It is handed back as what it was.
    let Some(Listener::Unix(_)) = site.server.remove_listener(own) else { panic!("it was a Unix socket") };
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    const COUNT: usize = 5000;
    let mut site = Site::new();
    let mut client = site.client();
    site.serve(move || {
        let writer = client.0.get_ref().try_clone().expect("a second handle");
        let requests: String = (0..COUNT).map(|number| get(&format!("/{number}"))).collect();
        let writing = thread::spawn(move || (&writer).write_all(requests.as_bytes()));
        for number in 0..COUNT {
            assert_eq!(client.body(), format!("/{number}").as_bytes());
        }
        writing.join().expect("no panic").expect("the server takes all of it");
    });
    assert_eq!(site.world.asked.len(), COUNT);
}

#[test]
fn a_large_body_arrives_whole_in_both_directions() {
    struct Exchange;
    impl Handler for Exchange {
        fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
            assert!(request.body() == big(), "what came is what was sent");
            responder.status(200).body(Body::Repeat { page: big().into(), len: 20_000_003 })
        }
    }
    let mut site = Site::new();
    let mut client = site.client();
    let reader = thread::spawn(move || {
        client.send(format!("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n", big().len()));
        client.send(big());
        client.body()
    });
    let start = Instant::now();
    while !reader.is_finished() {
        assert!(start.elapsed() < PATIENCE, "the client waits: {:?}", site.server);
        site.host.gather(&mut site.server, Duration::from_millis(100));
        site.server.process(Instant::now(), &mut Exchange);
    }
    let body = reader.join().expect("a whole response");
    assert_eq!(body.len(), 20_000_003);
    assert!(body.chunks(big().len()).all(|page| page == &big()[..page.len()]));
}

#[test]
fn a_request_that_comes_in_two_writes_is_never_forgotten() {
    let mut site = Site::new();
    let mut client = site.client();
    let request = get("/split");
    for (round, at) in (1..request.len()).enumerate() {
        // Both before the first event, then one before and one after it.
        client.send(&request[..at]);
        client.send(&request[at..]);
        site.until_asked(2 * round + 1);
        assert_eq!(client.body(), b"/split");
        let before = site.server.stats().bytes_in;
        client.send(&request[..at]);
        site.until("it has begun", |server, _| server.stats().bytes_in == before + at as u64);
        client.send(&request[at..]);
        site.until_asked(2 * round + 2);
        assert_eq!(client.body(), b"/split");
    }
}

/// Writes the first part itself, and has another process write the second.
#[cfg(target_os = "linux")]
fn write_by_two(client: &UnixStream, first: &str, second: &str) {
    let mut writer = client;
    writer.write_all(first.as_bytes()).expect("the first part");
    let by_another = std::process::Command::new("printf")
        .args(["%s", second])
        .stdout(std::os::fd::OwnedFd::from(client.try_clone().expect("a second handle")))
        .status();
    assert!(by_another.expect("printf can be run").success());
}

/// On a socket that reports its writer, a read ends where the writer changes. The read is short although more is there,
/// and no event will report the rest.
#[cfg(target_os = "linux")]
#[test]
fn bytes_after_a_short_read_are_read_without_an_event() {
    let pair = || {
        let (client, stream) = UnixStream::pair().expect("a pair");
        socket2::SockRef::from(&stream).set_passcred(true).expect("SO_PASSCRED");
        (client, stream)
    };
    let request = get("/split");
    let (first, second) = request.split_at(10);
    let (client, mut stream) = pair();
    write_by_two(&client, first, second);
    assert_eq!(stream.read(&mut [0; 1000]).expect("the first part"), 10, "the kernel ends it there");

    let mut site = Site::new();
    let (client, stream) = pair();
    let mut client = Client::over(client);
    site.server.adopt(stream, Instant::now()).expect("there is room");
    client.send(get("/watched"));
    site.until_asked(1);
    client.body();
    // It is watched now, so that its registration will not tell of anything either.
    write_by_two(client.0.get_ref(), first, second);
    assert_eq!(site.host.gather(&mut site.server, PATIENCE), []);
    let progress = site.server.process(Instant::now(), &mut site.world);
    assert_eq!(progress.requests, 1);
    assert_eq!(client.body(), b"/split");
}

#[test]
fn a_client_that_closes_its_half_gets_its_whole_answer() {
    let mut site = Site::new();
    site.world.bodies.insert("/large", Body::Static(big()));
    let mut client = site.client();
    site.serve(move || {
        client.send([get("/large"), get("/behind")].concat());
        client.0.get_ref().shutdown(Shutdown::Write).expect("an end");
        assert!(client.body() == big());
        assert_eq!(client.body(), b"/behind");
        client.expect_end();
    });
}

#[test]
fn a_deferred_answer_reaches_a_client_that_has_closed_its_half() {
    let mut site = Site::new();
    let mut client = site.client();
    client.send(get("/later"));
    client.0.get_ref().shutdown(Shutdown::Write).expect("an end");
    site.until_asked(1);
    site.until("it waits", |server, _| server.stats().deferred == 1);
    let id = site.world.parked[0];
    site.server.respond(id, Instant::now()).expect("it waits").send(200, "text/plain", b"here");
    site.until("it has ended", |server, _| server.stats().open == 0);
    assert_eq!(client.body(), b"here");
    assert_eq!(site.world.gone, []);
}

#[test]
fn one_of_a_pair_of_sockets_can_be_adopted() {
    let mut site = Site::new();
    for (round, of_mio) in [false, true].into_iter().enumerate() {
        let (client, stream) = UnixStream::pair().expect("a pair");
        let mut client = Client::over(client);
        client.send(get("/first"));
        let now = Instant::now();
        let adopted = if of_mio {
            site.server.adopt(mio::net::UnixStream::from_std(stream), now)
        } else {
            site.server.adopt(stream, now)
        };
        adopted.expect("there is room");
        let progress = site.server.process(now, &mut site.world);
        assert_eq!(progress.requests, 1, "what was in it is answered by the next process");
        assert_eq!(client.body(), b"/first");
        client.send(get("/second"));
        site.until_asked(2 * round + 2);
        assert_eq!(client.body(), b"/second");
    }
}

#[test]
fn a_client_has_no_internet_address() {
    struct Asks(Option<std::io::ErrorKind>);
    impl Handler for Asks {
        fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
            self.0 = request.peer().err().map(|error| error.kind());
            responder.send(200, "text/plain", b"")
        }
    }
    let mut site = Site::new();
    let (client, stream) = UnixStream::pair().expect("a pair");
    Client::over(client.try_clone().expect("a second handle")).send(get("/"));
    site.server.adopt(stream, Instant::now()).expect("there is room");
    let mut asks = Asks(None);
    site.server.process(Instant::now(), &mut asks);
    assert_eq!(asks.0, Some(std::io::ErrorKind::Unsupported));
    drop(client);
}

#[test]
fn the_file_of_a_socket_is_left_to_the_host() {
    let Site { mut host, mut server, mut world, path, _folder } = Site::new();
    server.drain(Instant::now(), PATIENCE);
    host.gather(&mut server, Duration::ZERO);
    server.process(Instant::now(), &mut world);
    assert_eq!(server.phase(), Phase::Closed);
    assert!(path.exists());
    drop(server);
    assert!(path.exists(), "another process may be about to take it over");
    assert!(UnixStream::connect(&path).is_err(), "but nobody listens");
}

#[test]
fn a_removed_listener_and_its_queue_move_to_another_poller() {
    let mut site = Site::new();
    let folder = Folder::new();
    let path = folder.path("socket");
    let own = site.server.add_listener(UnixListener::bind(&path).expect("a new path")).expect("a listener");
    let mut client = Client::over(UnixStream::connect(&path).expect("a connection"));
    client.send(get("/"));
    let Some(Listener::Unix(listener)) = site.server.remove_listener(own) else { panic!("it was Unix") };
    let mut other = Site::new();
    other.server.add_listener(UnixListener::from(listener)).expect("a listener");
    other.until_asked(1);
    assert_eq!(client.body(), b"/");
    assert_eq!(site.server.stats().accepted, 0);
}

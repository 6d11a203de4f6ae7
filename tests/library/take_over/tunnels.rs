//! A proxy that answers CONNECT: it connects to the target in the loop of its server, and passes bytes on in both
//! directions on the connections that it takes over.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use fourway::mio::net::TcpStream;
use fourway::mio::{Registry, Token};
use fourway::{Config, Handler, Reason, Reply, Request, RequestId, Responder, Server, Stream};

use crate::common::child::Child;
use crate::common::embed::Loop;
use crate::common::taken::BOTH;
use crate::common::tools::{self, Folder};
use crate::common::{ANY_PORT, Client, Host, PATIENCE, big, get};

/// The handler of the proxy: what it has asked for, and what it has got.
struct Dialler {
    registry: Registry,
    /// The connections to targets, which are not made yet. The token of each is its place.
    dialled: Vec<Option<(RequestId, TcpStream)>>,
    /// The tunnels whose clients have been promised one.
    promised: HashMap<RequestId, TcpStream>,
    taken: Vec<Tunnel>,
}

impl Handler for Dialler {
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        if request.method() != "CONNECT" {
            return responder.send(400, "text/plain", b"this is a proxy for tunnels");
        }
        let address: SocketAddr = request.target().parse().expect("the tests use addresses");
        let mut target = TcpStream::connect(address).expect("a connection can be begun");
        let token = Token(self.dialled.len());
        self.registry.register(&mut target, token, BOTH).expect("a source of the host's");
        let (id, reply) = responder.defer();
        self.dialled.push(Some((id, target)));
        reply
    }

    fn taken(&mut self, id: RequestId, stream: Stream, read_ahead: &[u8]) {
        let target = self.promised.remove(&id).expect("it was promised");
        let Stream::Tcp(client) = stream else { panic!("it was TCP") };
        let unsent = read_ahead.to_vec();
        self.taken.push(Tunnel { ends: [client, target], unsent: [unsent, Vec::new()], ended: [false; 2] });
    }
}

/// The client's end and the target's. What is unsent is to be written to the other end.
struct Tunnel {
    ends: [TcpStream; 2],
    unsent: [Vec<u8>; 2],
    ended: [bool; 2],
}

impl Tunnel {
    /// Passes bytes on in both directions until each would block. Returns whether it goes on.
    fn pass_on(&mut self) -> bool {
        self.pass_on_from(0) && self.pass_on_from(1) && self.ended != [true; 2]
    }

    fn pass_on_from(&mut self, from: usize) -> bool {
        let mut bytes = [0; 16 * 1024];
        loop {
            let unsent = &mut self.unsent[from];
            let moved = if !unsent.is_empty() {
                self.ends[1 - from].write(unsent).map(|len| drop(unsent.drain(..len)))
            } else if self.ended[from] {
                return true;
            } else {
                self.ends[from].read(&mut bytes).map(|len| {
                    unsent.extend_from_slice(&bytes[..len]);
                    self.ended[from] = len == 0;
                })
            };
            match moved {
                Ok(()) if unsent.is_empty() && self.ended[from] => {
                    return self.ends[1 - from].shutdown(Shutdown::Write).is_ok();
                }
                Ok(()) => {}
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
        }
    }
}

struct Proxy {
    host: Loop,
    server: Server,
    dialler: Dialler,
    address: SocketAddr,
    tunnels: Vec<Tunnel>,
}

impl Proxy {
    fn new() -> Proxy {
        let mut config = Config::default();
        config.limits.connect = true;
        let host = Loop::new(64);
        let mut server = host.server(0, config);
        let listener = server.listen(ANY_PORT).expect("a free port");
        let address = server.local_addr(listener).expect("it listens");
        let registry = host.poll.registry().try_clone().expect("a registry");
        let dialler = Dialler { registry, dialled: Vec::new(), promised: HashMap::new(), taken: Vec::new() };
        Proxy { host, server, dialler, address, tunnels: Vec::new() }
    }

    fn turn(&mut self) {
        for token in self.host.gather(&mut self.server, Duration::from_millis(20)) {
            // Events of the ends of tunnels have other tokens, or come for a place that is empty.
            if let Some((id, target)) = self.dialler.dialled.get_mut(token.0).and_then(Option::take) {
                self.answer(id, target);
            }
        }
        self.server.process(Instant::now(), &mut self.dialler);
        for mut tunnel in self.dialler.taken.drain(..) {
            let registry = self.host.poll.registry();
            registry.register(&mut tunnel.ends[0], Token(usize::MAX), BOTH).expect("nobody else watches it");
            self.tunnels.push(tunnel);
        }
        self.tunnels.retain_mut(Tunnel::pass_on);
    }

    /// Answers a CONNECT, now that it is known whether there is a connection to its target.
    fn answer(&mut self, id: RequestId, target: TcpStream) {
        let responder = self.server.respond(id, Instant::now()).expect("its client waits");
        if let Ok(Some(_)) | Err(_) = target.take_error() {
            responder.send(502, "text/plain", b"nobody is there");
        } else {
            let (id, _) = responder.status(200).take_over();
            self.dialler.promised.insert(id, target);
        }
    }

    fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut Proxy) -> bool) {
        let start = Instant::now();
        while !is_so(self) {
            assert!(start.elapsed() < PATIENCE, "still not so after {PATIENCE:?}: {what}: {:?}", self.server);
            self.turn();
        }
    }

    /// Turns until a client on another thread has finished, and its tunnel with it.
    fn serve(&mut self, client: impl FnOnce() + Send + 'static) {
        let client = thread::spawn(client);
        self.until("the client has finished", |_| client.is_finished());
        client.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        self.until("the tunnel has ended", |proxy| proxy.tunnels.is_empty());
    }
}

fn connect(target: SocketAddr) -> String {
    format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n")
}

#[test]
fn a_client_reaches_a_server_through_a_tunnel() {
    let target = Host::start(Config::default());
    let mut proxy = Proxy::new();
    let mut client = Client::connect(proxy.address);
    let address = target.address;
    proxy.serve(move || {
        client.send(connect(address));
        let response = client.response_head();
        assert_eq!((response.status, response.header("Content-Length")), (200, None));
        assert_eq!(client.ask("/through").body, b"/through");
        assert!(client.ask("/big").body == big());
        client
            .send(format!("POST /length HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n", big().len()));
        client.send(big());
        assert_eq!(client.response().body, big().len().to_string().as_bytes());
        client.finish();
        client.expect_end();
    });
    let stats = proxy.server.stats();
    assert_eq!((stats.closes(Reason::TakenOver), stats.open, stats.stale_events), (1, 0, 0));
    assert_eq!(target.stats().requests, 3);
}

#[test]
fn bytes_that_came_with_connect_are_the_first_in_the_tunnel() {
    let target = Host::start(Config::default());
    let mut proxy = Proxy::new();
    let mut client = Client::connect(proxy.address);
    client.send([connect(target.address), get("/a"), get("/b")].concat());
    proxy.serve(move || {
        assert_eq!(client.response_head().status, 200);
        assert_eq!(client.response().body, b"/a");
        assert_eq!(client.response().body, b"/b");
    });
}

#[test]
fn a_target_that_refuses_is_a_502_and_the_connection_goes_on() {
    // The port of a listener that is gone. Nobody else takes a port of this host.
    let nobody = TcpListener::bind("127.0.0.12:0").and_then(|listener| listener.local_addr());
    let nobody = nobody.expect("a free port");
    let target = Host::start(Config::default());
    let mut proxy = Proxy::new();
    let mut client = Client::connect(proxy.address);
    let address = target.address;
    proxy.serve(move || {
        client.send(connect(nobody));
        assert_eq!(client.response().status, 502);
        client.send(connect(address));
        assert_eq!(client.response_head().status, 200);
        assert_eq!(client.ask("/second-try").body, b"/second-try");
    });
}

#[test]
fn curl_reaches_a_server_through_a_tunnel() {
    let Some(curl) = tools::find(&["curl"]) else { return };
    let target = Host::start(Config::default());
    let mut proxy = Proxy::new();
    let folder = Folder::new();
    let files = ["first", "second"].map(|name| folder.path(name));
    let mut command = Command::new(curl);
    command.args(["--silent", "--show-error", "--noproxy", "", "--proxytunnel"]);
    command.args(["--proxy", &format!("http://{}", proxy.address)]);
    for file in &files {
        // The second request goes through the tunnel of the first.
        command.arg("--output").arg(file).arg(format!("http://{}/big", target.address));
    }
    let mut curl = Child::start(&mut command);
    proxy.until("curl has finished", |_| curl.status().is_some());
    let ended = curl.wait();
    assert!(ended.status.success(), "{}", ended.stderr);
    for file in &files {
        assert!(std::fs::read(file).expect("what curl has got") == big());
    }
    proxy.until("the tunnel has ended", |proxy| proxy.tunnels.is_empty());
    assert_eq!(proxy.server.stats().closes(Reason::TakenOver), 1);
    assert_eq!(target.stats().requests, 2);
}

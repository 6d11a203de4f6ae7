//! A host that takes connections over, and echoes in its own loop what comes on them.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fourway::mio::event::Source;
use fourway::mio::{Interest, Token};
use fourway::{CloseMode, Config, GoneReason, Handler, Reply, Request, RequestId, Responder, Server, Stream};

use super::embed::Loop;
use super::{ANY_PORT, PATIENCE, big};

/// A request that asks for the echo.
pub const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";

/// The same for a request that is answered later.
pub const UPGRADE_LATER: &str =
    "GET /later HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";

/// Both sides of a stream, whatever its kind.
pub trait Duplex: Read + Write + Source {}

impl<S: Read + Write + Source> Duplex for S {}

pub fn duplex(stream: &mut Stream) -> &mut dyn Duplex {
    match stream {
        Stream::Tcp(stream) => stream,
        #[cfg(all(unix, feature = "uds"))]
        Stream::Unix(stream) => stream,
        _ => panic!("there is no other kind"),
    }
}

pub const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// A handler that takes over the connection of each request that asks for it.
#[derive(Default)]
pub struct Taker {
    pub asked: usize,
    /// The requests whose connections it is to get.
    pub promised: Vec<RequestId>,
    pub parked: Vec<RequestId>,
    /// What it has got and not begun to echo.
    pub taken: Vec<(Stream, Vec<u8>)>,
    pub gone: Vec<(RequestId, GoneReason)>,
}

impl Handler for Taker {
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        self.asked += 1;
        match (request.path(), request.header("Upgrade")) {
            ("/later", _) => {
                let (id, reply) = responder.defer();
                self.parked.push(id);
                reply
            }
            (_, Some(b"echo")) => {
                let (id, reply) = responder.status(101).header("Upgrade", "echo").take_over();
                self.promised.push(id);
                reply
            }
            ("/big", _) => responder.status(200).body(big()),
            (path, _) => responder.send(200, "text/plain", path.as_bytes()),
        }
    }

    fn taken(&mut self, id: RequestId, stream: Stream, read_ahead: &[u8]) {
        let at = self.promised.iter().position(|&promised| promised == id).expect("it was promised");
        self.promised.swap_remove(at);
        self.taken.push((stream, read_ahead.to_vec()));
    }

    fn gone(&mut self, id: RequestId, why: GoneReason) {
        self.gone.push((id, why));
    }
}

/// A connection on which the host echoes.
struct Echo {
    stream: Stream,
    unsent: Vec<u8>,
}

impl Echo {
    /// Echoes until a call would block, and counts the bytes. Returns whether it goes on.
    fn go_on(&mut self, echoed: &mut usize) -> bool {
        self.until_blocked(echoed).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Returns without an error if the client has ended.
    fn until_blocked(&mut self, echoed: &mut usize) -> io::Result<()> {
        let stream = duplex(&mut self.stream);
        let mut bytes = [0; 16 * 1024];
        loop {
            while !self.unsent.is_empty() {
                let len = stream.write(&self.unsent)?;
                self.unsent.drain(..len);
                *echoed += len;
            }
            let len = stream.read(&mut bytes)?;
            self.unsent.extend_from_slice(&bytes[..len]);
            if len == 0 {
                return Ok(());
            }
        }
    }
}

/// A server and the host's own connections in one loop. The token of such a connection is its place.
pub struct Site {
    pub host: Loop,
    pub server: Server,
    pub taker: Taker,
    /// The bytes that it has echoed.
    pub echoed: usize,
    echoes: Vec<Option<Echo>>,
}

impl Site {
    pub fn new(config: Config) -> Site {
        let host = Loop::new(256);
        let server = host.server(0, config);
        Site { host, server, taker: Taker::default(), echoed: 0, echoes: Vec::new() }
    }

    pub fn with_mode(close: CloseMode) -> Site {
        let mut config = Config::default();
        config.close = close;
        Site::new(config)
    }

    pub fn listen(&mut self) -> SocketAddr {
        let listener = self.server.listen(ANY_PORT).expect("a free port");
        self.server.local_addr(listener).expect("it listens")
    }

    /// One turn of the loop, after at most `wait` of waiting. Returns whether there may be more to do.
    pub fn turn(&mut self, wait: Duration) -> bool {
        let ready = self.host.gather(&mut self.server, wait);
        let had_events = !self.host.events.is_empty();
        let more = self.server.process(Instant::now(), &mut self.taker).more;
        for token in ready {
            self.go_on(token.0);
        }
        self.begin_to_echo();
        more || had_events
    }

    /// Registers what the handler has taken, and echoes what was read ahead.
    pub fn begin_to_echo(&mut self) {
        for (mut stream, read_ahead) in std::mem::take(&mut self.taker.taken) {
            let place = self.echoes.len();
            let registry = self.host.poll.registry();
            let source = duplex(&mut stream);
            registry.register(source, Token(place), BOTH).expect("nobody else watches it");
            self.echoes.push(Some(Echo { stream, unsent: read_ahead }));
            self.go_on(place);
        }
    }

    fn go_on(&mut self, place: usize) {
        let echo = &mut self.echoes[place];
        if echo.as_mut().is_some_and(|echo| !echo.go_on(&mut self.echoed)) {
            *echo = None;
        }
    }

    /// Turns until the handler has got a connection, on which the host does nothing yet.
    pub fn until_taken(&mut self) {
        let start = Instant::now();
        while self.taker.taken.is_empty() {
            assert!(start.elapsed() < PATIENCE, "nothing is taken over: {:?}", self.server);
            self.host.gather(&mut self.server, Duration::from_millis(100));
            self.server.process(Instant::now(), &mut self.taker);
        }
    }

    /// The connections on which the host echoes.
    pub fn echoing(&self) -> usize {
        self.echoes.iter().flatten().count()
    }

    /// Closes all of them.
    pub fn hang_up(&mut self) {
        self.echoes.fill_with(|| None);
    }

    /// Turns until it is so.
    pub fn until(&mut self, what: &str, mut is_so: impl FnMut(&Site) -> bool) {
        let start = Instant::now();
        while !is_so(self) {
            assert!(start.elapsed() < PATIENCE, "still not so after {PATIENCE:?}: {what}: {:?}", self.server);
            self.turn(Duration::from_millis(100));
        }
    }

    /// Turns until all that has arrived is processed.
    pub fn settle(&mut self) {
        while self.turn(Duration::ZERO) {}
    }
}

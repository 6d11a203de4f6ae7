//! The states that a connection can be in, and how a client brings it there.

use std::time::Duration;

use fourway::{AtCapacity, Body, CloseMode, Config};

use super::raw::{End, Raw};
use crate::common::embed::{Loop, Rig, World};
use crate::common::stalled::LARGE;
use crate::common::{ANY_PORT, big, get, get_and_close};

/// Where a connection is when its client ends it, or falls silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Before the first byte.
    New,
    /// Between two requests.
    Idle,
    RequestLine,
    Head,
    /// Of a body with a length.
    Body,
    /// In front of a chunk's data.
    ChunkSize,
    Chunk,
    Trailer,
    /// After `100 Continue` has been sent.
    Continue,
    /// The host has not answered yet.
    Deferred,
    /// A large answer, of which the client takes nothing for now.
    Sending,
    /// All is sent, and the server waits for the client's FIN.
    Lingering,
    /// The same behind an error page.
    BehindError,
}

pub const ALL: [State; 13] = [
    State::New,
    State::Idle,
    State::RequestLine,
    State::Head,
    State::Body,
    State::ChunkSize,
    State::Chunk,
    State::Trailer,
    State::Continue,
    State::Deferred,
    State::Sending,
    State::Lingering,
    State::BehindError,
];

/// A server with one slot and one exchange: where one of them is lost, nobody is served any more.
pub fn narrow(close: CloseMode) -> Rig {
    let mut config = Config::default();
    config.close = close;
    config.max_connections = 1;
    config.exchanges = 1;
    config.at_capacity = AtCapacity::Pause;
    let host = Loop::new(16);
    let mut server = host.server(0, config);
    let listener = server.listen(ANY_PORT).expect("a free port");
    let address = server.local_addr(listener).expect("it listens");
    let mut world = World::default();
    world.bodies.insert("/large", Body::Repeat { page: big().into(), len: LARGE });
    world.bodies.insert("/big", Body::Static(big()));
    Rig { host, server, world, address }
}

impl State {
    /// Whether a close mode has it.
    pub fn exists_with(self, close: CloseMode) -> bool {
        match self {
            State::Lingering | State::BehindError => matches!(close, CloseMode::Fin | CloseMode::Peer),
            // Where requests are dropped, there is no state behind one.
            State::Idle | State::Continue | State::Deferred | State::Sending => close != CloseMode::Drop,
            _ => true,
        }
    }

    /// Where a request has begun and is not whole.
    pub fn is_inside_a_request(self) -> bool {
        use State::{Body, Chunk, ChunkSize, Continue, Head, RequestLine, Trailer};
        matches!(self, RequestLine | Head | Body | ChunkSize | Chunk | Trailer | Continue)
    }

    fn request(self) -> String {
        let post =
            |header: &str, body: &str| format!("POST / HTTP/1.1\r\nHost: test\r\n{header}\r\n\r\n{body}");
        let chunked = |body| post("Transfer-Encoding: chunked", body);
        match self {
            State::New => String::new(),
            State::Idle => get("/idle"),
            State::RequestLine => "GET /inside HT".into(),
            State::Head => "GET / HTTP/1.1\r\nHost: te".into(),
            State::Body => post("Content-Length: 10", "12345"),
            State::ChunkSize => chunked("5\r\n12345\r\n1"),
            State::Chunk => chunked("5\r\n12345\r\n10\r\n1234567"),
            State::Trailer => chunked("5\r\n12345\r\n0\r\nX: "),
            State::Continue => post("Expect: 100-continue\r\nContent-Length: 10", ""),
            State::Deferred => get("/later"),
            State::Sending => get("/large"),
            State::Lingering => get_and_close("/big"),
            State::BehindError => "nonsense\r\n\r\n".into(),
        }
    }

    /// A client whose connection is in this state.
    pub fn reach(self, rig: &mut Rig) -> Raw {
        let before = rig.server.stats();
        let mut client = Raw::connect(rig.address);
        let request = self.request();
        client.send(&request);
        let bytes_in = before.bytes_in + request.len() as u64;
        rig.until("it has come", |server, _| {
            let stats = server.stats();
            stats.accepted > before.accepted && stats.bytes_in == bytes_in
        });
        rig.settle();
        match self {
            State::Sending => assert!(rig.server.stats().bytes_out - before.bytes_out < LARGE),
            State::Lingering | State::BehindError => turn_until(rig, &mut client, |rig, client| {
                let has_fin = rig.server.stats().open == 0 || client.end == Some(End::Fin);
                has_fin || is_waited_for(rig, client)
            }),
            _ => drop(client.read_all()),
        }
        let stats = rig.server.stats();
        assert_eq!((stats.open, stats.deferred), (1, usize::from(self == State::Deferred)), "{self:?}");
        assert_eq!(stats.idle, usize::from(matches!(self, State::New | State::Idle)), "{self:?}");
        client
    }
}

/// In close mode `peer`, a client that has got everything does not get a FIN.
fn is_waited_for(rig: &Rig, client: &Raw) -> bool {
    rig.server.stats().bytes_out == client.received.len() as u64
}

/// Turns while the client reads, until it is so.
pub fn turn_until(rig: &mut Rig, client: &mut Raw, mut is_so: impl FnMut(&Rig, &Raw) -> bool) {
    let start = std::time::Instant::now();
    while !is_so(rig, client) {
        assert!(start.elapsed() < crate::common::PATIENCE, "still not so: {:?}", rig.server);
        rig.turn(Duration::from_millis(1));
        client.read_all();
    }
}

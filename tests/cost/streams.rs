//! Allocations and frees while responses are streamed, and bodies are discarded, taken in pieces, taken in later and
//! refused.

use std::net::SocketAddr;
use std::time::Instant;

use fourway::{
    BodyWriter, Config, GoneReason, Handler, Intake, More, Reply, Request, RequestId, Responder, Server,
};

use crate::allocations::run_with;
use crate::common::{Client, get};

/// A stream that takes several pieces, and waits for the host between some of them.
const STREAM: usize = 200_000;
const PIECE: usize = 30_000;
const PAGE: &[u8] = &[b's'; PIECE];

struct Site {
    streams: Vec<(RequestId, usize)>,
    waiting: Vec<RequestId>,
    /// The requests whose bodies wait unread.
    unread: Vec<RequestId>,
    gone: u64,
}

impl Handler for Site {
    fn head<'r>(
        &mut self,
        request: &Request<'_>,
        _: RequestId,
        responder: Responder<'r>,
    ) -> Result<Intake, Reply<'r>> {
        match request.path() {
            "/discard" => Ok(Intake::Discard),
            "/refuse" => Err(responder.status(401).empty()),
            "/gate" => {
                let (id, reply) = responder.defer();
                self.unread.push(id);
                Err(reply)
            }
            _ => Ok(Intake::Pieces),
        }
    }

    /// Takes at most 4,000 bytes at a time.
    fn piece<'r>(&mut self, id: RequestId, bytes: &[u8], _: Responder<'r>) -> Result<usize, Reply<'r>> {
        if bytes.len() > 4000 {
            self.waiting.push(id);
        }
        Ok(bytes.len().min(4000))
    }

    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        let (announced, len) = match request.path() {
            "/chunked" => (None, STREAM),
            "/length" => (Some(STREAM as u64), STREAM),
            "/endless" => (None, usize::MAX),
            _ => {
                return responder
                    .body_with(200, "text/plain", |out| write!(out, "{}", request.body_received()));
            }
        };
        let (id, reply) = responder.status(200).stream(announced);
        self.streams.push((id, len));
        reply
    }

    fn more(&mut self, id: RequestId, piece: &mut BodyWriter<'_>) -> More {
        let at = self.streams.iter().position(|&(stream, _)| stream == id).expect("it has begun");
        let left = &mut self.streams[at].1;
        let len = PIECE.min(*left);
        piece.write_all(&PAGE[..len]).expect("there is room");
        *left -= len;
        match *left {
            0 => {
                self.streams.swap_remove(at);
                More::End
            }
            STREAM.. => More::Later, // Nobody resumes it.
            left if left / PIECE % 2 == 0 => {
                self.waiting.push(id);
                More::Later
            }
            _ => More::Again,
        }
    }

    fn gone(&mut self, id: RequestId, _: GoneReason) {
        self.streams.retain(|&(stream, _)| stream != id);
        self.waiting.retain(|&waiting| waiting != id);
        self.gone += 1;
    }
}

fn resume(server: &mut Server, site: &mut Site) {
    for id in site.waiting.drain(..) {
        server.resume(id, Instant::now()).expect("it waits");
    }
    for id in site.unread.drain(..) {
        server.take_in(id, Intake::Pieces, Instant::now()).expect("it waits");
    }
}

fn post(target: &str, framing: &str) -> String {
    format!("POST {target} HTTP/1.1\r\nHost: test\r\n{framing}\r\n\r\n")
}

#[test]
fn streams_pieces_discards_and_refusals_allocate_and_free_nothing() {
    const ROUNDS: u64 = 300;
    let room = || Vec::with_capacity(64);
    let mut site = Site { streams: Vec::with_capacity(64), waiting: room(), unread: room(), gone: 0 };
    let is_work = |site: &Site| !(site.waiting.is_empty() && site.unread.is_empty());
    let clients = |address| {
        for _ in 0..ROUNDS {
            round(address);
        }
        // By its answer, all resets have been seen.
        Client::connect(address).ask("/last");
    };
    let (requests, _, allocations, frees) = run_with(Config::default(), &mut site, is_work, resume, clients);
    assert_eq!((allocations, frees), (0, 0));
    assert_eq!((requests, site.gone), (10 * ROUNDS + 1, 2 * ROUNDS));
}

/// A client that does everything once, and two that leave in the middle.
fn round(address: SocketAddr) {
    const BODY: usize = 60_000;
    let mut client = Client::connect(address);
    client.send(get("/chunked"));
    client.response_head();
    assert_eq!(client.chunks().len(), STREAM);
    client.send(get("/length"));
    assert_eq!(client.response().body.len(), STREAM);
    let bytes = PAGE.repeat(2);
    for target in ["/discard", "/pieces", "/gate"] {
        client.send(post(target, &format!("Content-Length: {BODY}")));
        client.send(&bytes);
        assert_eq!(client.response().body, BODY.to_string().as_bytes());
        client.send(post(target, "Transfer-Encoding: chunked"));
        client.send([format!("{BODY:x}\r\n").as_bytes(), &bytes, b"\r\n0\r\n\r\n"].concat());
        assert_eq!(client.response().body, BODY.to_string().as_bytes());
    }
    client.send(post("/refuse", "Content-Length: 10"));
    assert_eq!(client.response().status, 401);
    client.reset();
    let mut client = Client::connect(address);
    client.send(get("/endless"));
    client.response_head();
    assert_eq!(client.chunk().len(), PIECE);
    client.reset();
    let mut client = Client::connect(address);
    client.send(post("/pieces", "Expect: 100-continue\r\nContent-Length: 10"));
    assert_eq!(client.response_head().status, 100);
    client.reset();
}

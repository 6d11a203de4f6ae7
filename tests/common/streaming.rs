//! A host that streams its responses, and takes bodies in pieces or not at all. The target of a request says how:
//!
//! | target | response |
//! | --- | --- |
//! | `/chunked/N` | N bytes, whose length is not announced |
//! | `/length/N` | N bytes, whose length is announced |
//! | `/later/N` | N bytes, at most 1,000 of them each time the host resumes |
//! | `/abort/N` | N bytes, and then no end |
//! | `/short/N` | N bytes, although N + 1 are announced |
//!
//! | target | what it does with a body |
//! | --- | --- |
//! | `/discard/0` | it throws the body away |
//! | `/pieces/0` | it takes the body in pieces |
//! | `/some/N` | it takes at most N bytes at a time |
//! | `/until/N` | it takes N bytes, and refuses the rest with 413 |
//! | `/refuse/0` | it refuses the body with 401, before it comes |
//!
//! To a body it responds with the number of bytes received, and whether the pieces were right. Any other target is its own
//! response.

use std::collections::HashMap;
use std::time::Instant;

use fourway::{BodyWriter, GoneReason, Handler, Intake, More, Reply, Request, RequestId, Responder, Server};

use super::big;

#[derive(Default)]
pub struct Streaming {
    /// How many pieces of responses the server has asked for.
    pub asked: usize,
    /// How many bodies have begun.
    pub heads: usize,
    /// The streams and bodies that wait for [`resume`](Streaming::resume).
    pub waiting: Vec<RequestId>,
    pub gone: Vec<(RequestId, GoneReason)>,
    streams: HashMap<RequestId, Stream>,
    bodies: HashMap<RequestId, Taken>,
}

/// A response that has not ended.
struct Stream {
    sent: usize,
    len: usize,
    most: usize,
    end: More,
}

/// A body of which pieces have been taken.
struct Taken {
    len: usize,
    is_right: bool,
    most: usize,
    limit: usize,
}

/// The bodies in both directions: [`big`] over and over.
pub fn body(len: usize) -> Vec<u8> {
    let mut body = big().repeat(len / big().len() + 1);
    body.truncate(len);
    body
}

/// Returns bytes of such a body from a place on, at most `most`.
fn part(at: usize, most: usize) -> &'static [u8] {
    let rest = &big()[at % big().len()..];
    &rest[..rest.len().min(most)]
}

impl Streaming {
    /// Lets everything go on that waits for the host.
    pub fn resume(&mut self, server: &mut Server) {
        for id in self.waiting.drain(..) {
            server.resume(id, Instant::now()).expect("it waits");
        }
    }
}

/// Returns the two parts of a target.
fn parts<'a>(request: &Request<'a>) -> (&'a str, usize) {
    let parts = request.path().strip_prefix('/').and_then(|path| path.split_once('/'));
    parts.and_then(|(kind, number)| Some((kind, number.parse().ok()?))).unwrap_or_default()
}

impl Handler for Streaming {
    fn head<'r>(
        &mut self,
        request: &Request<'_>,
        id: RequestId,
        responder: Responder<'r>,
    ) -> Result<Intake, Reply<'r>> {
        self.heads += 1;
        let (most, limit) = match parts(request) {
            ("discard", _) => return Ok(Intake::Discard),
            ("refuse", _) => return Err(responder.status(401).empty()),
            ("some", number) => (number, usize::MAX),
            ("until", number) => (usize::MAX, number),
            _ => (usize::MAX, usize::MAX),
        };
        self.bodies.insert(id, Taken { len: 0, is_right: true, most, limit });
        Ok(Intake::Pieces)
    }

    fn piece<'r>(
        &mut self,
        id: RequestId,
        bytes: &[u8],
        responder: Responder<'r>,
    ) -> Result<usize, Reply<'r>> {
        let taken = self.bodies.get_mut(&id).expect("it has begun");
        let len = bytes.len().min(taken.most);
        let mut rest = &bytes[..len];
        while !rest.is_empty() {
            let expected = part(taken.len, rest.len());
            taken.is_right &= rest.starts_with(expected);
            taken.len += expected.len();
            rest = &rest[expected.len()..];
        }
        if taken.len > taken.limit {
            self.bodies.remove(&id);
            return Err(responder.status(413).empty());
        }
        if len < bytes.len() {
            self.waiting.push(id);
        }
        Ok(len)
    }

    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        let (kind, len) = parts(request);
        let announced = match kind {
            "chunked" | "later" | "abort" => None,
            "length" => Some(len as u64),
            "short" => Some(len as u64 + 1),
            _ => {
                let taken = request.id().and_then(|id| self.bodies.remove(&id));
                let is_right = taken.is_none_or(|taken| taken.is_right);
                return match request.id() {
                    Some(_) => responder.body_with(200, "text/plain", |out| {
                        write!(out, "{} {is_right}", request.body_received())
                    }),
                    None => responder.send(200, "text/plain", request.target().as_bytes()),
                };
            }
        };
        let (id, reply) = responder.status(200).stream(announced);
        let most = if kind == "later" { 1000 } else { usize::MAX };
        let end = if kind == "abort" { More::Abort } else { More::End };
        self.streams.insert(id, Stream { sent: 0, len, most, end });
        reply
    }

    fn more(&mut self, id: RequestId, piece: &mut BodyWriter<'_>) -> More {
        self.asked += 1;
        let stream = self.streams.get_mut(&id).expect("it has begun");
        let end = stream.sent + piece.room_left().min(stream.len - stream.sent).min(stream.most);
        // What is written together with `Abort` is not sent.
        let is_over = end == stream.len && (stream.end == More::End || stream.sent == end);
        while stream.sent < end {
            let bytes = part(stream.sent, end - stream.sent);
            piece.write_all(bytes).expect("there is room");
            stream.sent += bytes.len();
        }
        let waits = stream.most < usize::MAX;
        match is_over {
            true => self.streams.remove(&id).map_or(More::Abort, |stream| stream.end),
            false if waits => {
                self.waiting.push(id);
                More::Later
            }
            false => More::Again,
        }
    }

    fn gone(&mut self, id: RequestId, why: GoneReason) {
        self.gone.push((id, why));
        self.streams.remove(&id);
        self.bodies.remove(&id);
        self.waiting.retain(|&waiting| waiting != id);
    }
}

//! The handler of the simulated server.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use super::figures::Figures;
pub(crate) use super::heard::Heard;
use super::known::Known;
use super::net::FakeStream;
use super::overdue::Overdue;
pub(crate) use super::pages::{COPIED, LARGE, PAGE, PART, repeated};
pub(crate) use super::panic::HandlerPanic;
pub(crate) use super::requests::{get, get_and_close};
pub(crate) use super::responses::{Response, responses_to};
use super::script::Script;
use super::unread::Unread;
use crate::body::Body;
use crate::deferred::{GoneReason, RequestId};
use crate::handler::request::Request;
use crate::handler::{BodyWriter, Handler, Host, More, Reply, Responder};
use crate::intake::Intake;
use crate::names::ConnectionId;
use crate::stats::Reason;

/// How long a body for `/discard-most` may be.
pub(crate) const MOST_DISCARDED: u64 = 20_000;

/// A handler with one page per behaviour. It answers any other target with the target itself.
#[derive(Debug, Default)]
pub(crate) struct Site {
    /// How many requests it was given.
    pub(crate) asked: usize,
    /// The requests that it has deferred, in order.
    pub(crate) parked: Vec<RequestId>,
    /// The streams that go on, and those that the handler has ended.
    pub(crate) streams: Vec<(RequestId, Script)>,
    pub(crate) ended: Vec<RequestId>,
    /// What it was resumed for and not asked since.
    pub(crate) resumed: Vec<RequestId>,
    /// The bodies that it takes in pieces: how much of each, and what it does with the next piece.
    pub(crate) bodies: Vec<(RequestId, Vec<u8>, Taking)>,
    /// The connections that it has taken over, and what was read ahead of each.
    pub(crate) taken: Vec<(RequestId, FakeStream, Vec<u8>)>,
    /// The requests that are to be taken over.
    pub(crate) upgrades: Vec<RequestId>,
    /// The clients to which it has sent an interim response, one entry for each.
    pub(crate) informed: Vec<usize>,
    pub(crate) unread: Unread,
    /// How many heads it was asked about.
    pub(crate) heads: usize,
    /// The streams for which it has nothing until it is resumed.
    pub(crate) waiting: Vec<RequestId>,
    /// How many pieces it was asked for.
    pub(crate) pieces: usize,
    /// How many descriptors came with each request, and with each head.
    pub(crate) passed: Vec<usize>,
    pub(crate) passed_heads: Vec<usize>,
    /// The numbers of all descriptors that it was lent.
    pub(super) seen_descriptors: HashSet<u64>,
    /// The deferred and streamed requests that were reported gone.
    pub(crate) gone: Vec<(RequestId, GoneReason)>,
    /// The requests that are kept, as it has seen them.
    pub(crate) kept: HashMap<RequestId, Heard>,
    /// The heads of requests that it may keep in the middle of their bodies.
    seen_heads: HashMap<RequestId, Heard>,
    /// When it has deferred each of them.
    pub(super) deferred_at: HashMap<RequestId, Instant>,
    /// What it does with requests that are overdue.
    pub(crate) overdue: Overdue,
    /// The requests that were overdue, and those of them that it has ended itself.
    pub(crate) late: Vec<RequestId>,
    pub(crate) ended_late: Vec<RequestId>,
    /// What its responders must show of the server during a call.
    pub(crate) figures: Option<Figures>,
    pub(crate) known: Known,
    /// All requests that it was given, if a test wants to know.
    pub(crate) heard: Option<Vec<Heard>>,
}

/// How the handler takes the pieces of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taking {
    /// All of each.
    All,
    /// At most this number of bytes at a time. So it has to be resumed.
    Some(usize),
    /// None after this number of bytes: it responds, or defers, or panics.
    Until(usize, char),
}

impl Site {
    fn check_figures(&self, responder: &Responder<'_>) {
        if let Some(figures) = &self.figures {
            figures.check(responder);
        }
    }
}

impl Handler for Site {
    /// Paths that begin with `/whole`, `/most`, `/discard` or `/pieces` choose that intake, and `/discard-most` discards
    /// [`MOST_DISCARDED`] bytes. The others that begin with `/head` respond at once.
    fn head<'r>(
        &mut self,
        request: &Request<'_>,
        id: RequestId,
        responder: Responder<'r>,
    ) -> Result<Intake, Reply<'r>> {
        self.heads += 1;
        self.passed_heads.push(request.descriptors().count());
        self.check_figures(&responder);
        self.known.note_id(id, request);
        assert!(request.body().is_empty() && request.id() == Some(id));
        let (kind, rest) = request.path().split_at(request.path().len().min(5));
        match (kind, rest) {
            ("/most", _) => Ok(Intake::AtMost(1000)),
            ("/disc", "ard-most") => Ok(Intake::DiscardAtMost(MOST_DISCARDED)),
            ("/disc", _) => Ok(Intake::Discard),
            ("/piec", rest) => {
                let number = |text: &str| text.parse().expect("a number of bytes");
                let taking = match rest.trim_start_matches("es/").split_once('/') {
                    Some(("some", size)) => Taking::Some(number(size)),
                    Some(("until", end)) => {
                        self.seen_heads.insert(id, Heard::new(request));
                        Taking::Until(number(&end[..end.len() - 1]), end.chars().last().expect("a verb"))
                    }
                    _ => Taking::All,
                };
                self.bodies.push((id, Vec::new(), taking));
                Ok(Intake::Pieces)
            }
            ("/head", "-later") => {
                let (deferred, reply) = responder.defer();
                assert_eq!(deferred, id);
                self.parked.push(id);
                self.unread.waiting.push(id);
                Err(reply)
            }
            ("/head", "-stream") => {
                let script = Script::of("/stream/chunked/100a,50l,5e").expect("a script");
                let (streamed, reply) = responder.status(200).stream(script.len);
                self.streams.push((streamed, script));
                Err(reply)
            }
            ("/head", "-keep") => {
                self.unread.waiting.push(id);
                Err(self.keep(Heard::new(request), responder))
            }
            ("/head", "-refuse") => Err(responder.refuse()),
            ("/head", "-panic") => std::panic::resume_unwind(Box::new(HandlerPanic)),
            ("/head", _) => Err(responder.send(401, "text/plain", b"who are you?")),
            _ => Ok(Intake::Whole),
        }
    }

    fn piece<'r>(
        &mut self,
        id: RequestId,
        bytes: &[u8],
        responder: Responder<'r>,
    ) -> Result<usize, Reply<'r>> {
        self.resumed.retain(|&resumed| resumed != id);
        self.check_figures(&responder);
        assert!(!bytes.is_empty(), "a piece is never empty");
        let at = self.bodies.iter().position(|body| body.0 == id).expect("it is taken in pieces");
        let (_, taken, taking) = &mut self.bodies[at];
        let received = taken.len() + bytes.len();
        let len = match *taking {
            Taking::All => bytes.len(),
            Taking::Some(most) => bytes.len().min(most),
            Taking::Until(end, verb) if taken.len() + bytes.len() > end => {
                if verb != 'p' {
                    self.bodies.remove(at);
                }
                return match verb {
                    'd' => {
                        let (deferred, reply) = responder.defer();
                        assert_eq!(deferred, id);
                        self.parked.push(id);
                        Err(reply)
                    }
                    'r' => Err(responder.refuse()),
                    'k' => {
                        let mut heard = self.seen_heads.remove(&id).expect("it has seen the head");
                        heard.received = received as u64;
                        Err(self.keep(heard, responder))
                    }
                    'p' => std::panic::resume_unwind(Box::new(HandlerPanic)),
                    _ => Err(responder.send(507, "text/plain", b"full")),
                };
            }
            Taking::Until(..) => bytes.len(),
        };
        taken.extend_from_slice(&bytes[..len]);
        Ok(len)
    }

    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        self.asked += 1;
        self.check_figures(&responder);
        if let Some(heard) = &mut self.heard {
            heard.push(Heard::new(request));
        }
        self.known.note(request);
        self.note_descriptors(request);
        self.note_went_on(request);
        if let Some(at) = self.bodies.iter().position(|body| Some(body.0) == request.id()) {
            let (id, taken, _) = self.bodies.remove(at);
            self.resumed.retain(|&resumed| resumed != id);
            assert!(request.body().is_empty() && request.body_received() == taken.len() as u64);
            if request.path() == "/pieces/keep" {
                return self.keep(Heard::new(request), responder);
            }
            return responder.status(200).body(Body::Shared(taken.into()));
        }
        if request.method() == "CONNECT" && request.target() == "tunnel:1" {
            let (id, reply) = responder.status(200).take_over();
            self.upgrades.push(id);
            return reply;
        }
        match request.path() {
            "/discard" | "/discard-most" => {
                assert!(request.body().is_empty());
                responder.send(200, "text/plain", request.body_received().to_string().as_bytes())
            }
            "/head-later" | "/head-keep" if request.id().is_some() => {
                responder.send(200, "text/plain", request.body_received().to_string())
            }
            "/echo" | "/most" => responder.send(200, "text/plain", request.body()),
            "/count" => responder.send(200, "text/plain", request.body().len().to_string().as_bytes()),
            "/missing" => responder.send(404, "text/plain", b"not here"),
            "/204" => responder.send(204, "text/plain", b"left out"),
            "/304" => responder.send(304, "text/plain", b"left out"),
            "/304-written" => responder.body_with(304, "text/plain", |body| {
                let _ = body.write_all(b"left out");
            }),
            "/large" => responder.status(200).body(&LARGE[..]),
            "/long" => responder.status(200).body(repeated(1 << 40)),
            "/owned" => responder.status(200).body(LARGE.to_vec()),
            "/part" => responder.status(200).body(Body::Part { of: Arc::from(LARGE), range: PART }),
            "/beyond" => responder.status(200).body(Body::Part { of: Arc::from(*PAGE), range: PART }),
            "/copied" => responder.send(200, "text/plain", &LARGE[..COPIED]),
            "/close" => responder.status(200).close_after().send(b"the last"),
            "/own-close" => responder.status(200).header("connection", "Close").send(b"the last"),
            "/drop" => responder.close(),
            "/impossible" => responder.status(99).empty(),
            "/later" => {
                let (id, reply) = self.park(responder);
                self.known.note_id(id, request);
                reply
            }
            "/keep" => self.keep(Heard::new(request), responder),
            "/keep-panic" => {
                self.keep(Heard::new(request), responder);
                std::panic::resume_unwind(Box::new(HandlerPanic))
            }
            "/refuse" => responder.refuse(),
            "/later-panic" => {
                let (id, _) = self.park(responder);
                self.known.note_id(id, request);
                std::panic::resume_unwind(Box::new(HandlerPanic))
            }
            "/panic" => std::panic::resume_unwind(Box::new(HandlerPanic)),
            "/upgrade" => {
                let (id, reply) = responder.status(101).header("Upgrade", "echo").take_over();
                self.upgrades.push(id);
                reply
            }
            "/raw-head" => responder.send(200, "text/plain", request.raw_head()),
            "/101" => responder.status(101).empty(),
            "/upgrade-200" => responder.status(200).take_over().1,
            path if path.starts_with("/control/") => self.control(request, responder),
            path if path.starts_with("/stream/") => {
                let script = Script::of(path).expect("a stream has a script");
                let (id, reply) = responder.status(200).stream(script.len);
                self.known.note_id(id, request);
                self.streams.push((id, script));
                reply
            }
            path => {
                let method = request.method();
                responder.body_with(200, "text/plain", |body| {
                    let _ = write!(body, "{method} {path}");
                })
            }
        }
    }

    fn more(&mut self, id: RequestId, piece: &mut BodyWriter<'_>) -> More {
        self.pieces += 1;
        let is_early = self.waiting.contains(&id) && !self.resumed.contains(&id);
        assert!(!is_early, "it is asked again before it says so");
        self.waiting.retain(|&waiting| waiting != id);
        self.resumed.retain(|&resumed| resumed != id);
        let room = piece.room_left();
        let at = self.streams.iter().position(|stream| stream.0 == id).expect("it goes on");
        let more = self.streams[at].1.more(piece);
        let has_nothing = more == More::Later || (more == More::Again && piece.room_left() == room);
        self.waiting.extend(has_nothing.then_some(id));
        if matches!(more, More::End | More::Abort | More::Cut(_)) {
            self.ended.push(self.streams.remove(at).0);
        }
        more
    }

    fn gone(&mut self, id: RequestId, why: GoneReason) {
        self.known.check_is_open(id);
        self.streams.retain(|stream| stream.0 != id);
        self.waiting.retain(|&waiting| waiting != id);
        self.bodies.retain(|body| body.0 != id);
        self.upgrades.retain(|&upgrade| upgrade != id);
        self.resumed.retain(|&resumed| resumed != id);
        self.kept.remove(&id);
        self.gone.push((id, why));
    }

    fn closed(&mut self, id: ConnectionId, why: Reason) {
        self.known.closed.push((id, why));
    }

    fn overdue<'r>(&mut self, id: RequestId, responder: Responder<'r>) -> Reply<'r> {
        if let Some(figures) = &self.figures {
            figures.check(&responder);
            if let Some(&since) = self.deferred_at.get(&id) {
                assert!(figures.now - since >= figures.deferred, "{id:?} is overdue too early");
            }
        }
        self.respond_overdue(id, responder)
    }
}

impl Host<FakeStream> for Site {
    fn take(&mut self, id: RequestId, stream: FakeStream, read_ahead: &[u8]) {
        assert!(self.upgrades.contains(&id) && !stream.is_watched());
        self.upgrades.retain(|&upgrade| upgrade != id);
        if read_ahead == b"panic" {
            std::panic::resume_unwind(Box::new(HandlerPanic));
        }
        self.taken.push((id, stream.taken(), read_ahead.to_vec()));
    }
}

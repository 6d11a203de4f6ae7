//! A server whose handler takes down what it was asked, so that a test knows which requests were read
//! out of the bytes that it sent.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use fourway::{Config, Handler, Reply, Request, Responder};

use super::{ANY_PORT, Host, Response};

/// One request as a handler sees it.
#[derive(Clone, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    pub target: String,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn new(method: &str, target: &str, body: impl AsRef<[u8]>) -> Asked {
        Asked { method: method.to_owned(), target: target.to_owned(), body: body.as_ref().to_vec() }
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} \"{}\"", self.method, self.target, self.body.escape_ascii())
    }
}

/// One request, with its number among all and the connection that it came on.
#[derive(Debug, Clone)]
pub struct Seen {
    pub number: usize,
    pub asked: Asked,
    /// Unless the client has reset it meanwhile.
    pub from: Option<SocketAddr>,
}

/// The header with a request's number in its response.
pub const NUMBER: &str = "X-Number";

/// A [`Host`] whose handler answers with its request's target, and its number.
pub struct Witness {
    pub host: Host,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Witness {
    pub fn start(config: Config) -> Witness {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let handler = Notes { seen: seen.clone() };
        let host = Host::start_with(ANY_PORT, config, handler).expect("a server on a free port");
        Witness { host, seen }
    }

    pub fn address(&self) -> SocketAddr {
        self.host.address
    }

    /// Everything up to now, in order. A request is seen before its answer is sent.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("the handler does not panic").clone()
    }

    pub fn count(&self) -> usize {
        self.seen.lock().expect("the handler does not panic").len()
    }

    /// Returns what came after the first `count` requests.
    pub fn seen_after(&self, count: usize) -> Vec<Asked> {
        self.seen().into_iter().skip(count).map(|seen| seen.asked).collect()
    }
}

struct Notes {
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Handler for Notes {
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        let asked = Asked::new(request.method(), request.target(), request.body());
        let from = request.peer().ok();
        let mut seen = self.seen.lock().expect("no test panics while it looks");
        let number = seen.len();
        seen.push(Seen { number, asked, from });
        responder
            .status(200)
            .header(NUMBER, number.to_string())
            .content_type("text/plain")
            .send(request.target().as_bytes())
    }
}

/// The final responses in what a client received, and what is left behind the last whole one.
///
/// `is_to_head` tells of each, by its place and its head, whether it answers HEAD.
pub fn answers(bytes: &[u8], is_to_head: impl Fn(usize, &Response) -> bool) -> (Vec<Response>, &[u8]) {
    let (mut answers, rest) = responses(bytes, is_to_head);
    answers.retain(|response| response.status >= 200);
    (answers, rest)
}

/// The same with the interim ones, which do not count for a place.
pub fn responses(mut bytes: &[u8], is_to_head: impl Fn(usize, &Response) -> bool) -> (Vec<Response>, &[u8]) {
    let (mut responses, mut finals) = (Vec::new(), 0);
    while let Some((mut response, rest)) = head_of(bytes) {
        let length = match response.status {
            100..200 | 204 | 304 => Some(0),
            _ if is_to_head(finals, &response) => Some(0),
            _ => response.header("Content-Length").and_then(|value| value.parse().ok()),
        };
        let Some((body, behind)) = length.and_then(|length| rest.split_at_checked(length)) else { break };
        response.body = body.to_vec();
        bytes = behind;
        finals += usize::from(response.status >= 200);
        responses.push(response);
    }
    (responses, bytes)
}

fn head_of(bytes: &[u8]) -> Option<(Response, &[u8])> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some((Response { status, head: head.to_owned(), body: Vec::new() }, &bytes[end..]))
}

//! Requests as the simulated handler has seen them.

use crate::handler::request::Request;
use crate::names::{ConnectionId, ListenerId};

/// A request as the handler has seen it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) method: String,
    pub(crate) target: String,
    path: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) received: u64,
    origin: (Option<ConnectionId>, Option<ListenerId>),
    /// Whether the client may have said that it sends no further request.
    pub(crate) asks_for_close: bool,
}

impl Heard {
    pub(super) fn new(request: &Request<'_>) -> Self {
        let headers: Vec<_> =
            request.headers().map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
        let says_close = headers.iter().any(|(name, value)| {
            let mut words = value.windows(5);
            name.eq_ignore_ascii_case("Connection") && words.any(|word| word.eq_ignore_ascii_case(b"close"))
        });
        Heard {
            method: request.method().to_owned(),
            target: request.target().to_owned(),
            path: request.path().to_owned(),
            headers,
            body: request.body().to_vec(),
            received: request.body_received(),
            origin: (request.connection(), request.listener()),
            asks_for_close: says_close || request.minor_version() == 0,
        }
    }

    pub(crate) fn is_panic(&self) -> bool {
        matches!(self.path.as_str(), "/panic" | "/later-panic")
    }

    pub(crate) fn is_drop(&self) -> bool {
        self.path == "/drop"
    }
}

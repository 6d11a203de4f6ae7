//! A request and its client, as the log shows them.

use std::fmt;
use std::io::ErrorKind;

use crate::handler::request::Request;
use crate::net::Peer;

/// The log target of one line per request.
pub(super) const REQUESTS: &str = "fourway::request";

/// A request as the log and a trace have it.
pub(crate) trait Logged: fmt::Display {
    /// Its method, if it is at hand.
    fn method(&self) -> Option<&str> {
        None
    }

    /// Its target, if it is at hand.
    fn target(&self) -> Option<&str> {
        None
    }
}

/// A few words instead of a request.
impl Logged for fmt::Arguments<'_> {}

/// A request with its client's address, for the log.
pub(super) struct Named<'a>(pub(super) &'a Request<'a>);

impl Logged for Named<'_> {
    fn method(&self) -> Option<&str> {
        Some(self.0.method())
    }

    fn target(&self) -> Option<&str> {
        Some(self.0.target())
    }
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Named(request) = self;
        write!(f, "{} {request:?}", PeerName(request.origin.peer))
    }
}

/// A client's address for the log. It costs a system call only if it is printed.
pub(crate) struct PeerName<'a>(pub(crate) &'a dyn Peer);

impl fmt::Display for PeerName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.peer_addr() {
            Ok(address) => write!(f, "{address}"),
            Err(error) if error.kind() == ErrorKind::Unsupported => f.write_str("(unix)"),
            Err(_) => f.write_str("(gone)"),
        }
    }
}

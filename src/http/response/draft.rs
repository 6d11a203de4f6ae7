//! What the server knows of a response while it is written.

use super::stream::StreamFraming;
use crate::body::Body;
use crate::config::CloseMode;

/// What a request demands of its response, which may be written much later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    /// The request is HEAD, so its response has no body.
    pub(crate) head_only: bool,
    pub(crate) http10: bool,
    /// The response is the connection's last.
    pub(crate) close: bool,
    /// The client will send nothing more.
    pub(crate) client_closes: bool,
    /// The request is CONNECT, so a 2xx hands the connection over.
    pub(crate) connects: bool,
    /// The server does not read the rest of the request's body.
    pub(crate) unread: bool,
}

/// A response while it is written.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) terms: Terms,
    pub(crate) status: u16,
    /// Bytes written, and a body that follows them without being copied.
    pub(crate) len: usize,
    pub(crate) tail: Body,
    /// Why the response cannot be sent.
    pub(crate) fault: Option<&'static str>,
    /// The number of digits in the length of the last body that was [written in place](super::writer::LengthGap).
    pub(super) digits: usize,
    /// Whether the response is anything but usual. Only then somebody looks at `special`.
    pub(crate) is_special: bool,
    special: Special,
}

/// What few responses have.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Special {
    /// There is no response, and the connection closes at once.
    pub(crate) dropped: bool,
    /// The server responds with its own error page.
    pub(crate) refused: bool,
    /// The request is deferred, and its bytes stay in the input.
    pub(crate) keeps: bool,
    /// What follows the bytes that were written.
    pub(crate) rest: Rest,
    pub(crate) announced: Announced,
    /// How the connection closes after it, if not as the settings say.
    pub(crate) close: Option<CloseMode>,
}

/// What follows the bytes of a response that were written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Nothing, or a body that is not copied.
    #[default]
    None,
    /// A body that the host gives piece by piece.
    Pieces(StreamFraming),
    /// Another protocol. The host takes the connection.
    Handover,
}

/// The Content-Length of a response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Announced {
    /// The length of the body, where the status has one.
    #[default]
    True,
    /// None.
    No,
    /// What the host says.
    This(u64),
}

impl Draft {
    /// Begins the next response. The one before has been [finished](crate::answer::finish()), or was never used.
    #[inline]
    pub(crate) fn begin(&mut self, terms: Terms) {
        self.terms = terms;
        (self.status, self.len, self.fault) = (0, 0, None);
        if self.is_special | terms.connects {
            self.begin_special();
        }
        debug_assert!(self.tail.is_empty(), "`finish` takes it");
    }

    #[cold]
    fn begin_special(&mut self) {
        self.special = Special::default();
        self.is_special = self.terms.connects;
    }

    /// Returns what is special about the response, if anything is.
    pub(crate) fn special(&self) -> Special {
        if self.is_special { self.special } else { Special::default() }
    }

    /// Returns the same, to change it.
    pub(crate) fn make_special(&mut self) -> &mut Special {
        self.is_special = true;
        &mut self.special
    }

    /// Returns whether the status never has a body (RFC 9110 §6.4.1).
    pub(super) fn is_bodiless(&self) -> bool {
        self.is_special && matches!(self.status, 204 | 304)
    }

    /// Notes the status of the response. A status that has no body is special, so that nobody looks for it elsewhere.
    #[inline]
    pub(super) fn set_status(&mut self, status: u16) {
        self.status = status;
        if matches!(status, 204 | 205 | 304) {
            self.is_special = true;
        }
    }

    /// Returns whether the head says how long the body is.
    #[inline]
    pub(super) fn announces(&self) -> bool {
        !self.is_special || self.announces_special()
    }

    #[cold]
    fn announces_special(&self) -> bool {
        match self.special.announced {
            Announced::True => !self.is_bodiless(),
            Announced::No => false,
            Announced::This(_) => true,
        }
    }

    /// Returns the length to announce. A 205 announces an empty body (RFC 9110 §15.3.6), whatever was written.
    #[inline]
    pub(super) fn announced(&self, length: u64) -> u64 {
        if self.is_special { self.announced_special(length) } else { length }
    }

    #[cold]
    fn announced_special(&self, length: u64) -> u64 {
        match self.special.announced {
            Announced::This(announced) => announced,
            _ if self.status == 205 => 0,
            _ => length,
        }
    }

    pub(crate) fn has_body(&self) -> bool {
        let has_none = self.is_special && matches!(self.status, 204 | 205 | 304);
        !(self.terms.head_only || has_none)
    }
}

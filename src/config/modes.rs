//! What a server does at the ends of its life and its memory.

/// Which side closes first after the last response, and how.
///
/// The side whose FIN goes first holds the connection in TIME_WAIT for twice the maximum segment
/// lifetime (RFC 9293 §3.6.1), a minute on Linux.
///
/// A [drain](crate::Server::drain) also ends connections whose clients have not been told so: these
/// get a FIN in every mode.
///
/// ```
/// use fourway::{CloseMode, Config};
///
/// let mut config = Config::default();
/// assert_eq!(config.close, CloseMode::Fin);
/// config.close = CloseMode::Peer; // TIME_WAIT is to stay with the clients
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseMode {
    /// Half-close, then discard what still comes until the client's FIN. TIME_WAIT stays here.
    ///
    /// A client that has asked for the close is not waited for, if its response was small: the server closes right behind
    /// its FIN.
    Fin,
    /// Wait for the client's FIN for the linger timeout, then as `Fin`. TIME_WAIT stays there.
    ///
    /// This delays on purpose what RFC 9112 §9.6 asks of a server that has said
    /// `Connection: close`.
    Peer,
    /// Reset as soon as the kernel has taken the last byte. TIME_WAIT stays nowhere, and a large
    /// response may be cut.
    Rst,
    /// Close without a byte as soon as a request is whole; the handler is not called.
    Drop,
}

impl CloseMode {
    /// Whether requests are answered at all.
    pub(crate) fn answers(self) -> bool {
        self != CloseMode::Drop
    }

    /// Whether our FIN goes right behind the last response.
    pub(crate) fn sends_fin_first(self) -> bool {
        self == CloseMode::Fin
    }
}

/// What happens to a new connection when all slots are taken.
///
/// ```
/// use fourway::{AtCapacity, Config};
///
/// let mut config = Config::default();
/// assert_eq!(config.at_capacity, AtCapacity::Evict);
/// config.at_capacity = AtCapacity::Pause; // no connection is ever closed for another
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AtCapacity {
    /// Another connection is closed for it.
    ///
    /// That is the connection that has been idle longest, if it has been so for a second. Otherwise the fullest state
    /// gives up its oldest: of all that are idle, send a head, wait for a body buffer, send a body, read a response, or
    /// owe their FIN, the largest group loses the member that has waited longest without progress. So a flood of any
    /// kind makes room for itself, and requests and responses that make progress are spared. A response that is cut off
    /// ends with a reset.
    ///
    /// A request that the host has deferred is never given up. If all slots hold such requests, this is `Pause`.
    Evict,
    /// New connections wait in the kernel's accept queue until a connection ends.
    Pause,
}

/// What a [drain](crate::Server::drain) does with connections on which no request is under way.
///
/// Whoever closes an idle connection may cross with a request on its way: that client gets no answer,
/// and has to ask again on a new connection (RFC 9112 §9.3.1). Where somebody else listens already, as
/// in a restart, waiting for the next request spares it that.
///
/// ```
/// use fourway::{Config, IdleInDrain};
///
/// let mut config = Config::default();
/// assert_eq!(config.idle_in_drain, IdleInDrain::Close);
/// config.idle_in_drain = IdleInDrain::LastRequest; // a successor has the listener already
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdleInDrain {
    /// They are closed at once, unless a request has come: the drain is soon over.
    Close,
    /// Each is closed behind the answer to one more request, which says so; who has not asked when nine
    /// tenths of the grace are over is closed then. The tenth that is left is the time for all of these.
    LastRequest,
}

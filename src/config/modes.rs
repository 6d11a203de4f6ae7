//! The choices for the end of a connection, for a full server, and for a drain.

/// Which side closes first after the last response, and how.
///
/// The side that sends the first FIN holds the connection in TIME_WAIT. That lasts for twice the maximum
/// segment lifetime (RFC 9293 §3.6.1), which is a minute on Linux.
///
/// A [drain](crate::Server::drain) also closes connections whose last response did not announce it. The
/// server closes these with a FIN in every mode.
///
/// ```
/// use fourway::{CloseMode, Config};
///
/// let mut config = Config::default();
/// assert_eq!(config.close, CloseMode::Fin);
/// config.close = CloseMode::Peer; // the clients hold TIME_WAIT
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseMode {
    /// Half-close, then read and discard until the client's FIN. The server holds TIME_WAIT.
    ///
    /// If the client has asked for the close, its request had no body, and its response has at most 1 KiB,
    /// the server does not linger. It closes right after its FIN.
    Fin,
    /// Wait for the client's FIN as long as the linger timeout, then do as `Fin`. The client holds TIME_WAIT.
    ///
    /// RFC 9112 §9.6 asks a server to close after it has said `Connection: close`. This mode delays that on
    /// purpose.
    Peer,
    /// Reset as soon as the kernel has taken the last byte. Nobody holds TIME_WAIT, and a large response may
    /// be cut.
    Rst,
    /// Close without a byte as soon as a request is whole. The handler is not called.
    Drop,
}

impl CloseMode {
    /// Returns whether the server answers requests at all.
    pub(crate) fn answers(self) -> bool {
        self != CloseMode::Drop
    }

    /// Returns whether our FIN follows the last response right away.
    pub(crate) fn sends_fin_first(self) -> bool {
        self == CloseMode::Fin
    }
}

/// The treatment of a new connection if all slots are taken.
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
    /// The server closes another connection for it.
    ///
    /// That is the connection that has been idle longest, if it has been idle for at least a second.
    /// Otherwise it is the oldest connection in the state that has the most connections. There are six
    /// groups: connections that are idle, send a head, wait for a body buffer, send a body, read a response,
    /// or owe their FIN. The largest group loses the member that has waited longest without progress.
    ///
    /// So a flood of any kind makes room for itself, and requests and responses that make progress are
    /// spared. If the server cuts off a response, it resets the connection.
    ///
    /// A deferred request is never evicted. If all slots hold deferred requests, this is like
    /// [`Pause`](Self::Pause).
    Evict,
    /// New connections wait in the kernel's accept queue until a connection ends.
    Pause,
}

/// The treatment of connections without a request in progress in a [drain](crate::Server::drain).
///
/// If the server closes such a connection, a request may be on its way. Its client gets no response, and has
/// to send the request again on a new connection (RFC 9112 §9.3.1). In a restart, where a successor listens
/// already, the server can avoid that by waiting for the next request.
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
    /// Close them at once, unless a request has arrived. The drain ends soon.
    Close,
    /// Answer one more request on each, and say `Connection: close` in the response. Connections that are
    /// still idle after 90 % of the grace period are closed. The last 10 % are the time for that.
    LastRequest,
}

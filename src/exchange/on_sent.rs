//! What follows a response that has been sent.

use std::num::NonZeroU64;

use crate::config::CloseMode;
use crate::deferred::Awaited;
use crate::http::response::{Draft, Terms};

/// What the connection does when a response has been sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum OnSent {
    /// It reads the next request.
    #[default]
    KeepAlive,
    /// It closes. A client that asked for it may send nothing more.
    Close {
        client_asked: bool,
        /// How it closes, if not as the settings say.
        mode: Option<CloseMode>,
    },
    /// It closes at once, without a byte.
    Drop,
    /// It waits for the next response, which the host gives later.
    AwaitReply(Awaited),
    /// It asks the host for the next piece of the response.
    AskMore(NonZeroU64),
    /// It hands the connection over to the host.
    HandOver(NonZeroU64),
}

const _: () = assert!(size_of::<OnSent>() == 16, "it is moved several times for each response");

impl OnSent {
    /// A close as the settings say, for which the client has not asked.
    pub(crate) const CLOSE: OnSent = OnSent::Close { client_asked: false, mode: None };

    /// Returns a close in this mode, for which the client has not asked.
    pub(crate) const fn closing(how: CloseMode) -> OnSent {
        OnSent::Close { client_asked: false, mode: Some(how) }
    }

    /// Returns what follows a response that is whole.
    #[inline]
    pub(crate) fn after(draft: &Draft) -> Self {
        let Terms { close, client_closes: client_asked, .. } = draft.terms;
        if !close {
            return OnSent::KeepAlive;
        }
        OnSent::Close { client_asked, mode: draft.special().close }
    }

    /// Returns the serial of the request whose id the host still holds, if there is one.
    pub(crate) fn serial(&self) -> Option<NonZeroU64> {
        match self {
            OnSent::AwaitReply(awaited) => Some(awaited.serial),
            OnSent::AskMore(serial) | OnSent::HandOver(serial) => Some(*serial),
            _ => None,
        }
    }

    pub(crate) fn awaited(&self) -> Option<Awaited> {
        match self {
            OnSent::AwaitReply(awaited) => Some(*awaited),
            _ => None,
        }
    }

    /// Returns how the connection closes after the response, if it closes. `usual` is the mode of the settings.
    #[inline]
    pub(crate) fn close_mode(&self, usual: CloseMode) -> Option<CloseMode> {
        match self {
            OnSent::Close { mode, .. } => Some(mode.unwrap_or(usual)),
            _ => None,
        }
    }
}

//! Responses after which the connection speaks another protocol.

use super::draft::{Draft, Rest};
use super::own::UPGRADE;
use super::writer::{NOT_TAKEN, Writer};

/// Why a 2xx to CONNECT cannot be sent as a usual response: the client takes it for the beginning of a tunnel.
pub(crate) const NO_TUNNEL: &str = "a 2xx to CONNECT needs take_over()";

impl Draft {
    /// Returns whether the response tells a client that has sent CONNECT that there is a tunnel now.
    pub(crate) fn begins_tunnel(&self) -> bool {
        self.terms.connects && (200..300).contains(&self.status)
    }
}

impl Writer<'_> {
    /// Writes the headers that end a head, after which the connection is the host's. Such a response has no body, and no
    /// framing (RFC 9110 §8.6 and §15.2.2).
    pub(crate) fn end_head_handed_over(&mut self, draft: &mut Draft) {
        draft.make_special().rest = Rest::Handover;
        if draft.terms.unread {
            draft.fault = Some("a request whose body is not read cannot hand the connection over");
        } else if draft.status == 101 && !draft.terms.http10 {
            // No other fault may be forgiven.
            draft.fault = draft.fault.filter(|&fault| fault != NOT_TAKEN);
            self.push(UPGRADE);
        } else if !draft.begins_tunnel() {
            draft.fault = Some("only a 101 to HTTP/1.1, or a 2xx to CONNECT, hands the connection over");
        }
        self.push(b"\r\n\r\n");
    }
}

//! What the host of the simulation does with the bytes, the length and the close of single responses.

use super::handler::Site;
use super::script::Script;
use super::sim::Sim;
use crate::config::CloseMode;
use crate::deferred::{IdError, RequestId};
use crate::handler::request::Request;
use crate::handler::{Reply, Responder};
use crate::slot::Slot;

/// A response that the host writes itself.
pub(crate) const RAW: &[u8] =
    b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 11\r\n\r\nbetter late";

/// A response that the host writes itself, in several pieces.
pub(crate) const RAW_STREAM_LEN: usize = 5050;
const RAW_STREAM_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5050\r\n\r\n";

fn raw_script() -> Script {
    let script = Script::of("/stream/chunked/100a,50l,4900e").expect("a stream has a script");
    script.with_head(RAW_STREAM_HEAD)
}

/// Sends an interim response.
fn inform(responder: &mut Responder<'_>) {
    responder.inform(103, [("Link", "</style.css>; rel=preload")]);
}

impl Site {
    /// Answers a request whose path begins with `/control/`.
    pub(super) fn control<'r>(&mut self, request: &Request<'_>, mut responder: Responder<'r>) -> Reply<'r> {
        match request.path().trim_start_matches("/control/") {
            "raw" => responder.raw(RAW),
            "raw-nothing" => responder.raw(b""),
            "raw-stream" => {
                let (id, reply) = responder.raw_stream();
                self.known.note_id(id, request);
                self.streams.push((id, raw_script()));
                reply
            }
            "announce-long" => responder.status(200).announce(Some(100)).send(b"better late"),
            "announce-none" => responder.status(200).announce(None).send(b"better late"),
            "close-rst" => responder.status(200).close_with(CloseMode::Rst).send(b"better late"),
            path => {
                inform(&mut responder);
                self.informed.extend(request.peer().ok().map(|peer| usize::from(peer.port()) - 1024));
                if path == "inform" {
                    return responder.send(200, "text/plain", b"better late");
                }
                let (id, reply) = self.park(responder);
                self.known.note_id(id, request);
                reply
            }
        }
    }
}

impl Sim {
    /// Sends an interim response to a deferred request, and then answers it or defers it again.
    pub(crate) fn inform(&mut self, id: RequestId, defers: bool) -> Result<(), IdError> {
        let connection = self.engine.internals().0.get(Slot::new(id.slot()));
        let client = connection.map(|connection| connection.socket.stream().id);
        let mut again = None;
        self.respond(id, |mut responder| {
            inform(&mut responder);
            if !defers {
                return responder.send(200, "text/plain", b"better late");
            }
            let (id, reply) = responder.defer();
            again = Some(id);
            reply
        })?;
        self.site.informed.extend(client);
        if let Some(again) = again {
            self.site.parked.push(again);
            self.site.unread.follow(id, again);
        }
        Ok(())
    }

    /// Answers a deferred request with a stream of raw bytes.
    pub(crate) fn raw_stream(&mut self, id: RequestId) -> Result<(), IdError> {
        let now = self.now();
        let (streamed, _) = self.engine.call(Some(now)).respond(id)?.raw_stream();
        self.site.streams.push((streamed, raw_script()));
        self.site.kept.remove(&id);
        Ok(())
    }
}

//! Which request waits for which connection to the upstream.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Instant;

use fourway::mio::{Registry, Token};
use fourway::{BodyWriter, More, Reply, Request, RequestId, Responder, Server};
use slab::Slab;

use crate::upstream::Upstream;

pub struct Exchanges {
    registry: Registry,
    to: SocketAddr,
    /// Each key is the token of the connection. The server's tokens are larger.
    upstreams: Slab<(RequestId, Upstream)>,
    keys: HashMap<RequestId, usize>,
}

impl Exchanges {
    pub fn new(registry: Registry, to: SocketAddr) -> Exchanges {
        Exchanges { registry, to, upstreams: Slab::new(), keys: HashMap::new() }
    }

    pub fn len(&self) -> usize {
        self.upstreams.len()
    }

    /// Defers a request, and asks the upstream.
    pub fn begin<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        let key = self.upstreams.vacant_key();
        match Upstream::ask(self.to, request, &self.registry, Token(key)) {
            Ok(upstream) => {
                let (id, reply) = responder.defer();
                self.upstreams.insert((id, upstream));
                self.keys.insert(id, key);
                reply
            }
            Err(error) => responder.send(502, "text/plain", format!("{error}\n")),
        }
    }

    /// Goes on with an exchange whose connection is ready.
    pub fn go_on(&mut self, token: Token, server: &mut Server, now: Instant) {
        let Some((id, upstream)) = self.upstreams.get_mut(token.0) else { return };
        let asked = *id;
        // The server asks for the next piece of a response that has begun. For others this fails.
        if server.resume(asked, now).is_ok() {
            return;
        }
        match upstream.respond(asked, server, now) {
            Ok(begun) => {
                *id = begun;
                self.keys.remove(&asked);
                self.keys.insert(begun, token.0);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => {
                self.end(asked);
                if let Ok(responder) = server.respond(asked, now) {
                    responder.send(502, "text/plain", format!("{error}\n"));
                }
            }
        }
    }

    /// Writes the next piece of a response that has begun.
    pub fn pass_on(&mut self, id: RequestId, piece: &mut BodyWriter<'_>) -> More {
        let Some(&key) = self.keys.get(&id) else { return More::Abort };
        let more = self.upstreams[key].1.pass_on(piece);
        if matches!(more, More::End | More::Abort) {
            self.end(id);
        }
        more
    }

    /// Closes the connection of a request that is over, so that the upstream hears of it.
    pub fn end(&mut self, id: RequestId) {
        if let Some(key) = self.keys.remove(&id) {
            self.upstreams.remove(key);
        }
    }
}

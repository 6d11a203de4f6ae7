//! WebSockets: fourway answers the handshake, and tungstenite speaks on the connection that is taken over.
//!
//! ```sh
//! cargo run --example websocket [ADDRESS]
//! curl http://127.0.0.1:8080/
//! ```
//!
//! A browser shows a page at `/`, which sends what is typed and shows the echoes.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use fourway::mio::{Events, Interest, Poll, Registry, Token, net::TcpStream};
use fourway::{Config, Handler, Reply, Request, RequestId, Responder, Server, Stream, TokenRange, earliest};
use slab::Slab;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::{Role, WebSocket, WebSocketConfig};

const PAGE: &[u8] = include_bytes!("websocket.html");

struct Site {
    registry: Registry,
    /// The key of each is its token. The server's tokens are larger.
    sockets: Slab<WebSocket<TcpStream>>,
    /// The sockets of which no call has said `WouldBlock` since their last event. Bytes read ahead raise no event.
    ready: HashSet<Token>,
}

impl Handler for Site {
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        let value = |name| request.header(name).unwrap_or_default();
        let is_websocket = value("Upgrade").eq_ignore_ascii_case(b"websocket");
        match (request.method(), request.path()) {
            ("GET" | "HEAD", "/") => responder.send(200, "text/html", PAGE),
            // Pages of any origin may connect. If a service relies on cookies, it has to check `Origin`.
            ("GET", "/echo") if is_websocket && value("Sec-WebSocket-Version") == b"13" => {
                let accept = derive_accept_key(value("Sec-WebSocket-Key"));
                let head = responder.status(101).header("Upgrade", "websocket");
                head.header("Sec-WebSocket-Accept", accept).take_over().1
            }
            (_, "/echo") => {
                responder.status(426).header("Upgrade", "websocket").header("Connection", "Upgrade").empty()
            }
            _ => responder.send(404, "text/plain", b"try / or /echo\n"),
        }
    }

    fn taken(&mut self, _: RequestId, stream: Stream, ahead: &[u8]) {
        let Stream::Tcp(mut stream) = stream else { return };
        let (token, both) = (Token(self.sockets.vacant_key()), Interest::READABLE | Interest::WRITABLE);
        if self.registry.register(&mut stream, token, both).is_ok() {
            let config = WebSocketConfig::default().read_buffer_size(4096).max_message_size(Some(1 << 20));
            let socket = WebSocket::from_partially_read(stream, ahead.into(), Role::Server, Some(config));
            self.sockets.insert(socket);
            self.ready.insert(token);
        }
    }
}

/// Echoes at most 64 messages, so that other sockets get their turn. It does not read while it cannot write.
fn echo(socket: &mut WebSocket<TcpStream>) -> tungstenite::Result<()> {
    for _ in 0..64 {
        socket.flush()?;
        let message = socket.read()?;
        if message.is_text() || message.is_binary() {
            socket.write(message)?;
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(256);
    let mut server = Server::new(poll.registry(), TokenRange::nth(0), Config::default())?;
    let listener = server.listen(std::env::args().nth(1).unwrap_or("127.0.0.1:8080".into()).parse()?)?;
    println!("listening on http://{}", server.local_addr(listener).ok_or("it does not listen")?);
    let registry = poll.registry().try_clone()?;
    let mut site = Site { registry, sockets: Slab::new(), ready: HashSet::new() };
    loop {
        let own = (!site.ready.is_empty()).then_some(Duration::ZERO);
        match poll.poll(&mut events, earliest(own, server.next_timeout(Instant::now()))) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        for event in events.iter().filter(|event| !server.handle_event(event)) {
            site.ready.insert(event.token());
        }
        server.process(Instant::now(), &mut site);
        for token in std::mem::take(&mut site.ready) {
            match site.sockets.get_mut(token.0).map(echo) {
                Some(Ok(())) => _ = site.ready.insert(token),
                Some(Err(tungstenite::Error::Io(error))) if error.kind() == ErrorKind::WouldBlock => {}
                _ => _ = site.sockets.try_remove(token.0),
            }
        }
    }
}

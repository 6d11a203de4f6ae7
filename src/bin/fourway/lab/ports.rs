//! The experiment with ports: which close mode runs out of the client's ports, and at which connection.
//!
//! A client makes 2,000 connections from 200 ports, one after the other. Each connection is a request, a response and a
//! close. The side that closes first keeps its end in TIME_WAIT for a minute. If this is the client, its port is taken, so
//! its 201st connection has none.
//!
//! The range of ports is the client's own: it binds each socket to one of them, and so needs no setting of the kernel. It
//! does not set SO_REUSEADDR, which would let it bind a port in TIME_WAIT. A bind that finds no port fails with EADDRINUSE.
//! A client that only connects gets another error, which is measured too, with fewer ports. After a second
//! `net.ipv4.tcp_tw_reuse` would let it have a port in TIME_WAIT again.
//!
//! The client's address is a fresh one of 127.0.0.0/8 in each run, so no earlier run has taken any of its ports. So is
//! the server's.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use fourway::mio::net::TcpStream;
use fourway::mio::{Events, Interest, Poll, Token};
use fourway::{CloseMode, Config, Server, TokenRange, earliest, handler_fn};
use socket2::{Domain, Protocol, Socket, Type};

use super::address;
use super::errno;
use super::held::Held;
use super::narrow::Narrow;

/// The number of connections, and the number of ports.
pub const CONNECTIONS: u32 = 2_000;
pub const PORTS: usize = 200;

/// The number of ports of a client that only connects.
pub const PORTS_OF_CONNECT: u16 = 20;

/// A connection that takes longer has failed. None does on a machine that works.
const PATIENCE: Duration = Duration::from_secs(5);

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n";
const BODY: &[u8] = b"xixizi\n";

/// How the connections end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    ClientFirst,
    ServerFirst,
    Reset,
}

/// The result of the experiment with one ending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub ending: Ending,
    /// The number of connections that were answered and closed.
    pub done: u32,
    /// The error that the connection after these met. `None` if all were done.
    pub error: Option<String>,
    /// The sockets in TIME_WAIT at the end, if the system lists them.
    pub held: Option<Held>,
}

/// The results of the whole experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcomes {
    /// With each ending, by a client that binds its ports.
    pub bound: Vec<Outcome>,
    /// With a client that closes first and only connects. `None` if the kernel has no option for it.
    pub connected: Option<Outcome>,
}

impl Outcomes {
    pub fn measure() -> io::Result<Self> {
        let bound = Ending::ALL.into_iter().map(|ending| run(ending, CONNECTIONS, PORTS));
        Ok(Outcomes { bound: bound.collect::<io::Result<_>>()?, connected: run_connect(CONNECTIONS) })
    }
}

impl Ending {
    pub const ALL: [Ending; 3] = [Ending::ClientFirst, Ending::ServerFirst, Ending::Reset];

    /// Returns the name of the scenario that shows one such connection.
    pub fn name(self) -> &'static str {
        match self {
            Ending::ClientFirst => "client-first",
            Ending::ServerFirst => "server-first",
            Ending::Reset => "rst",
        }
    }

    fn mode(self) -> CloseMode {
        match self {
            Ending::ClientFirst => CloseMode::Peer,
            Ending::ServerFirst => CloseMode::Fin,
            Ending::Reset => CloseMode::Rst,
        }
    }
}

/// Makes up to so many connections from so many ports.
pub fn run(ending: Ending, connections: u32, ports: usize) -> io::Result<Outcome> {
    let mut range = Range::find(ports)?;
    experiment(ending, connections, |server| range.connect(server))
}

/// Makes up to so many connections of a client that closes first, and whose kernel chooses its ports.
fn run_connect(connections: u32) -> Option<Outcome> {
    let range = Narrow::choose(PORTS_OF_CONNECT)?;
    let outcome = experiment(Ending::ClientFirst, connections, |server| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        range.connect(&socket, server)?;
        to_stream(socket)
    });
    // Without the option, not even the first connection is made.
    outcome.ok()
}

fn experiment(
    ending: Ending,
    connections: u32,
    mut connect: impl FnMut(SocketAddr) -> io::Result<TcpStream>,
) -> io::Result<Outcome> {
    let mut bench = Bench::start(ending)?;
    let mut outcome = Outcome { ending, done: 0, error: None, held: None };
    while outcome.done < connections {
        match connect(bench.address) {
            Ok(stream) => bench.exchange(stream)?,
            // Nothing was shown.
            Err(error) if outcome.done == 0 => return Err(error),
            Err(error) => {
                outcome.error = Some(errno::name(&error));
                break;
            }
        }
        outcome.done += 1;
    }
    outcome.held = Held::measure(bench.address);
    Ok(outcome)
}

// --- the client's ports ---

/// The ports of the client, which it takes in turn.
struct Range {
    address: Ipv4Addr,
    ports: Vec<u16>,
    next: usize,
}

impl Range {
    /// Finds so many ports of a fresh address that nobody has. A listener on all addresses has its port on this one too.
    fn find(count: usize) -> io::Result<Self> {
        let address = address::fresh();
        let mut ports = Vec::with_capacity(count);
        for port in 20_000..u16::MAX {
            if ports.len() == count {
                break;
            }
            match bind((address, port).into()) {
                Ok(_) => ports.push(port),
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Range { address, ports, next: 0 })
    }

    /// Connects from the next port that can be bound. If none can, returns the last error.
    fn connect(&mut self, server: SocketAddr) -> io::Result<TcpStream> {
        let mut result = Err(ErrorKind::AddrInUse.into());
        for _ in 0..self.ports.len() {
            let port = self.ports[self.next];
            self.next = (self.next + 1) % self.ports.len();
            result = bind((self.address, port).into());
            if result.is_ok() {
                break;
            }
        }
        let socket = result?;
        // The kernel answers by itself, so this does not wait for the server.
        socket.connect(&server.into())?;
        to_stream(socket)
    }
}

fn to_stream(socket: Socket) -> io::Result<TcpStream> {
    socket.set_nonblocking(true)?;
    Ok(TcpStream::from_std(socket.into()))
}

fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.bind(&address.into())?;
    Ok(socket)
}

// --- the loop ---

/// The token of the client's connection. A server's tokens are below `usize::MAX`.
const CLIENT: Token = Token(usize::MAX);

/// A server and its client in one loop.
struct Bench {
    poll: Poll,
    events: Events,
    server: Server,
    address: SocketAddr,
    ending: Ending,
}

impl Bench {
    fn start(ending: Ending) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut config = Config::default();
        config.close = ending.mode();
        config.max_connections = 16;
        let mut server =
            Server::new(poll.registry(), TokenRange::nth(0), config).map_err(io::Error::other)?;
        let listener = server.listen((address::fresh(), 0).into())?;
        let address = server.local_addr(listener).ok_or(ErrorKind::AddrNotAvailable)?;
        Ok(Bench { poll, events: Events::with_capacity(16), server, address, ending })
    }

    /// Sends a request, reads the response, and closes. Returns after both sides have closed.
    fn exchange(&mut self, mut stream: TcpStream) -> io::Result<()> {
        self.poll.registry().register(&mut stream, CLIENT, Interest::READABLE)?;
        stream.write_all(REQUEST)?;
        let goal = self.server.stats().closed + 1;
        let deadline = Instant::now() + PATIENCE;
        let mut client = Some(Client { stream, is_answered: false });
        while client.is_some() || self.server.stats().closed < goal {
            self.turn(deadline)?;
            if let Some(open) = &mut client {
                if open.has_ended(self.ending)? {
                    client = None;
                }
            }
        }
        Ok(())
    }

    fn turn(&mut self, deadline: Instant) -> io::Result<()> {
        let now = Instant::now();
        if now >= deadline {
            return Err(ErrorKind::TimedOut.into());
        }
        let timeout = earliest(self.server.next_timeout(now), Some(deadline - now));
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &self.events {
            self.server.handle_event(event);
        }
        let mut handler = handler_fn(|_request, responder| responder.send(200, "text/plain", BODY));
        self.server.process(Instant::now(), &mut handler);
        Ok(())
    }
}

struct Client {
    stream: TcpStream,
    is_answered: bool,
}

impl Client {
    /// Reads what has arrived. Returns whether the client closes now.
    fn has_ended(&mut self, ending: Ending) -> io::Result<bool> {
        let mut buffer = [0; 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(true),
                Ok(len) => self.is_answered |= buffer[..len].ends_with(BODY),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok(self.is_answered && ending == Ending::ClientFirst);
                }
                Err(error) if error.kind() == ErrorKind::ConnectionReset && ending == Ending::Reset => {
                    return Ok(true);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::super::held::tests::{counts, measures};
    use super::*;

    /// Makes 100 connections from 20 ports. Returns how many were done, the error, and who holds TIME_WAIT.
    fn outcome(ending: Ending) -> (u32, Option<String>, (usize, usize)) {
        let outcome = run(ending, 100, 20).expect("the experiment runs");
        (outcome.done, outcome.error, counts(outcome.held))
    }

    #[test]
    fn a_client_that_closes_first_runs_out_of_ports() {
        measures(&(20, Some("EADDRINUSE".into()), (20, 0)), || outcome(Ending::ClientFirst));
    }

    #[test]
    fn a_client_of_a_server_that_closes_first_never_runs_out_of_ports() {
        measures(&(100, None, (0, 20)), || outcome(Ending::ServerFirst));
    }

    #[test]
    fn a_client_of_a_server_that_resets_never_runs_out_of_ports() {
        measures(&(100, None, (0, 0)), || outcome(Ending::Reset));
    }

    #[test]
    fn a_client_that_only_connects_fails_with_another_error() {
        let ports = u32::from(PORTS_OF_CONNECT);
        measures(&Some((ports, Some("EADDRNOTAVAIL".into()), (PORTS_OF_CONNECT.into(), 0))), || {
            let outcome = run_connect(CONNECTIONS)?;
            Some((outcome.done, outcome.error, counts(outcome.held)))
        });
    }
}

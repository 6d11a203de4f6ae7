//! The bench: the server, a client and the loop that both live in. A scenario moves them one step at a time.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use fourway::mio::net::TcpStream;
use fourway::mio::{Events, Interest, Poll, Token};
use fourway::{Config, Handler, Server, TokenRange};
use socket2::{Domain, Socket, Type};

use super::ladder::{Actor, Call, Outcome};
use super::recorder::{Pair, Recorder};

/// The longest time that a scenario waits for one event. None of them should take so long.
const PATIENCE: Duration = Duration::from_secs(3);

/// The time between two looks at a connection that changes by itself.
const PACE: Duration = Duration::from_millis(1);

pub struct Bench<H> {
    pub server: Server,
    pub address: SocketAddr,
    pub handler: H,
    pub recorder: &'static Recorder,
    poll: Poll,
    events: Events,
    clients: usize,
}

/// A client in the same loop.
pub struct Client {
    stream: TcpStream,
    pub pair: Pair,
    recorder: &'static Recorder,
    /// The name of its `connect` in the ladder.
    pub has_connected: bool,
}

/// What a read of a client has met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Got {
    Bytes(usize),
    End,
    Nothing,
    Reset,
}

impl<H: Handler> Bench<H> {
    /// Starts a server on a free port of the loopback.
    pub fn start(recorder: &'static Recorder, mut config: Config, handler: H) -> io::Result<Self> {
        let poll = Poll::new()?;
        // A few connections, so the memory of a few.
        config.max_connections = 16;
        config.exchanges = 16;
        let server = Server::new(poll.registry(), TokenRange::nth(0), config);
        let mut server = server.map_err(|error| io::Error::other(error.to_string()))?;
        let listener = server.listen(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let address = server.local_addr(listener).ok_or(ErrorKind::NotFound)?;
        recorder.begin();
        recorder.before(address);
        let events = Events::with_capacity(64);
        Ok(Bench { server, address, handler, recorder, poll, events, clients: 0 })
    }

    /// Connects a client, which the ladder is about from now on.
    pub fn connect(&mut self) -> io::Result<Client> {
        self.connect_with(|_| Ok(()))
    }

    /// Connects a client whose socket `prepare` has set up.
    pub fn connect_with(&mut self, prepare: impl FnOnce(&Socket) -> io::Result<()>) -> io::Result<Client> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        prepare(&socket)?;
        let result = match socket.connect(&self.address.into()) {
            Ok(()) => Outcome::Done,
            Err(error) if is_in_progress(&error) => Outcome::Done,
            Err(error) => return Err(error),
        };
        let own = socket.local_addr()?.as_socket().ok_or(ErrorKind::Unsupported)?;
        let pair = Pair { client: own, server: self.address };
        self.recorder.watch(pair);
        self.recorder.step(Actor::Client, Call::new("connect", result));
        let mut stream = TcpStream::from_std(socket.into());
        self.clients += 1;
        // The server's tokens are below, so these are none of its.
        let token = Token(usize::MAX - 1 - self.clients);
        self.poll.registry().register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Client { stream, pair, recorder: self.recorder, has_connected: false })
    }

    /// Makes one turn of the loop, which waits at most this long for events.
    pub fn turn(&mut self, longest: Duration) -> io::Result<()> {
        let timeout =
            self.server.next_timeout(Instant::now()).map_or(longest, |timeout| timeout.min(longest));
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &self.events {
            // What is not the server's is a client's. A client tries its calls without it.
            let _ = self.server.handle_event(event);
        }
        self.server.process(Instant::now(), &mut self.handler);
        Ok(())
    }

    /// Makes turns until something is true of the server. Returns whether it has become true.
    pub fn turn_until(&mut self, mut is_done: impl FnMut(&Server) -> bool) -> io::Result<bool> {
        let start = Instant::now();
        loop {
            self.turn(PACE)?;
            if is_done(&self.server) {
                return Ok(true);
            }
            if start.elapsed() > PATIENCE {
                return Ok(false);
            }
        }
    }

    /// Makes turns until there is no work left.
    pub fn settle(&mut self) -> io::Result<()> {
        loop {
            self.turn(Duration::ZERO)?;
            if self.server.next_timeout(Instant::now()) != Some(Duration::ZERO) {
                return self.turn(Duration::ZERO);
            }
        }
    }

    /// Looks at the connection for some time, and makes no turn meanwhile. Returns whether a timer of the kernel has
    /// changed something.
    pub fn watch(&self, longest: Duration) -> bool {
        let start = Instant::now();
        while start.elapsed() < longest {
            if self.recorder.tick() {
                return true;
            }
            std::thread::sleep(PACE);
        }
        false
    }
}

/// Returns whether a connect goes on in the kernel.
fn is_in_progress(error: &io::Error) -> bool {
    // `EINPROGRESS`, for which the standard library has a kind only since Rust 1.87.
    error.kind() == ErrorKind::WouldBlock
        || error.to_string().contains("in progress")
        || cfg!(target_os = "linux") && error.raw_os_error() == Some(115)
}

impl Client {
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.stream.write(bytes);
        self.recorder.step(Actor::Client, Call::new("send", outcome(&sent)));
        sent
    }

    /// Reads once, into a buffer of this size.
    pub fn recv(&mut self, size: usize) -> Got {
        let mut buffer = vec![0; size];
        let got = self.stream.read(&mut buffer);
        if !matches!(&got, Err(error) if error.kind() == ErrorKind::WouldBlock) {
            self.recorder.step(Actor::Client, Call::new("recv", outcome(&got)));
        }
        match got {
            Ok(0) => Got::End,
            Ok(len) => Got::Bytes(len),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Got::Nothing,
            Err(_) => Got::Reset,
        }
    }

    /// Sends the FIN, and can still read.
    pub fn shutdown(&self) {
        let done = self.stream.shutdown(Shutdown::Write);
        self.recorder.step(Actor::Client, Call::new("shutdown", outcome(&done.map(|()| 0))));
    }

    pub fn close(self) {
        let Client { stream, recorder, .. } = self;
        drop(stream);
        recorder.step(Actor::Client, Call::new("close", Outcome::Done));
    }
}

fn outcome(result: &io::Result<usize>) -> Outcome {
    match result {
        Ok(len) => Outcome::Bytes(*len as u64),
        Err(error) => Outcome::Failed(format!("{:?}", error.kind())),
    }
}

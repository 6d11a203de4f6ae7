//! The bench: the server, a client and the loop that both live in. A scenario moves them one step at a time.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use fourway::mio::net::TcpStream;
use fourway::mio::{Events, Interest, Poll, Token};
use fourway::{Config, Handler, Server, TokenRange};
use socket2::{Domain, Socket, Type};

use super::address;
use super::kernel::End;
use super::ladder::{Actor, Call, Outcome, Pair};
use super::recorder::Recorder;

/// The longest time that a scenario waits for one event. None of them should take so long.
const PATIENCE: Duration = Duration::from_secs(5);

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
    recorder: &'static Recorder,
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
    pub fn start(recorder: &'static Recorder, config: Config, handler: H) -> io::Result<Self> {
        Bench::start_with(recorder, config, handler, |_| Ok(()))
    }

    /// Starts a server on a listener whose socket `prepare` has set up. Accepted sockets inherit its options.
    pub fn start_with(
        recorder: &'static Recorder,
        mut config: Config,
        handler: H,
        prepare: impl FnOnce(&Socket) -> io::Result<()>,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let backlog = i32::try_from(config.backlog).unwrap_or(i32::MAX);
        // A few connections, so the memory of a few.
        config.max_connections = 16;
        config.exchanges = 16;
        let server = Server::new(poll.registry(), TokenRange::nth(0), config);
        let mut server = server.map_err(|error| io::Error::other(error.to_string()))?;
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        // As the program does it, so that its successor can have the port.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        prepare(&socket)?;
        socket.bind(&SocketAddr::from((address::fresh(), 0)).into())?;
        socket.listen(backlog)?;
        let listener = TcpListener::from(socket);
        let address = listener.local_addr()?;
        server.add_listener(listener).map_err(|refused| io::Error::other(refused.to_string()))?;
        Ok(Bench::of(recorder, server, address, handler, poll))
    }

    /// Returns a bench for a server that is made by hand. Its own server has no listener.
    pub fn beside(recorder: &'static Recorder, listener: &TcpListener, handler: H) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut config = Config::default();
        (config.max_connections, config.exchanges) = (1, 1);
        let server = Server::new(poll.registry(), TokenRange::nth(0), config);
        let server = server.map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Bench::of(recorder, server, listener.local_addr()?, handler, poll))
    }

    fn of(recorder: &'static Recorder, server: Server, address: SocketAddr, handler: H, poll: Poll) -> Self {
        recorder.begin();
        recorder.before(address);
        let events = Events::with_capacity(64);
        Bench { server, address, handler, recorder, poll, events, clients: 0 }
    }

    /// Connects a client, which the ladder is about from now on.
    pub fn connect(&mut self) -> io::Result<Client> {
        self.connect_with(|_| Ok(()))
    }

    /// Connects a client that no ladder is about.
    pub fn connect_unseen(&self) -> io::Result<std::net::TcpStream> {
        std::net::TcpStream::connect_timeout(&self.address, PATIENCE)
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
        Ok(Client { stream, recorder: self.recorder })
    }

    /// Returns the listener. Its `unread` are the clients that wait in the accept queue.
    pub fn queue(&self) -> End {
        self.recorder.ask(self.address, SocketAddr::new(self.address.ip(), 0))
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
}

/// Looks at the connection until something is true of it, and makes no turn meanwhile. Timers of the kernel change it, and
/// all that they do becomes one row. Returns how long that took, or `None` if it did not happen.
pub fn watch(recorder: &Recorder, mut is_done: impl FnMut(End, End) -> bool) -> Option<Duration> {
    let start = Instant::now();
    loop {
        let (client, server) = recorder.look();
        let took = is_done(client, server).then(|| start.elapsed());
        let is_unknown = client.state.is_none() && server.state.is_none();
        if took.is_some() || is_unknown || start.elapsed() > PATIENCE {
            recorder.tick();
            return took;
        }
        std::thread::sleep(PACE);
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

    /// Lets the kernel delay no ACK for now. A delay makes the server's kernel send its last segment again, at a time that
    /// depends on how busy the machine is.
    pub fn acknowledge_at_once(&self) {
        #[cfg(target_os = "linux")]
        // If this fails, the ladder has one step more.
        let _ = socket2::SockRef::from(&self.stream).set_tcp_quickack(true);
    }

    /// Sends the FIN, and can still read.
    pub fn shutdown(&self) {
        let done = self.stream.shutdown(Shutdown::Write);
        let result =
            done.map_or_else(|error| Outcome::Failed(format!("{:?}", error.kind())), |()| Outcome::Done);
        self.recorder.step(Actor::Client, Call::new("shutdown", result));
    }

    pub fn close(self) {
        let Client { stream, recorder, .. } = self;
        recorder.read_counters();
        drop(stream);
        recorder.step(Actor::Client, Call::new("close", Outcome::Done));
    }
}

pub fn outcome(result: &io::Result<usize>) -> Outcome {
    match result {
        Ok(len) => Outcome::Bytes(*len as u64),
        Err(error) => Outcome::Failed(format!("{:?}", error.kind())),
    }
}

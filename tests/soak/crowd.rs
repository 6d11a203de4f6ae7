//! A crowd of clients in one thread, a fixed number at a time.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use fourway::mio::net::TcpStream;
use fourway::mio::{Events, Interest, Poll, Token};
use socket2::{Domain, SockRef, Socket, Type};

use crate::answers::Answers;
use crate::common::PATIENCE;
use crate::mix::{self, Script, Then};

pub struct Crowd {
    server: SocketAddr,
    random: u64,
    poll: Poll,
    mix: Vec<Script>,
    body: Vec<u8>,
    clients: Vec<Option<Client>>,
    free: Vec<usize>,
    /// Those that send at a pace of their own.
    slow: Vec<usize>,
    pub started: u64,
    /// How many have behaved in each way, in the order of the mix.
    done: Vec<u64>,
    /// How many answers have come whole, where they were waited for.
    pub answers: u64,
}

struct Client {
    stream: TcpStream,
    script: usize,
    is_connected: bool,
    has_finished: bool,
    /// An event has reported the reset of the server.
    is_over: bool,
    rounds: u32,
    sent: usize,
    answers: Answers,
    since: Instant,
}

/// How far a client has come.
enum Course {
    Waits,
    Over,
}

/// How the server ends a connection.
#[derive(Debug)]
enum End {
    Fin,
    Reset,
}

impl Crowd {
    pub fn new(server: SocketAddr, seed: u64, at_a_time: usize) -> Crowd {
        let mix = mix::all();
        assert_eq!(mix.iter().map(|script| script.share).sum::<u32>(), 10_000);
        Crowd {
            server,
            random: seed | 1,
            poll: Poll::new().expect("a poller"),
            done: vec![0; mix.len()],
            mix,
            body: crate::body(),
            clients: (0..at_a_time).map(|_| None).collect(),
            free: (0..at_a_time).collect(),
            slow: Vec::new(),
            started: 0,
            answers: 0,
        }
    }

    /// So many clients come, behave, and leave.
    pub fn behave(&mut self, count: u64) {
        let until = self.started + count;
        let mut events = Events::with_capacity(self.clients.len());
        let mut looked = Instant::now();
        while self.started < until || self.free.len() < self.clients.len() {
            while self.started < until {
                let Some(at) = self.free.pop() else { break };
                self.start(at);
            }
            let wait = if self.slow.is_empty() { 1000 } else { 1 };
            match self.poll.poll(&mut events, Some(Duration::from_millis(wait))) {
                Err(error) if error.kind() != ErrorKind::Interrupted => panic!("poll: {error}"),
                _ => {}
            }
            for event in &events {
                let at = event.token().0;
                if let Some(client) = &mut self.clients[at] {
                    client.is_connected |= event.is_writable();
                    client.is_over |= event.is_error() || event.is_write_closed();
                }
                self.advance(at);
            }
            for at in std::mem::take(&mut self.slow) {
                self.advance(at);
            }
            if looked.elapsed() > Duration::from_secs(1) {
                looked = Instant::now();
                self.look_for_the_forgotten();
            }
        }
    }

    /// How many clients have behaved in such ways.
    pub fn count(&self, is_such: impl Fn(&Script) -> bool) -> u64 {
        let such = self.mix.iter().zip(&self.done).filter(|(script, _)| is_such(script));
        such.map(|(_, count)| count).sum()
    }

    /// Nobody waits longer than the server's longest timeout and what a busy machine adds to it.
    fn look_for_the_forgotten(&self) {
        for client in self.clients.iter().flatten() {
            let name = self.mix[client.script].name;
            assert!(client.since.elapsed() < PATIENCE, "{name}: forgotten, with {:?}", client.answers);
        }
    }

    fn start(&mut self, at: usize) {
        let mut share = self.below(10_000);
        let script = self.mix.iter().position(|script| {
            let is_it = share < script.share;
            share = share.wrapping_sub(script.share);
            is_it
        });
        let script = script.expect("the shares are ten thousand");
        let mut stream = connect(self.server, self.started).expect("a connection");
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(at), interest).expect("the poller takes it");
        self.clients[at] = Some(Client::new(stream, script));
        self.started += 1;
    }

    fn advance(&mut self, at: usize) {
        let Some(client) = &mut self.clients[at] else { return };
        let script = &self.mix[client.script];
        match client.advance(script, &self.body) {
            Ok(Course::Waits) => {
                if script.pace != usize::MAX && client.sent < script.batch.len() && !self.slow.contains(&at) {
                    self.slow.push(at);
                }
            }
            Ok(Course::Over) => {
                self.done[client.script] += 1;
                let is_answered = script.status == 200 && script.then != Then::NeverRead;
                self.answers += if is_answered { u64::from(client.answers.whole) } else { 0 };
                self.clients[at] = None;
                self.free.push(at);
            }
            Err(error) => {
                panic!("{}: {error}: {:?} after {} bytes", script.name, client.answers, client.sent)
            }
        }
    }

    /// xorshift64*
    fn below(&mut self, end: u32) -> u32 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        ((self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % u64::from(end)) as u32
    }
}

/// From an address of its own, or the ports of one would be used up.
fn connect(server: SocketAddr, number: u64) -> io::Result<TcpStream> {
    let [.., high, low] = (number % 65_000).to_be_bytes();
    let own = SocketAddr::from((Ipv4Addr::new(127, 7, high, low), 0));
    let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking(), None)?;
    socket.set_tcp_nodelay(true)?;
    socket.bind(&own.into())?;
    match socket.connect(&server.into()) {
        Err(error) if error.raw_os_error() != Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {
            Err(error)
        }
        _ => Ok(TcpStream::from_std(socket.into())),
    }
}

impl Client {
    fn new(stream: TcpStream, script: usize) -> Client {
        let (answers, since) = (Answers::default(), Instant::now());
        Client {
            stream,
            script,
            is_connected: false,
            has_finished: false,
            is_over: false,
            rounds: 0,
            sent: 0,
            answers,
            since,
        }
    }

    /// Goes on as far as it can without waiting.
    fn advance(&mut self, script: &Script, body: &[u8]) -> Result<Course, String> {
        loop {
            if !self.send(script)? {
                return Ok(Course::Waits);
            }
            match script.then {
                Then::ResetAtOnce => return self.reset(),
                Then::CloseAtOnce => return Ok(Course::Over),
                Then::HalfClosed if !self.has_finished => {
                    self.has_finished = true;
                    self.stream.shutdown(Shutdown::Write).map_err(|error| error.to_string())?;
                }
                _ => {}
            }
            let end = self.receive(script, body)?;
            let has_all = self.answers.whole == script.answers * (self.rounds + 1);
            match (script.then, end) {
                (Then::Closed | Then::HalfClosed, Some(End::Fin)) if has_all => return self.reset(),
                (Then::NeverRead, Some(End::Reset)) => return Ok(Course::Over),
                (_, Some(end)) => return Err(format!("ended by {end:?}")),
                (_, None) if has_all && self.rounds + 1 < script.rounds => {
                    (self.rounds, self.sent) = (self.rounds + 1, 0);
                }
                (Then::Close, None) if has_all => return Ok(Course::Over),
                (Then::Reset, None) if has_all => return self.reset(),
                _ => return Ok(Course::Waits),
            }
        }
    }

    /// Sends what is left of the batch, at the client's pace; whether that is all of it.
    fn send(&mut self, script: &Script) -> Result<bool, String> {
        let mut pace = script.pace;
        while self.sent < script.batch.len() && pace > 0 {
            let rest = &script.batch[self.sent..];
            match self.stream.write(&rest[..rest.len().min(pace)]) {
                Ok(len) => {
                    self.sent += len;
                    pace = pace.saturating_sub(len);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // How it ended is what it reads next.
                Err(_) if script.then == Then::NeverRead => return Ok(true),
                Err(error) => return Err(format!("cannot send: {error}")),
            }
        }
        Ok(self.is_connected && self.sent == script.batch.len())
    }

    /// Reads what is there; how the connection ended, if it has.
    fn receive(&mut self, script: &Script, body: &[u8]) -> Result<Option<End>, String> {
        let mut piece = [0; 64 * 1024];
        // One that never reads only looks whether it still could.
        while script.then != Then::NeverRead || self.is_over {
            match self.stream.read(&mut piece) {
                Ok(0) => return Ok(Some(End::Fin)),
                Ok(len) => self.answers.take(&piece[..len], script.status, body)?,
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return Ok(None),
                    ErrorKind::ConnectionReset => return Ok(Some(End::Reset)),
                    _ => return Err(format!("cannot read: {error}")),
                },
            }
        }
        Ok(None)
    }

    /// Leaves without a trace: neither side is in TIME_WAIT afterwards.
    fn reset(&mut self) -> Result<Course, String> {
        let socket = SockRef::from(&self.stream);
        socket.set_linger(Some(Duration::ZERO)).map(|()| Course::Over).map_err(|error| error.to_string())
    }
}

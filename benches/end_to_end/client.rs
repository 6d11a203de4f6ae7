//! The client: so many requests at a time, every byte of every answer looked at.
//!
//! A slot is one request under way. What differs between the kinds of load is where its connection
//! comes from and where that goes after the answer, which is a [`Life`]. One run starts and ends
//! with nothing under way, so that what the server did meanwhile can be counted to the request.
//!
//! The server is to be measured, so that the client may be simple; but both are on one core, and
//! what the client needs less, the server has more. Any error ends the run.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fourway::mio::net::TcpStream;
use fourway::mio::{Events, Interest, Poll, Token};
use socket2::{Domain, SockRef, Socket, Type};

use crate::answer::Answer;

/// Longer than this without an answer, the server hangs.
const PATIENCE: Duration = Duration::from_secs(60);

const EVENTS: usize = 1024;
const BUFFER: usize = 256 * 1024;

/// Where a request's connection comes from, and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Every slot has its own, and keeps it.
    Kept,
    /// It is new, and the server closes it after the answer.
    OneShot,
    /// It is new, and held from then on.
    Opening,
    /// It is the one that has been silent longest of all that are held, and goes back to them.
    Held,
}

/// What is asked, and what comes of it.
pub struct Work {
    pub life: Life,
    /// This many requests are sent at once.
    pub depth: usize,
    requests: Vec<u8>,
    answer: Answer,
}

/// When no more is begun.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    Elapsed(Duration),
    Begun(usize),
}

pub struct Client {
    server: SocketAddr,
    poll: Poll,
    slots: Vec<Slot>,
    held: VecDeque<std::net::TcpStream>,
    sources: Sources,
    buffer: Vec<u8>,
    /// All requests that have been answered.
    pub answered: u64,
}

#[derive(Default)]
struct Slot {
    stream: Option<TcpStream>,
    /// False while a new connection is not through.
    asked: bool,
    /// Bytes of the answers so far.
    got: usize,
}

impl Work {
    pub fn new(life: Life, headers: &str, depth: usize, body: &[u8]) -> Self {
        let (close, answer) = match life {
            Life::OneShot => ("Connection: close\r\n", Answer::to_close(body)),
            _ => ("", Answer::to_keep(body)),
        };
        let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{headers}{close}\r\n");
        Work { life, depth, requests: request.repeat(depth).into_bytes(), answer }
    }
}

impl Client {
    pub fn new(server: SocketAddr, slots: usize) -> io::Result<Self> {
        Ok(Client {
            server,
            poll: Poll::new()?,
            slots: (0..slots).map(|_| Slot::default()).collect(),
            held: VecDeque::new(),
            sources: Sources::default(),
            buffer: vec![0; BUFFER],
            answered: 0,
        })
    }

    /// How many requests were made and answered.
    pub fn run(&mut self, work: &Work, until: Until) -> io::Result<u64> {
        if work.life != Life::Kept {
            self.slots.iter_mut().for_each(|slot| slot.stream = None);
        }
        let (deadline, most) = match until {
            Until::Elapsed(time) => (Some(Instant::now() + time), usize::MAX),
            Until::Begun(most) => (None, most),
        };
        let at_once = if work.life == Life::Held { self.held.len() } else { most };
        let mut begun = 0;
        for slot in 0..self.slots.len().min(at_once) {
            self.begin(work, slot)?;
            begun += 1;
        }
        let mut done = 0;
        let mut events = Events::with_capacity(EVENTS);
        while done < begun {
            self.poll.poll(&mut events, Some(PATIENCE))?;
            if events.is_empty() {
                return Err(io::Error::new(ErrorKind::TimedOut, format!("no answer in {PATIENCE:?}")));
            }
            let go_on = deadline.is_none_or(|deadline| Instant::now() < deadline);
            for event in &events {
                let slot = event.token().0;
                if !self.advance(work, slot)? {
                    continue;
                }
                done += 1;
                if go_on && begun < most {
                    self.begin(work, slot)?;
                    begun += 1;
                }
            }
        }
        let answered = (done * work.depth) as u64;
        self.answered += answered;
        Ok(answered)
    }

    /// Opens connections that each have one answer, and stay.
    pub fn hold(&mut self, count: usize, body: &[u8]) -> io::Result<()> {
        self.held.reserve_exact(count);
        self.run(&Work::new(Life::Opening, "", 1, body), Until::Begun(count)).map(drop)
    }

    fn begin(&mut self, work: &Work, index: usize) -> io::Result<()> {
        let slot = &mut self.slots[index];
        let kept = slot.stream.is_some();
        let mut stream = match (slot.stream.take(), work.life) {
            (Some(stream), _) => stream,
            (None, Life::Held) => {
                TcpStream::from_std(self.held.pop_front().expect("as many slots as are held at most"))
            }
            (None, Life::Opening) => self.sources.connect(self.server)?,
            (None, Life::Kept | Life::OneShot) => connect(self.server, None)?,
        };
        slot.asked = ask(&mut stream, &work.requests)?;
        slot.got = 0;
        if !kept {
            // On loopback a handshake is over when `connect` returns, unless the queue was full.
            let writable = (!slot.asked).then_some(Interest::WRITABLE);
            let interest = writable.map_or(Interest::READABLE, |it| it | Interest::READABLE);
            self.poll.registry().register(&mut stream, Token(index), interest)?;
        }
        slot.stream = Some(stream);
        Ok(())
    }

    /// Goes on with what an event is about; true when it is done.
    fn advance(&mut self, work: &Work, index: usize) -> io::Result<bool> {
        let slot = &mut self.slots[index];
        let Some(stream) = &mut slot.stream else { return Ok(false) };
        if !slot.asked {
            slot.asked = ask(stream, &work.requests)?;
        }
        if !slot.asked || !slot.receive(work, &mut self.buffer)? {
            return Ok(false);
        }
        match work.life {
            Life::Kept => {}
            Life::OneShot => slot.stream = None,
            Life::Opening | Life::Held => {
                let mut stream = slot.stream.take().expect("it has just been read");
                self.poll.registry().deregister(&mut stream)?;
                self.held.push_back(stream.into());
            }
        }
        Ok(true)
    }
}

impl Slot {
    /// Reads what there is; true when all the answers are here and, if it was to close, the end.
    fn receive(&mut self, work: &Work, buffer: &mut [u8]) -> io::Result<bool> {
        let Some(stream) = &mut self.stream else { return Ok(false) };
        let wanted = work.depth * work.answer.bytes.len();
        let closes = work.life == Life::OneShot;
        loop {
            let read = match stream.read(buffer) {
                Ok(0) if closes && self.got == wanted => return Ok(true),
                Ok(0) => return Err(wrong(self.got, wanted, "the server closed")),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(wrong(self.got, wanted, &error.to_string())),
            };
            if self.got + read > wanted || !work.answer.has(self.got, &buffer[..read]) {
                let input = String::from_utf8_lossy(&buffer[..read.min(300)]);
                return Err(wrong(self.got, wanted, &format!("not the answer: {input:?}")));
            }
            self.got += read;
            if !closes && (self.got == wanted || read < buffer.len()) {
                return Ok(self.got == wanted);
            }
        }
    }
}

fn wrong(got: usize, wanted: usize, what: &str) -> io::Error {
    io::Error::other(format!("after {got} of {wanted} bytes: {what}"))
}

/// False if the connection is not through yet.
fn ask(stream: &mut TcpStream, requests: &[u8]) -> io::Result<bool> {
    match stream.write(requests) {
        Ok(sent) if sent == requests.len() => Ok(true),
        Ok(sent) => Err(wrong(sent, requests.len(), "the kernel has no room for requests")),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Its close is a reset, so that no port waits in TIME_WAIT and they do not run out.
fn connect(server: SocketAddr, from: Option<SocketAddr>) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.set_linger(Some(Duration::ZERO))?;
    if let Some(from) = from {
        socket.bind(&from.into())?;
    }
    match SockRef::from(&socket).connect(&server.into()) {
        Err(error) if error.raw_os_error() != Some(IN_PROGRESS) => Err(error),
        _ => Ok(TcpStream::from_std(socket.into())),
    }
}

const IN_PROGRESS: i32 = rustix::io::Errno::INPROGRESS.raw_os_error();

/// Names for more connections than one address has ports.
///
/// A connection's name is both addresses and both ports; the server's half is the same for all. So
/// the clients come from 127.0.0.2, 127.0.0.3 and so on, which are all ours, each with the same
/// ports, told and not looked for: the kernel's search takes longer the fewer are left. The ports
/// are below those that it gives out itself.
#[derive(Default)]
struct Sources {
    used: u32,
}

impl Sources {
    const PORTS: u32 = 20_000;
    const FIRST_PORT: u16 = 10_000;

    fn connect(&mut self, server: SocketAddr) -> io::Result<TcpStream> {
        loop {
            let (address, port) = (self.used / Self::PORTS, (self.used % Self::PORTS) as u16);
            let address = std::net::Ipv4Addr::from(0x7f00_0002 + address);
            self.used += 1;
            match connect(server, Some((address, Self::FIRST_PORT + port).into())) {
                // Somebody listens there, on all addresses.
                Err(error) if error.kind() == ErrorKind::AddrInUse => continue,
                other => return other,
            }
        }
    }
}

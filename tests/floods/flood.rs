//! A flood: a thread opens connections at its own pace, and closes none of them before the flood ends.

use std::collections::VecDeque;
use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::common::stalled::shrink_window;

/// The flood moves this often.
const TICK: Duration = Duration::from_millis(2);

#[derive(Clone, Copy)]
pub struct Flood {
    /// Connections a second.
    pub rate: f64,
    /// Connections at a time; the flood opens another one for each that the server has ended.
    pub at_a_time: usize,
    /// What each sends at once.
    pub opening: &'static [u8],
    /// What each sends again and again after it.
    pub refrain: &'static [u8],
    /// The kernel of the client takes hardly anything.
    pub small_window: bool,
}

/// A flood that goes on until it is [stopped](Running::stop).
pub struct Running {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<usize>,
}

impl Flood {
    /// The most connections that it has at a time, if it lasts for this time.
    pub fn most(&self, time: Duration) -> usize {
        self.at_a_time.min((time.as_secs_f64() * self.rate) as usize)
    }

    pub fn start(self, server: SocketAddr) -> Running {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        Running { stop, thread: thread::spawn(move || self.run(server, &stopped)) }
    }

    /// Returns how many connections it has opened.
    fn run(self, server: SocketAddr, stopped: &AtomicBool) -> usize {
        let start = Instant::now();
        let mut opened = 0;
        // A connection is a sender until it has sent everything. Then it only stays.
        let mut senders: Vec<Sender> = Vec::new();
        let mut staying: VecDeque<TcpStream> = VecDeque::new();
        while !stopped.load(Ordering::Relaxed) {
            let due = (start.elapsed().as_secs_f64() * self.rate) as usize;
            while opened < due && senders.len() + staying.len() < self.at_a_time {
                senders.push(Sender { stream: self.connect(server), sent: 0 });
                opened += 1;
            }
            for mut sender in std::mem::take(&mut senders) {
                match sender.send(&self) {
                    Course::GoesOn => senders.push(sender),
                    Course::Stays => staying.push_back(sender.stream),
                    Course::Over => {}
                }
            }
            self.look_at_the_oldest(&mut staying);
            thread::sleep(TICK);
        }
        opened
    }

    /// Closes connections that the server has reset, so that the flood can open others. Looks at a few in each
    /// tick, because looking at all of them costs too much.
    fn look_at_the_oldest(&self, staying: &mut VecDeque<TcpStream>) {
        for _ in 0..staying.len().min(16) {
            let Some(stream) = staying.pop_front() else { return };
            if matches!(stream.take_error(), Ok(None)) {
                staying.push_back(stream);
            }
        }
    }

    /// Begins to connect. Its close is a reset, which leaves nothing in TIME_WAIT.
    fn connect(&self, server: SocketAddr) -> TcpStream {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_nonblocking(true).expect("non-blocking");
        socket.set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
        if self.small_window {
            shrink_window(&socket);
        }
        // It is in progress; the first write says how it went.
        let _ = socket.connect(&server.into());
        socket.into()
    }
}

impl Running {
    /// Ends it with all its connections, and returns how many it has opened.
    pub fn stop(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the flood does not panic")
    }
}

struct Sender {
    stream: TcpStream,
    sent: usize,
}

enum Course {
    GoesOn,
    /// It has sent all that it has to say.
    Stays,
    Over,
}

impl Sender {
    /// Sends what the kernel takes, but no more than a megabyte at a time.
    fn send(&mut self, flood: &Flood) -> Course {
        let most = self.sent + (1 << 20);
        while self.sent < most {
            let piece = match flood.opening.get(self.sent..) {
                Some(rest) if !rest.is_empty() => rest,
                _ if flood.refrain.is_empty() => return Course::Stays,
                _ => &flood.refrain[(self.sent - flood.opening.len()) % flood.refrain.len()..],
            };
            match self.stream.write(piece) {
                Ok(sent) => self.sent += sent,
                // A connection that is in progress may say either.
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::NotConnected => return Course::GoesOn,
                    _ => return Course::Over,
                },
            }
        }
        Course::GoesOn
    }
}

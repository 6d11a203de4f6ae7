//! Clients that come while a flood lasts, one after the other, each with one request.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::get_and_close;

/// Each newcomer needs its answer within this time.
const DEADLINE: Duration = Duration::from_secs(1);

/// From one to the next.
const PAUSE: Duration = Duration::from_millis(10);

#[derive(Default)]
pub struct Newcomers {
    pub served: Vec<Duration>,
    /// For each of the others, why it was not served.
    pub failed: Vec<String>,
}

impl Newcomers {
    /// Lets them come until the time is over.
    pub fn come(server: SocketAddr, time: Duration) -> Newcomers {
        let mut newcomers = Newcomers::default();
        let start = Instant::now();
        while start.elapsed() < time {
            let begin = Instant::now();
            match one_shot(server, begin) {
                Ok(()) => newcomers.served.push(begin.elapsed()),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    newcomers.failed.push("no answer in time".into());
                }
                Err(error) => newcomers.failed.push(format!("{error} after {:?}", begin.elapsed())),
            }
            thread::sleep(PAUSE);
        }
        newcomers.served.sort_unstable();
        newcomers
    }

    /// The time within which this share of the served newcomers had their answers.
    pub fn within(&self, share: f64) -> Duration {
        let last = self.served.len().saturating_sub(1);
        self.served.get((share * last as f64).ceil() as usize).copied().unwrap_or_default()
    }
}

impl fmt::Display for Newcomers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.served.len() + self.failed.len();
        let [half, most, slowest] = [0.5, 0.99, 1.0].map(|share| self.within(share).as_secs_f64() * 1e3);
        write!(f, "newcomers {} of {all}", self.served.len())?;
        write!(f, " (p50 {half:.2} ms, p99 {most:.2} ms, slowest {slowest:.2} ms)")?;
        self.failed.first().map_or(Ok(()), |first| write!(f, " (the first: {first})"))
    }
}

/// Connects, asks, has its whole answer, and closes.
fn one_shot(server: SocketAddr, begin: Instant) -> io::Result<()> {
    let left = || {
        let left = DEADLINE.saturating_sub(begin.elapsed());
        if left.is_zero() { Err(io::Error::from(ErrorKind::TimedOut)) } else { Ok(left) }
    };
    let mut stream = TcpStream::connect_timeout(&server, left()?)?;
    stream.set_nodelay(true)?;
    stream.write_all(get_and_close("/newcomer").as_bytes())?;
    let mut answer = Vec::new();
    let mut piece = [0; 1024];
    while !answer.ends_with(b"\r\n\r\n/newcomer") {
        stream.set_read_timeout(Some(left()?))?;
        match stream.read(&mut piece)? {
            0 => return Err(io::Error::other(format!("FIN after \"{}\"", answer.escape_ascii()))),
            read => answer.extend_from_slice(&piece[..read]),
        }
    }
    if answer.starts_with(b"HTTP/1.1 200 ") {
        return Ok(());
    }
    Err(io::Error::other(format!("not the answer: \"{}\"", answer.escape_ascii())))
}

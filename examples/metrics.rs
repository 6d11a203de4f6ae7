//! Metrics in a program that exists already: ten lines, added to a syslog counter.
//!
//! ```sh
//! cargo run --example metrics [HTTP [SYSLOG]]
//! logger --server 127.0.0.1 --port 5140 --udp --priority user.err 'something broke'
//! curl http://127.0.0.1:8080/metrics
//! ```
//!
//! Each added line ends in `// +fourway`. Without them, the program counts, and reports every ten seconds.

use std::error::Error;
use std::fmt;
use std::io::{ErrorKind, Write, stdout};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fourway::{BodyWriter, Config, Server, TokenRange, earliest, handler_fn}; // +fourway
use mio::{Events, Interest, Poll, Token, net::UdpSocket};

const TEXT: &str = "text/plain; version=0.0.4"; // +fourway
const SYSLOG: Token = Token(0);
const REPORT: Duration = Duration::from_secs(10);
const SEVERITIES: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

#[derive(Default)]
struct Counts {
    messages: [u64; SEVERITIES.len()],
    malformed: u64,
}

impl Counts {
    /// A message begins with its priority: `<11>`, where 11 is 8 × facility + severity.
    fn count(&mut self, message: &[u8]) {
        let end = message.iter().take(5).position(|&byte| byte == b'>').unwrap_or(0);
        let digits = message.get(1..end).filter(|_| message[0] == b'<');
        match digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u8>().ok()) {
            Some(priority) => self.messages[usize::from(priority) % SEVERITIES.len()] += 1,
            None => self.malformed += 1,
        }
    }
}

/// Writes the counts in the format of Prometheus.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# HELP syslog_messages_total Messages received.")?;
        writeln!(f, "# TYPE syslog_messages_total counter")?;
        for (severity, count) in SEVERITIES.iter().zip(self.messages) {
            writeln!(f, "syslog_messages_total{{severity=\"{severity}\"}} {count}")?;
        }
        writeln!(f, "# HELP syslog_malformed_total Datagrams that are not syslog messages.")?;
        writeln!(f, "# TYPE syslog_malformed_total counter")?;
        writeln!(f, "syslog_malformed_total {}", self.malformed)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut address = |default: &str| arguments.next().unwrap_or(default.into()).parse::<SocketAddr>();
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(64);
    let mut server = Server::new(poll.registry(), TokenRange::nth(0), Config::default())?; // +fourway
    let listener = server.listen(address("127.0.0.1:8080")?)?; // +fourway
    println!("listening on http://{}", server.local_addr(listener).ok_or("it does not listen")?); // +fourway
    let mut udp = UdpSocket::bind(address("127.0.0.1:5140")?)?;
    poll.registry().register(&mut udp, SYSLOG, Interest::READABLE)?;
    println!("counting syslog on udp://{}", udp.local_addr()?);
    stdout().flush()?;

    let mut counts = Counts::default();
    let mut next_report = Instant::now() + REPORT;
    loop {
        let timeout = Some(next_report.saturating_duration_since(Instant::now()));
        let timeout = earliest(timeout, server.next_timeout(Instant::now())); // +fourway
        match poll.poll(&mut events, timeout) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        for event in &events {
            server.handle_event(event); // +fourway
            if event.token() == SYSLOG {
                let mut message = [0; 2048];
                while let Ok(length) = udp.recv(&mut message) {
                    counts.count(&message[..length]);
                }
            }
        }
        if Instant::now() >= next_report {
            eprint!("{counts}");
            next_report += REPORT;
        }
        let page = |body: &mut BodyWriter<'_>| write!(body, "{counts}"); // +fourway
        let mut handler = handler_fn(|_, responder| responder.body_with(200, TEXT, page)); // +fourway
        server.process(Instant::now(), &mut handler); // +fourway
    }
}

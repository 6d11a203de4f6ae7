//! Everything in one loop: two servers, a UDP socket, a clock that ticks, and a thread that wakes it.
//!
//! ```sh
//! cargo run --example embed [API [ADMIN [UDP]]]
//! curl http://127.0.0.1:8080/ http://127.0.0.1:8081/
//! ```
//!
//! The first response shows the last line that was typed on the terminal.

use std::error::Error;
use std::io::{self, BufRead, ErrorKind, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use std::{sync::mpsc, thread};

use fourway::mio::{Events, Interest, Poll, Token, Waker, net::UdpSocket};
use fourway::{Config, Server, TokenRange, earliest, handler_fn};

// The host's own tokens can be any tokens outside the servers' ranges.
const UDP: Token = Token(0);
const TYPED: Token = Token(usize::MAX);
const TICK: Duration = Duration::from_millis(10);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut address = |default: &str| arguments.next().unwrap_or(default.into()).parse::<SocketAddr>();
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(256);
    let mut api = Server::new(poll.registry(), TokenRange::nth(0), Config::default())?;
    let mut admin = Server::new(poll.registry(), TokenRange::nth(1), Config::default())?;
    for (server, default) in [(&mut api, "127.0.0.1:8080"), (&mut admin, "127.0.0.1:8081")] {
        let listener = server.listen(address(default)?)?;
        println!("listening on http://{}", server.local_addr(listener).ok_or("it does not listen")?);
    }
    let mut udp = UdpSocket::bind(address("127.0.0.1:8082")?)?;
    poll.registry().register(&mut udp, UDP, Interest::READABLE)?;
    println!("echoing on udp://{}", udp.local_addr()?);
    io::stdout().flush()?;

    // Not every system can poll a terminal, so a thread reads it.
    let (sender, typed) = mpsc::sync_channel(16);
    let waker = Waker::new(poll.registry(), TYPED)?;
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() || waker.wake().is_err() {
                return;
            }
        }
    });

    let (mut ticks, mut echoes, mut last_line) = (0_u64, 0_u64, String::new());
    let mut next_tick = Instant::now() + TICK;
    let mut udp_is_ready = false;
    loop {
        let now = Instant::now();
        let own = if udp_is_ready { Duration::ZERO } else { next_tick.saturating_duration_since(now) };
        let servers = earliest(api.next_timeout(now), admin.next_timeout(now));
        match poll.poll(&mut events, earliest(Some(own), servers)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        for event in &events {
            if !api.handle_event(event) && !admin.handle_event(event) {
                udp_is_ready |= event.token() == UDP;
            }
        }
        // At most 64 datagrams a turn, so that a flood leaves time for the servers.
        udp_is_ready = udp_is_ready && (0..64).all(|_| echo(&udp, &mut echoes));
        typed.try_iter().for_each(|line| last_line = line);
        let now = Instant::now();
        while next_tick <= now {
            (ticks, next_tick) = (ticks + 1, next_tick + TICK);
        }
        let mut handler = handler_fn(|_, responder| {
            responder.body_with(200, "text/plain", |body| {
                writeln!(body, "ticks {ticks}, echoes {echoes}, typed {last_line}")
            })
        });
        api.process(now, &mut handler);
        let requests = api.stats().requests;
        let mut handler = handler_fn(|_, responder| {
            responder.send(200, "text/plain", format!("requests of the api {requests}\n").as_bytes())
        });
        admin.process(now, &mut handler);
    }
}

/// Echoes one datagram. Returns whether there may be more.
fn echo(udp: &UdpSocket, echoes: &mut u64) -> bool {
    let mut datagram = [0; 2048];
    match udp.recv_from(&mut datagram) {
        // If the send buffer is full, the echo is lost, as UDP allows.
        Ok((length, from)) => *echoes += u64::from(udp.send_to(&datagram[..length], from).is_ok()),
        // Other errors do not concern this socket: some systems report here that nobody wanted an echo.
        Err(error) => return error.kind() != ErrorKind::WouldBlock,
    }
    true
}

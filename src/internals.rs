//! Internals, for this crate's own benches and counts. They are not part of the API, and semver does not cover them.
//!
//! A handle adds nothing of its own. Each call is the one that the server itself makes, on a part without a socket.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use mio::Token;

use crate::answer::{self, Asked, Need};
use crate::config::Config;
use crate::exchange::OnSent;
use crate::exchange::pool::Pool;
use crate::handler::Handler;
use crate::handler::request::Origin;
use crate::names::{NameOf, Names};
use crate::net::Peer;
use crate::shared::Shared;
use crate::slot::Slot;
use crate::state::State;
use crate::table;
use crate::tokens::{LISTENERS, TokenRange, Tokens};

/// The table of connections.
#[derive(Debug)]
pub struct Table(table::Table<()>);

impl Table {
    /// Creates a table with memory for this number of connections.
    pub fn new(capacity: usize) -> Table {
        let tokens = Tokens::layout(TokenRange::nth(0), capacity).expect("a range has room for them");
        Table(table::Table::new(capacity, |_| 1, tokens))
    }

    /// Inserts a connection. Returns its slot.
    #[inline]
    pub fn insert(&mut self) -> u32 {
        self.0.insert(()).place()
    }

    /// Ends a connection that waits.
    #[inline]
    pub fn remove(&mut self, slot: u32) {
        self.0.remove(Slot::at_place(slot), State::Idle);
    }

    /// Queues a connection for the next turn.
    #[inline]
    pub fn queue(&mut self, slot: u32) {
        self.0.queue(Slot::at_place(slot));
    }

    /// Takes the first connection out of the queue.
    #[inline]
    pub fn next_ready(&mut self) -> Option<u32> {
        let slot = self.0.first_ready()?;
        self.0.take_ready(slot);
        Some(slot.place())
    }

    /// Returns the token by which the poller names a connection.
    #[inline]
    pub fn token(&self, slot: u32) -> Token {
        self.0.token(Slot::at_place(slot))
    }

    /// Returns the connection that an event is about.
    #[inline]
    pub fn find(&self, token: Token) -> Option<u32> {
        let (slot, generation) = self.0.tokens().decode(token)?;
        self.0.find(slot.checked_sub(LISTENERS)?, generation).map(Slot::place)
    }

    /// Begins a wait, in nanoseconds of the server's clock.
    #[inline]
    pub fn arm(&mut self, slot: u32, now: u64) {
        self.0.arm(Slot::at_place(slot), State::Idle, now);
    }

    /// Ends a wait before its time, and begins the next.
    #[inline]
    pub fn rearm(&mut self, slot: u32, now: u64) {
        self.0.rearm(Slot::at_place(slot), State::Idle, State::Idle, now);
    }

    /// Returns how many connections wait.
    pub fn waiting(&self) -> usize {
        self.0.waiting_len(State::Idle)
    }

    /// Ends a wait before its time.
    #[inline]
    pub fn disarm(&mut self, slot: u32) {
        self.0.disarm(Slot::at_place(slot), State::Idle);
    }
}

/// Everything that answering takes, from bytes to bytes.
#[derive(Debug)]
pub struct Answering {
    pool: Pool,
    shared: Shared,
    names: Names,
}

impl Answering {
    /// Creates what a server with these settings has.
    pub fn new(config: Config) -> Answering {
        let tokens = Tokens::layout(TokenRange::nth(0), 1).expect("a range has room for one");
        let mut shared = Shared::new(config.clone(), tokens);
        shared.clock.observe(Instant::now());
        Answering { pool: Pool::new(&config), shared, names: Names::new(0, 0) }
    }

    /// Answers whole requests that have arrived in one read and do not ask for a close. Returns the number of bytes in
    /// the responses.
    pub fn answer<H: Handler>(&mut self, arrived: &[u8], handler: &mut H) -> u64 {
        let id = self.pool.spare();
        let mut exchange = self.pool.open(id);
        exchange.space()[..arrived.len()].copy_from_slice(arrived);
        exchange.input.filled(arrived.len());
        let name = NameOf { names: &self.names, slot: Slot::new(0) };
        let mut asked = Asked { handler, origin: Origin { peer: &Nobody, name } };
        let mut budget = u32::MAX;
        let mut sent = 0;
        loop {
            let need = answer::answer(&mut exchange, &mut self.shared, &mut asked, &mut budget);
            sent += exchange.out.pending();
            exchange.out.clear();
            if need != Need::Sending {
                break;
            }
            assert_eq!(exchange.in_flight.on_sent, OnSent::KeepAlive, "only more requests are to follow");
        }
        let in_flight = self.pool.settle(id, Slot::new(0), State::Idle, true);
        assert!(!in_flight, "only whole requests are answered here");
        sent
    }
}

/// The peer of an answer without a client.
struct Nobody;

impl Peer for Nobody {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::NotConnected.into())
    }
}

//! Clients of one program that all act while it is stopped.
//!
//! So one turn of its loop meets all of them, whichever is faster on this machine, and what is counted
//! of two runs differs only by the rounds that one of them had more.

// A debug build counts less.
#![cfg_attr(debug_assertions, allow(dead_code))]

use std::net::SocketAddr;

use crate::common::kernel::{State, ends_at};
use crate::common::program::Program;
use crate::common::{Client, wait_until};

pub const CLIENTS: usize = 64;

/// What each client sends at a time, and how many requests that is.
#[derive(Clone)]
pub struct Ask {
    pub bytes: Vec<u8>,
    pub requests: usize,
}

impl Ask {
    pub fn one(request: &str) -> Ask {
        Ask { bytes: request.into(), requests: 1 }
    }

    pub fn pipelined(request: &str, requests: usize) -> Ask {
        Ask { bytes: request.repeat(requests).into(), requests }
    }
}

/// Connections that come, ask once and are closed by the program.
pub fn one_shot_round(program: &Program, ask: &Ask) {
    let act = || connect_and_send(program.address, ask);
    let clients = while_stopped(program, act, || have_arrived(program.address, ask));
    for mut client in clients {
        expect_answers(&mut client, ask);
        client.expect_end();
        client.reset();
    }
}

/// The clients of a program that stay, and ask together in each round.
pub struct Crowd<'a> {
    program: &'a Program,
    ask: Ask,
    clients: Vec<Client>,
}

impl<'a> Crowd<'a> {
    /// They connect, and have asked once.
    pub fn connect(program: &'a Program, ask: Ask) -> Crowd<'a> {
        let act = || connect_and_send(program.address, &ask);
        let clients = while_stopped(program, act, || have_arrived(program.address, &ask));
        let mut crowd = Crowd { program, ask, clients };
        crowd.expect_answers();
        crowd
    }

    pub fn round(&mut self) {
        let act = || self.clients.iter_mut().for_each(|client| client.send(&self.ask.bytes));
        while_stopped(self.program, act, || have_arrived(self.program.address, &self.ask));
        self.expect_answers();
    }

    /// They all leave.
    pub fn leave(self) {
        let has_left = |(state, _): &(State, u64)| *state != State::Established;
        let clients = self.clients;
        while_stopped(self.program, || drop(clients), || ends_at(self.program.address).iter().all(has_left));
    }

    fn expect_answers(&mut self) {
        self.clients.iter_mut().for_each(|client| expect_answers(client, &self.ask));
    }
}

/// Ends a program that has nothing to do, so that the signal finds it asleep.
pub fn end(program: Program) {
    wait_until_idle(&program);
    program.end();
}

fn connect_and_send(address: SocketAddr, ask: &Ask) -> Vec<Client> {
    let connect = |_| {
        let mut client = Client::connect(address);
        client.send(&ask.bytes);
        client
    };
    (0..CLIENTS).map(connect).collect()
}

/// Whether the kernel has all that the clients sent: on a busy machine that takes its time as well.
fn have_arrived(address: SocketAddr, ask: &Ask) -> bool {
    let whole = (State::Established, ask.bytes.len() as u64);
    ends_at(address).iter().filter(|&&end| end == whole).count() == CLIENTS
}

fn expect_answers(client: &mut Client, ask: &Ask) {
    for _ in 0..ask.requests {
        let response = client.response();
        assert_eq!((response.status, response.body.as_slice()), (200, &b"xixizi"[..]));
    }
}

fn while_stopped<T>(program: &Program, act: impl FnOnce() -> T, is_done: impl Fn() -> bool) -> T {
    wait_until_idle(program);
    program.signal("STOP");
    wait_until("the program has stopped", || program.is_stopped());
    let acted = act();
    wait_until("what the clients did has arrived", is_done);
    program.signal("CONT");
    acted
}

fn wait_until_idle(program: &Program) {
    wait_until("the program has nothing to do", || program.is_asleep());
}

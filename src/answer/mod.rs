//! The policy between bytes and the handler: which request is answered, with what, and what follows.
//!
//! [`answer`] takes the bytes that have arrived, and appends the responses to send. The driver calls it again when more
//! bytes have arrived, or when the responses have been sent. *Not yet* is a value that it returns, never an error.
//!
//! On the way of one request, `passed` looks for descriptors, `head` or `body` reads on, `call` asks the handler, and
//! `finish` adds the response to the bytes to send. Each of these files uses only those that come later.

mod passed;
mod head;
mod body;
mod call;
mod later;
mod finish;
mod pieces;
mod need;
mod logged;

use crate::config::OUT_BATCH;
use crate::exchange::{Exchange, OnSent};
use crate::handler::Handler;
use crate::shared::Shared;

pub(crate) use call::Asked;
pub(crate) use finish::{finish, refuse, respond};
pub(crate) use later::{cancel, respond_with, show};
pub(crate) use logged::PeerName;
use need::Attempt;
pub(crate) use need::Need;
pub(crate) use pieces::{Given, ask_for_piece};

/// Answers the requests that have arrived whole, in order, and at most `budget` of them.
pub(crate) fn answer<H: Handler + ?Sized>(
    exchange: &mut Exchange<'_>,
    shared: &mut Shared,
    asked: &mut Asked<'_, H>,
    budget: &mut u32,
) -> Need {
    loop {
        let out = &exchange.out;
        if exchange.in_flight.on_sent != OnSent::KeepAlive || out.copied() > OUT_BATCH || out.has_tail() {
            return Need::Sending;
        }
        if *budget == 0 && !exchange.input.is_empty() {
            return Need::Sending;
        }
        match passed::attempt(exchange, shared, asked) {
            Ok(Attempt::Answered) => {
                *budget -= 1;
                if exchange.input.is_empty() {
                    return Need::Head;
                }
            }
            Ok(Attempt::BodyFollows | Attempt::Again) => {}
            Ok(Attempt::NotYet(need)) => return need,
            Err(refusal) => refuse(exchange, shared, asked.origin.peer, refusal),
        }
    }
}

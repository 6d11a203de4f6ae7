//! The pieces of a streamed response.

use std::num::NonZeroU64;

use log::error;

use super::finish::CANNOT_BE_SENT;
use crate::config::CloseMode;
use crate::deferred::GoneReason;
use crate::exchange::{Exchange, Later, OnSent, Streamed};
use crate::handler::{BodyWriter, Handler, More, Piece};
use crate::http::response::stream::StreamFraming;
use crate::http::response::{self, Writer};
use crate::shared::Shared;

/// The answer of a host that was asked for a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Given {
    /// Something to send.
    Piece,
    /// Nothing yet.
    Nothing,
    /// The response cannot be finished.
    Cut,
}

/// Asks the handler for the next piece of a response, and appends it to the bytes to send.
pub(crate) fn ask_for_piece<H: Handler + ?Sized>(
    exchange: &mut Exchange<'_>,
    shared: &mut Shared,
    handler: &mut H,
    serial: NonZeroU64,
) -> Given {
    let Some(mut streamed) = exchange.in_flight.later.streamed() else { return Given::Cut };
    // If the handler panics, its end is reported once: not by the record as well.
    exchange.in_flight.on_sent = OnSent::Drop;
    let id = shared.deferrals.put_at_stake(serial);
    let mut writer = BodyWriter::of_piece(Writer::new(exchange.out.room()), streamed.framing);
    let more = handler.more(id, &mut writer);
    let piece = writer.into_piece();
    shared.deferrals.end_stake();
    if more == More::Abort {
        return Given::Cut;
    }
    if let Err(fault) = account(&mut streamed.framing, &piece, more) {
        error!("the handler's streamed response cannot be sent: {fault}");
        shared.stats.handler_errors += 1;
        if !matches!(more, More::End | More::Cut(_)) {
            shared.deferrals.note_gone_here(serial, GoneReason::Unsendable);
        }
        return if takes_back(&streamed, exchange) {
            cannot_be_sent(&streamed, exchange, shared);
            Given::Piece
        } else {
            Given::Cut
        };
    }
    exchange.out.commit(piece.len);
    if let More::Cut(how) = more {
        exchange.in_flight.on_sent = match how {
            CloseMode::Drop => OnSent::Drop,
            _ => OnSent::closing(how),
        };
        return Given::Piece;
    }
    if more == More::End {
        exchange.out.push(if piece.has_trailers { b"\r\n" } else { streamed.framing.end() });
        exchange.in_flight.on_sent = streamed.then;
        return Given::Piece;
    }
    if more == More::Again && piece.data == 0 {
        error!(
            "the handler has written nothing and returned `More::Again`, which is taken for `More::Later`"
        );
    }
    streamed.is_paused = more == More::Later || piece.data == 0;
    streamed.is_new = false;
    exchange.in_flight.on_sent = OnSent::AskMore(serial);
    exchange.in_flight.later = Later::Streamed(streamed);
    if piece.data > 0 { Given::Piece } else { Given::Nothing }
}

/// Takes the head of a stream back, if nothing of it is sent. Returns whether that can be.
fn takes_back(streamed: &Streamed, exchange: &mut Exchange<'_>) -> bool {
    streamed.is_new && exchange.out.take_back(streamed.head_len as usize)
}

/// Writes a 500 in place of a stream that has not begun. The connection closes after it.
fn cannot_be_sent(streamed: &Streamed, exchange: &mut Exchange<'_>, shared: &mut Shared) {
    shared.stats.take_response_back(streamed.status);
    shared.stats.count_response(CANNOT_BE_SENT.status.code());
    shared.stats.count_error(CANNOT_BE_SENT.status);
    let date = shared.date.line(shared.clock.now());
    let len = response::error_page(exchange.out.room(), date, CANNOT_BE_SENT, false);
    exchange.out.commit(len);
    exchange.in_flight.on_sent = match streamed.then {
        then @ OnSent::Close { .. } => then,
        _ => OnSent::CLOSE,
    };
}

/// Counts a piece. The error says why the response cannot be sent.
fn account(framing: &mut StreamFraming, piece: &Piece, more: More) -> Result<(), &'static str> {
    if let Some(fault) = piece.fault {
        return Err(fault);
    }
    if piece.has_trailers && more != More::End {
        return Err("trailers belong into the last piece");
    }
    match framing {
        StreamFraming::Chunked { digits } => *digits = piece.digits,
        StreamFraming::Length(left) => {
            *left = left.checked_sub(piece.data as u64).ok_or("it is longer than its announced length")?;
            if more == More::End && *left > 0 {
                return Err("it is shorter than its announced length");
            }
        }
        StreamFraming::UntilClose => {}
    }
    Ok(())
}

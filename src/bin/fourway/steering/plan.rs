//! The plan of one response: the drawn value of each letter.

use std::time::Duration;

use fastrand::Rng;
use fourway::CloseMode;

use super::number::{Amount, Value};

/// What of the request the response shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    Nothing,
    Headers,
    Body,
}

/// The Content-Length of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    True,
    None,
    This(u64),
}

/// How one response is given. [`Plan::PLAIN`] is the usual response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// `s`: the length of the body, if it is not the usual body.
    pub size: Option<u64>,
    /// `r`
    pub status: u16,
    /// `t`
    pub delay: Duration,
    /// `d`
    pub is_mute: bool,
    /// `k`
    pub one_byte_chunks: bool,
    /// `p`, drawn for each piece.
    pub piece: Option<Amount>,
    /// `g` in milliseconds, drawn for each gap.
    pub gap: Option<Amount>,
    /// `R`
    pub is_random: bool,
    /// `c`
    pub is_cacheable: Option<bool>,
    /// `e`
    pub etag: Option<u64>,
    /// `C`, unless `K` comes after it.
    pub closes: bool,
    /// `w`
    pub idle: Option<Duration>,
    /// `P`
    pub pause: Duration,
    /// `v`
    pub show: Show,
    /// `b`
    pub length: Length,
    /// `B`: the number of bytes of the request's body after which the server responds.
    pub reads: Option<u64>,
    /// `A`: whether the server responds before it reads the body.
    pub responds_first: bool,
    /// `x`
    pub close: Option<CloseMode>,
    /// `n`: the number of bytes of the body after which the response ends.
    pub cut: Option<u64>,
}

impl Plan {
    pub const PLAIN: Plan = Plan {
        size: None,
        status: 200,
        delay: Duration::ZERO,
        is_mute: false,
        one_byte_chunks: false,
        piece: None,
        gap: None,
        is_random: false,
        is_cacheable: None,
        etag: None,
        closes: false,
        idle: None,
        pause: Duration::ZERO,
        show: Show::Nothing,
        length: Length::True,
        reads: None,
        responds_first: false,
        close: None,
        cut: None,
    };

    /// Sets what a letter says. `value` is what its list has drawn. If that is nothing, the plan has what `usual` says.
    pub fn set(&mut self, letter: u8, value: Option<Value>, usual: &Plan, rng: &mut Rng) {
        let amount = match value {
            Some(Value::Amount(amount)) => Some(amount),
            _ => None,
        };
        let drawn = amount.map(|amount| amount.draw(rng));
        let bytes = drawn.and_then(|number| u64::try_from(number).ok());
        let is_on = drawn.map(|number| number > 0);
        let time = bytes.map(Duration::from_millis);
        match letter {
            b's' => self.size = bytes.or(usual.size),
            b'r' => self.status = drawn.map_or(usual.status, |status| status as u16),
            b't' => self.delay = time.unwrap_or(usual.delay),
            b'd' => self.is_mute = is_on.unwrap_or(usual.is_mute),
            b'k' => self.one_byte_chunks = is_on.unwrap_or(usual.one_byte_chunks),
            b'p' => self.piece = amount.map_or(usual.piece, above_zero),
            b'g' => self.gap = amount.map_or(usual.gap, above_zero),
            b'R' => self.is_random = is_on.unwrap_or(usual.is_random),
            b'c' => self.is_cacheable = is_on.or(usual.is_cacheable),
            b'e' => self.etag = bytes.filter(|&version| version > 0).or(usual.etag),
            b'C' => self.closes = is_on.unwrap_or(usual.closes),
            b'K' => self.closes &= !is_on.unwrap_or(false),
            b'w' => self.idle = time.or(usual.idle),
            b'P' => self.pause = time.unwrap_or(usual.pause),
            b'v' => self.show = show(value, usual),
            b'b' => self.length = drawn.map_or(usual.length, length),
            b'B' => self.reads = bytes.or(usual.reads),
            b'A' => self.responds_first = is_on.unwrap_or(usual.responds_first),
            // httpterm switches splice(2) with it. Here bodies have no pipe.
            b'S' => {}
            b'n' => self.cut = bytes.or(usual.cut),
            _ => self.end(value, usual),
        }
    }

    /// Sets how the response ends, as `x` says.
    fn end(&mut self, value: Option<Value>, usual: &Plan) {
        match value {
            Some(Value::End { mode, after }) => {
                self.close = Some(mode);
                self.cut = after.or(self.cut);
            }
            _ => self.close = usual.close,
        }
    }

    /// Returns whether the host has to give the body piece by piece, because something happens between its bytes, or
    /// after the last.
    pub fn is_streamed(&self) -> bool {
        self.piece.is_some()
            || self.gap.is_some()
            || self.one_byte_chunks
            || self.is_random
            || self.cut.is_some()
            || self.waits_after_body()
    }

    /// Returns whether something happens when the kernel has taken the last byte.
    pub fn waits_after_body(&self) -> bool {
        self.idle.is_some() || !self.pause.is_zero()
    }
}

/// A piece of no bytes would have no end, and a gap of no time is none.
fn above_zero(amount: Amount) -> Option<Amount> {
    Some(amount).filter(|amount| amount.number > 0)
}

fn length(number: i64) -> Length {
    match number {
        ..0 => Length::True,
        0 => Length::None,
        1.. => Length::This(number.unsigned_abs()),
    }
}

fn show(value: Option<Value>, usual: &Plan) -> Show {
    match value {
        Some(Value::Headers) => Show::Headers,
        Some(Value::Body) => Show::Body,
        Some(_) => Show::Nothing,
        None => usual.show,
    }
}

//! The options about steered responses.

use clap::{ArgAction, Args};

use super::values::on_or_off;
use crate::steering::query::is_list;

#[derive(Debug, Args)]
#[command(next_help_heading = "Response")]
pub struct SteeringOptions {
    /// Let URLs steer their responses, such as /?s=20k; /?h lists all.
    #[arg(long, value_name = "on|off", env = "FOURWAY_STEER", default_value = "on")]
    #[arg(value_parser = on_or_off, action = ArgAction::Set)]
    pub steer: bool,

    /// Give every response N bytes, such as 20k or 20kr, like s=N in a URL.
    #[arg(long, value_name = "N", env = "FOURWAY_SIZE", value_parser = size)]
    pub size: Option<String>,

    /// Delay every response by MS milliseconds, such as 100 or 100r, like t=MS.
    #[arg(long, value_name = "MS", env = "FOURWAY_DELAY", value_parser = delay)]
    pub delay: Option<String>,

    /// Give every response this status, such as 503 or 503:5,200, like r=CODE.
    #[arg(long, value_name = "CODE", env = "FOURWAY_STATUS", value_parser = status)]
    pub status: Option<String>,

    /// Send every body in pieces of at most N bytes, like p=N.
    #[arg(long, value_name = "N", env = "FOURWAY_PIECE", value_parser = piece)]
    pub piece: Option<String>,

    /// Leave MS milliseconds between the pieces, like g=MS.
    #[arg(long, value_name = "MS", env = "FOURWAY_GAP", value_parser = gap)]
    pub gap: Option<String>,

    /// End responses as x in a URL does, such as rst@0:5 for a reset of 5 %.
    ///
    /// The value is that of x in a URL: fin, peer, rst or drop, with @N after N bytes of the body.
    #[arg(long, value_name = "END", env = "FOURWAY_FAULT", value_parser = fault)]
    pub fault: Option<String>,
}

impl SteeringOptions {
    /// Returns whether any response is steered.
    pub fn is_used(&self) -> bool {
        self.steer || !self.everywhere().is_empty()
    }

    /// Returns the letters that hold for every request, such as `s=20k&t=100r`. It is empty if there are none.
    pub fn everywhere(&self) -> String {
        let letters = [
            ("s", &self.size),
            ("t", &self.delay),
            ("r", &self.status),
            ("p", &self.piece),
            ("g", &self.gap),
            ("x", &self.fault),
        ];
        let given =
            letters.iter().filter_map(|(letter, value)| Some(format!("{letter}={}", value.as_ref()?)));
        given.collect::<Vec<_>>().join("&")
    }
}

fn size(text: &str) -> Result<String, &'static str> {
    list(b's', text, "expected a size, such as 20k, 100kr for a random one, or 1m:10,20k for 10 % of 1m")
}

fn delay(text: &str) -> Result<String, &'static str> {
    list(b't', text, "expected milliseconds up to 3600000, such as 100, 100r for a random time, or 500:10,20")
}

fn status(text: &str) -> Result<String, &'static str> {
    list(b'r', text, "expected a status from 200 to 599, such as 503, or 503:5,200 for 5 % of 503")
}

fn piece(text: &str) -> Result<String, &'static str> {
    list(b'p', text, "expected a size, such as 1000, or 100r for random ones")
}

fn gap(text: &str) -> Result<String, &'static str> {
    list(b'g', text, "expected milliseconds up to 3600000, such as 10, or 10r for random gaps")
}

fn fault(text: &str) -> Result<String, &'static str> {
    list(
        b'x',
        text,
        "expected fin, peer, rst or drop, such as rst:5 for 5 %, or rst@0:5 for a reset before the body",
    )
}

fn list(letter: u8, text: &str, expected: &'static str) -> Result<String, &'static str> {
    if is_list(letter, text) { Ok(text.into()) } else { Err(expected) }
}

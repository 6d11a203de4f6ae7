//! The values of options, and the sentence for each that is wrong.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;
use fourway::{CloseMode, IdleInDrain};
use parse_size::ByteSuffix;

/// One value of `--listen`; `localhost` can stand for several addresses.
#[derive(Debug, Clone)]
pub struct Listen(pub Vec<SocketAddr>);

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Listen(vec![address]));
        }
        // No other name: a server that has to be reached does not depend on a name server.
        let port = text.strip_prefix("localhost:").and_then(|port| port.parse::<u16>().ok());
        if let Some(port) = port {
            let found = ("localhost", port).to_socket_addrs().map_err(|error| error.to_string())?;
            let mut addresses = Vec::new();
            // The hosts file may name an address twice.
            for address in found {
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
            return Ok(Listen(addresses));
        }
        Err("an address is IP:PORT, such as 127.0.0.1:8080 or [::1]:8080, or localhost:PORT; \
             0.0.0.0:PORT and [::]:PORT are all addresses of this machine"
            .into())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Close {
    /// The server closes first and waits for the client's FIN: TIME_WAIT stays here.
    Fin,
    /// The client closes first, if it does so in time: TIME_WAIT stays there.
    Peer,
    /// A reset as soon as the response is sent: no TIME_WAIT, and a large response may be cut.
    Rst,
    /// No response: the server closes as soon as a request is whole.
    Drop,
}

impl From<Close> for CloseMode {
    fn from(close: Close) -> Self {
        match close {
            Close::Fin => CloseMode::Fin,
            Close::Peer => CloseMode::Peer,
            Close::Rst => CloseMode::Rst,
            Close::Drop => CloseMode::Drop,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DrainIdle {
    /// They are closed at once; a client that is about to ask has to ask again.
    Close,
    /// Each may ask once more, until nine tenths of the drain timeout are over.
    LastRequest,
}

impl From<DrainIdle> for IdleInDrain {
    fn from(idle: DrainIdle) -> Self {
        match idle {
            DrainIdle::Close => IdleInDrain::Close,
            DrainIdle::LastRequest => IdleInDrain::LastRequest,
        }
    }
}

/// A time longer than zero.
#[derive(Debug, Clone, Copy)]
pub struct Time(pub Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl FromStr for Time {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match humantime::parse_duration(text) {
            Ok(Duration::ZERO) => Err("the time must be longer than zero"),
            Ok(time) => Ok(Time(time)),
            Err(_) => Err("a time has its unit, such as 500ms, 10s or 2m"),
        }
    }
}

pub fn on_or_off(text: &str) -> Result<bool, &'static str> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("it is either on or off"),
    }
}

/// A number of things, so `k` is 1,000; `ki` is 1,024.
pub fn count(text: &str) -> Result<NonZeroUsize, &'static str> {
    let counts = parse_size::Config::new().with_byte_suffix(ByteSuffix::Deny);
    let number = counts.parse_size(text).ok().and_then(|number| usize::try_from(number).ok());
    number.and_then(NonZeroUsize::new).ok_or("a number is 1 or more, such as 10000 or 10k")
}

pub fn backlog(text: &str) -> Result<u32, &'static str> {
    let number = count(text)?.get();
    u32::try_from(number).map_err(|_| "a backlog is below 4,294,967,296")
}

/// Anything that can stand in a header: what comes out is what was asked for.
pub fn content_type(text: &str) -> Result<String, &'static str> {
    const LONGEST: usize = 1024;
    if text.is_empty() || text.len() > LONGEST || !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err("a content type is 1 to 1,024 printable ASCII characters, such as text/html");
    }
    Ok(text.into())
}

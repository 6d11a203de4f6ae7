//! The types of option values, and an error for each value that is wrong.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
#[cfg(unix)]
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;
use fourway::{CloseMode, IdleInDrain};
use parse_size::ByteSuffix;

/// One value of `--listen`.
#[derive(Debug, Clone)]
pub enum Listen {
    /// `localhost` can have several addresses.
    Tcp(Vec<SocketAddr>),
    /// The path of a Unix socket.
    #[cfg(unix)]
    Unix(PathBuf),
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Listen::Tcp(vec![address]));
        }
        #[cfg(unix)]
        if let Some(path) = text.strip_prefix("unix:").filter(|path| !path.is_empty()) {
            return Ok(Listen::Unix(path.into()));
        }
        // Other names are refused, because the server must not depend on a name server.
        let port = text.strip_prefix("localhost:").and_then(|port| port.parse::<u16>().ok());
        if let Some(port) = port {
            let found = ("localhost", port).to_socket_addrs().map_err(|error| error.to_string())?;
            let mut addresses = Vec::new();
            // The hosts file may list an address twice.
            for address in found {
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
            return Ok(Listen::Tcp(addresses));
        }
        Err("expected IP:PORT, such as 127.0.0.1:8080 or [::1]:8080, or localhost:PORT, or unix:PATH; \
             for all addresses of this machine, use 0.0.0.0:PORT or [::]:PORT"
            .into())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Close {
    /// The server closes first and waits for the client's FIN; the server holds TIME_WAIT.
    Fin,
    /// The client closes first, within --linger-timeout; the client holds TIME_WAIT.
    Peer,
    /// The server resets the connection after the response; nobody holds TIME_WAIT, and a large response may
    /// be cut.
    Rst,
    /// The server closes as soon as a request is complete, without a response.
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
    /// Close them at once; a client may have to repeat its next request.
    Close,
    /// Let each send one more request, until 90 % of --drain-timeout is over.
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
            Ok(Duration::ZERO) => Err("expected a time longer than zero"),
            Ok(time) => Ok(Time(time)),
            Err(_) => Err("expected a number with a unit, such as 500ms, 10s or 2m"),
        }
    }
}

pub fn on_or_off(text: &str) -> Result<bool, &'static str> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("expected either on or off"),
    }
}

/// The value of a variable that stands for a switch. On the command line a switch has no value.
pub fn switch(text: &str) -> Result<bool, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Ok(true),
        "0" | "false" | "f" | "no" | "n" | "off" => Ok(false),
        _ => Err("expected 1, true, yes or on, or 0, false, no or off"),
    }
}

/// The value of a variable that stands for a number of `-v`.
pub fn verbosity(text: &str) -> Result<u8, &'static str> {
    text.parse().map_err(|_| "expected a number from 0 to 255, such as 2 for -vv")
}

/// Parses a number: `k` is 1,000, and `ki` is 1,024.
fn number(text: &str) -> Option<u64> {
    parse_size::Config::new().with_byte_suffix(ByteSuffix::Deny).parse_size(text).ok()
}

/// A number of things, 1 or more.
pub fn count(text: &str) -> Result<NonZeroUsize, &'static str> {
    let number = number(text).and_then(|number| usize::try_from(number).ok());
    number.and_then(NonZeroUsize::new).ok_or("expected a number of 1 or more, such as 10000 or 10k")
}

/// A number of bytes or things in a range.
pub fn size(range: RangeInclusive<usize>) -> impl Fn(&str) -> Result<usize, String> + Clone {
    move |text| {
        let number = number(text).and_then(|number| usize::try_from(number).ok());
        number
            .filter(|number| range.contains(number))
            .ok_or_else(|| format!("expected a number from {} to {}", range.start(), range.end()))
    }
}

/// Any number of bytes.
pub fn bytes(text: &str) -> Result<u64, &'static str> {
    number(text).ok_or("expected a number of bytes, such as 0, 64k or 64ki")
}

/// A number of things that a machine may be asked for. It is so small that sums and products of it are not too large.
pub fn wish(text: &str) -> Result<u64, &'static str> {
    let number = count(text).ok().map(|number| number.get() as u64).filter(|&number| number <= 1_000_000_000);
    number.ok_or("expected a number from 1 to 1,000,000,000, such as 10000 or 10k")
}

/// Parses the number of a thing among others, such as each tenth one.
pub fn nth(text: &str) -> Result<u64, &'static str> {
    number(text).filter(|&number| number > 0).ok_or("expected a number, 1 or more, such as 10 or 1k")
}

pub fn backlog(text: &str) -> Result<u32, &'static str> {
    let number = number(text).ok_or("expected a number from 0 on, such as 0, 128 or 64k")?;
    u32::try_from(number).map_err(|_| "expected a number below 4,294,967,296")
}

/// Any text that can be the value of a header.
pub fn content_type(text: &str) -> Result<String, &'static str> {
    const LONGEST: usize = 1024;
    if text.is_empty() || text.len() > LONGEST || !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err("expected 1 to 1,024 printable ASCII characters, such as text/html");
    }
    Ok(text.into())
}

//! Sockets that the program inherits.
//!
//! The parent can bind sockets and pass them on as open descriptors, from 3 on. `LISTEN_FDS` has their number
//! (systemd's socket activation, `sd_listen_fds(3)`). Such a socket outlives the program. During a restart,
//! clients wait in the socket's accept queue, and none is refused.

use std::env;
use std::net::TcpListener;
use std::process;

/// The maximum number of sockets that a server can listen on.
const MOST: u32 = 64;

/// The listeners that this process inherits.
#[derive(Default)]
pub struct Inherited {
    pub listeners: Vec<TcpListener>,
    /// The process in `LISTEN_PID`, if it is another process.
    meant_for: Option<u32>,
}

impl Inherited {
    /// Takes the sockets that `LISTEN_FDS` counts. A descriptor that is not a TCP listener is an error.
    pub fn of_process() -> Result<Self, String> {
        if cfg!(unix) {
            let variable = |name| env::var_os(name).map(|value| value.to_string_lossy().into_owned());
            match recipient(variable("LISTEN_FDS"), variable("LISTEN_PID"), process::id())? {
                Recipient::Us => {}
                Recipient::Nobody => return Ok(Inherited::default()),
                Recipient::Other(process) => {
                    return Ok(Inherited { meant_for: Some(process), ..Inherited::default() });
                }
            }
        }
        let mut given = listenfd::ListenFd::from_env();
        let mut listeners = Vec::new();
        for at in 0..given.len() {
            let wrong = |why| format!("socket {} of LISTEN_FDS is not a TCP listener: {why}", at + 1);
            let Some(listener) = given.take_tcp_listener(at).map_err(|error| wrong(error.to_string()))?
            else {
                continue;
            };
            if !is_listening(&listener) {
                return Err(wrong("it does not listen".into()));
            }
            listeners.push(listener);
        }
        Ok(Inherited { listeners, meant_for: None })
    }

    pub fn is_empty(&self) -> bool {
        self.listeners.is_empty()
    }

    /// Returns a warning if the sockets are for another process, such as a shell that started this process without
    /// `exec`.
    pub fn warning(&self) -> Option<String> {
        let process = self.meant_for?;
        Some(format!("LISTEN_FDS is ignored: LISTEN_PID is {process}, which is another process"))
    }
}

/// The process that the sockets are for.
#[derive(Debug, PartialEq, Eq)]
enum Recipient {
    Nobody,
    Us,
    Other(u32),
}

/// Reads the variables as `sd_listen_fds(3)` does, with two exceptions. An empty variable counts as not set. Without
/// `LISTEN_PID` the sockets are for every process, because some programs do not set it.
fn recipient(sockets: Option<String>, pid: Option<String>, own: u32) -> Result<Recipient, String> {
    let Some(sockets) = sockets.filter(|text| !text.is_empty()) else { return Ok(Recipient::Nobody) };
    if let Some(pid) = pid.filter(|text| !text.is_empty()) {
        match pid.parse() {
            Ok(pid) if pid == own => {}
            Ok(pid @ 1..) => return Ok(Recipient::Other(pid)),
            _ => return Err(format!("LISTEN_PID is {pid:?}, but must be a process ID")),
        }
    }
    match sockets.parse() {
        Ok(1..=MOST) => Ok(Recipient::Us),
        Ok(number @ 1..) => Err(format!("LISTEN_FDS is {number}, but must be at most {MOST}")),
        _ => Err(format!("LISTEN_FDS is {sockets:?}, but must be a number of sockets, 1 to {MOST}")),
    }
}

/// Returns whether a socket listens. A TCP socket may also be a connection, or may only be bound.
#[cfg(target_os = "linux")]
fn is_listening(listener: &TcpListener) -> bool {
    // If the kernel does not report it, the first accept will.
    socket2::SockRef::from(listener).is_listener().unwrap_or(true)
}

#[cfg(not(target_os = "linux"))]
fn is_listening(_: &TcpListener) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sockets: Option<&str>, pid: Option<&str>) -> Result<Recipient, String> {
        recipient(sockets.map(str::to_owned), pid.map(str::to_owned), 7)
    }

    #[test]
    fn sockets_are_for_the_process_in_listen_pid_or_for_every_process() {
        assert_eq!(read(Some("1"), Some("7")), Ok(Recipient::Us));
        assert_eq!(read(Some("64"), None), Ok(Recipient::Us));
        assert_eq!(read(Some("1"), Some("")), Ok(Recipient::Us));
        assert_eq!(read(Some("1"), Some("8")), Ok(Recipient::Other(8)));
        assert_eq!(read(Some("nonsense"), Some("8")), Ok(Recipient::Other(8)));
    }

    #[test]
    fn without_listen_fds_nothing_is_inherited() {
        assert_eq!(read(None, Some("7")), Ok(Recipient::Nobody));
        assert_eq!(read(Some(""), Some("7")), Ok(Recipient::Nobody));
    }

    #[test]
    fn variables_that_are_not_valid_numbers_are_errors() {
        for number in ["-1", "0", "x", "1x", " 1", "1.0", "99999999999", "65"] {
            assert!(read(Some(number), Some("7")).unwrap_err().starts_with("LISTEN_FDS is "), "{number}");
        }
        for pid in ["-1", "0", "x", "99999999999"] {
            assert!(read(Some("1"), Some(pid)).unwrap_err().starts_with("LISTEN_PID is "), "{pid}");
        }
    }
}

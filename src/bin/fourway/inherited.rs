//! Sockets that the program inherits.
//!
//! The parent can bind a socket and hand it over, open, from the descriptor 3 on, with the number of sockets
//! in `LISTEN_FDS` (systemd's socket activation, `sd_listen_fds(3)`). Such a socket outlives the program:
//! clients that come while it is restarted wait in the socket's queue, and none is refused.

use std::env;
use std::net::TcpListener;
use std::process;

/// The most that a server can listen on.
const MOST: u32 = 64;

/// The listeners that this process was started with.
#[derive(Default)]
pub struct Inherited {
    pub listeners: Vec<TcpListener>,
    /// The process that the sockets of the environment are for, if it is another one.
    meant_for: Option<u32>,
}

impl Inherited {
    /// Takes the sockets that the environment names. Anything else that was handed over is an error.
    pub fn of_process() -> Result<Self, String> {
        if cfg!(unix) {
            let variable = |name| env::var_os(name).map(|value| value.to_string_lossy().into_owned());
            match handed_over(variable("LISTEN_FDS"), variable("LISTEN_PID"), process::id())? {
                HandedOver::ToUs => {}
                HandedOver::ToNobody => return Ok(Inherited::default()),
                HandedOver::To(process) => {
                    return Ok(Inherited { meant_for: Some(process), ..Inherited::default() });
                }
            }
        }
        let mut given = listenfd::ListenFd::from_env();
        let mut listeners = Vec::new();
        for at in 0..given.len() {
            let wrong = |why| format!("socket {} of LISTEN_FDS is no TCP listener: {why}", at + 1);
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

    /// A sentence if the sockets of the environment are another process's, such as a shell's that has started
    /// this one without `exec`.
    pub fn warning(&self) -> Option<String> {
        let process = self.meant_for?;
        Some(format!("LISTEN_FDS is ignored: LISTEN_PID says that its sockets are for the process {process}"))
    }
}

#[derive(Debug, PartialEq, Eq)]
enum HandedOver {
    ToNobody,
    ToUs,
    To(u32),
}

/// The variables mean what `sd_listen_fds(3)` says, with two exceptions. An empty one is not set, and without
/// `LISTEN_PID` the sockets are for everybody, because other programs than systemd leave it out.
fn handed_over(sockets: Option<String>, pid: Option<String>, own: u32) -> Result<HandedOver, String> {
    let Some(sockets) = sockets.filter(|text| !text.is_empty()) else { return Ok(HandedOver::ToNobody) };
    if let Some(pid) = pid.filter(|text| !text.is_empty()) {
        match pid.parse() {
            Ok(pid) if pid == own => {}
            Ok(pid @ 1..) => return Ok(HandedOver::To(pid)),
            _ => return Err(format!("LISTEN_PID is {pid:?}, and not the number of a process")),
        }
    }
    match sockets.parse() {
        Ok(1..=MOST) => Ok(HandedOver::ToUs),
        Ok(number @ 1..) => {
            Err(format!("LISTEN_FDS is {number}, and a server listens on at most {MOST} sockets"))
        }
        _ => Err(format!("LISTEN_FDS is {sockets:?}, and not the number of sockets that are handed over")),
    }
}

/// A socket of the right kind may also be a connection, or only be bound.
#[cfg(target_os = "linux")]
fn is_listening(listener: &TcpListener) -> bool {
    // Where the kernel does not say, accepting will.
    socket2::SockRef::from(listener).is_listener().unwrap_or(true)
}

#[cfg(not(target_os = "linux"))]
fn is_listening(_: &TcpListener) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sockets: Option<&str>, pid: Option<&str>) -> Result<HandedOver, String> {
        handed_over(sockets.map(str::to_owned), pid.map(str::to_owned), 7)
    }

    #[test]
    fn sockets_are_for_the_process_that_is_named_or_for_everybody() {
        assert_eq!(read(Some("1"), Some("7")), Ok(HandedOver::ToUs));
        assert_eq!(read(Some("64"), None), Ok(HandedOver::ToUs));
        assert_eq!(read(Some("1"), Some("")), Ok(HandedOver::ToUs));
        assert_eq!(read(Some("1"), Some("8")), Ok(HandedOver::To(8)));
        assert_eq!(read(Some("nonsense"), Some("8")), Ok(HandedOver::To(8)));
    }

    #[test]
    fn nothing_is_handed_over_without_a_number() {
        assert_eq!(read(None, Some("7")), Ok(HandedOver::ToNobody));
        assert_eq!(read(Some(""), Some("7")), Ok(HandedOver::ToNobody));
    }

    #[test]
    fn numbers_that_mean_nothing_are_errors() {
        for number in ["-1", "0", "x", "1x", " 1", "1.0", "99999999999", "65"] {
            assert!(read(Some(number), Some("7")).unwrap_err().starts_with("LISTEN_FDS is "), "{number}");
        }
        for pid in ["-1", "0", "x", "99999999999"] {
            assert!(read(Some("1"), Some(pid)).unwrap_err().starts_with("LISTEN_PID is "), "{pid}");
        }
    }
}

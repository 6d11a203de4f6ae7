//! Sockets that the program inherits.
//!
//! The parent can bind a socket and hand it over, open, from the descriptor 3 on, with the number of sockets
//! in `LISTEN_FDS` (systemd's socket activation, `sd_listen_fds(3)`). Such a socket outlives the program:
//! clients that come while it is restarted wait in the socket's queue, and none is refused.

use std::net::TcpListener;

/// The listeners that this process was started with.
pub struct Inherited(pub Vec<TcpListener>);

impl Inherited {
    /// Those that the environment names; whatever else was handed over is an error.
    pub fn of_process() -> Result<Self, String> {
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
        Ok(Inherited(listeners))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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

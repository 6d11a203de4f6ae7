//! Where the program listens: on the addresses that were asked for, and on sockets that it inherits.
//!
//! Whoever starts it can bind a socket and hand it over, open, from the descriptor 3 on, with their
//! number in `LISTEN_FDS` (systemd's socket activation, `sd_listen_fds(3)`). Such a socket outlives
//! the program: clients that come while it is restarted wait in the socket's queue, and nobody is
//! refused.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};

use fourway::{ListenerId, Server};

use super::options::Options;

/// The listeners that this process was started with.
pub struct Inherited(Vec<TcpListener>);

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

/// All that the program listens on.
pub struct Sockets {
    urls: Vec<String>,
    inherited: Vec<ListenerId>,
}

impl Sockets {
    /// Listens on all that was inherited and on every address that was asked for.
    pub fn listen(server: &mut Server, inherited: Inherited, options: &Options) -> Result<Self, String> {
        let addresses = options.addresses(!inherited.is_empty());
        let mut sockets = Sockets { urls: Vec::new(), inherited: Vec::new() };
        for listener in inherited.0 {
            let added = server.add_listener(listener).map_err(|refused| refused.error);
            let id = added.map_err(|error| format!("cannot accept from an inherited socket: {error}"))?;
            let address = server.local_addr(id);
            sockets.urls.extend(address.map(|address| format!("http://{address} (inherited)")));
            sockets.inherited.push(id);
        }
        for address in addresses {
            let listener = server.listen(address).map_err(|error| listen_error(address, &error))?;
            sockets.urls.push(format!("http://{}", server.local_addr(listener).unwrap_or(address)));
        }
        Ok(sockets)
    }

    /// Leaves those that were inherited to whoever comes next, with the clients in their queues. They stay
    /// open, for whoever has handed them over has kept them.
    pub fn leave_inherited(&mut self, server: &mut Server) {
        for id in self.inherited.drain(..) {
            drop(server.remove_listener(id));
        }
    }
}

/// Their URLs, with the ports that the system chose.
impl fmt::Display for Sockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.urls.join(", "))
    }
}

/// Which address cannot be had, and what to do about it.
fn listen_error(address: SocketAddr, error: &io::Error) -> String {
    let advice = match error.kind() {
        ErrorKind::AddrInUse => {
            "the port is in use: stop the program that has it, or choose another with --listen"
        }
        ErrorKind::AddrNotAvailable => "this machine does not have that address: choose one that it has",
        ErrorKind::PermissionDenied => "permission denied: choose a port from 1024 up",
        _ => return format!("cannot listen on {address}: {error}"),
    };
    format!("cannot listen on {address}: {advice}")
}

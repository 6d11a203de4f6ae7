//! Where the program listens: on the addresses that were asked for, and on sockets that it inherits.
//!
//! Whoever starts it can bind a socket and hand it over, open, from the descriptor 3 on, with their
//! number in `LISTEN_FDS` (systemd's socket activation, `sd_listen_fds(3)`). Such a socket outlives
//! the program: clients that come while it is restarted wait in the socket's queue, and nobody is
//! refused.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};

use fourway::Server;

use super::options::Options;

/// The listeners that this process was started with.
pub struct Inherited(Vec<TcpListener>);

impl Inherited {
    /// Those that the environment names; whatever else was handed over is an error.
    pub fn of_process() -> Result<Self, String> {
        let mut given = listenfd::ListenFd::from_env();
        let mut listeners = Vec::new();
        for at in 0..given.len() {
            match given.take_tcp_listener(at) {
                Ok(listener) => listeners.extend(listener),
                Err(error) => {
                    let descriptor = 3 + at;
                    return Err(format!("descriptor {descriptor} of LISTEN_FDS is no TCP listener: {error}"));
                }
            }
        }
        Ok(Inherited(listeners))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Listens on all that was inherited and on every address that was asked for; their URLs, with the
/// ports that the system chose.
pub fn listen(server: &mut Server, inherited: Inherited, options: &Options) -> Result<String, String> {
    let addresses = options.addresses(!inherited.is_empty());
    let mut urls = Vec::new();
    for listener in inherited.0 {
        let added = server.add_listener(listener).map_err(|refused| refused.error);
        let id = added.map_err(|error| format!("cannot accept from an inherited socket: {error}"))?;
        urls.extend(server.local_addr(id).map(|address| format!("http://{address} (inherited)")));
    }
    for address in addresses {
        let listener = server.listen(address).map_err(|error| listen_error(address, &error))?;
        urls.push(format!("http://{}", server.local_addr(listener).unwrap_or(address)));
    }
    Ok(urls.join(", "))
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

//! The bill of a scenario: which side holds TIME_WAIT and for how long still, and what a restart of the server meets.
//!
//! Both are measured. The kernel lists the sockets in TIME_WAIT (see `held`). A restart is tried: two sockets are bound to the address that the server had, one without SO_REUSEADDR and one with it. So a bill is
//! made after the server has closed its listener.
//!
//! Linux lets two sockets share a port only if both have SO_REUSEADDR. An accepted socket inherits it from its listener,
//! and keeps it in TIME_WAIT. So it helps a restart only if the old server had set it too.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};

use super::errno;
use super::held::Held;
use super::ports::Outcome;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bill {
    /// `None` on a system that has no list of its sockets.
    pub held: Option<Held>,
    pub restart: Restart,
    /// How many such connections a narrow range of ports bears, if that was tried.
    pub ports: Option<Outcome>,
}

/// What a restart of the server meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restart {
    pub without_reuse: Attempt,
    /// `None` where SO_REUSEADDR means something else: on Windows it lets two servers share a port.
    pub with_reuse: Option<Attempt>,
}

/// The result of an attempt to listen: the name of the error, if there was one.
pub type Attempt = Result<(), String>;

impl Bill {
    /// Measures the bill of the connections to a server that has ended.
    pub fn of(server: SocketAddr) -> Self {
        Bill { held: Held::measure(server), restart: Restart::attempt(server), ports: None }
    }
}

impl Restart {
    /// Tries to listen on the address, as the server's successor would.
    pub fn attempt(server: SocketAddr) -> Self {
        let attempt = |reuses| listen(server, reuses).map(drop).map_err(|error| errno::name(&error));
        Restart { without_reuse: attempt(false), with_reuse: cfg!(unix).then(|| attempt(true)) }
    }
}

/// Listens on an address. The listener of `std` would always set SO_REUSEADDR.
pub fn listen(address: SocketAddr, reuses: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if reuses {
        socket.set_reuse_address(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(128)?;
    Ok(socket)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::io::Read;
    use std::net::{Ipv4Addr, TcpStream};

    use super::super::held::tests::{counts, measures};
    use super::*;

    fn refused() -> Attempt {
        Err("EADDRINUSE".into())
    }

    /// Makes a connection to a new server, one side of which closes first. Returns the server's address.
    fn ended(server_closes_first: bool, server_reuses: bool) -> SocketAddr {
        let listener = listen((Ipv4Addr::LOCALHOST, 0).into(), server_reuses).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let client = TcpStream::connect(address).unwrap();
        let server = TcpStream::from(listener.accept().unwrap().0);
        let (first, mut second) = if server_closes_first { (server, client) } else { (client, server) };
        drop(first);
        assert_eq!(second.read(&mut [0]).unwrap(), 0, "the first FIN has arrived");
        address
    }

    #[test]
    fn a_server_that_closed_first_holds_time_wait_and_needs_reuse_to_restart() {
        let restart = Restart { without_reuse: refused(), with_reuse: Some(Ok(())) };
        measures(&((0, 1), true, restart), || {
            let Bill { held, restart, .. } = Bill::of(ended(true, true));
            let left = held.expect("the list of sockets").by_server.left.as_secs();
            (counts(held), (50..=60).contains(&left), restart)
        });
    }

    #[test]
    fn reuse_helps_only_a_server_whose_predecessor_had_it_as_well() {
        let restart = Restart { without_reuse: refused(), with_reuse: Some(refused()) };
        measures(&restart, || Bill::of(ended(true, false)).restart);
    }

    #[test]
    fn a_client_that_closed_first_leaves_the_servers_port_free() {
        let restart = Restart { without_reuse: Ok(()), with_reuse: Some(Ok(())) };
        measures(&((1, 0), restart), || {
            let Bill { held, restart, .. } = Bill::of(ended(false, false));
            (counts(held), restart)
        });
    }
}

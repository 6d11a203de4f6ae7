//! A TCP listener with the options of the command line. The library's own listeners have only a backlog and
//! SO_REUSEPORT, so the program makes its listeners itself, as any host may.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

use super::options::ListenerOptions;

/// Listens on an address. Accepted sockets inherit the options that are set before `listen`.
pub fn open(address: SocketAddr, options: &ListenerOptions) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // On Unix this allows a bind while old connections are in TIME_WAIT. On Windows it would allow two servers to
    // share a port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    #[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos"))))]
    if options.reuse_port {
        socket.set_reuse_port(true)?;
    }
    if address.is_ipv6() {
        socket.set_only_v6(options.ipv6_only)?;
    }
    socket.set_tcp_nodelay(true)?;
    // The kernel derives the scale of a connection's window from its receive buffer, in its handshake.
    if let Some(bytes) = options.receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    if let Some(bytes) = options.send_buffer {
        socket.set_send_buffer_size(bytes)?;
    }
    socket.bind(&address.into())?;
    socket.listen(options.backlog())?;
    Ok(socket.into())
}

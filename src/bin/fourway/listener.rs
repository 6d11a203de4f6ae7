//! A TCP listener with the options of the command line. The library's own listeners have only a backlog and
//! SO_REUSEPORT, so the program makes its listeners itself, as any host may.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::options::Options;

/// Listens on an address. Accepted sockets inherit the options that are set before `listen`.
pub fn open(address: SocketAddr, all: &Options) -> io::Result<TcpListener> {
    let options = &all.listeners;
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
    if let Some(time) = options.busy_poll {
        let micros = u32::try_from(time.0.as_micros().max(1)).unwrap_or(u32::MAX);
        // A larger number would be negative.
        let result = linux::set_busy_poll(&socket, micros.min(i32::MAX as u32));
        result.map_err(|error| refused(&error, &all.name("busy_poll")))?;
    }
    if let Some(time) = options.defer_accept {
        let result = linux::set_defer_accept(&socket, seconds(time.0));
        result.map_err(|error| refused(&error, &all.name("defer_accept")))?;
    }
    if let Some(queue) = options.fast_open {
        let result = linux::set_fast_open(&socket, queue);
        result.map_err(|error| refused(&error, &all.name("fast_open")))?;
    }
    socket.bind(&address.into())?;
    socket.listen(options.backlog())?;
    Ok(socket.into())
}

/// Returns the whole seconds of a time, rounded up.
fn seconds(time: Duration) -> usize {
    let more = u64::from(time.subsec_nanos() > 0);
    usize::try_from(time.as_secs().saturating_add(more)).unwrap_or(usize::MAX).min(i32::MAX as usize)
}

/// Returns an error that names the option.
fn refused(error: &io::Error, name: &str) -> io::Error {
    let advice = match error.kind() {
        io::ErrorKind::PermissionDenied => ": it needs the capability CAP_NET_ADMIN",
        _ => "",
    };
    io::Error::other(format!("the system refuses {name}: {error}{advice}"))
}

/// The options that only Linux has.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub mod linux {
    use std::io;

    use nix::sys::socket::SetSockOpt;
    use nix::sys::socket::sockopt::SetUsize;
    use socket2::Socket;

    // No crate has a function for these two. nix makes one from the number of an option, and passes an `int`, as tcp(7)
    // asks for.
    #[derive(Clone)]
    struct DeferAccept;
    nix::setsockopt_impl!(DeferAccept, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, usize, SetUsize);

    #[derive(Clone)]
    struct FastOpen;
    nix::setsockopt_impl!(FastOpen, libc::IPPROTO_TCP, libc::TCP_FASTOPEN, usize, SetUsize);

    pub fn set_busy_poll(socket: &Socket, micros: u32) -> io::Result<()> {
        socket.set_busy_poll(micros)
    }

    pub fn set_defer_accept(socket: &Socket, seconds: usize) -> io::Result<()> {
        Ok(DeferAccept.set(socket, &seconds)?)
    }

    pub fn set_fast_open(socket: &Socket, queue: usize) -> io::Result<()> {
        Ok(FastOpen.set(socket, &queue)?)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub mod linux {
    use std::io;

    use socket2::Socket;

    pub fn set_busy_poll(_: &Socket, _: u32) -> io::Result<()> {
        Err(unsupported())
    }

    pub fn set_defer_accept(_: &Socket, _: usize) -> io::Result<()> {
        Err(unsupported())
    }

    pub fn set_fast_open(_: &Socket, _: usize) -> io::Result<()> {
        Err(unsupported())
    }

    fn unsupported() -> io::Error {
        io::Error::new(io::ErrorKind::Unsupported, "only Linux has it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_second_counts_as_a_second() {
        assert_eq!(seconds(Duration::from_millis(1)), 1);
        assert_eq!(seconds(Duration::from_secs(2)), 2);
        assert_eq!(seconds(Duration::MAX), i32::MAX as usize);
    }

    #[test]
    fn an_option_that_the_system_refuses_is_named_with_what_it_needs() {
        let error = io::Error::from(io::ErrorKind::PermissionDenied);
        let sentence = refused(&error, "FOURWAY_BUSY_POLL").to_string();
        assert!(sentence.starts_with("the system refuses FOURWAY_BUSY_POLL: "), "{sentence}");
        assert!(sentence.ends_with(": it needs the capability CAP_NET_ADMIN"), "{sentence}");
    }
}

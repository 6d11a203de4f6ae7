//! A client that only connects, and whose kernel chooses its ports from a narrow range (`IP_LOCAL_PORT_RANGE` of Linux 6.3,
//! `man 2const IP_LOCAL_PORT_RANGE`). It is the option of one socket, so it needs no right.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;

use socket2::{Domain, Protocol, Socket, Type};

use super::super::machine::ports;

/// A range of so many ports, from which the kernel chooses.
pub struct Narrow(RangeInclusive<u16>);

impl Narrow {
    /// Chooses a range within that of the system. The kernel ignores another. Returns `None` if there is none.
    ///
    /// The kernel passes over a port to which somebody has bound a socket, even with another address. So a range whose
    /// ports are all free is better.
    pub fn choose(count: u16) -> Option<Self> {
        const ATTEMPTS: usize = 100;
        let all = ports::range()?;
        let last_first = all.end().checked_sub(count)?;
        let choose = || {
            let first = (*all.start() <= last_first).then(|| fastrand::u16(*all.start()..=last_first))?;
            Some(Narrow(first..=first + (count - 1)))
        };
        for _ in 1..ATTEMPTS {
            let range = choose()?;
            if range.0.clone().all(is_free) {
                return Some(range);
            }
        }
        choose()
    }

    /// Connects. The kernel of the system may not know the option.
    pub fn connect(&self, socket: &Socket, server: SocketAddr) -> io::Result<()> {
        option::set(socket, &self.0)?;
        socket.connect(&server.into())
    }
}

/// Returns whether nobody has this port, with any address. The listener of `std` would take one in TIME_WAIT.
fn is_free(port: u16) -> bool {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP));
    let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    socket.and_then(|socket| socket.bind(&address.into())).is_ok()
}

#[cfg(target_os = "linux")]
mod option {
    use std::io;
    use std::ops::RangeInclusive;

    use nix::sys::socket::SetSockOpt;
    use nix::sys::socket::sockopt::SetUsize;
    use socket2::Socket;

    /// `linux/in.h`
    const IP_LOCAL_PORT_RANGE: libc::c_int = 51;

    // nix passes an `int`: the last port in its upper half, the first in its lower.
    #[derive(Clone)]
    struct LocalPortRange;
    nix::setsockopt_impl!(LocalPortRange, libc::IPPROTO_IP, IP_LOCAL_PORT_RANGE, usize, SetUsize);

    pub fn set(socket: &Socket, range: &RangeInclusive<u16>) -> io::Result<()> {
        let value = u32::from(*range.end()) << 16 | u32::from(*range.start());
        Ok(LocalPortRange.set(socket, &(value as usize))?)
    }
}

#[cfg(not(target_os = "linux"))]
mod option {
    use std::io;
    use std::ops::RangeInclusive;

    use socket2::Socket;

    pub fn set(_: &Socket, _: &RangeInclusive<u16>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

//! A client that only connects, and whose kernel chooses its ports from a narrow range (`IP_LOCAL_PORT_RANGE` of Linux 6.3,
//! `man 2const IP_LOCAL_PORT_RANGE`). It is the option of one socket, so it needs no right.

use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;

use socket2::Socket;

use super::super::machine::ports;

/// A range of so many ports, from which the kernel chooses.
pub struct Narrow(RangeInclusive<u16>);

impl Narrow {
    /// Chooses a range within that of the system. The kernel ignores another. Returns `None` if there is none.
    pub fn choose(count: u16) -> Option<Self> {
        let all = ports::range()?;
        let last_first = all.end().checked_sub(count)?;
        let first = (*all.start() <= last_first).then(|| fastrand::u16(*all.start()..=last_first))?;
        Some(Narrow(first..=first + (count - 1)))
    }

    /// Connects. The kernel of the system may not know the option.
    pub fn connect(&self, socket: &Socket, server: SocketAddr) -> io::Result<()> {
        option::set(socket, &self.0)?;
        socket.connect(&server.into())
    }
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

//! The conversation with the kernel: it lists the sockets of one address family, then those of the other.

use std::io::{self, ErrorKind};

use super::count::Count;
use super::message::{self, Family, Part, REQUEST};

/// The kernel's end of a `sock_diag` socket, or that of a test. Neither call waits.
pub trait Kernel: Send {
    /// Sends a request. The kernel makes the first piece of the reply in this call.
    fn ask(&mut self, request: &[u8; REQUEST]) -> io::Result<()>;

    /// Receives a piece of the reply, and returns its length.
    fn receive(&mut self, reply: &mut [u8]) -> io::Result<usize>;
}

pub use netlink::Netlink;

mod netlink {
    use std::io;
    use std::os::fd::OwnedFd;

    use rustix::net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
    };

    use super::{Kernel, REQUEST};

    /// A socket of this process.
    pub struct Netlink(OwnedFd);

    impl Netlink {
        pub fn open() -> io::Result<Self> {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            Ok(Netlink(socket_with(
                AddressFamily::NETLINK,
                SocketType::RAW,
                flags,
                Some(netlink::SOCK_DIAG),
            )?))
        }
    }

    impl Kernel for Netlink {
        fn ask(&mut self, request: &[u8; REQUEST]) -> io::Result<()> {
            // A request is sent whole or not at all.
            send(&self.0, request, SendFlags::empty())?;
            Ok(())
        }

        fn receive(&mut self, reply: &mut [u8]) -> io::Result<usize> {
            let (length, _) = recv(&self.0, reply, RecvFlags::empty())?;
            Ok(length)
        }
    }
}

/// The result of a step.
#[derive(Debug)]
pub enum Step {
    /// There is more to do.
    Running,
    Done,
    Failed(io::Error),
}

/// A list that the kernel is asked for.
pub struct Dump {
    kernel: Box<dyn Kernel>,
    family: Family,
    /// The kernel has the request for this family, and has not ended its reply.
    is_asked: bool,
    receives: u64,
    /// The number of calls in a row that would have waited.
    fruitless: u32,
}

/// The number of calls in a row without a result, after which the kernel is not expected to reply. It has its reply ready
/// before a request returns.
const MOST_FRUITLESS: u32 = 50;

impl Dump {
    pub fn new(kernel: Box<dyn Kernel>) -> Self {
        Dump { kernel, family: Family::V4, is_asked: false, receives: 0, fruitless: 0 }
    }

    pub fn receives(&self) -> u64 {
        self.receives
    }

    /// Makes one system call: it asks, or receives one piece and counts its sockets.
    pub fn step(&mut self, buffer: &mut [u8], count: &mut Count) -> Step {
        if !self.is_asked {
            return match self.kernel.ask(&message::request(self.family)) {
                Ok(()) => {
                    self.is_asked = true;
                    Step::Running
                }
                Err(error) => self.wait(error),
            };
        }
        self.receives += 1;
        match self.kernel.receive(buffer) {
            Ok(length) => {
                self.fruitless = 0;
                self.take(buffer.get(..length).unwrap_or(buffer), count)
            }
            Err(error) => self.wait(error),
        }
    }

    /// Counts the sockets of a piece.
    fn take(&mut self, reply: &[u8], count: &mut Count) -> Step {
        for part in message::parts(reply) {
            match part {
                Part::Socket(socket) => count.add(&socket),
                Part::Unknown => {}
                Part::Done => return self.end_of_family(),
                // A kernel without IPv6 refuses the second request.
                Part::Error(_) if self.family == Family::V6 => return self.end_of_family(),
                Part::Error(number) => return Step::Failed(io::Error::from_raw_os_error(number)),
            }
        }
        Step::Running
    }

    fn end_of_family(&mut self) -> Step {
        self.is_asked = false;
        match self.family {
            Family::V4 => {
                self.family = Family::V6;
                Step::Running
            }
            Family::V6 => Step::Done,
        }
    }

    /// Repeats in a later turn a call that would wait, or that a signal interrupted.
    fn wait(&mut self, error: io::Error) -> Step {
        let is_passing = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted);
        self.fruitless += 1;
        if is_passing && self.fruitless < MOST_FRUITLESS { Step::Running } else { Step::Failed(error) }
    }
}

//! The standard streams as sinks.

use std::io::{self, Write};

/// The stream of an output.
pub trait Sink: Write + Send + 'static {
    /// Returns whether a write of at most 4,096 bytes returns at once.
    fn is_ready(&self) -> bool;
}

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::os::fd::{AsFd, BorrowedFd};

    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    use super::*;

    /// A copy of the descriptor. The standard library locks its handle while it writes, so a second thread
    /// would wait for the first.
    struct Descriptor(File);

    impl Descriptor {
        fn of(stream: BorrowedFd<'_>) -> io::Result<impl Sink + use<>> {
            Ok(Descriptor(stream.try_clone_to_owned()?.into()))
        }
    }

    impl Sink for Descriptor {
        fn is_ready(&self) -> bool {
            let mut polled = [PollFd::new(self.0.as_fd(), PollFlags::POLLOUT)];
            poll(&mut polled, PollTimeout::ZERO) == Ok(1)
        }
    }

    impl Write for Descriptor {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    pub fn stdout() -> io::Result<impl Sink> {
        Descriptor::of(io::stdout().as_fd())
    }

    pub fn stderr() -> io::Result<impl Sink> {
        Descriptor::of(io::stderr().as_fd())
    }
}

#[cfg(unix)]
pub use unix::{stderr, stdout};

#[cfg(not(unix))]
mod other {
    use super::*;

    impl Sink for io::Stdout {
        fn is_ready(&self) -> bool {
            true
        }
    }

    impl Sink for io::Stderr {
        fn is_ready(&self) -> bool {
            true
        }
    }

    pub fn stdout() -> io::Result<impl Sink> {
        Ok(io::stdout())
    }

    pub fn stderr() -> io::Result<impl Sink> {
        Ok(io::stderr())
    }
}

#[cfg(not(unix))]
pub use other::{stderr, stdout};

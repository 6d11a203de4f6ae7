//! The names of errors that the lab shows, as in `man 3 errno`.

use std::io::{self, ErrorKind};

/// Returns the name of an error, or its sentence if it is none of those that a lesson is about.
pub fn name(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => "EADDRINUSE".into(),
        ErrorKind::AddrNotAvailable => "EADDRNOTAVAIL".into(),
        ErrorKind::BrokenPipe => "EPIPE".into(),
        ErrorKind::ConnectionRefused => "ECONNREFUSED".into(),
        ErrorKind::ConnectionReset => "ECONNRESET".into(),
        ErrorKind::TimedOut => "ETIMEDOUT".into(),
        ErrorKind::WouldBlock => "EAGAIN".into(),
        _ => error.to_string(),
    }
}

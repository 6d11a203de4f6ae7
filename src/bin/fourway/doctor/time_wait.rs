//! TIME_WAIT in each close mode: who holds it, and how long the client's ports last.
//!
//! The side that closes first holds the connection in TIME_WAIT for 60 s, which no setting changes. At a client it
//! takes a port of the pair of addresses. At a server it takes nothing that a client needs: a client's new connection
//! from the same port ends it (RFC 9293 §3.10.7.4). A reset leaves no TIME_WAIT.

use super::asked::Asked;
use super::machine::Machine;
use super::ports;

/// `TCP_TIMEWAIT_LEN` in the sources of Linux.
pub const SECONDS: u64 = 60;

/// The time after which a client can have a port again that TIME_WAIT holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Hold {
    /// The whole TIME_WAIT.
    Whole,
    /// The kernel takes the port for a new connection to the same server after these milliseconds, if timestamps tell
    /// old segments from new ones.
    Reused { milliseconds: u64, loopback_only: bool },
}

impl Hold {
    /// Returns the time for a client on this machine, which reaches the server over the loopback device.
    pub fn of_client(machine: &Machine) -> Option<Self> {
        // Kernels without the setting wait one second.
        let milliseconds = machine.tw_reuse_delay.unwrap_or(1000);
        match (machine.tw_reuse?, machine.timestamps?) {
            (1 | 2, timestamps) if timestamps != 0 => {
                Some(Hold::Reused { milliseconds, loopback_only: machine.tw_reuse == Some(2) })
            }
            _ => Some(Hold::Whole),
        }
    }

    pub fn seconds(self) -> f64 {
        match self {
            Hold::Whole => SECONDS as f64,
            // The kernel counts in milliseconds, and a port is not taken in the same one.
            Hold::Reused { milliseconds, .. } => milliseconds.max(1) as f64 / 1000.0,
        }
    }

    pub fn sentence(self) -> String {
        match self {
            Hold::Whole => format!("So TIME_WAIT holds a port of the pair for {SECONDS} s."),
            Hold::Reused { loopback_only, .. } => {
                let place = if loopback_only { " over loopback, and elsewhere after 60 s" } else { "" };
                format!("So a client can have a port again after {} s{place}.", self.seconds())
            }
        }
    }
}

/// Returns the seconds in which connections at this rate take all ports.
pub fn seconds(ports: u64, rate: u64) -> f64 {
    ports as f64 / rate as f64
}

/// How long the client's ports last.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Lasting {
    Forever,
    Seconds(f64),
    /// It depends on a rate that was not asked for, or on what cannot be read here.
    Unknown,
}

/// One close mode.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    pub mode: &'static str,
    /// Who holds TIME_WAIT.
    pub holder: &'static str,
    pub lasting: Lasting,
}

/// Returns the close modes, as the server's options name them.
pub fn rows(asked: &Asked, machine: &Machine) -> [Row; 4] {
    let row = |mode, holder, lasting| Row { mode, holder, lasting };
    [
        row("fin", "the server", Lasting::Forever),
        row("peer", "the client", of_client(asked, machine)),
        row("rst", "nobody", Lasting::Forever),
        row("drop", "the server, or nobody", Lasting::Forever),
    ]
}

fn of_client(asked: &Asked, machine: &Machine) -> Lasting {
    let hold = Hold::of_client(machine).filter(|_| asked.has_client());
    match (&machine.ports, &machine.taken, hold, asked.rate) {
        (Some(ports), Some(taken), Some(hold), Some(rate)) => {
            let ports = asked.pairs * ports::of_a_pair(ports, taken);
            let until_empty = seconds(ports, rate);
            if until_empty >= hold.seconds() { Lasting::Forever } else { Lasting::Seconds(until_empty) }
        }
        _ => Lasting::Unknown,
    }
}

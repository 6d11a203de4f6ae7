//! TIME_WAIT in each close mode: who holds it, and how long the client's ports last.
//!
//! The side that closes first holds the connection in TIME_WAIT for 60 s, which no setting changes. At a client it
//! takes a port of the pair of addresses. At a server it takes nothing that a client needs: a client's new connection
//! from the same port ends it (RFC 9293 §3.10.7.4). A reset leaves no TIME_WAIT.

pub use super::super::machine::time_wait::{Hold, SECONDS};
use super::asked::Asked;
use super::machine::Machine;

/// Returns the time for a client on this machine, which reaches the server over the loopback device.
pub fn hold_of_client(machine: &Machine) -> Option<Hold> {
    machine.reuse.hold(true)
}

/// Returns the sentence behind the value of `net.ipv4.tcp_tw_reuse`.
pub fn sentence(hold: Hold, machine: &Machine) -> String {
    let seconds = hold.seconds();
    match hold {
        Hold::Whole => format!("So TIME_WAIT holds a port of the pair for {seconds} s."),
        Hold::Reused { .. } if machine.reuse.setting == Some(2) => {
            format!(
                "So a client can have a port again after {seconds} s over loopback, and elsewhere after {SECONDS} s."
            )
        }
        Hold::Reused { .. } => format!("So a client can have a port again after {seconds} s."),
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
    let hold = hold_of_client(machine).filter(|_| asked.has_client());
    match (&machine.ports, &machine.taken, hold, asked.rate) {
        (Some(ports), Some(taken), Some(hold), Some(rate)) => {
            let ports = asked.pairs * ports.of_a_pair(taken);
            let until_empty = seconds(ports, rate);
            if until_empty >= hold.seconds() { Lasting::Forever } else { Lasting::Seconds(until_empty) }
        }
        _ => Lasting::Unknown,
    }
}

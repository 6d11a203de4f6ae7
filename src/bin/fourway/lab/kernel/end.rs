//! One end of a connection: its state and its counters.

use std::time::Duration;

/// A state of TCP (RFC 9293 §3.3.2), with the names of `tcp(7)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
// Only Linux tells them.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
pub enum State {
    Established,
    SynSent,
    SynRecv,
    FinWait1,
    FinWait2,
    TimeWait,
    /// The kernel has no such socket.
    Closed,
    CloseWait,
    LastAck,
    Listen,
    Closing,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            State::Established => "ESTABLISHED",
            State::SynSent => "SYN_SENT",
            State::SynRecv => "SYN_RECV",
            State::FinWait1 => "FIN_WAIT_1",
            State::FinWait2 => "FIN_WAIT_2",
            State::TimeWait => "TIME_WAIT",
            State::Closed => "CLOSED",
            State::CloseWait => "CLOSE_WAIT",
            State::LastAck => "LAST_ACK",
            State::Listen => "LISTEN",
            State::Closing => "CLOSING",
        }
    }

    /// Returns the state with this number (`include/net/tcp_states.h`).
    #[cfg(target_os = "linux")]
    pub fn of_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => State::Established,
            2 => State::SynSent,
            3 | 12 => State::SynRecv,
            4 => State::FinWait1,
            5 => State::FinWait2,
            6 => State::TimeWait,
            7 => State::Closed,
            8 => State::CloseWait,
            9 => State::LastAck,
            10 => State::Listen,
            11 => State::Closing,
            _ => return None,
        })
    }

    /// Returns whether the end exists: it is neither closed nor only listened for.
    pub fn is_open(self) -> bool {
        !matches!(self, State::Closed | State::Listen)
    }
}

/// Some fields of `TCP_INFO` (`linux/tcp.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Info {
    pub segs_out: u32,
    pub segs_in: u32,
    pub data_segs_out: u32,
    pub data_segs_in: u32,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    /// What was written, and is not sent yet. A FIN counts as one byte.
    pub notsent_bytes: u32,
    /// The segments that were sent, and are not acknowledged yet.
    pub unacked: u32,
    pub total_retrans: u32,
    /// The window that the peer has offered.
    pub snd_wnd: u32,
}

/// One end of a connection, as the kernel describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct End {
    /// `None` if the kernel does not tell.
    pub state: Option<State>,
    /// A TIME_WAIT has none, and neither has a SYN_RECV.
    pub info: Option<Info>,
    /// For TIME_WAIT, the time that is left of it.
    pub left: Option<Duration>,
    /// Bytes that were received, and that the program has not read. For a listener, the clients that wait to be accepted.
    pub unread: u32,
    /// Bytes that were written, and are not acknowledged. For a listener, its backlog.
    pub unacknowledged: u32,
    /// A program has the socket open. Before accept and after close, the kernel has it alone.
    pub is_held: bool,
}

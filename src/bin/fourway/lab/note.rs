//! What a ladder says in words. The sentences are in `language::lab`.

use std::time::Duration;

/// The title of a ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Title {
    Open,
    OpenDeferred,
    ServerFirst,
    ClientFirst,
    Rst,
    HalfClose,
    LastAck,
    Closing,
    PlainClose,
    LingeringClose,
    SlowReader,
    Backlog,
}

impl Title {
    /// Returns the name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Title::Open => "open 1",
            Title::OpenDeferred => "open 2",
            Title::ServerFirst => "server-first",
            Title::ClientFirst => "client-first",
            Title::Rst => "rst",
            Title::HalfClose => "half-close 1",
            Title::LastAck => "half-close 2",
            Title::Closing => "half-close 3",
            Title::PlainClose => "unread-data 1",
            Title::LingeringClose => "unread-data 2",
            Title::SlowReader => "slow-reader",
            Title::Backlog => "backlog",
        }
    }

    /// Returns whether fourway is the server. Else it is a plain one, of a few lines.
    pub fn has_fourway(self) -> bool {
        self != Title::PlainClose
    }
}

/// A sentence about a step, or about the whole ladder. What is measured is in it as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// Both ends are open when `connect` returns, before the server has accepted.
    OpenBeforeAccept { queued: u32 },
    /// The server's end is not open before data comes (`TCP_DEFER_ACCEPT`).
    Deferred,
    /// The segments that opened the connection.
    OpenedBy { segments: Option<u32> },
    /// A FIN travels with the last bytes.
    FinRidesOnData,
    /// A FIN waits behind bytes that are not sent yet.
    FinWaits { unsent: u32 },
    /// The program has closed its socket, and the kernel goes on with the connection.
    KernelGoesOn,
    /// The kernel has waited with its ACK.
    DelayedAck { waited: Duration },
    /// The client has sent its FIN, and can still read.
    HalfClosed,
    /// The server's end is in LAST_ACK.
    LastAck,
    /// Both have sent or queued their FIN, and neither knows that the other has it.
    Closing,
    /// The server has read to the end of the input.
    PeersFinRead,
    /// A close with bytes that nobody has read.
    ResetByUnread { unread: u32, thrown_away: u32 },
    /// The server has set SO_LINGER to zero.
    LingerZero,
    /// A reset has ended both ends.
    ResetIsFinal,
    /// Bytes that arrive after our FIN are discarded.
    Discarded,
    /// How much of the answer has arrived.
    Arrived { bytes: u64, of: u64 },
    /// The client's buffer is full.
    ZeroWindow { window: u32, unsent: u32, unread: u32 },
    /// The ACK of the last segment came so late that the kernel has sent the segment again.
    SentAgain,
    /// The kernel asks whether the window is still closed.
    Probe { after: Duration },
    /// The accept queue, before the client connects.
    QueueFull { queued: u32, backlog: u32 },
    /// The kernel has dropped the SYN.
    SynDropped,
    /// The kernel has sent the SYN again.
    SynAgain { after: Duration },
    /// The segments from the first FIN on.
    ClosedBy { segments: Option<u32>, ack_rode: bool },
    /// The rest of TIME_WAIT at one end.
    TimeWait { at_server: bool, left: Duration },
    /// Both ends are in TIME_WAIT.
    BothTimeWait { left: Duration },
    /// No end is in TIME_WAIT.
    NoTimeWait,
    /// The kernel does not tell.
    NotSeen,
}

impl Note {
    /// Returns the name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Note::OpenBeforeAccept { .. } => "open_before_accept",
            Note::Deferred => "deferred",
            Note::OpenedBy { .. } => "opened_by",
            Note::FinRidesOnData => "fin_rides_on_data",
            Note::FinWaits { .. } => "fin_waits",
            Note::KernelGoesOn => "kernel_goes_on",
            Note::DelayedAck { .. } => "delayed_ack",
            Note::HalfClosed => "half_closed",
            Note::LastAck => "last_ack",
            Note::Closing => "closing",
            Note::PeersFinRead => "peers_fin_read",
            Note::ResetByUnread { .. } => "reset_by_unread",
            Note::LingerZero => "linger_zero",
            Note::ResetIsFinal => "reset_is_final",
            Note::Discarded => "discarded",
            Note::Arrived { .. } => "arrived",
            Note::ZeroWindow { .. } => "zero_window",
            Note::SentAgain => "sent_again",
            Note::Probe { .. } => "probe",
            Note::QueueFull { .. } => "queue_full",
            Note::SynDropped => "syn_dropped",
            Note::SynAgain { .. } => "syn_again",
            Note::ClosedBy { .. } => "closed_by",
            Note::TimeWait { .. } => "time_wait",
            Note::BothTimeWait { .. } => "both_time_wait",
            Note::NoTimeWait => "no_time_wait",
            Note::NotSeen => "not_seen",
        }
    }
}

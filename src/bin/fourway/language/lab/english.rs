//! The sentences of the lab in English.

use std::time::Duration;

use super::sentences::Sentences;
use crate::lab::note::{Note, Title};

pub static SENTENCES: Sentences = Sentences {
    heading: ["ms", "client", "segments", "server", "fourway"],
    plain_server: "a plain server",
    legend: &[
        "Each ladder is a real connection on this machine, and time goes down. CAPITALS are states that the kernel \
         reported for an end: │ if nothing has changed, ┊ if the kernel has it alone. In small letters are the system \
         calls of the client (left) and of the server (right), and what they returned; → is the server's own new state.",
        "─▶ is a segment that the connection has counted itself (TCP_INFO). ╌▶ is one that the machine has counted \
         (/proc/net/snmp), because a socket in TIME_WAIT counts nothing. ↻ was sent before. \"in 3\" stands for three \
         segments, or calls. What cannot be seen is ?.",
    ],
    unseen: "This system does not tell the states and segments of a connection, as Linux does. So they are ?, and what \
             remains are the calls and fourway's own states.",
    failed: "cannot show this",
    needs_loopback: ". The lab needs the addresses 127.0.0.0/8, and a loopback interface that is up",
    title,
    note,
    bytes,
    within,
};

fn title(title: Title) -> &'static str {
    match title {
        Title::Open => "three segments open a connection",
        Title::OpenDeferred => "the same, with SYN_RECV long enough to be seen",
        Title::ServerFirst => "the server closes first, and holds TIME_WAIT",
        Title::ClientFirst => "the client closes first, and holds TIME_WAIT",
        Title::Rst => "the server resets, and nobody holds TIME_WAIT",
        Title::HalfClose => "the client sends its FIN, and still gets its answer",
        Title::LastAck => "the last FIN waits behind the answer, in LAST_ACK",
        Title::Closing => "both close at once, through CLOSING",
        Title::PlainClose => "a close with unread input loses the answer",
        Title::LingeringClose => "a close that lingers saves the answer",
        Title::SlowReader => "a client that does not read stops the server",
        Title::Backlog => "the accept queue is full, and a connect is not answered",
    }
}

fn note(note: Note) -> String {
    match note {
        Note::OpenBeforeAccept { queued } => format!(
            "Both ends are open before the server calls accept. The kernel did that alone. Clients in the accept queue: \
             {queued}."
        ),
        Note::Deferred => {
            "TCP_DEFER_ACCEPT lets the server's end stay in SYN_RECV until data comes. Without it, SYN_RECV lasts from \
             the SYN to the ACK."
                .into()
        }
        Note::OpenedBy { segments: Some(3) } => {
            "Three segments: SYN, SYN+ACK, ACK. Each side has sent its number, and knows that the other has it.".into()
        }
        Note::OpenedBy { segments } => format!("Segments that opened it: {}.", number(segments)),
        Note::FinRidesOnData => "The FIN travels in the segment of the last bytes.".into(),
        Note::FinWaits { unsent } => {
            format!("The FIN waits in the kernel, behind {} bytes that are not sent yet.", unsent.saturating_sub(1))
        }
        Note::KernelGoesOn => "The program is done with it. The kernel is not.".into(),
        Note::DelayedAck { waited } => format!(
            "The kernel held the ACK back for {}, in case there was data to send with it. FIN_WAIT_1 lasts until this ACK, \
             FIN_WAIT_2 until the other's FIN.",
            time(waited)
        ),
        Note::HalfClosed => "A half-close: the client sends no more, and still reads.".into(),
        Note::LastAck => {
            "LAST_ACK: it has the other's FIN, and waits for the ACK of its own. Usually that is there at once.".into()
        }
        Note::Closing => {
            "CLOSING: it has the other's FIN, and nobody has acknowledged its own. Both have closed without knowing of the \
             other."
                .into()
        }
        Note::PeersFinRead => "A read of 0 bytes is the client's FIN.".into(),
        Note::ResetByUnread { unread, thrown_away } => format!(
            "{unread} bytes of the request were unread, so close sends RST instead of FIN. {thrown_away} bytes of the \
             answer were not sent yet, and are thrown away."
        ),
        Note::LingerZero => "SO_LINGER with 0 seconds: the close will be a reset.".into(),
        Note::ResetIsFinal => "Nobody acknowledges a reset. Both ends are gone at once.".into(),
        Note::Discarded => "Input that comes after the FIN is read and thrown away, so it causes no reset.".into(),
        Note::Arrived { bytes, of } if bytes == of => format!("The client has all {of} bytes of the answer."),
        Note::Arrived { bytes, of } => format!("The client has {bytes} of {of} bytes of the answer."),
        Note::ZeroWindow { window, unsent, unread } => format!(
            "Back-pressure: the client has {unread} bytes unread, and its window is {window}. In the server's kernel \
             {unsent} bytes wait, and the rest waits in fourway, in the state Sending."
        ),
        Note::SentAgain => {
            "The client's kernel delays its last ACK. So the server's kernel sends the last segment again, in case it was \
             lost."
                .into()
        }
        Note::Probe { after } => {
            format!("After {} the kernel asks whether the window is still closed.", time(after))
        }
        Note::QueueFull { queued, backlog } => {
            format!("{queued} clients wait in the accept queue, for a backlog of {backlog}.")
        }
        Note::SynDropped => "No answer: the kernel dropped the SYN. The client does not know why.".into(),
        Note::SynAgain { after } => format!(
            "The server has accepted the others. After {} the client's kernel sent its SYN again.",
            time(after)
        ),
        Note::ClosedBy { segments: Some(3), ack_rode: true } => {
            "Three segments closed it, not four: the ACK rode on the FIN.".into()
        }
        Note::ClosedBy { segments: Some(4), .. } => "Four segments closed it: FIN, ACK, FIN, ACK.".into(),
        Note::ClosedBy { segments, .. } => format!("Segments that closed it: {}.", number(segments)),
        Note::TimeWait { at_server, left } => {
            let who = if at_server { "server" } else { "client" };
            format!("The {who} closed first, and holds TIME_WAIT: {:.0} s more.", left.as_secs_f64())
        }
        Note::BothTimeWait { left } => {
            format!("Both have closed first, so both hold TIME_WAIT: {:.0} s more.", left.as_secs_f64())
        }
        Note::NoTimeWait => "Nobody holds TIME_WAIT.".into(),
        Note::NotSeen => "Who holds TIME_WAIT: ?".into(),
    }
}

fn number(number: Option<u32>) -> String {
    number.map_or("?".into(), |number| number.to_string())
}

fn time(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1000.0)
}

fn bytes(bytes: u64) -> String {
    format!("{bytes} bytes")
}

fn within(count: Option<u32>) -> String {
    format!(" in {}", number(count))
}

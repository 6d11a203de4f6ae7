//! The sentences of the lab in English.

use super::Sentences;
use crate::lab::note::{Note, Title};

pub static SENTENCES: Sentences = Sentences {
    heading: ["ms", "client", "segments", "server", "fourway"],
    legend: &["Capitals are states of the kernel."],
    failed: "cannot show this",
    title,
    note,
    bytes,
};

fn title(title: Title) -> &'static str {
    match title {
        Title::Open => "three segments open a connection",
        Title::ServerFirst => "the server closes first, and holds TIME_WAIT",
        Title::ClientFirst => "the client closes first, and holds TIME_WAIT",
        Title::Rst => "the server resets, and nobody holds TIME_WAIT",
        Title::HalfClose => "the client sends its FIN, and still gets its answer",
        Title::PlainClose => "a plain close with unread input loses the answer",
        Title::LingeringClose => "a lingering close saves the answer",
        Title::SlowReader => "a client that does not read closes its window",
        Title::Backlog => "the accept queue is full",
    }
}

fn note(note: Note) -> String {
    match note {
        Note::OpenBeforeAccept { queued } => {
            let queued = queued.map_or("?".into(), |queued| queued.to_string());
            format!("The kernel has opened it alone. Clients that wait to be accepted: {queued}.")
        }
        Note::OpenedBy { segments } => format!("Segments that opened it: {}.", number(segments)),
        Note::ClosedBy { segments: Some(3), ack_rode: true } => {
            "Closed by three segments, not four: the ACK rode on the FIN.".into()
        }
        Note::ClosedBy { segments, .. } => format!("Segments from the first FIN on: {}.", number(segments)),
        Note::TimeWait { at_server, left } => {
            let who = if at_server { "server" } else { "client" };
            format!("The {who} holds TIME_WAIT for {:.1} s more.", left.as_secs_f64())
        }
        Note::NoTimeWait => "Nobody holds TIME_WAIT.".into(),
        Note::NotSeen => "Who holds TIME_WAIT: ?".into(),
    }
}

fn number(number: Option<u32>) -> String {
    number.map_or("?".into(), |number| number.to_string())
}

fn bytes(bytes: u64) -> String {
    format!("{bytes} bytes")
}

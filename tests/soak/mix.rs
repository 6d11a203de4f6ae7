//! How clients behave: what they send, what they are to get for it, and how they leave.

/// One way to behave.
#[derive(Debug)]
pub struct Script {
    pub name: &'static str,
    /// Of ten thousand clients, how many behave so.
    pub share: u32,
    /// What is sent in each round, after the answers to the round before.
    pub batch: Vec<u8>,
    pub rounds: u32,
    /// How many bytes of it in a millisecond.
    pub pace: usize,
    /// What each batch is answered with.
    pub answers: u32,
    pub status: u16,
    pub then: Then,
}

/// What follows the last answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The client closes.
    Close,
    /// The client resets.
    Reset,
    /// The client has closed its half behind its last byte; the server closes the other.
    HalfClosed,
    /// The server closes.
    Closed,
    /// The client closes when all is sent, whatever has come of it.
    CloseAtOnce,
    /// The client resets when all is sent, whatever has come of it.
    ResetAtOnce,
    /// The client reads nothing until it is reset.
    NeverRead,
}

/// The largest body that is sent and taken.
pub const LARGEST: usize = 100_000;

const GET: &str = "GET /soak HTTP/1.1\r\nHost: test\r\n\r\n";
const LAST: &str = "GET /soak HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";

fn script(name: &'static str, share: u32, batch: impl Into<Vec<u8>>, then: Then) -> Script {
    let batch = batch.into();
    Script { name, share, batch, rounds: 1, pace: usize::MAX, answers: 1, status: 200, then }
}

pub fn upload(bytes: usize) -> Vec<u8> {
    let head = format!("POST /soak HTTP/1.1\r\nHost: test\r\nContent-Length: {bytes}\r\n\r\n");
    [head.as_bytes(), &vec![b'x'; bytes]].concat()
}

fn chunked_upload(chunks: usize) -> Vec<u8> {
    let head = "POST /soak HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = [&b"1000\r\n"[..], &[b'x'; 0x1000], b"\r\n"].concat();
    [head.as_bytes(), &chunk.repeat(chunks), b"0\r\n\r\n"].concat()
}

fn refused(name: &'static str, share: u32, batch: impl Into<Vec<u8>>, status: u16) -> Script {
    Script { status, ..script(name, share, batch, Then::Closed) }
}

/// All ways, ten thousand shares in sum.
pub fn all() -> Vec<Script> {
    let half = &GET[..GET.len() / 2];
    let too_large = format!("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n", 2 << 20);
    let too_large = [too_large.as_bytes(), &[b'x'; LARGEST]].concat();
    let long_head = format!("GET / HTTP/1.1\r\nHost: test\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    vec![
        Script { rounds: 4, ..script("kept alive, then reset", 1500, GET, Then::Reset) },
        Script { rounds: 2, ..script("kept alive, then closed", 300, GET, Then::Close) },
        script("one shot", 2500, LAST, Then::Closed),
        Script { answers: 16, ..script("pipelined", 800, GET.repeat(16), Then::Reset) },
        Script { answers: 3, ..script("half-closed", 400, GET.repeat(3), Then::HalfClosed) },
        script("reset behind a request", 1000, GET, Then::ResetAtOnce),
        script("reset beside a long pipeline", 142, GET.repeat(256), Then::ResetAtOnce),
        Script { pace: 8, ..script("slow", 400, GET, Then::Reset) },
        Script { pace: 40_000, ..script("slow upload", 50, upload(LARGEST), Then::Reset) },
        refused("nonsense", 400, "nonsense\r\n\r\n", 400),
        refused("no host", 400, "GET / HTTP/1.1\r\n\r\n", 400),
        refused("two lengths", 200, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 2\r\n\r\n", 400),
        refused("a long head", 200, long_head, 431),
        refused("too large", 100, too_large, 413),
        script("vanished before a byte", 300, "", Then::ResetAtOnce),
        script("vanished in the head", 400, half, Then::ResetAtOnce),
        script("closed in the head", 200, half, Then::CloseAtOnce),
        script("vanished in the body", 400, &upload(50_000)[..20_000], Then::ResetAtOnce),
        script("upload", 200, upload(LARGEST), Then::Reset),
        script("upload in chunks", 100, chunked_upload(24), Then::Reset),
        refused("stalled in the head", 3, half, 408),
        Script { answers: 0, ..script("silent", 2, "", Then::Closed) },
        script("never read", 3, GET.repeat(3000), Then::NeverRead),
    ]
}

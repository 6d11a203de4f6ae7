//! The cost of streams and uploads, and the memory that they take.
//!
//! - **Uploads**: 5 GiB that the host throws away. Its memory may grow by [`UPLOAD_GROWTH`] meanwhile. Then, in rounds, the
//!   CPU per KiB beside a raw loop that reads and throws away.
//! - **Downloads**: 1 GiB to a hundred readers that take 1 MiB a second each. The memory may grow by an out buffer and a
//!   page for each.
//! - **A large body**: 10 GiB of the program, as the URL asks for it, at the rate of a raw loop that writes one page again
//!   and again. (A loop that waits for events may lose 5 % to one that blocks.)
//! - **Events**: a thousand streams with five events a second each, none of which may be lost. It is printed what a stream
//!   takes of the host's memory.
//!
//! A limit that is not kept ends the run with an error. The CPU is only printed, because a busy machine changes it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use fourway::Config;
use socket2::SockRef;

use crate::host::{self, TICK};
use crate::machine;
use crate::options::Options;
use crate::report::{self, Series};
use crate::server::{Kind, Page, Server, Stage};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

const UPLOAD_GROWTH: u64 = 128 * KIB;

/// Longer than this without a byte, the server hangs.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn run(options: &Options, together: &Stage, apart: &Stage) -> io::Result<Vec<Series>> {
    let size = |usual: u64, in_test: u64| if options.test { in_test } else { usual };
    long_upload(together, size(5 * GIB, 64 * MIB))?;
    let series = uploads(options, together, size(GIB, 16 * MIB))?;
    let rounds = options.rounds.min(4);
    let large = large_body(apart, rounds, size(10 * GIB, 16 * MIB))?;
    let all = vec![series, large];
    if !options.test {
        print!("{}", report::table(&all));
    }
    let readers = size(100, 10);
    downloads(apart, readers, size(GIB, 2 * MIB) / readers)?;
    events(apart, machine::connections_possible(size(1000, 50) as usize)?, size(25, 2) as usize)?;
    Ok(all)
}

// --- uploads ---

/// One upload, during which the host's memory is watched.
fn long_upload(stage: &Stage, len: u64) -> io::Result<()> {
    let server = stage.start_self("--host")?;
    let mut stream = connect(&server)?;
    upload(&mut stream, 4 * MIB, || {})?;
    let (before, mut most) = (server.resident(), 0);
    let start = Instant::now();
    upload(&mut stream, len, || most = most.max(server.resident()))?;
    let growth = most.saturating_sub(before);
    let (time, len) = (start.elapsed(), len / MIB);
    println!("upload of {len} MiB in {time:.1?}: {} KiB more memory", growth / KIB);
    expect("KiB more memory during an upload", growth / KIB, UPLOAD_GROWTH / KIB)?;
    server.end().map(drop)
}

/// CPU per KiB of the host and of the raw loop.
fn uploads(options: &Options, stage: &Stage, len: u64) -> io::Result<Series> {
    let mut series = Series::new("upload".into(), "KiB");
    for round in 0..options.rounds {
        let mut roles = ["--sink", "--host"];
        roles.rotate_left(round % 2);
        for role in roles {
            let server = stage.start_self(role)?;
            let mut stream = connect(&server)?;
            upload(&mut stream, len / 5, || {})?;
            let before = server.cpu()?;
            upload(&mut stream, len, || {})?;
            let cost = (server.cpu()? - before).as_nanos() as f64 / (len / KIB) as f64;
            let costs = if role == "--sink" { &mut series.floor } else { &mut series.fourway };
            costs.push(cost);
            drop(stream);
            server.end()?;
        }
    }
    Ok(series)
}

/// Sends a body of this length, and reads the answer, which is that length. Some times in between it looks at something.
fn upload(stream: &mut TcpStream, len: u64, mut look: impl FnMut()) -> io::Result<()> {
    const PIECE: u64 = 256 * KIB;
    let zeros = vec![0; PIECE as usize];
    let head = format!("PUT /count HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len}\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    let mut left = len;
    while left > 0 {
        let piece = left.min(PIECE);
        stream.write_all(&zeros[..piece as usize])?;
        left -= piece;
        if left % (256 * MIB) == 0 {
            look();
        }
    }
    let (mut answer, expected) = (Vec::new(), format!("\r\n\r\n{len}"));
    while !answer.ends_with(expected.as_bytes()) {
        let mut bytes = [0; 1024];
        match stream.read(&mut bytes)? {
            0 => return Err(wrong(&format!("the answer to {len} bytes"), &answer)),
            read => answer.extend_from_slice(&bytes[..read]),
        }
    }
    Ok(())
}

// --- downloads ---

/// A client that reads as fast as it wants to, and no faster.
struct Reader {
    stream: TcpStream,
    got: u64,
}

fn downloads(stage: &Stage, readers: u64, len: u64) -> io::Result<()> {
    const RATE: u64 = MIB;
    let server = stage.start_self("--host")?;
    // Once beforehand, so that code and stack are there.
    let mut first = Reader::ask(&server, &format!("/download/{len}"))?;
    let page = host::page();
    while first.got < len {
        first.read_up_to(len, &page)?;
    }
    let before = server.resident();
    let ask = |_| Reader::ask(&server, &format!("/download/{len}"));
    let mut clients: Vec<Reader> = (0..readers).map(ask).collect::<io::Result<_>>()?;
    let (start, mut most, mut looked) = (Instant::now(), 0, Instant::now());
    while clients.iter().any(|client| client.got < len) {
        if start.elapsed() > PATIENCE + Duration::from_secs(len / RATE) {
            return Err(io::Error::other("the readers do not get what they ask for"));
        }
        let allowed = (start.elapsed().as_secs_f64() * RATE as f64) as u64;
        for client in &mut clients {
            client.read_up_to(allowed.min(len), &page)?;
        }
        if looked.elapsed() > Duration::from_millis(100) {
            (most, looked) = (most.max(server.resident()), Instant::now());
        }
        thread::sleep(Duration::from_millis(5));
    }
    let growth = most.max(server.resident()).saturating_sub(before);
    let out = Config::default().limits.out_bytes as u64 + 17 * KIB;
    let limit = readers * (out + 4 * KIB);
    let (time, total) = (start.elapsed(), (readers * len).div_ceil(MIB));
    println!(
        "{total} MiB to {readers} readers in {time:.1?}: {} KiB more memory, of at most {}",
        growth / KIB,
        limit / KIB
    );
    expect("KiB more memory during downloads", growth / KIB, limit / KIB)?;
    server.end().map(drop)
}

impl Reader {
    /// Asks, and reads the head.
    fn ask(server: &Server, target: &str) -> io::Result<Reader> {
        let mut stream = connect(server)?;
        // Otherwise the kernel would take most of a download for a client that does not read.
        SockRef::from(&stream).set_recv_buffer_size(128 * 1024)?;
        stream.write_all(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())?;
        let head = read_head(&mut stream)?;
        if !head.starts_with(b"HTTP/1.1 200 ") {
            return Err(wrong("a head", &head));
        }
        stream.set_nonblocking(true)?;
        Ok(Reader { stream, got: 0 })
    }

    /// Reads what is there, up to this place of the body, and compares it.
    fn read_up_to(&mut self, place: u64, page: &[u8]) -> io::Result<()> {
        let mut buffer = [0; 64 * 1024];
        while self.got < place {
            let rest = &page[self.got as usize % page.len()..];
            let most = rest.len().min((place - self.got) as usize).min(buffer.len());
            match self.stream.read(&mut buffer[..most]) {
                Ok(0) => return Err(io::Error::other(format!("the server closed after {} bytes", self.got))),
                Ok(read) if buffer[..read] == rest[..read] => self.got += read as u64,
                Ok(read) => return Err(wrong("a piece of the body", &buffer[..read.min(100)])),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The time for each KiB of one large body, of the program and of the raw loop.
fn large_body(stage: &Stage, rounds: usize, len: u64) -> io::Result<Series> {
    let mut series = Series::new("10 GiB body, time".into(), "KiB");
    for round in 0..rounds {
        let mut kinds = [Kind::Floor, Kind::Fourway];
        kinds.rotate_left(round % 2);
        for kind in kinds {
            let (server, target) = match kind {
                Kind::Floor => (stage.start_self("--source")?, format!("/{len}")),
                Kind::Fourway => (stage.start(Kind::Fourway, &Page::small())?, format!("/?s={len}")),
            };
            let mut stream = connect(&server)?;
            stream.write_all(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())?;
            let head = read_head(&mut stream)?;
            if !head.windows(20).any(|text| text.starts_with(b"Content-Length: ")) {
                return Err(wrong("a head", &head));
            }
            let start = Instant::now();
            read_exactly(&mut stream, len)?;
            let cost = start.elapsed().as_nanos() as f64 / (len / KIB) as f64;
            let costs = if kind == Kind::Floor { &mut series.floor } else { &mut series.fourway };
            costs.push(cost);
            drop(stream);
            server.end()?;
        }
    }
    Ok(series)
}

fn read_head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(head)
}

fn read_exactly(stream: &mut TcpStream, len: u64) -> io::Result<()> {
    let mut buffer = vec![0; 256 * 1024];
    let mut left = len;
    while left > 0 {
        match stream.read(&mut buffer)? as u64 {
            0 => return Err(io::Error::other(format!("{left} bytes are missing"))),
            read => left = left.checked_sub(read).ok_or_else(|| io::Error::other("too many bytes"))?,
        }
    }
    Ok(())
}

// --- events ---

/// A client of the events, and the text that it has got.
struct Subscriber {
    client: Reader,
    text: Vec<u8>,
}

/// Streams that each get at least this number of events.
fn events(stage: &Stage, streams: usize, count: usize) -> io::Result<()> {
    let server = stage.start_self("--host")?;
    // One beforehand, so that code and stack are there.
    let mut first = Subscriber::new(&server)?;
    while first.numbers().len() < 2 {
        thread::sleep(TICK / 4);
        first.read()?;
    }
    let before = server.resident();
    let mut clients = (0..streams).map(|_| Subscriber::new(&server)).collect::<io::Result<Vec<_>>>()?;
    let start = Instant::now();
    while clients.iter().any(|client| client.numbers().len() < count) {
        if start.elapsed() > PATIENCE + TICK * count as u32 {
            return Err(io::Error::other(format!("a stream has not got {count} events")));
        }
        thread::sleep(TICK / 4);
        for client in &mut clients {
            client.read()?;
        }
    }
    let growth = server.resident().saturating_sub(before);
    let all: Vec<Vec<u64>> = clients.iter().map(Subscriber::numbers).collect();
    let got: usize = all.iter().map(Vec::len).sum();
    let between = |numbers: &Vec<u64>| numbers.last().unwrap_or(&0) + 1 - numbers.first().unwrap_or(&1);
    let lost = all.iter().map(between).sum::<u64>() - got as u64;
    println!(
        "{got} events on {streams} streams in {:.1?}: {lost} lost, {} bytes of memory for each stream",
        start.elapsed(),
        growth / streams as u64
    );
    expect("lost events", lost, 0)?;
    server.end().map(drop)
}

impl Subscriber {
    fn new(server: &Server) -> io::Result<Self> {
        Ok(Subscriber { client: Reader::ask(server, "/events")?, text: Vec::new() })
    }

    /// Reads what is there.
    fn read(&mut self) -> io::Result<()> {
        match self.client.stream.read_to_end(&mut self.text) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(wrong("an end of events", &self.text)),
        }
    }

    /// Returns the numbers of the whole events.
    fn numbers(&self) -> Vec<u64> {
        let text = String::from_utf8_lossy(&self.text);
        let number = |event: &str| event.split_once("\ndata: ")?.0.parse().ok();
        text.split("id: ").skip(1).filter_map(number).collect()
    }
}

// --- helpers ---

fn connect(server: &Server) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(server.address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn expect(what: &str, is: u64, at_most: u64) -> io::Result<()> {
    match is <= at_most {
        true => Ok(()),
        false => Err(io::Error::other(format!("{is} {what}, of at most {at_most}"))),
    }
}

fn wrong(what: &str, bytes: &[u8]) -> io::Error {
    io::Error::other(format!("{what} is not as it should be: {:?}", bytes.escape_ascii().to_string()))
}

//! The essay's program, which this project starts from, and the faults that it has.
//!
//! It is 30 lines of blocking code: listen, accept, read once, send, close. It makes one thing after the other, so it runs
//! in a thread of its own here, and its clients in another. Three of its faults are measured:
//!
//! - **One slow client blocks all.** The server waits in `read` for a client that says nothing. Meanwhile the kernel opens
//!   the connections of other clients, and takes their requests. Nobody reads them.
//! - **A request over 1,024 bytes is answered with a reset.** The server reads 1,024 bytes and closes. Input is unread, so
//!   the kernel sends a reset instead of a FIN.
//! - **A restart fails for a minute.** The server closes first, so it holds TIME_WAIT. Its sockets have no SO_REUSEADDR, so
//!   no successor can listen on the port.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::address;
use super::bill::{self, Bill, Restart};
use super::errno;
use super::kernel::End;
use super::recorder::Recorder;

/// The time for which the slow client says nothing.
pub const SILENCE: Duration = Duration::from_millis(300);

/// The number of bytes that the server reads.
pub const READ: usize = 1024;

/// A client that waits longer has failed. None does on a machine that works.
const PATIENCE: Duration = Duration::from_secs(5);

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\n\r\nxixizi\n";

/// What the faults looked like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults {
    /// How long a client waited for its answer that had the server for itself.
    pub alone: Duration,
    /// How long a client waited whose predecessor said nothing for [`SILENCE`].
    pub behind: Duration,
    /// The server's end of that client's connection meanwhile.
    pub waiting: End,
    /// What clients read whose requests had [`READ`] bytes, and one more.
    pub exact: Reading,
    pub longer: Reading,
    pub bill: Bill,
    /// What the restart of a server meets that did set SO_REUSEADDR.
    pub mended: Restart,
}

/// What a client reads until its connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub bytes: usize,
    /// The name of the error in which the connection ended, or `Ok` for a FIN.
    pub end: Result<(), String>,
}

/// Runs the program, and provokes its faults.
pub fn run(recorder: &Recorder) -> io::Result<Faults> {
    let program = Program::start(false, 5)?;
    let alone = {
        let start = Instant::now();
        program.client()?.exchange(READ)?;
        start.elapsed()
    };
    let (behind, waiting) = wait_behind_slow_client(&program, recorder)?;
    let exact = program.client()?.exchange(READ)?;
    let longer = program.client()?.exchange(READ + 1)?;
    let bill = Bill::of(program.end()?);

    let program = Program::start(true, 1)?;
    program.client()?.exchange(READ)?;
    let mended = Restart::attempt(program.end()?);
    Ok(Faults { alone, behind, waiting, exact, longer, bill, mended })
}

/// Lets a client wait behind another that says nothing. Returns how long it waited for its answer, and the server's end
/// of its connection at the end of the silence.
fn wait_behind_slow_client(program: &Program, recorder: &Recorder) -> io::Result<(Duration, End)> {
    let mut slow = program.client()?;
    let mut quick = program.client()?;
    let mut waiting = End::default();
    let start = Instant::now();
    quick.send(READ)?;
    // Nothing will come, so this is a wait. If an answer comes, the server was not blocked.
    quick.0.set_read_timeout(Some(SILENCE))?;
    match quick.0.peek(&mut [0]) {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            waiting = recorder.ask(program.address, quick.0.local_addr()?);
            slow.send(READ)?;
            quick.0.set_read_timeout(Some(PATIENCE))?;
            quick.0.peek(&mut [0])?;
        }
        result => drop(result?),
    }
    let waited = start.elapsed();
    slow.read_to_end()?;
    quick.read_to_end()?;
    Ok((waited, waiting))
}

// --- the server ---

/// The program in a thread. It ends by itself after the number of clients that it was started for.
struct Program {
    address: SocketAddr,
    thread: JoinHandle<io::Result<()>>,
}

impl Program {
    fn start(reuses: bool, clients: usize) -> io::Result<Self> {
        let listener = TcpListener::from(bill::listen((address::fresh(), 0).into(), reuses)?);
        let address = listener.local_addr()?;
        let serve = move || (0..clients).try_for_each(|_| serve(listener.accept()?.0));
        let thread = thread::Builder::new().name("essay".into()).spawn(serve)?;
        Ok(Program { address, thread })
    }

    fn client(&self) -> io::Result<Client> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Client(stream))
    }

    /// Waits until the program has ended. Returns its address, on which nobody listens now.
    fn end(self) -> io::Result<SocketAddr> {
        self.thread.join().map_err(|_| io::Error::other("the essay's program has panicked"))??;
        Ok(self.address)
    }
}

/// Serves one client. Its connection is closed at the end, where `stream` is dropped.
fn serve(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; READ];
    let _request = stream.read(&mut buffer)?;
    stream.write_all(RESPONSE)
}

// --- its clients ---

struct Client(TcpStream);

impl Client {
    fn exchange(mut self, len: usize) -> io::Result<Reading> {
        self.send(len)?;
        self.read_to_end()
    }

    /// Sends a request of so many bytes in one segment.
    fn send(&mut self, len: usize) -> io::Result<()> {
        let (head, end) = ("GET / HTTP/1.1\r\nHost: lab\r\nPadding: ", "\r\n\r\n");
        let padding = "x".repeat(len.saturating_sub(head.len() + end.len()));
        self.0.write_all(format!("{head}{padding}{end}").as_bytes())
    }

    fn read_to_end(&mut self) -> io::Result<Reading> {
        let (mut bytes, mut buffer) = (0, [0; 1024]);
        loop {
            match self.0.read(&mut buffer) {
                Ok(0) => return Ok(Reading { bytes, end: Ok(()) }),
                Ok(len) => bytes += len,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                    return Ok(Reading { bytes, end: Err(errno::name(&error)) });
                }
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::super::held::tests::{counts, measures};
    use super::super::kernel::{Kernel, State};
    use super::*;

    #[test]
    fn each_fault_of_the_essays_program_shows() {
        let refused = || Err("EADDRINUSE".to_owned());
        let without_reuse = refused();
        let old = Restart { without_reuse: refused(), with_reuse: Some(refused()) };
        let mended = Restart { without_reuse, with_reuse: Some(Ok(())) };
        // The connection that ends by a reset leaves no TIME_WAIT.
        measures(&(true, (0, 4), old, mended), || {
            let faults = run(Recorder::over(Kernel::open())).expect("the program runs");
            assert!(faults.behind >= SILENCE, "{faults:?}");
            assert_eq!(
                (faults.waiting.state, faults.waiting.unread),
                (Some(State::Established), READ as u32)
            );
            assert_eq!(faults.exact, Reading { bytes: RESPONSE.len(), end: Ok(()) });
            assert_eq!(faults.longer.end, Err("ECONNRESET".into()), "{faults:?}");
            (faults.alone < SILENCE, counts(faults.bill.held), faults.bill.restart, faults.mended)
        });
    }
}

use std::sync::mpsc::{self, Receiver, Sender};

use super::*;

/// Longer than any test takes, unless it hangs.
const LONG: Patience =
    Patience { without_progress: Duration::from_secs(30), in_all: Duration::from_secs(30) };

/// A sink that waits for a permission before each write. The permission is the result of the write.
struct Gate {
    permissions: Receiver<io::Result<()>>,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // When the test has dropped its sender, every write succeeds.
        self.permissions.recv().unwrap_or(Ok(()))?;
        self.written.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Gate {
    fn is_ready(&self) -> bool {
        false
    }
}

struct Reader {
    permit: Sender<io::Result<()>>,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Reader {
    /// Permits all writes, waits for them, and returns all written text.
    fn read_all(self, output: &Output) -> String {
        drop(self.permit);
        assert!(output.flush(LONG, || false));
        String::from_utf8(self.written.lock().unwrap().clone()).unwrap()
    }
}

fn gated() -> (Output, Reader) {
    let (permit, permissions) = mpsc::channel();
    let written = Arc::default();
    let gate = Gate { permissions, written: Arc::clone(&written) };
    (Output::to(gate), Reader { permit, written })
}

/// Waits until the writer has taken this number of chunks. It then waits for a permission.
fn wait_for_chunks(output: &Output, chunks: u64) {
    let state = output.0.lock();
    let waited = output.0.progress.wait_timeout_while(state, LONG.in_all, |state| state.chunks < chunks);
    assert!(!waited.unwrap().1.timed_out());
}

#[test]
fn records_arrive_whole_and_in_order() {
    let (output, reader) = gated();
    let lines: Vec<_> = (0..2000).map(|number| format!("line {number}\n")).collect();
    lines.iter().for_each(|line| output.push(line.as_bytes()));
    assert_eq!(reader.read_all(&output), lines.concat());
}

#[test]
fn a_full_ring_drops_records_and_notes_their_number_in_their_place() {
    let (output, reader) = gated();
    output.push(b"first\n");
    wait_for_chunks(&output, 1);
    let line = [&[b'x'; 1023][..], b"\n"].concat();
    let fits = CAPACITY / line.len();
    for _ in 0..fits + 3 {
        output.push(&line);
    }
    // This record would fit, but is dropped too: a gap has one note only.
    output.push(b"small\n");
    let reader_permit = reader.permit.clone();
    for _ in 0..=CAPACITY / CHUNK {
        reader_permit.send(Ok(())).unwrap();
    }
    drop(reader_permit);
    let before = "first\n".to_owned() + &String::from_utf8(line).unwrap().repeat(fits);
    let note = "fourway: warning: 4 lines are missing here: this output was not read fast enough\n";
    let permit = reader.permit.clone();
    permit.send(Ok(())).unwrap();
    assert!(output.flush(LONG, || false));
    output.push(b"last\n");
    drop(permit);
    assert_eq!(reader.read_all(&output), before + note + "last\n");
}

#[test]
fn a_record_that_never_fits_is_counted_at_once() {
    let (output, reader) = gated();
    output.push(&vec![b'x'; CAPACITY + 1]);
    let note = "fourway: warning: 1 line is missing here: this output was not read fast enough\n";
    assert_eq!(reader.read_all(&output), note);
}

#[test]
fn lines_lost_on_a_full_disk_are_counted_when_it_has_room_again() {
    let (output, reader) = gated();
    output.push(b"one\ntwo\n");
    reader.permit.send(Err(io::Error::other("the disk is full"))).unwrap();
    assert!(output.flush(LONG, || false));
    output.push(b"three\n");
    let note = "fourway: warning: 2 lines are missing here: the disk is full\n";
    assert_eq!(reader.read_all(&output), format!("{note}three\n"));
}

#[test]
fn flush_ends_after_either_time() {
    let (output, reader) = gated();
    output.push(b"unread\n");
    let short = Duration::from_millis(1);
    assert!(!output.flush(Patience { without_progress: short, in_all: LONG.in_all }, || false));
    assert!(!output.flush(Patience { without_progress: LONG.in_all, in_all: short }, || false));
    assert_eq!(reader.read_all(&output), "unread\n");
}

#[test]
fn flush_ends_as_soon_as_its_condition_is_true() {
    let (output, reader) = gated();
    output.push(b"unread\n");
    let mut calls = 0;
    let is_over = || {
        calls += 1;
        calls == 3
    };
    let begin = Instant::now();
    assert!(!output.flush(LONG, is_over));
    assert!(begin.elapsed() < LONG.without_progress / 2);
    assert_eq!(calls, 3);
    assert_eq!(reader.read_all(&output), "unread\n");
}

/// A sink that takes bytes while it has room.
struct Disk {
    room: Arc<Mutex<usize>>,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut room = self.room.lock().unwrap();
        if *room == 0 {
            return Err(io::Error::other("the disk is full"));
        }
        let len = bytes.len().min(*room);
        *room -= len;
        self.written.lock().unwrap().extend(&bytes[..len]);
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_cut_line_is_ended_and_its_rest_is_dropped() {
    let (room, written) = (Arc::new(Mutex::new(7)), Arc::default());
    let mut writer = Writer::new(Disk { room: Arc::clone(&room), written: Arc::clone(&written) }, CHUNK);
    for chunk in ["one\ntwo two\nthr", "ee three\n"] {
        *writer.chunk() = chunk.into();
        writer.write(0);
    }
    *room.lock().unwrap() = usize::MAX;
    *writer.chunk() = b"four\n".into();
    writer.write(0);
    let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
    let note = "fourway: warning: 2 lines are missing here: the disk is full\n";
    assert_eq!(text, format!("one\ntwo\n{note}four\n"));
}

/// A sink that is always ready and takes only a few bytes at a time.
#[derive(Clone, Default)]
struct Sip(Arc<Mutex<Vec<Part>>>);

/// Whether the writer's thread has written the bytes, and the bytes.
type Part = (bool, Vec<u8>);

impl Write for Sip {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let part = &bytes[..bytes.len().min(3)];
        let by_writer = thread::current().name() == Some("output");
        self.0.lock().unwrap().push((by_writer, part.to_vec()));
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Sip {
    fn is_ready(&self) -> bool {
        true
    }
}

#[test]
fn write_now_writes_to_a_ready_sink_and_leaves_the_rest_to_the_writer() {
    let sip = Sip::default();
    let output = Output::to(sip.clone());
    output.write_now(b"ab\n");
    output.write_now(b"cdef\n");
    output.write_now(b"gh\n");
    assert!(output.flush(LONG, || false));
    let written = sip.0.lock().unwrap().clone();
    let (by_writer, parts): (Vec<_>, Vec<_>) = written.into_iter().unzip();
    assert_eq!(parts.concat(), b"ab\ncdef\ngh\n");
    assert_eq!(by_writer[..2], [false, false]);
    assert!(by_writer[2..].iter().all(|&by_writer| by_writer), "the rest is in order");
}

// --- the line that is shown ---

/// A sink that is always ready.
#[derive(Clone, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Screen {
    fn is_ready(&self) -> bool {
        true
    }
}

impl Screen {
    /// Returns the lines that a terminal of this kind would show, without trailing spaces.
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![String::new()];
        let mut column = 0;
        for &byte in self.0.lock().unwrap().iter() {
            let line = lines.last_mut().unwrap();
            match byte {
                b'\r' => column = 0,
                b'\n' => {
                    lines.push(String::new());
                    column = 0;
                }
                byte => {
                    line.replace_range(column..line.len().min(column + 1), &char::from(byte).to_string());
                    column += 1;
                }
            }
        }
        lines.iter().map(|line| line.trim_end().to_owned()).collect()
    }
}

#[test]
fn a_shown_line_takes_the_place_of_the_one_before_and_leaves_nothing_of_it() {
    let screen = Screen::default();
    let output = Output::to(screen.clone());
    output.show("a long line");
    assert_eq!(screen.lines(), ["a long line"]);
    output.show("short");
    assert_eq!(screen.lines(), ["short"]);
    output.show("");
    assert_eq!(screen.lines(), [""]);
    assert!(!output.0.lock().has_writer, "a line does not start the writer");
}

#[test]
fn a_record_takes_the_place_of_the_shown_line() {
    let screen = Screen::default();
    let output = Output::to(screen.clone());
    output.show("a line that is longer than the record");
    output.write_now(b"now\n");
    output.show("a line that is longer than the record");
    output.push(b"later\n");
    assert!(output.flush(LONG, || false));
    assert_eq!(screen.lines(), ["now", "later", ""]);
    // Now the writer writes lines too.
    output.show("another line");
    assert!(output.flush(LONG, || false));
    assert_eq!(screen.lines(), ["now", "later", "another line"]);
}

#[test]
fn a_line_that_the_stream_cannot_take_now_is_not_shown() {
    let (output, reader) = gated();
    output.show("the stream is not ready");
    output.push(b"first\n");
    wait_for_chunks(&output, 1);
    output.show("the record before it is not written");
    assert_eq!(reader.read_all(&output), "first\n");
}

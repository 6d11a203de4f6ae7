//! Descriptors that clients pass with their requests, and a server that lends them to its handler
//! (`Limits::descriptors`).

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::time::Instant;

use fourway::{RequestId, TokenRange};
use rustix::io::{FdFlags, fcntl_getfd};

use super::descriptors::is_at_its_end;
use super::*;
use crate::common::passing::{self, MOST};
use crate::common::wait_until;

/// A host that looks at what is passed, and keeps duplicates if it is asked to.
#[derive(Default)]
struct Taker {
    /// The numbers of the files that came with each request, in their order.
    numbers: Vec<Vec<u64>>,
    kept: Vec<OwnedFd>,
    parked: Vec<RequestId>,
}

impl Handler for Taker {
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        let files = || request.descriptors().map(|passed| passed.try_clone_to_owned().expect("it is open"));
        self.numbers.push(files().map(|own| number(&File::from(own))).collect());
        for passed in request.descriptors() {
            assert!(fcntl_getfd(passed).expect("it is open").contains(FdFlags::CLOEXEC), "a child has it");
        }
        match request.path() {
            "/keep" => {
                self.kept.extend(files());
                responder.send(200, "text/plain", b"kept")
            }
            "/later" => {
                let (id, reply) = responder.defer();
                self.parked.push(id);
                reply
            }
            "/read" => {
                let mut text = String::new();
                for own in files() {
                    File::from(own).read_to_string(&mut text).expect("text");
                }
                responder.send(200, "text/plain", text)
            }
            path => responder.send(200, "text/plain", path.as_bytes()),
        }
    }
}

/// The number that tells a file from all others.
fn number(file: &File) -> u64 {
    file.metadata().expect("it is open").ino()
}

/// A server whose requests may have this number of descriptors, and one client.
struct Rig {
    host: Loop,
    server: Server,
    taker: Taker,
    client: Client,
}

impl Rig {
    fn new(limit: usize) -> Rig {
        let (client, stream) = UnixStream::pair().expect("a pair");
        let mut config = Config::default();
        config.limits.descriptors = limit;
        let host = Loop::new(64);
        let mut server = host.server(0, config);
        server.adopt(stream, Instant::now()).expect("there is room");
        Rig { host, server, taker: Taker::default(), client: Client::over(client) }
    }

    fn until(&mut self, what: &str, is_so: impl Fn(&Server, &Taker) -> bool) {
        let start = Instant::now();
        while !is_so(&self.server, &self.taker) {
            assert!(start.elapsed() < PATIENCE, "still not so: {what}: {:?}", self.server);
            self.host.gather(&mut self.server, Duration::from_millis(100));
            self.server.process(Instant::now(), &mut self.taker);
        }
    }

    fn until_asked(&mut self, count: usize) {
        self.until("the requests have come", |_, taker| taker.numbers.len() >= count);
    }

    /// Until the client has got this error, and the server lingers.
    fn expect_refusal(&mut self, status: u16) {
        self.until("it is refused", |server, _| server.stats().errors(status) == 1);
        let mut line = String::new();
        self.client.0.read_line(&mut line).expect("a status line");
        assert!(line.starts_with(&format!("HTTP/1.1 {status} ")), "{line:?}");
        assert_eq!(self.taker.numbers.len(), 0, "the handler is not asked");
    }
}

fn pass(client: &Client, bytes: &str, descriptors: &[BorrowedFd<'_>]) {
    passing::pass(client.0.get_ref(), bytes, descriptors);
}

/// A pair of which one is to be passed. The other is at its end when no process has that one open.
fn pair() -> (UnixStream, UnixStream) {
    let (kept, passed) = UnixStream::pair().expect("a pair");
    kept.set_nonblocking(true).expect("non-blocking");
    (kept, passed)
}

/// Passes the same descriptor `count` times, and returns the other end of its pair.
fn pass_many(client: &Client, bytes: &str, count: usize) -> UnixStream {
    let (kept, passed) = pair();
    pass(client, bytes, &vec![passed.as_fd(); count]);
    kept
}

/// How many descriptors of this process are open on the file of this number.
fn count_open(number: u64) -> usize {
    let own = std::fs::read_dir("/proc/self/fd").expect("the descriptors of this process");
    own.filter_map(|entry| std::fs::metadata(entry.ok()?.path()).ok())
        .filter(|file| file.ino() == number)
        .count()
}

#[test]
fn a_handler_reads_from_the_files_that_it_is_lent() {
    let mut rig = Rig::new(2);
    let folder = Folder::new();
    let files = ["first ", "second"].map(|text| {
        let mut file =
            File::options().create_new(true).read(true).write(true).open(folder.path(text)).expect("new");
        file.write_all(text.as_bytes()).expect("space");
        file.seek(SeekFrom::Start(0)).expect("its start");
        file
    });
    pass(&rig.client, &get("/read"), &[files[0].as_fd(), files[1].as_fd()]);
    rig.until_asked(1);
    assert_eq!(rig.client.body(), b"first second");
    assert_eq!(rig.taker.numbers, [files.each_ref().map(number)]);
    assert_eq!(
        files.each_ref().map(|file| count_open(number(file))),
        [1; 2],
        "only the client has them open"
    );
}

#[test]
fn they_are_closed_when_their_request_is_answered() {
    let mut rig = Rig::new(MOST);
    for round in 0..20 {
        let passed = pass_many(&rig.client, &get("/"), MOST);
        rig.until_asked(round + 1);
        assert_eq!((rig.taker.numbers[round].len(), rig.client.body()), (MOST, b"/".to_vec()));
        assert!(is_at_its_end(&passed));
    }
}

#[test]
fn they_are_closed_when_their_request_is_deferred() {
    let mut rig = Rig::new(1);
    let passed = pass_many(&rig.client, &get("/later"), 1);
    rig.until_asked(1);
    assert!(is_at_its_end(&passed));
    let id = rig.taker.parked[0];
    rig.server.respond(id, Instant::now()).expect("it waits").send(200, "text/plain", b"here");
    rig.until("it is answered", |server, _| server.stats().idle == 1);
    assert_eq!(rig.client.body(), b"here");
}

#[test]
fn a_duplicate_is_the_hosts() {
    let mut rig = Rig::new(2);
    let (mut kept, passed) = pair();
    pass(&rig.client, &get("/keep"), &[passed.as_fd()]);
    drop(passed);
    rig.until_asked(1);
    assert!(!is_at_its_end(&kept));
    let mut own = UnixStream::from(rig.taker.kept.pop().expect("it is kept"));
    own.write_all(b"hello").expect("it is open");
    let mut bytes = [0; 5];
    kept.read_exact(&mut bytes).expect("what the host has written");
    assert_eq!(&bytes, b"hello");
    drop(own);
    assert!(is_at_its_end(&kept));
}

#[test]
fn the_messages_of_one_request_add_up() {
    let request = get("/split");
    for at in 1..request.len() {
        let mut rig = Rig::new(3);
        let pairs = [(); 3].map(|()| pair());
        let numbers = pairs
            .each_ref()
            .map(|(_, passed)| number(&File::from(OwnedFd::from(passed.try_clone().expect("a duplicate")))));
        pass(&rig.client, &request[..at], &[pairs[0].1.as_fd(), pairs[1].1.as_fd()]);
        rig.until("it has begun", |server, _| server.stats().bytes_in == at as u64);
        pass(&rig.client, &request[at..], &[pairs[2].1.as_fd()]);
        rig.until_asked(1);
        assert_eq!(
            (rig.client.body(), &rig.taker.numbers[..]),
            (b"/split".to_vec(), &[numbers.to_vec()][..])
        );
        let ends = pairs.map(|(kept, _)| kept);
        assert!(ends.iter().all(is_at_its_end));
    }
}

#[test]
fn each_request_has_its_own_although_more_wait_in_the_socket() {
    let mut rig = Rig::new(2);
    let passed = [1, 2].map(|count| pass_many(&rig.client, &get("/"), count));
    rig.client.send(get("/"));
    rig.until_asked(3);
    let counts: Vec<_> = rig.taker.numbers.iter().map(Vec::len).collect();
    assert_eq!(counts, [1, 2, 0]);
    assert!(passed.iter().all(is_at_its_end));
}

#[test]
fn a_request_with_one_too_many_is_refused_and_all_are_closed() {
    for limit in [1, 2, 3, 10, MOST - 1] {
        let mut rig = Rig::new(limit);
        let passed = pass_many(&rig.client, &get("/"), limit + 1);
        rig.expect_refusal(400);
        assert!(is_at_its_end(&passed), "{limit}");
    }
}

#[test]
fn a_request_with_one_too_many_in_its_last_message_is_refused() {
    let mut rig = Rig::new(2);
    let request = get("/");
    let first = pass_many(&rig.client, &request[..5], 2);
    rig.until("it has begun", |server, _| server.stats().bytes_in == 5);
    assert!(!is_at_its_end(&first));
    let last = pass_many(&rig.client, &request[5..], 1);
    rig.expect_refusal(400);
    assert!(is_at_its_end(&first) && is_at_its_end(&last));
}

#[test]
fn all_are_received_although_the_host_wants_credentials_too() {
    for limit in [1, 2, MOST] {
        let mut rig = Rig::new(limit);
        let (client, stream) = UnixStream::pair().expect("a pair");
        socket2::SockRef::from(&stream).set_passcred(true).expect("SO_PASSCRED");
        rig.server.adopt(stream, Instant::now()).expect("there is room");
        rig.client = Client::over(client);
        let passed = pass_many(&rig.client, &get("/"), limit);
        rig.until_asked(1);
        assert_eq!((rig.taker.numbers[0].len(), rig.client.body()), (limit, b"/".to_vec()));
        assert!(is_at_its_end(&passed));
    }
}

#[test]
fn they_are_closed_with_a_client_that_leaves_in_the_middle() {
    let mut rig = Rig::new(2);
    let passed = pass_many(&rig.client, &get("/")[..5], 2);
    rig.until("it has begun", |server, _| server.stats().bytes_in == 5);
    assert!(!is_at_its_end(&passed));
    rig.client.0.get_ref().shutdown(Shutdown::Both).expect("an end");
    rig.until("it has ended", |server, _| server.stats().open == 0);
    assert!(is_at_its_end(&passed));
}

#[test]
fn they_are_closed_with_the_server() {
    let mut rig = Rig::new(2);
    let passed = pass_many(&rig.client, &get("/")[..5], 2);
    rig.until("it has begun", |server, _| server.stats().bytes_in == 5);
    drop(rig.server);
    wait_until("all are closed", || is_at_its_end(&passed));
}

#[test]
fn requests_without_any_are_served_as_ever() {
    const COUNT: usize = 5000;
    let mut rig = Rig::new(1);
    let requests: String = (0..COUNT).map(|number| get(&format!("/{number}"))).collect();
    let writer = rig.client.0.get_ref().try_clone().expect("a second handle");
    let writing = thread::spawn(move || (&writer).write_all(requests.as_bytes()));
    for number in 0..COUNT {
        rig.until_asked(number + 1);
        assert_eq!(rig.client.body(), format!("/{number}").as_bytes());
    }
    writing.join().expect("no panic").expect("the server takes all of it");
}

#[test]
fn a_limit_beyond_what_a_message_can_carry_is_an_error() {
    let mut config = Config::default();
    config.limits.descriptors = MOST + 1;
    let poll = mio::Poll::new().expect("a poller");
    let error = Server::new(poll.registry(), TokenRange::nth(0), config).expect_err("it is out of its range");
    assert_eq!(error.to_string(), "limits.descriptors must be at most 253");
}

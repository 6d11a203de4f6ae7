//! Requests that the host defers before their bodies come. It asks somebody else first, and takes the body in later.

use std::io::{ErrorKind, Read};
use std::process::Command;
use std::thread;
use std::time::Instant;

use fourway::{Config, GoneReason, Handler, IdError, Intake, Reason, Reply, Request, RequestId, Responder};

use crate::common::child::Child;
use crate::common::embed::Rig;
use crate::common::tools::{self, TempFile};
use crate::common::{Client, PATIENCE, big};

/// A host that lets nobody upload at once.
#[derive(Default)]
struct Gate {
    waiting: Vec<RequestId>,
    /// The bodies, as they have come.
    taken: Vec<(Option<RequestId>, u64)>,
    pieces: u64,
    gone: Vec<(RequestId, GoneReason)>,
}

impl Handler for Gate {
    fn head<'r>(
        &mut self,
        _: &Request<'_>,
        id: RequestId,
        responder: Responder<'r>,
    ) -> Result<Intake, Reply<'r>> {
        let (deferred, reply) = responder.defer();
        assert_eq!(deferred, id);
        self.waiting.push(id);
        Err(reply)
    }

    fn piece<'r>(&mut self, _: RequestId, bytes: &[u8], _: Responder<'r>) -> Result<usize, Reply<'r>> {
        self.pieces += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        self.taken.push((request.id(), request.body_received()));
        responder.send(200, "text/plain", b"thanks")
    }

    fn gone(&mut self, id: RequestId, why: GoneReason) {
        self.gone.push((id, why));
    }
}

const INTAKES: [Intake; 3] = [Intake::Whole, Intake::Discard, Intake::Pieces];

fn rig() -> Rig<Gate> {
    Rig::with(Config::default(), Gate::default())
}

/// Connects a client that sends a head and waits before it sends the body.
fn expecting(rig: &mut Rig<Gate>, len: usize) -> (Client, RequestId) {
    let mut client = Client::connect(rig.address);
    client
        .send(format!("PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {len}\r\n\r\n"));
    let asked = rig.world.waiting.len() + 1;
    rig.until("the host is asked", |_, world| world.waiting.len() == asked);
    rig.settle();
    (client, rig.world.waiting[asked - 1])
}

#[test]
fn a_client_may_send_its_body_when_the_host_takes_it_in_and_not_before() {
    for intake in INTAKES {
        let mut rig = rig();
        let (mut client, id) = expecting(&mut rig, big().len());
        client.socket().set_nonblocking(true).expect("non-blocking");
        let early = client.socket().read(&mut [0; 1]).expect_err("nothing has been said");
        assert_eq!((early.kind(), rig.server.stats().deferred), (ErrorKind::WouldBlock, 1));
        client.socket().set_nonblocking(false).expect("blocking");
        rig.server.take_in(id, intake, Instant::now()).expect("it waits");
        let client = thread::spawn(move || {
            assert_eq!(client.response_head().status, 100);
            client.send(big());
            client.response()
        });
        let response = rig.serve_while(client, |_, _| {});
        assert_eq!((response.status, response.body.as_slice()), (200, &b"thanks"[..]), "{intake:?}");
        assert_eq!(rig.world.taken, [(Some(id), big().len() as u64)]);
        assert_eq!(rig.world.pieces, if intake == Intake::Pieces { big().len() as u64 } else { 0 });
        assert_eq!((rig.world.gone.len(), rig.server.stats().requests), (0, 1));
    }
}

#[test]
fn a_client_that_does_not_ask_sends_what_fits_until_its_body_is_taken_in() {
    const LEN: usize = 20_000_000;
    let mut rig = rig();
    let address = rig.address;
    let client = thread::spawn(move || {
        let mut client = Client::connect(address);
        client.send(format!("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: {LEN}\r\n\r\n"));
        client.send(vec![b'x'; LEN]);
        client.response().status
    });
    rig.until("the host is asked", |_, world| world.waiting.len() == 1);
    rig.settle();
    let read = rig.server.stats().bytes_in;
    assert!(read < 25_000, "{read} bytes were read before the host wanted them");
    let id = rig.world.waiting[0];
    rig.server.take_in(id, Intake::Discard, Instant::now()).expect("it waits");
    assert_eq!(rig.serve_while(client, |_, _| {}), 200);
    assert_eq!(rig.world.taken, [(Some(id), LEN as u64)]);
}

#[test]
fn curl_sends_nothing_of_a_body_that_the_host_does_not_want_in_the_end() {
    let Some(curl) = tools::find(&["curl"]) else { return };
    for (may_upload, expected) in [(true, " 200 1000"), (false, " 403 0")] {
        let mut rig = rig();
        let url = format!("http://{}/", rig.address);
        let curl = curl.clone();
        let client = thread::spawn(move || {
            let file = TempFile::with(vec![b'x'; 1000]);
            let mut command = Command::new(curl);
            command.args([
                "--silent",
                "--show-error",
                "--expect100-timeout",
                &PATIENCE.as_secs().to_string(),
            ]);
            command.args(["--header", "Expect: 100-continue", "--output", "/dev/null"]);
            command.args(["--write-out", " %{http_code} %{size_upload}", "--upload-file", file.path(), &url]);
            Child::run(&mut command)
        });
        let decide = |server: &mut fourway::Server, world: &mut Gate| {
            for id in world.waiting.drain(..) {
                if may_upload {
                    server.take_in(id, Intake::Whole, Instant::now()).expect("it waits");
                } else {
                    let responder = server.respond(id, Instant::now()).expect("it waits");
                    responder.send(403, "text/plain", b"not you");
                }
            }
        };
        assert_eq!(rig.serve_while(client, decide).stdout, expected);
    }
}

#[test]
fn a_client_that_leaves_after_its_body_was_taken_in_is_reported_once() {
    for intake in INTAKES {
        let mut rig = rig();
        let (client, id) = expecting(&mut rig, 1000);
        rig.server.take_in(id, intake, Instant::now()).expect("it waits");
        assert_eq!(
            rig.server.take_in(id, intake, Instant::now()),
            Err(IdError::Over),
            "it is taken in already"
        );
        rig.settle();
        client.reset();
        rig.until("it is gone", |server, _| server.stats().open == 0);
        assert_eq!(rig.world.gone, [(id, GoneReason::Ended(Reason::PeerReset))], "{intake:?}");
        assert_eq!(rig.server.take_in(id, intake, Instant::now()), Err(IdError::Over));
    }
}

//! Clients that do not read: a window that is shut wherever the server writes, and a client that asks for
//! ever. None of them keeps the server, or keeps it awake, or costs it more than it has.

use std::time::{Duration, Instant};

use fourway::{Body, Config, Reason, Stats};

use super::raw::{End, Raw};
use super::sleep_through;
use crate::common::embed::Rig;
use crate::common::kernel::Pair;
use crate::common::{big, get, get_and_close, wait_until};

/// More than the small window holds, and less than the server's kernel takes for it.
const FILL: &[u8] = &[b'f'; 4096];

/// So much is read even from a client that does not take its answers.
const SURELY_READ: u64 = 4096;

fn rig() -> Rig {
    let mut config = Config::default();
    config.exchanges = 16;
    let mut rig = Rig::new(config);
    let bodies = [
        ("/fill", Body::Static(FILL)),
        ("/static", Body::Static(big())),
        ("/shared", Body::Shared(big().into())),
        ("/repeated", Body::Repeat { page: b"page"[..].into(), len: 10 << 30 }),
    ];
    rig.world.bodies.extend(bodies);
    rig
}

/// A client that has shut its window: what was sent to it has not all arrived, and will not.
fn shut(rig: &mut Rig) -> Raw {
    let client = Raw::with_small_window(rig.address);
    client.send(get("/fill"));
    rig.until_asked(1);
    rig.settle();
    assert_eq!(rig.server.stats().idle, 1, "the kernel has taken all of it");
    let pair = Pair::of(&client.socket);
    wait_until("the window is shut", || matches!(pair.queued_at_server(), Some((1.., 0))));
    client
}

/// What a client sends whose window is shut, and what comes of it.
struct Row {
    name: &'static str,
    request: String,
    /// What the host answers to a request that waits for it.
    later: Option<Body>,
    reason: Reason,
    /// The errors that the server answers by itself.
    errors: &'static [u16],
    /// What is there for the client to read once the server has let it go.
    statuses: &'static [u16],
}

/// What the kernel takes although it cannot deliver it, so that the server is not kept by it.
fn taken(name: &'static str, request: impl Into<String>, reason: Reason, errors: &'static [u16]) -> Row {
    let request = request.into();
    let statuses: &[u16] = match errors {
        [] => &[200, 200],
        [400] => &[200, 400],
        [408] => &[200, 408],
        _ => &[200, 503],
    };
    Row { name, request, later: None, reason, errors, statuses }
}

/// What the kernel does not take, so that the server has to wait with it.
fn kept(name: &'static str, request: impl Into<String>) -> Row {
    let request = request.into();
    Row { name, request, later: None, reason: Reason::WriteTimeout, errors: &[], statuses: &[] }
}

/// Every place where the server writes.
fn rows() -> Vec<Row> {
    let upload =
        |header, body| format!("POST / HTTP/1.1\r\nHost: test\r\n{header}Content-Length: 9\r\n\r\n{body}");
    let waits = upload("Expect: 100-continue\r\n", "");
    let (small, large) = (Some(Body::Static(b"late")), Some(Body::Static(big())));
    vec![
        taken("a small answer", get("/small"), Reason::IdleTimeout, &[]),
        taken("the last answer", get_and_close("/small"), Reason::LingerTimeout, &[]),
        taken("an error page", "nonsense\r\n\r\n", Reason::LingerTimeout, &[400]),
        taken("a 408 in the head", "GET / HT", Reason::LingerTimeout, &[408]),
        taken("a 408 in the body", upload("", "12345"), Reason::LingerTimeout, &[408]),
        Row { statuses: &[200, 100, 408], ..taken("100 Continue", waits, Reason::LingerTimeout, &[408]) },
        taken("a 503", get("/later"), Reason::LingerTimeout, &[503]),
        Row { later: small, ..taken("a deferred answer", get("/later"), Reason::IdleTimeout, &[]) },
        Row { later: large, ..kept("a large deferred answer", get("/later")) },
        kept("a static body", get("/static")),
        kept("a shared body", get("/shared")),
        kept("a repeated body", get("/repeated")),
        kept("the last of several", [get("/small"), get_and_close("/static")].concat()),
        kept("many small answers", get("/small").repeat(2000)),
        kept("an error page behind a large answer", [get("/static"), "nonsense\r\n\r\n".into()].concat()),
    ]
}

/// One honest request from the beginning to the end.
fn serve_another(rig: &mut Rig) {
    let before = rig.server.stats().closes(Reason::Answered);
    let mut other = Raw::connect(rig.address);
    other.send(get_and_close("/other"));
    rig.until("another is served", |server, _| server.stats().closes(Reason::Answered) > before);
    wait_until("it has its answer", || other.read_all() == 0 && other.end == Some(End::Fin));
    assert_eq!(other.statuses(), (vec![200], 0));
    other.reset();
}

#[test]
fn a_closed_window_wherever_the_server_writes_delays_no_other_client() {
    let _turn = crate::common::own::my_turn();
    for row in rows() {
        let name = row.name;
        let mut rig = rig();
        let mut client = shut(&mut rig);
        client.send(&row.request);
        let bytes = (get("/fill").len() + row.request.len()) as u64;
        rig.until(name, |server, _| server.stats().bytes_in >= bytes.min(SURELY_READ));
        rig.settle();
        if let Some(body) = row.later {
            let id = rig.world.parked[0];
            rig.server.respond(id, Instant::now()).expect("it waits").status(200).body(body);
            rig.settle();
        }
        serve_another(&mut rig);
        let is_kept = row.reason == Reason::WriteTimeout;
        if row.reason != Reason::Answered {
            let sleep = rig.server.next_timeout(Instant::now()).expect("there is a deadline");
            assert!(sleep > Duration::from_secs(1), "{name}: it wakes up after {sleep:?}");
            sleep_through(&mut rig);
        }
        let stats = rig.server.stats();
        let others = u64::from(row.reason == Reason::Answered);
        assert_eq!((stats.closed, stats.closes(row.reason)), (2, 1 + others), "{name}: {stats:?}");
        let errors = Stats::ERRORS.into_iter().filter(|&status| stats.errors(status) > 0);
        assert_eq!(errors.collect::<Vec<_>>(), row.errors, "{name}");
        // A client that reads at last gets what the kernel has taken, or can tell that it is not all.
        wait_until("the end has come", || client.read_all() == 0 && client.end.is_some());
        let end = if is_kept { End::Reset } else { End::Fin };
        assert_eq!(client.end, Some(end), "{name}");
        if !is_kept {
            assert_eq!(client.statuses(), (row.statuses.to_vec(), 0), "{name}");
        }
    }
}

#[test]
fn a_client_that_sends_requests_forever_and_never_reads_is_closed() {
    let _turn = crate::common::own::my_turn();
    let mut rig = rig();
    let (request, answer_len) = (get("/for-ever"), answer_len(&mut rig, "/for-ever"));
    let before = rig.server.stats();
    let mut client = Raw::with_small_window(rig.address);
    let (pipeline, mut sent) = (request.repeat(1000), 0);
    loop {
        let more = client.send_some(&pipeline.as_bytes()[sent % pipeline.len()..]);
        rig.settle();
        if more == 0 {
            break;
        }
        sent += more;
    }
    let stats = rig.server.stats();
    let requests = stats.requests - before.requests;
    let unanswered = stats.bytes_in - before.bytes_in - requests * request.len() as u64;
    let unsent = requests * answer_len - (stats.bytes_out - before.bytes_out);
    let limits = Config::default().limits;
    assert!(unanswered <= (limits.head_bytes + limits.body_bytes + 4096) as u64, "it holds {unanswered}");
    assert!((1..=16 * 1024 + answer_len).contains(&unsent), "it holds {unsent} bytes of answers");
    assert!(sent as u64 > stats.bytes_in - before.bytes_in, "the rest is left to the kernels");

    serve_another(&mut rig);
    let sleep = rig.server.next_timeout(Instant::now()).expect("there is a deadline");
    assert!(sleep > Duration::from_secs(1), "it wakes up after {sleep:?}");
    let bytes_in = rig.server.stats().bytes_in;
    sleep_through(&mut rig);
    let stats = rig.server.stats();
    assert_eq!((stats.closes(Reason::WriteTimeout), stats.bytes_in), (1, bytes_in));
    wait_until("the reset has come", || client.read_all() == 0 && client.end.is_some());
    assert_eq!(client.end, Some(End::Reset));
}

/// How long the answer to a request is, with its head.
fn answer_len(rig: &mut Rig, target: &str) -> u64 {
    let before = rig.server.stats();
    let client = Raw::connect(rig.address);
    client.send(get(target));
    rig.until_asked(1);
    rig.settle();
    client.reset();
    rig.until("it has gone", |server, _| server.stats().open == 0);
    rig.server.stats().bytes_out - before.bytes_out
}

//! Deferred requests that are kept, and hosts that look at them again.

use std::io::Write as _;
use std::thread;
use std::time::Instant;

use fourway::{Config, GoneReason, IdError, Reason};

use crate::common::embed::Rig;
use crate::common::{Client, big, get};

/// Returns an upload for a page.
fn post(target: &str, body: &[u8], chunked: bool) -> Vec<u8> {
    let framing =
        if chunked { "Transfer-Encoding: chunked" } else { &format!("Content-Length: {}", body.len()) };
    let mut request = format!("POST {target} HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n").into_bytes();
    if !chunked {
        request.extend(body);
        return request;
    }
    for chunk in body.chunks(10_000) {
        write!(request, "{:x}\r\n", chunk.len()).expect("memory suffices");
        request.extend([chunk, b"\r\n"].concat());
    }
    request.extend(b"0\r\n\r\n");
    request
}

#[test]
fn a_host_that_looks_at_a_kept_request_sees_all_of_it() {
    let mut rig = Rig::new(Config::default());
    let (client, id) = rig.parked("/keep/one?two=three");
    let local = client.socket().local_addr().expect("it is connected");
    for _ in 0..2 {
        let seen = rig.server.with_request(id, |request| {
            assert_eq!((request.method(), request.target()), ("GET", "/keep/one?two=three"));
            assert_eq!((request.id(), request.header_str("Host")), (Some(id), Some("test")));
            request.peer().expect("it is connected")
        });
        assert_eq!(seen, Some(local));
    }
}

#[test]
fn uploads_of_any_size_and_framing_are_kept_until_the_host_echoes_them() {
    for chunked in [false, true] {
        for len in [1, 5_000, 1 << 20] {
            let mut rig = Rig::new(Config::default());
            let mut client = Client::connect(rig.address);
            let body = &big()[..len];
            let requests = [post("/keep", body, chunked), get("/behind").into_bytes()].concat();
            let sender = client.socket().try_clone().expect("a second handle");
            let sending = thread::spawn(move || Client::over(sender).send(requests));
            rig.until_asked(1);
            rig.settle();
            let id = rig.world.parked[0];
            let seen = rig.server.with_request(id, |request| request.body() == body);
            assert_eq!((seen, rig.world.asked.len()), (Some(true), 1), "{chunked} {len}");
            let echo = rig.server.respond_with(id, Instant::now(), |request, responder| {
                responder.status(200).body(request.body().to_vec())
            });
            assert_eq!((echo, rig.server.with_request(id, |_| ())), (Ok(()), None));
            let reading = thread::spawn(move || (client.response().body, client.response().body));
            let (first, second) = rig.serve(reading);
            assert!(first == body && second == b"/behind", "{chunked} {len}");
            sending.join().expect("all is sent");
        }
    }
}

#[test]
fn a_request_that_is_not_kept_or_over_or_of_another_server_is_not_shown() {
    let (mut rig, mut other) = (Rig::new(Config::default()), Rig::new(Config::default()));
    let ((_kept, kept), (mut later, not_kept), (lost, gone)) =
        (rig.parked("/keep"), rig.parked("/later"), rig.parked("/keep"));
    lost.reset();
    rig.until("the reset is noticed", |server, _| server.stats().open == 2);
    assert_eq!(rig.world.gone, [(gone, GoneReason::Ended(Reason::PeerReset))]);
    assert_eq!(other.server.with_request(kept, |_| ()), None);
    assert_eq!(rig.server.with_request(not_kept, |_| ()), None);
    assert_eq!(rig.server.with_request(gone, |_| ()), None);
    let now = Instant::now();
    let mut errors = [(&mut other, kept), (&mut rig, not_kept)]
        .map(|(rig, id)| rig.server.respond_with(id, now, |_, responder| responder.close()).unwrap_err());
    assert_eq!(errors, [IdError::WrongServer, IdError::NotKept]);
    errors[0] = rig.server.respond_with(gone, now, |_, responder| responder.close()).unwrap_err();
    assert_eq!(errors[0], IdError::Over);
    rig.server.respond(not_kept, now).expect("it still waits").send(200, "text/plain", b"here");
    rig.settle();
    assert_eq!(later.response().body, b"here");
}

#[test]
fn a_request_that_is_kept_twice_is_answered_once() {
    let mut rig = Rig::new(Config::default());
    let (mut client, first) = rig.parked("/keep/this");
    let mut again = None;
    let kept = rig.server.respond_with(first, Instant::now(), |request, responder| {
        assert_eq!(request.path(), "/keep/this");
        let (id, reply) = responder.defer_keeping();
        again = Some(id);
        reply
    });
    let second = again.expect("it is called");
    assert_eq!((kept, rig.server.with_request(first, |_| ())), (Ok(()), None));
    assert_eq!(rig.server.with_request(second, |request| request.path().len()), Some("/keep/this".len()));
    rig.settle();
    let answer = rig.server.respond_with(second, Instant::now(), |request, responder| {
        responder.send(200, "text/plain", request.path())
    });
    answer.expect("it waits");
    rig.settle();
    assert_eq!((client.response().body, rig.world.gone.len()), (b"/keep/this".into(), 0));
}

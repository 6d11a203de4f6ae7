//! Streamed responses and bodies in pieces over Unix sockets.

use super::*;
use crate::common::embed::Rig;
use crate::common::streaming::{Streaming, body};

/// More than the buffers of the kernel and of the server hold.
const LONG: usize = 5_000_003;

/// Runs a client over one of a pair of sockets, whose other one the server adopts.
fn serve(client: impl FnOnce(Client) + Send + 'static) -> Rig<Streaming> {
    let mut rig = Rig::with(Config::default(), Streaming::default());
    let (ours, theirs) = UnixStream::pair().expect("a pair");
    rig.server.adopt(theirs, Instant::now()).expect("there is room");
    rig.serve_while(thread::spawn(move || client(Client::over(ours))), |server, world| world.resume(server));
    rig
}

#[test]
fn streams_arrive_whole() {
    let rig = serve(|mut client| {
        for target in ["/length/0", "/length/1000", "/length/5000003"] {
            let len = target.rsplit('/').next().and_then(|len| len.parse().ok()).expect("a length");
            client.send(get(target));
            assert!(client.body() == body(len), "{target}");
        }
        client.send("GET /later/5500 HTTP/1.0\r\n\r\n");
        let mut rest = Vec::new();
        client.0.read_to_end(&mut rest).expect("an end, not an error");
        assert!(rest.ends_with(&[b"\r\n\r\n", &body(5500)[..]].concat()));
    });
    assert_eq!(rig.world.gone.len(), 0);
}

#[test]
fn a_stream_that_is_cut_off_ends_without_its_last_byte() {
    let rig = serve(|mut client| {
        client.send(get("/abort/5000"));
        let mut rest = Vec::new();
        // Unix sockets have no reset: the client sees an end, or an error if it has sent more.
        let _ = client.0.read_to_end(&mut rest);
        assert!(!rest.ends_with(b"0\r\n\r\n"));
    });
    assert_eq!(rig.server.stats().closes(Reason::StreamAborted), 1);
}

#[test]
fn bodies_are_discarded_and_taken_in_pieces() {
    let rig = serve(|mut client| {
        for (target, len) in [("/discard/0", LONG), ("/pieces/0", LONG), ("/some/999", 30_000)] {
            let head = format!("POST {target} HTTP/1.1\r\nHost: test\r\nContent-Length: {len}\r\n\r\n");
            client.send(head);
            client.send(body(len));
            assert_eq!(client.body(), format!("{len} true").as_bytes());
        }
    });
    assert_eq!((rig.world.heads, rig.world.gone.len()), (3, 0));
}

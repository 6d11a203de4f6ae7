//! Allocations and frees while clients pass descriptors over a Unix socket.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use fourway::{Config, handler_fn};

use crate::allocations::run_from;
use crate::common::passing::pass;

#[test]
fn requests_with_descriptors_allocate_and_free_nothing() {
    const REQUESTS: u64 = 1000;
    const CLIENTS: u64 = 4;
    let mut config = Config::default();
    config.limits.descriptors = 3;
    let mut passed = 0;
    let mut site = handler_fn(|request, responder| {
        passed += request.descriptors().count();
        responder.send(200, "text/plain", b"xixizi")
    });
    let begin = |server: &mut fourway::Server| {
        let mut adopt = || {
            let (client, stream) = UnixStream::pair().unwrap();
            server.adopt(stream, Instant::now()).unwrap();
            client
        };
        [(); CLIENTS as usize].map(|()| adopt())
    };
    let clients = |mut clients: [UnixStream; CLIENTS as usize]| {
        let (file, _other) = UnixStream::pair().unwrap();
        let own = [file.as_fd(); 4];
        for round in 0..REQUESTS {
            let client = &mut clients[(round % (CLIENTS - 1)) as usize];
            let head = "GET / HTTP/1.1\r\nHost: x\r\n";
            match round % 4 {
                0 => client.write_all(format!("{head}\r\n").as_bytes()).unwrap(),
                // The rest of the head comes later, so the server holds them until then.
                1 => {
                    pass(client, head, &own[..2]);
                    client.write_all(b"\r\n").unwrap();
                }
                _ => pass(client, &format!("{head}\r\n"), &own[..3]),
            }
            expect(client, "200 OK");
        }
        // More than the settings allow.
        let last = clients.last_mut().expect("there are four");
        pass(last, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", &own);
        expect(last, "400 Bad Request");
    };
    let (requests, _, allocations, frees) = run_from(config, begin, &mut site, |_| false, |_, _| {}, clients);
    assert_eq!((allocations, frees), (0, 0));
    assert_eq!((requests, passed as u64), (REQUESTS, REQUESTS / 4 * (2 + 3 + 3)));
}

/// Reads one response, which has this status.
fn expect(client: &mut UnixStream, status: &str) {
    let mut response = Vec::new();
    let mut chunk = [0; 1000];
    while !response.ends_with(b"xixizi") && !response.ends_with(b"\n") {
        let len = client.read(&mut chunk).unwrap();
        assert_ne!(len, 0, "the server has closed");
        response.extend_from_slice(&chunk[..len]);
    }
    let response = String::from_utf8(response).unwrap();
    assert!(response.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{response}");
}

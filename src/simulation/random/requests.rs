//! The requests of a story: any target, in any form.

use crate::simulation::harness::entropy::Chance;
use crate::simulation::harness::handler;

pub(super) const EXPECT: &str = "Expect: 100-continue\r\n";

/// A request that a client is going to send.
pub(super) struct Asked {
    pub(super) method: &'static str,
    pub(super) target: String,
    /// The length of its body.
    pub(super) body: usize,
}

/// Streams of every kind: with and without a length, quick and slow, and with each way to go wrong.
fn any_stream(chance: &mut Chance) -> String {
    let sizes = [0, 1, 100, 5000, 70_000];
    let last = if chance.one_in(6) {
        chance.pick(&["x", "p", "o", "c", "C", "r", "d"])
    } else {
        chance.pick(&["e", "t"])
    };
    let mut steps = vec![(chance.pick(&sizes), last)];
    for _ in 0..chance.below(4) {
        steps.insert(0, (chance.pick(&sizes), chance.pick(&["a", "a", "l", "f"])));
    }
    let sum: usize = steps.iter().map(|step| step.0).sum();
    let len = match chance.below(8) {
        0..=3 => "chunked".to_owned(),
        4 => (sum + chance.below(2)).to_string(),
        _ => sum.to_string(),
    };
    let steps: Vec<_> = steps.iter().map(|(size, verb)| format!("{size}{verb}")).collect();
    format!("/stream/{len}/{}", steps.join(","))
}

/// A page of its own, or one of those at which something happens.
pub(super) fn any_target(chance: &mut Chance, own: &str) -> String {
    if chance.one_in(6) {
        return any_stream(chance);
    }
    let targets = [
        own,
        own,
        own,
        own,
        "/large",
        "/owned",
        "/part",
        "/copied",
        "/close",
        "/own-close",
        "/drop",
        "/panic",
        "/later",
        "/later",
        "/keep",
        "/keep",
        "/keep",
        "/later-panic",
        "/upgrade",
        "/keep-panic",
        "/control/raw",
        "/control/raw-stream",
        "/control/raw-nothing",
        "/control/announce-long",
        "/control/announce-none",
        "/control/close-rst",
        "/control/inform",
        "/control/inform",
        "/control/inform-later",
    ];
    chance.pick(&targets).to_string()
}

/// A request, and its bytes. Its body, if it has one, is at most so long.
pub(super) fn any_request(chance: &mut Chance, target: String, longest: usize) -> (Asked, Vec<u8>) {
    let form = chance.below(4);
    let has_body = matches!(form, 0 | 2);
    let target = if has_body && chance.one_in(3) { any_intake(chance) } else { target };
    let (method, body, request) = match form {
        0 => {
            // Some do not fit behind their heads.
            let sizes = [0, 1, 100, 3000, 3999, 4080, 4200, 4500, 9000, 20_000, 20_400, 40_000];
            let body = vec![b'b'; chance.pick(&sizes).min(longest)];
            let expect = if chance.one_in(3) { EXPECT } else { "" };
            let length = body.len();
            let head =
                format!("POST {target} HTTP/1.1\r\nHost: x\r\n{expect}Content-Length: {length}\r\n\r\n");
            ("POST", length, [head.as_bytes(), &body].concat())
        }
        1 if chance.one_in(2) => ("GET", 0, handler::get_and_close(&target)),
        2 => {
            let expect = if chance.one_in(3) { EXPECT } else { "" };
            let head =
                format!("POST {target} HTTP/1.1\r\nHost: x\r\n{expect}Transfer-Encoding: chunked\r\n\r\n");
            let (length, chunks) = any_chunks(chance, longest);
            ("POST", length, [head.into_bytes(), chunks].concat())
        }
        _ => ("GET", 0, handler::get(&target)),
    };
    (Asked { method, target, body }, request)
}

/// Everything that a host can do with a body.
fn any_intake(chance: &mut Chance) -> String {
    let targets = [
        "/most",
        "/discard",
        "/discard",
        "/discard-most",
        "/pieces",
        "/pieces",
        "/pieces/some/700",
        "/pieces/some/5000",
        "/pieces/until/1000e",
        "/pieces/until/1000d",
        "/pieces/until/1000p",
        "/head",
        "/head-later",
        "/head-stream",
        "/head-keep",
        "/pieces/keep",
        "/pieces/until/1000k",
        "/head-refuse",
        "/pieces/until/1000r",
        "/head-panic",
    ];
    chance.pick(&targets).to_string()
}

/// Generates a chunked body of at most this length. Returns its length, and its bytes.
fn any_chunks(chance: &mut Chance, longest: usize) -> (usize, Vec<u8>) {
    let (mut body, mut length) = (Vec::new(), 0);
    for _ in 0..chance.below(6) {
        let size = chance.pick(&[1, 5, 100, 900, 4000, 4096, 8000, 16_000]).min(longest - length);
        if size > 0 {
            length += size;
            body.extend(format!("{size:x}\r\n").into_bytes());
            body.extend([&vec![b'c'; size][..], b"\r\n"].concat());
        }
    }
    body.extend(b"0\r\n\r\n");
    (length, body)
}

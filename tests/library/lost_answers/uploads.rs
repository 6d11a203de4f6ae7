//! A client sends all of a body beyond the limit and reads only then. It gets the whole 413 and no reset.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use super::MODES;
use crate::common::{Client, Host};
use fourway::{CloseMode, Config};

const MIB: usize = 1 << 20;

fn config(close: CloseMode) -> Config {
    let mut config = Config::default();
    config.close = close;
    config.exchanges = 16;
    config
}

/// How a client marks the end of its body.
#[derive(Debug, Clone, Copy)]
enum Framing {
    ContentLength,
    Chunked,
}

const FRAMINGS: [Framing; 2] = [Framing::ContentLength, Framing::Chunked];

impl Framing {
    fn head(self, length: usize) -> String {
        let field = match self {
            Framing::ContentLength => format!("Content-Length: {length}"),
            Framing::Chunked => "Transfer-Encoding: chunked".to_owned(),
        };
        format!("POST /length HTTP/1.1\r\nHost: test\r\n{field}\r\n\r\n")
    }

    /// One piece of the body as it goes over the wire.
    fn piece(self, length: usize) -> Vec<u8> {
        let bytes = vec![b'x'; length];
        match self {
            Framing::ContentLength => bytes,
            Framing::Chunked => [format!("{length:x}\r\n").as_bytes(), &bytes, b"\r\n"].concat(),
        }
    }

    fn end(self) -> &'static [u8] {
        match self {
            Framing::ContentLength => b"",
            Framing::Chunked => b"0\r\n\r\n",
        }
    }
}

/// Sends a body in this number of pieces, and reads only then.
fn is_refused(config: Config, framing: Framing, pieces: usize, piece: usize, pace: Duration) {
    let close = config.close;
    let host = Host::start(config);
    let mut client = Client::connect(host.address);
    let begin = Instant::now();
    client.send(framing.head(pieces * piece));
    let bytes = framing.piece(piece);
    for number in 0..pieces {
        thread::sleep(pace);
        client.socket().write_all(&bytes).unwrap_or_else(|error| {
            let (sent, after) = (number * piece, begin.elapsed());
            panic!("{close:?}, {framing:?}: {error} after {sent} bytes and {after:?}: {:?}", host.stats())
        });
    }
    client.send(framing.end());
    let response = client.try_response().unwrap_or_else(|error| panic!("{close:?}, {framing:?}: {error}"));
    assert_eq!(response.status, 413, "{close:?}, {framing:?}");
    if close == CloseMode::Fin {
        client.expect_end();
    }
}

#[test]
fn an_upload_of_20_mib_is_refused_with_a_whole_413() {
    for close in MODES {
        for framing in FRAMINGS {
            is_refused(config(close), framing, 20, MIB, Duration::ZERO);
        }
    }
}

#[test]
fn an_upload_of_100_mib_is_refused_with_a_whole_413() {
    for close in MODES {
        for framing in FRAMINGS {
            is_refused(config(close), framing, 100, MIB, Duration::ZERO);
        }
    }
}

#[test]
fn an_upload_that_takes_longer_than_the_linger_timeout_is_refused_with_a_whole_413() {
    // The body is 3 MiB and takes a second and a half, with a twentieth of a second between two pieces.
    thread::scope(|scope| {
        for close in MODES {
            for framing in FRAMINGS {
                let mut config = config(close);
                config.timeouts.linger = Duration::from_millis(500);
                scope.spawn(move || is_refused(config, framing, 30, MIB / 10, Duration::from_millis(50)));
            }
        }
    });
}

//! Responses that the URL steers: each letter of docs/TARGET.md, on real sockets.

mod bodies;
mod closing;
mod httpterm;
mod options;
mod requests;
mod times;

use crate::common::program::Program;
use crate::common::{Client, Response};

/// The body without a letter that changes it.
const USUAL: &[u8] = b"xixizi";

/// Asks a program of its own.
fn ask(target: &str) -> Response {
    Program::start(&[]).connect().ask(target)
}

/// Reads the rest until the connection ends. The end may be a reset.
fn rest(client: &mut Client) -> (Vec<u8>, bool) {
    use std::io::{ErrorKind, Read};
    let mut bytes = Vec::new();
    match client.stream.read_to_end(&mut bytes) {
        Ok(_) => (bytes, false),
        Err(error) if error.kind() == ErrorKind::ConnectionReset => (bytes, true),
        Err(error) => panic!("neither an end nor a reset: {error}"),
    }
}

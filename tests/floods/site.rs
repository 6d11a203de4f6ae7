//! The server. Nothing else here knows the library's settings and its ways to answer.

use std::sync::LazyLock;

use fourway::{CloseMode, Config, Reply, Request, Responder, handler_fn};

use crate::common::{ANY_PORT, Host, big, routes};

/// The body of `/download`: more than the kernel takes from a server at once.
pub fn download() -> &'static [u8] {
    static DOWNLOAD: LazyLock<Vec<u8>> = LazyLock::new(|| big().repeat(8));
    &DOWNLOAD
}

/// A server with this many slots, which otherwise is as by default.
pub fn with_slots(slots: usize) -> Host {
    start(slots, |_| {})
}

/// The same, in the close mode in which the client closes first.
pub fn with_slots_in_mode_peer(slots: usize) -> Host {
    start(slots, |config| config.close = CloseMode::Peer)
}

/// A server with fewer buffers of each kind than slots.
pub fn with_slots_and_buffers(slots: usize, buffers: usize) -> Host {
    start(slots, |config| {
        config.buffers.heads = buffers;
        config.buffers.outs = buffers;
    })
}

fn start(slots: usize, set: impl FnOnce(&mut Config)) -> Host {
    let mut config = Config::default();
    config.max_connections = slots;
    set(&mut config);
    Host::start_with(ANY_PORT, config, handler_fn(answer)).expect("a server on a free port")
}

/// `/length` answers with the length of the request's body, and any other target with itself.
fn answer<'r>(request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
    const TYPE: &str = "application/octet-stream";
    match request.path() {
        "/download" => responder.status(200).content_type(TYPE).body(download()),
        "/large" => responder.status(200).content_type(TYPE).body(&big()[..256 * 1024]),
        "/copied" => responder.send(200, TYPE, &big()[..60_000]),
        _ => routes(request, responder),
    }
}

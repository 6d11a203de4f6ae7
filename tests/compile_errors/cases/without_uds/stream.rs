//! A Unix stream without the feature `uds`.

use std::time::Instant;

use fourway::mio::net::UnixStream;

fn adopt(server: &mut fourway::Server, stream: UnixStream) {
    let _ = server.adopt(stream, Instant::now());
}

fn main() {
    let _ = adopt;
}

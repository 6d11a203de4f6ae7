//! A Unix listener without the feature `uds`.

use std::os::unix::net::UnixListener;

fn listen(server: &mut fourway::Server, listener: UnixListener) {
    let _ = server.add_listener(listener);
}

fn is_unix(listener: &fourway::Listener) -> bool {
    matches!(listener, fourway::Listener::Unix(_))
}

fn main() {
    let _ = (listen, is_unix);
}

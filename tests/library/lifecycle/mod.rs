//! Beginnings and ends of a server's sockets in a host's loop: streams and listeners that change hands, drains, aborts, and
//! handlers that panic.

mod streams;
mod listeners;
mod ends;

use std::net::{TcpListener, TcpStream};

use fourway::Config;

use crate::common::{ANY_PORT, Client};

fn with_connections(max: usize) -> Config {
    let mut config = Config::default();
    config.max_connections = max;
    config
}

/// Both ends of a connection that the host has accepted itself.
fn accepted() -> (Client, TcpStream) {
    let listener = TcpListener::bind(ANY_PORT).expect("a free port");
    let client = Client::connect(listener.local_addr().expect("it is bound"));
    (client, listener.accept().expect("the client").0)
}

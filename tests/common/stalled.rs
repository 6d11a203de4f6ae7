//! The client that stops reading: its window is shut, and the server cannot send the rest of its response.

use std::net::{SocketAddr, TcpStream};

use fourway::Body;
use socket2::{Domain, Socket, Type};

use super::embed::Rig;
use super::{Client, big, get};

/// More than the kernels of both sides take for a client that reads nothing.
pub const LARGE: u64 = 32 << 20;

/// A client of a server with a large page. It has read the head of its response, and reads no more until the test does.
pub fn client_of(address: SocketAddr) -> Client {
    let mut client = Client::connect(address);
    client.send(get("/"));
    client.response_head();
    client
}

/// A client of a server in the test's own loop. It reads nothing of a response of [`LARGE`] bytes, and the kernels take
/// no more of it.
pub fn client_in(rig: &mut Rig) -> Client {
    let before = rig.server.stats().bytes_out;
    rig.world.bodies.insert("/stalled", Body::Repeat { page: big().into(), len: LARGE });
    let client = rig.asking("/stalled");
    rig.settle();
    assert!(rig.server.stats().bytes_out - before < LARGE, "the client has to read");
    client
}

/// Lets the kernel take hardly anything for a client that does not read: 2,304 bytes with all that the kernel needs
/// beside them, the least that Linux allows. With the small segments of a real network the kernel of the server does not
/// take much either; with those of the loopback device it would take a megabyte.
pub fn shrink_window(socket: &Socket) {
    socket.set_recv_buffer_size(1).expect("SO_RCVBUF");
    socket.set_tcp_mss(536).expect("TCP_MAXSEG");
}

/// A connection with such a window.
pub fn connect_with_small_window(address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    shrink_window(&socket);
    socket.connect(&address.into()).expect("a connection");
    socket.into()
}

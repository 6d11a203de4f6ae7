//! The example `websocket`.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;

use tungstenite::client::client;
use tungstenite::protocol::WebSocket;
use tungstenite::{Error, Message};

use super::{Example, ask, page, text};
use crate::common::{Client, PATIENCE, get};

fn stream(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a read timeout");
    stream.set_write_timeout(Some(PATIENCE)).expect("a write timeout");
    stream
}

fn connect(address: SocketAddr) -> WebSocket<TcpStream> {
    let url = format!("ws://{address}/echo");
    // It checks `Sec-WebSocket-Accept`.
    client(url, stream(address)).expect("a handshake").0
}

fn expect_echo(socket: &mut WebSocket<TcpStream>, message: impl Into<Message>) {
    let message = message.into();
    socket.send(message.clone()).expect("the example takes it");
    assert!(socket.read().expect("the echo") == message);
}

/// A frame with a text, as a client sends it, with the key 0.
fn frame(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("a short text");
    [&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat()
}

/// A request for a WebSocket, with the key of the RFC (RFC 6455 §1.3).
fn handshake() -> String {
    let header = "Connection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n";
    format!("GET /echo HTTP/1.1\r\nHost: test\r\n{header}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
}

#[test]
fn each_message_comes_back() {
    let mut example = Example::on_any_port("websocket");
    let mut socket = connect(example.http());
    for length in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
        expect_echo(&mut socket, "x".repeat(length));
        expect_echo(&mut socket, vec![0xff; length]);
    }
}

#[test]
fn messages_that_come_with_the_request_are_echoed() {
    let mut example = Example::on_any_port("websocket");
    let mut client = Client::connect(example.http());
    client.send([handshake().into_bytes(), frame("first"), frame("second")].concat());
    let response = client.response();
    assert_eq!(response.status, 101);
    assert_eq!(response.header("Sec-WebSocket-Accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    let mut echoes = vec![0; 2 + 5 + 2 + 6];
    client.stream.read_exact(&mut echoes).expect("both echoes");
    assert_eq!(echoes, b"\x81\x05first\x81\x06second");
}

#[test]
fn each_of_many_clients_gets_its_own_messages() {
    let mut example = Example::on_any_port("websocket");
    let address = example.http();
    let mut sockets: Vec<_> = (0..100).map(|_| connect(address)).collect();
    for round in 0..10 {
        for (number, socket) in sockets.iter_mut().enumerate() {
            socket.send(format!("{number} in round {round}").into()).expect("the example takes it");
        }
        for (number, socket) in sockets.iter_mut().enumerate() {
            let message = socket.read().expect("the echo");
            assert_eq!(message.into_text().expect("a text"), format!("{number} in round {round}").as_str());
        }
    }
}

/// The client sends until nothing more fits anywhere. Then the example waits until it can write.
#[test]
fn a_client_that_does_not_read_gets_all_of_its_echoes_later() {
    let mut example = Example::on_any_port("websocket");
    let address = example.http();
    let mut client = Client::connect(address);
    client.send(handshake());
    assert_eq!(client.response().status, 101);
    // Each begins with its number.
    let message = |number: u64| [&number.to_be_bytes()[..], &[7; 92]].concat();
    client.socket().set_nonblocking(true).expect("non-blocking");
    let (mut sent, mut unsent) = (0, Vec::new());
    let mut blocked = 0;
    while blocked < 100 {
        if unsent.is_empty() {
            unsent = [&[0x82, 0xe4, 0, 0, 0, 0][..], &message(sent)].concat();
            sent += 1;
        }
        match client.socket().write(&unsent) {
            Ok(len) => {
                unsent.drain(..len);
                blocked = 0;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                // The example still serves the others, and has had a turn.
                expect_echo(&mut connect(address), "beside it");
                blocked += 1;
            }
        }
    }
    client.socket().set_nonblocking(false).expect("blocking again");
    let mut writer = client.socket().try_clone().expect("a second handle");
    let writing = thread::spawn(move || writer.write_all(&unsent));
    for number in 0..sent {
        let mut echo = [0; 102];
        client.stream.read_exact(&mut echo).expect("the echo");
        assert!(echo[..2] == [0x82, 100] && echo[2..] == message(number), "echo {number} of {sent}");
    }
    writing.join().expect("no panic").expect("the example takes the rest");
}

#[test]
fn a_client_that_never_pauses_does_not_stop_the_others() {
    let mut example = Example::on_any_port("websocket");
    let address = example.http();
    let mut client = Client::connect(address);
    client.send(handshake());
    assert_eq!(client.response().status, 101);
    let [mut writer, reader] = [(); 2].map(|()| client.socket().try_clone().expect("a second handle"));
    let flood = thread::spawn(move || {
        let messages = frame("again").repeat(10_000);
        while writer.write_all(&messages).is_ok() {}
    });
    // It ends with an end, or with a reset.
    let echoes = thread::spawn(move || {
        let (mut reader, mut bytes, mut echoed) = (reader, [0; 16 * 1024], 0);
        while let Ok(len @ 1..) = reader.read(&mut bytes) {
            echoed += len;
        }
        echoed
    });
    let mut socket = connect(address);
    for _ in 0..50 {
        expect_echo(&mut socket, "beside it");
        page(address, "/");
    }
    client.socket().shutdown(std::net::Shutdown::Both).expect("the flood ends");
    flood.join().expect("no panic");
    assert!(echoes.join().expect("no panic") > 0, "the flood is served as well");
}

#[test]
fn pings_are_answered_and_a_close_is_returned() {
    let mut example = Example::on_any_port("websocket");
    let mut socket = connect(example.http());
    socket.send(Message::Ping("are you there?".into())).expect("the example takes it");
    assert_eq!(socket.read().expect("a pong"), Message::Pong("are you there?".into()));
    socket.close(None).expect("the example takes it");
    assert_eq!(socket.read().expect("its close"), Message::Close(None));
    assert!(matches!(socket.read(), Err(Error::ConnectionClosed)));
}

#[test]
fn clients_that_break_the_protocol_or_leave_are_forgotten() {
    let mut example = Example::on_any_port("websocket");
    let address = example.http();
    let mut socket = connect(address);
    #[cfg(target_os = "linux")]
    let before = example.child.descriptors();
    // A kind of frame that does not exist, a frame without a key, a frame that is too long.
    let too_long = [0x81, 0xff, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for bytes in [&[0xff, 0x80, 0, 0, 0, 0][..], b"\x81\x05plain", &too_long] {
        let mut client = Client::connect(address);
        client.send(handshake());
        assert_eq!(client.response().status, 101);
        client.send(bytes);
        // An end, or a reset.
        let _ = client.try_rest();
        expect_echo(&mut socket, "still here");
    }
    drop(connect(address));
    let mut client = Client::connect(address);
    client.send(handshake());
    client.reset();
    expect_echo(&mut socket, "still here");
    #[cfg(target_os = "linux")]
    crate::common::wait_until("their sockets are closed", || example.child.descriptors() == before);
}

#[test]
fn a_request_that_is_no_handshake_is_told_to_upgrade() {
    let mut example = Example::on_any_port("websocket");
    let address = example.http();
    for request in [
        get("/echo"),
        handshake().replace("Version: 13", "Version: 8"),
        handshake().replace("GET", "POST"),
        handshake().replace("WebSocket\r\n", "h2c\r\n"),
    ] {
        let response = ask(address, &request);
        assert_eq!((response.status, response.header("Upgrade")), (426, Some("websocket")), "{request}");
    }
    assert_eq!(text(&ask(address, &get("/other"))), (404, "try / or /echo\n"));
}

#[cfg(unix)]
#[test]
fn a_browser_shows_the_echo() {
    use crate::common::chromium::Page;
    let mut example = Example::on_any_port("websocket");
    let Some(mut page) = Page::open(&format!("http://{}/", example.http())) else { return };
    const SHOWN: &str = "Array.from(document.querySelectorAll('li'), (item) => item.textContent).join()";
    page.wait_for(SHOWN, |shown| shown == "hello from the browser");
    page.value("input.value = 'typed'; form.requestSubmit(); ''");
    page.wait_for(SHOWN, |shown| shown == "hello from the browser,typed");
    assert_eq!(page.value("state.textContent"), "connected");
}

//! Streams that a server adopts.

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use fourway::mio::{self, Interest, Token};
use fourway::{AtCapacity, Config, Reason, Stream};
use socket2::SockRef;

use super::{accepted, with_connections};
use crate::common::embed::Rig;
use crate::common::{ANY_PORT, Client, PATIENCE, get, get_and_close};

fn std_stream(stream: Stream) -> TcpStream {
    let Stream::Tcp(stream) = stream else { panic!("it was TCP") };
    stream.into()
}

#[test]
fn an_adopted_stream_with_a_request_in_it_is_answered_by_the_next_process() {
    let mut rig = Rig::new(Config::default());
    let (mut client, stream) = accepted();
    client.send(get("/first"));
    stream.peek(&mut [0]).expect("it has come");
    let now = Instant::now();
    rig.server.adopt(stream, now).expect("there is room");
    assert_eq!(rig.server.next_timeout(now), Some(Duration::ZERO), "it is to be looked at");
    let progress = rig.server.process(now, &mut rig.world);
    assert_eq!(progress.requests, 1);
    assert_eq!(client.response().body, b"/first");
    rig.ask(&mut client, "/second");
    rig.settle();
    assert_eq!(client.response().body, b"/second");
}

#[test]
fn an_adopted_blocking_stream_of_std_does_not_block_the_server() {
    let mut rig = Rig::new(Config::default());
    let (mut client, stream) = accepted();
    // A read that blocks would never return. The client then sends a request, so that the test fails instead.
    let (done, is_done) = mpsc::channel();
    let client = thread::spawn(move || {
        let in_time = is_done.recv_timeout(PATIENCE).is_ok();
        client.send(get("/next"));
        in_time.then_some(client)
    });
    rig.server.adopt(stream, Instant::now()).expect("there is room");
    rig.server.process(Instant::now(), &mut rig.world);
    let _ = done.send(());
    let mut client = client.join().expect("no panic").expect("process has returned at once");
    rig.until_asked(1);
    rig.settle();
    assert_eq!(client.response().body, b"/next");
}

#[test]
fn a_socket_that_was_set_to_reset_at_its_close_is_closed_by_a_fin() {
    let mut rig = Rig::new(Config::default());
    let (mut adopted, stream) = accepted();
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("it can be set");
    rig.server.adopt(stream, Instant::now()).expect("there is room");
    let own = TcpListener::bind(ANY_PORT).expect("a free port");
    SockRef::from(&own).set_linger(Some(Duration::ZERO)).expect("what it accepts inherits it");
    let address = own.local_addr().expect("it is bound");
    rig.server.add_listener(own).expect("it is taken");
    let mut accepted = Client::connect(address);
    for client in [&mut adopted, &mut accepted] {
        client.send(get_and_close("/whole"));
    }
    rig.until_asked(2);
    for mut client in [adopted, accepted] {
        assert_eq!(client.response().body, b"/whole");
        client.expect_end();
    }
}

/// Linux holds back what does not fill a segment for 200 ms.
#[cfg(target_os = "linux")]
#[test]
fn a_corked_socket_is_answered_at_once() {
    let mut rig = Rig::new(Config::default());
    let (mut adopted, stream) = accepted();
    SockRef::from(&stream).set_tcp_cork(true).expect("it can be set");
    rig.server.adopt(stream, Instant::now()).expect("there is room");
    let own = TcpListener::bind(ANY_PORT).expect("a free port");
    SockRef::from(&own).set_tcp_cork(true).expect("what it accepts inherits it");
    let address = own.local_addr().expect("it is bound");
    rig.server.add_listener(own).expect("it is taken");
    let mut accepted = Client::connect(address);
    for client in [&mut adopted, &mut accepted] {
        let begin = Instant::now();
        rig.ask(client, "/corked");
        assert!(begin.elapsed() < Duration::from_millis(150), "{:?}", begin.elapsed());
    }
}

#[test]
fn an_adopted_stream_of_mio_may_be_registered_with_the_hosts_poller() {
    const OWN: Token = Token(7);
    let mut rig = Rig::new(Config::default());
    let (mut client, stream) = accepted();
    stream.set_nonblocking(true).expect("non-blocking");
    let mut stream = mio::net::TcpStream::from_std(stream);
    let both = Interest::READABLE | Interest::WRITABLE;
    rig.host.poll.registry().register(&mut stream, OWN, both).expect("a source of the host's");
    assert_eq!(rig.host.gather(&mut rig.server, PATIENCE), [OWN], "it can be written to");
    rig.server.adopt(stream, Instant::now()).expect("there is room");
    rig.server.process(Instant::now(), &mut rig.world);
    // From now on no event has the host's token, which a turn asserts.
    for target in ["/first", "/second"] {
        rig.ask(&mut client, target);
        rig.settle();
        assert_eq!(client.response().body, target.as_bytes());
    }
}

#[test]
fn a_stream_adopted_with_no_request_expires_after_the_idle_time() {
    let mut rig = Rig::new(Config::default());
    let (mut client, stream) = accepted();
    let now = Instant::now();
    rig.server.adopt(stream, now).expect("there is room");
    rig.server.process(now, &mut rig.world);
    assert_eq!(rig.server.next_timeout(now), Some(Config::default().timeouts.idle));
    rig.server.process(now + Config::default().timeouts.idle, &mut rig.world);
    assert_eq!(rig.server.stats().closes(Reason::IdleTimeout), 1);
    client.expect_end();
}

#[test]
fn at_capacity_an_adopted_stream_takes_the_place_of_the_longest_idle() {
    let mut rig = Rig::new(with_connections(2));
    let mut idle: Vec<Client> = ["/0", "/1"].iter().map(|target| rig.asking(target)).collect();
    rig.settle();
    idle.iter_mut().for_each(|client| drop(client.response()));
    let (mut client, stream) = accepted();
    rig.server.adopt(stream, Instant::now()).expect("one makes room");
    rig.ask(&mut client, "/adopted");
    rig.settle();
    assert_eq!(client.response().body, b"/adopted");
    idle.remove(0).expect_end();
    rig.ask(&mut idle[0], "/still-here");
    assert_eq!(rig.server.stats().closes(Reason::Evicted), 1);
}

#[test]
fn at_capacity_with_none_idle_a_stream_comes_back_and_still_works() {
    let mut rig = Rig::new(with_connections(1));
    let (mut busy, id) = rig.parked("/later");
    let (mut client, stream) = accepted();
    let refused = rig.server.adopt(stream, Instant::now()).expect_err("the only place is taken");
    assert_eq!(refused.error.kind(), ErrorKind::ResourceBusy);
    let mut own = Client::over(std_stream(refused.socket));
    own.socket().set_nonblocking(false).expect("blocking");
    own.send("by hand");
    drop(own);
    assert_eq!(client.try_rest().expect("what was sent"), b"by hand");

    rig.server.respond(id, Instant::now()).expect("it waits").send(200, "text/plain", b"here");
    rig.settle();
    assert_eq!(busy.response().body, b"here");
    assert_eq!((rig.server.stats().accepted, rig.server.stats().closed), (1, 0));
}

#[test]
fn at_capacity_a_server_that_pauses_gives_a_stream_back_although_one_is_idle() {
    let mut config = with_connections(1);
    config.at_capacity = AtCapacity::Pause;
    let mut rig = Rig::new(config);
    let mut idle = rig.asking("/");
    rig.settle();
    idle.response();
    let (client, stream) = accepted();
    let refused = rig.server.adopt(stream, Instant::now()).expect_err("the only place is taken");
    assert_eq!(refused.error.kind(), ErrorKind::ResourceBusy);
    drop((client, idle));
    rig.until("there is room", |server, _| server.stats().open == 0);
    rig.server.adopt(refused.socket, Instant::now()).expect("and now it is taken");
}

#[test]
fn a_draining_server_gives_a_stream_back_still_registered_with_the_host() {
    const OWN: Token = Token(7);
    let mut rig = Rig::new(Config::default());
    let (mut client, stream) = accepted();
    let mut stream = mio::net::TcpStream::from_std(stream);
    rig.host.poll.registry().register(&mut stream, OWN, Interest::READABLE).expect("a source");
    rig.server.drain(Instant::now(), PATIENCE);
    let refused = rig.server.adopt(stream, Instant::now()).expect_err("it is draining");
    assert_eq!(refused.error.to_string(), "the server is draining or closed");
    client.send("for the host");
    assert_eq!(rig.host.gather(&mut rig.server, PATIENCE), [OWN]);
    drop(refused);
}

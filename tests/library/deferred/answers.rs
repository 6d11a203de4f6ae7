//! Deferred answers from elsewhere, and their order.

use std::net::UdpSocket as Sender;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use fourway::mio::net::UdpSocket;
use fourway::mio::{Interest, Token, Waker};
use fourway::{Config, RequestId};

use super::answer;
use crate::common::embed::Rig;
use crate::common::{ANY_PORT, Client, PATIENCE, get};

#[test]
fn a_request_is_answered_by_the_hosts_handler_of_datagrams() {
    const UDP: Token = Token(0);
    let mut rig = Rig::new(Config::default());
    let mut udp = UdpSocket::bind(ANY_PORT).expect("a free port");
    let registry = rig.host.poll.registry();
    registry.register(&mut udp, UDP, Interest::READABLE).expect("a source of the host's");
    let (mut client, id) = rig.parked("/later");
    rig.settle();
    assert_eq!((rig.server.stats().deferred, rig.server.stats().bytes_out), (1, 0));

    let sender = Sender::bind(ANY_PORT).expect("a free port");
    sender.send_to(b"news", udp.local_addr().expect("it is bound")).expect("a datagram");
    let others = rig.host.gather(&mut rig.server, PATIENCE);
    assert_eq!(others, [UDP], "nothing else has happened");
    let mut news = [0; 100];
    let len = udp.recv(&mut news).expect("the datagram");
    answer(&mut rig.server, id, &news[..len]);
    assert_eq!(rig.server.next_timeout(Instant::now()), Some(Duration::ZERO), "there is an answer to send");
    rig.server.process(Instant::now(), &mut rig.world);
    assert_eq!(client.response().body, b"news");
    assert_eq!(rig.world.gone, []);
}

#[test]
fn requests_are_answered_by_another_thread_through_a_channel_and_a_waker() {
    const WAKER: Token = Token(usize::MAX);
    const CLIENTS: usize = 20;
    let mut rig = Rig::new(Config::default());
    let waker = Arc::new(Waker::new(rig.host.poll.registry(), WAKER).expect("the host's waker"));
    let (work, orders) = mpsc::channel::<RequestId>();
    let (results, answers) = mpsc::channel();
    let worker = thread::spawn(move || {
        for id in orders {
            results.send(id).expect("the host listens");
            waker.wake().expect("the host's waker");
        }
    });
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| Client::connect(rig.address)).collect();
    clients.iter_mut().for_each(|client| client.send(get("/later")));
    let (start, mut sent, mut answered) = (Instant::now(), 0, 0);
    while answered < CLIENTS {
        assert!(start.elapsed() < PATIENCE, "{answered} of {CLIENTS} are answered");
        for token in rig.host.gather(&mut rig.server, PATIENCE) {
            assert_eq!(token, WAKER);
        }
        for id in answers.try_iter() {
            answer(&mut rig.server, id, b"found");
            answered += 1;
        }
        rig.server.process(Instant::now(), &mut rig.world);
        for &id in &rig.world.parked[sent..] {
            work.send(id).expect("the worker is there");
        }
        sent = rig.world.parked.len();
    }
    drop(work);
    worker.join().expect("no panic");
    for client in &mut clients {
        assert_eq!(client.response().body, b"found");
    }
}

// --- in order ---

#[test]
fn requests_after_a_deferred_one_are_answered_after_it() {
    let mut rig = Rig::new(Config::default());
    let mut client = Client::connect(rig.address);
    client.send(["/before", "/later-1", "/behind", "/later-2", "/last"].map(get).concat());
    rig.until_asked(2);
    rig.settle();
    assert_eq!(rig.world.asked, ["/before", "/later-1"], "the others wait");
    assert_eq!(client.response().body, b"/before");
    // What comes meanwhile waits as well.
    client.send(get("/much-later"));
    rig.settle();
    assert_eq!(rig.world.asked.len(), 2);
    answer(&mut rig.server, rig.world.parked[0], b"first");
    rig.until_asked(4);
    rig.settle();
    assert_eq!(rig.world.asked[2..], ["/behind", "/later-2"]);
    answer(&mut rig.server, rig.world.parked[1], b"second");
    rig.until_asked(6);
    rig.settle();
    for body in ["first", "/behind", "second", "/last", "/much-later"] {
        assert_eq!(client.response().body, body.as_bytes());
    }
}

#[test]
fn requests_are_answered_in_any_order_over_several_connections() {
    let mut rig = Rig::new(Config::default());
    let mut waiting: Vec<_> = (0..10).map(|_| rig.parked("/later")).collect();
    for (number, (_, id)) in waiting.iter().enumerate().rev() {
        answer(&mut rig.server, *id, number.to_string().as_bytes());
    }
    rig.settle();
    for (number, (client, _)) in waiting.iter_mut().enumerate() {
        assert_eq!(client.response().body, number.to_string().as_bytes());
    }
}

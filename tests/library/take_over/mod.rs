//! Connections that the host takes over: what was read ahead, the host's own protocol, and what is left of the connection in
//! the server.

mod tunnels;

use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use fourway::mio::Token;
use fourway::{CloseMode, Config, Phase, Reason, Stream};

use crate::common::taken::{Site, UPGRADE, UPGRADE_LATER};
use crate::common::{Client, PATIENCE, big, get, wait_until};

/// Reads the response that begins the echo.
fn expect_101(client: &mut Client) {
    let response = client.response();
    assert_eq!(response.status, 101, "{}", response.head);
    let headers = ["Upgrade", "Connection"].map(|name| response.header(name));
    assert_eq!(headers, [Some("echo"), Some("Upgrade")]);
}

fn expect_echo(site: &mut Site, client: &mut Client, bytes: &[u8]) {
    let before = site.echoed;
    client.send(bytes);
    site.until("it is echoed", |site| site.echoed == before + bytes.len());
    read_echo(client, bytes);
}

fn read_echo(client: &mut Client, bytes: &[u8]) {
    let mut echo = vec![0; bytes.len()];
    client.stream.read_exact(&mut echo).expect("the echo");
    assert!(echo == bytes);
}

/// A client on whose connection the host echoes. If it was watched, it was registered with the poller before.
fn echoing(site: &mut Site, was_watched: bool) -> Client {
    let address = site.listen();
    let mut client = Client::connect(address);
    if was_watched {
        client.send(get("/first"));
        site.until("it is answered", |site| site.taker.asked == 1);
        site.settle();
        assert_eq!(client.response().body, b"/first");
    }
    client.send(UPGRADE);
    site.until("it is taken over", |site| site.echoing() == 1);
    expect_101(&mut client);
    client
}

fn assert_only_taken_over(site: &Site, count: u64) {
    let stats = site.server.stats();
    assert_eq!((stats.closes(Reason::TakenOver), stats.closed, stats.open), (count, count, 0));
    assert_eq!((stats.stale_events, stats.handler_errors), (0, 0));
    assert!(site.taker.gone.is_empty() && site.taker.promised.is_empty());
}

// --- the host's protocol ---

#[test]
fn the_host_speaks_its_own_protocol_in_the_loop_of_the_server() {
    for was_watched in [false, true] {
        let mut site = Site::new(Config::default());
        let mut client = echoing(&mut site, was_watched);
        for round in 0..100 {
            expect_echo(&mut site, &mut client, format!("message {round}").as_bytes());
        }
        client.finish();
        site.until("the host hears of the end", |site| site.echoing() == 0);
        client.expect_end();
        assert_only_taken_over(&site, 1);
    }
}

#[test]
fn the_server_goes_on_beside_connections_that_were_taken_over() {
    let mut site = Site::new(Config::default());
    let address = site.listen();
    let mut clients: Vec<Client> = (0..20).map(|_| Client::connect(address)).collect();
    let mut usual = Client::connect(address);
    for client in &mut clients {
        client.send(UPGRADE);
    }
    site.until("all are taken over", |site| site.echoing() == 20);
    clients.iter_mut().for_each(expect_101);
    for round in 0..20 {
        usual.send(get("/usual"));
        for (number, client) in clients.iter_mut().enumerate() {
            expect_echo(&mut site, client, format!("{number} in round {round}").as_bytes());
        }
        assert_eq!(usual.response().body, b"/usual");
    }
    assert_eq!((site.server.stats().open, site.server.stats().closed), (1, 20));
}

#[test]
fn a_deferred_request_is_answered_with_an_upgrade() {
    let mut site = Site::new(Config::default());
    let mut client = Client::connect(site.listen());
    client.send([UPGRADE_LATER, "ahead"].concat());
    site.until("it waits", |site| site.taker.parked.len() == 1);
    let id = site.taker.parked[0];
    let responder = site.server.respond(id, Instant::now()).expect("it waits");
    let (id, _) = responder.status(101).header("Upgrade", "echo").take_over();
    site.taker.promised.push(id);
    site.until("it is taken over", |site| site.echoing() == 1);
    expect_101(&mut client);
    read_echo(&mut client, b"ahead");
    assert_only_taken_over(&site, 1);
}

#[test]
fn a_connection_that_was_taken_over_can_be_adopted_again() {
    let mut site = Site::new(Config::default());
    let mut client = Client::connect(site.listen());
    for round in 1..=3 {
        client.send(UPGRADE);
        site.until_taken();
        expect_101(&mut client);
        let (stream, _) = site.taker.taken.remove(0);
        site.server.adopt(stream, Instant::now()).expect("there is room");
        client.send(get("/again"));
        site.until("it is answered", |site| site.taker.asked == 2 * round);
        site.settle();
        assert_eq!(client.response().body, b"/again");
    }
}

// --- what the client has sent ahead ---

#[test]
fn bytes_that_came_with_the_request_are_given_to_the_host() {
    for length in [1, 5, 10_000] {
        let mut site = Site::new(Config::default());
        let mut client = Client::connect(site.listen());
        client.send([UPGRADE.as_bytes(), &big()[..length]].concat());
        site.until_taken();
        assert!(site.taker.taken[0].1 == big()[..length]);
        site.begin_to_echo();
        expect_101(&mut client);
        read_echo(&mut client, &big()[..length]);
    }
}

#[test]
fn no_byte_is_lost_or_doubled_if_more_follows_than_is_read_ahead() {
    let mut site = Site::new(Config::default());
    let mut client = Client::connect(site.listen());
    let client = thread::spawn(move || {
        let mut writer = client.socket().try_clone().expect("a second handle");
        let writing = thread::spawn(move || {
            writer.write_all(UPGRADE.as_bytes()).and_then(|()| writer.write_all(big()))
        });
        expect_101(&mut client);
        read_echo(&mut client, big());
        writing.join().expect("no panic").expect("the host takes all of it");
    });
    site.until("the client has its echo", |_| client.is_finished());
    client.join().expect("the echo is right");
    assert_only_taken_over(&site, 1);
}

#[test]
fn requests_before_an_upgrade_are_answered_first() {
    let mut site = Site::new(Config::default());
    let mut client = Client::connect(site.listen());
    client.send([&get("/a"), &get("/big"), &get("/b"), UPGRADE, "ahead"].concat());
    let client = thread::spawn(move || {
        assert_eq!(client.response().body, b"/a");
        assert!(client.response().body == big());
        assert_eq!(client.response().body, b"/b");
        expect_101(&mut client);
        read_echo(&mut client, b"ahead");
    });
    site.until("the client has all of it", |_| client.is_finished());
    client.join().expect("the responses come in order");
}

// --- what is left in the server ---

#[test]
fn a_connection_that_is_taken_over_is_not_closed_in_any_mode_that_answers() {
    for close in [CloseMode::Fin, CloseMode::Peer, CloseMode::Rst] {
        for was_watched in [false, true] {
            let mut site = Site::with_mode(close);
            let mut client = echoing(&mut site, was_watched);
            assert_eq!(site.server.next_timeout(Instant::now()), None, "{close:?}: nothing is awaited");
            expect_echo(&mut site, &mut client, b"still open");
            site.hang_up();
            // Not even with `Rst` it is a reset.
            client.expect_end();
            assert_only_taken_over(&site, 1);
        }
    }
}

#[test]
fn in_the_mode_drop_nothing_is_taken_over() {
    let mut site = Site::with_mode(CloseMode::Drop);
    let mut client = Client::connect(site.listen());
    client.send(UPGRADE);
    site.until("it is closed", |site| site.server.stats().closed == 1);
    client.expect_end();
    assert_eq!((site.taker.asked, site.echoing()), (0, 0));
    assert_eq!(site.server.stats().closes(Reason::Dropped), 1);
}

#[test]
fn events_of_the_old_token_that_come_late_are_ignored() {
    let mut config = Config::default();
    config.max_connections = 1;
    let mut site = Site::new(config);
    let address = site.listen();
    let mut client = Client::connect(address);
    client.send(get("/watched"));
    site.until("it is answered", |site| site.taker.asked == 1);
    site.settle();
    client.response();
    client.send([UPGRADE, "ahead"].concat());
    site.host.wait(Some(PATIENCE));
    let handle_batch = |site: &mut Site| {
        assert_eq!(site.host.events.iter().count(), 1);
        assert!(site.host.events.iter().all(|event| site.server.handle_event(event)));
        site.server.process(Instant::now(), &mut site.taker);
    };
    handle_batch(&mut site);
    assert_eq!((site.taker.taken.len(), site.server.stats().stale_events), (1, 0));
    // A host that handles its batch again, before and after another client has the slot.
    handle_batch(&mut site);
    assert_eq!(site.server.stats().stale_events, 1);
    let batch = std::mem::replace(&mut site.host.events, fourway::mio::Events::with_capacity(16));
    let mut newcomer = Client::connect(address);
    newcomer.send(get("/newcomer"));
    site.until("it has the slot", |site| site.taker.asked == 3);
    site.host.events = batch;
    handle_batch(&mut site);
    assert_eq!((site.server.stats().stale_events, site.server.stats().open), (2, 1));
    assert_eq!(newcomer.response().body, b"/newcomer");
    expect_101(&mut client);
    read_echo(&mut client, b"ahead");
    expect_echo(&mut site, &mut client, b"still open");
}

#[test]
fn the_servers_poller_tells_nothing_more_about_it() {
    for was_watched in [false, true] {
        let mut site = Site::new(Config::default());
        let mut client = Client::connect(site.listen());
        if was_watched {
            client.send(get("/watched"));
            site.until("it is answered", |site| site.taker.asked == 1);
            site.settle();
            client.response();
        }
        client.send(UPGRADE);
        site.until_taken();
        client.send("nobody reads this yet");
        client.finish();
        let Stream::Tcp(stream) = &site.taker.taken[0].0 else { panic!("it was TCP") };
        wait_until("it has arrived", || stream.peek(&mut [0]).is_ok());
        site.host.wait(Some(Duration::ZERO));
        let tokens: Vec<Token> = site.host.events.iter().map(|event| event.token()).collect();
        assert_eq!(tokens, []);
        site.begin_to_echo();
        site.until("it is echoed", |site| site.echoing() == 0);
        expect_101(&mut client);
        assert_eq!(client.rest(), b"nobody reads this yet");
    }
}

#[test]
fn a_drain_does_not_wait_for_what_was_taken_over() {
    let mut site = Site::new(Config::default());
    let mut client = echoing(&mut site, true);
    site.server.drain(Instant::now(), PATIENCE);
    site.settle();
    assert_eq!(site.server.phase(), Phase::Closed);
    expect_echo(&mut site, &mut client, b"after the end of the server");
    site.server.abort();
    expect_echo(&mut site, &mut client, b"and after its abort");
}

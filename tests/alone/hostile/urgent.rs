//! Urgent data (MSG_OOB), which HTTP does not know: it is no part of any request, wherever it comes.

use std::time::{Duration, Instant};

use fourway::{Config, Reason};
use socket2::SockRef;

use super::raw::{End, Raw};
use super::sleep_through;
use super::states::{self, State, turn_until};
use crate::common::embed::Rig;
use crate::common::kernel::Pair;
use crate::common::own::my_turn;
use crate::common::{PATIENCE, get, wait_until};

fn send_urgent(client: &Raw) {
    let sent = SockRef::from(&client.socket).send_out_of_band(b"!").expect("an urgent byte");
    assert_eq!(sent, 1);
}

fn requests() -> [String; 3] {
    let post = |header: &str, body: &str| format!("POST /post HTTP/1.1\r\nHost: a\r\n{header}\r\n\r\n{body}");
    let chunked = "3\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n";
    [get("/get"), post("Content-Length: 5", "abcde"), post("Transfer-Encoding: chunked", chunked)]
}

/// When the server looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looks {
    /// At each piece, and at the urgent byte between them.
    AtEach,
    /// When all is there, for the first time.
    First,
    /// When all is there. The server watches the connection since an earlier request, so one event reports it.
    Once,
}

/// A request with an urgent byte in it, before or behind it.
fn is_answered(rig: &mut Rig, request: &str, at: usize, looks: Looks) {
    let what = format!("an urgent byte at {at} of {request:?}, the server looks {looks:?}");
    let mut client = Raw::connect(rig.address);
    let mut statuses = Vec::new();
    if looks == Looks::Once {
        client.send(get("/before"));
        statuses.push(200);
        turn_until(rig, &mut client, |_, client| client.statuses().0 == statuses);
        rig.settle();
    }
    let settle = |rig: &mut Rig| {
        if looks == Looks::AtEach {
            rig.settle()
        }
    };
    client.send(&request[..at]);
    settle(rig);
    send_urgent(&client);
    settle(rig);
    client.send(&request[at..]);
    if looks == Looks::Once {
        let (pair, unread) = (Pair::of(&client.socket), request.len() as u64 + 1);
        wait_until("all is there", || pair.queued_at_server().is_some_and(|queued| queued.1 == unread));
        let asked = rig.world.asked.len();
        rig.turn(PATIENCE);
        rig.settle();
        assert_eq!(rig.world.asked.len(), asked + 1, "{what}: something is left unread");
    }
    statuses.push(200);
    let body = if request.starts_with("GET") { "/get" } else { "/postabcde" };
    rig.until(&what, |_, _| {
        client.read_all();
        client.statuses() == (statuses.clone(), 0)
    });
    assert!(client.received.ends_with(format!("\r\n\r\n{body}").as_bytes()), "{what}");
    // And so is the next, behind it.
    client.send(get("/next"));
    statuses.push(200);
    turn_until(rig, &mut client, |_, client| client.statuses().0 == statuses);
    client.reset();
    rig.until(&what, |server, _| server.stats().open == 0);
}

#[test]
fn an_urgent_byte_anywhere_in_or_around_a_request_is_not_part_of_it() {
    let _turn = my_turn();
    let mut rig = Rig::new(Config::default());
    for request in requests() {
        for at in 0..=request.len() {
            for looks in [Looks::AtEach, Looks::First, Looks::Once] {
                is_answered(&mut rig, &request, at, looks);
            }
        }
    }
    let stats = rig.server.stats();
    assert_eq!(stats.errors.iter().sum::<u64>(), 0);
}

#[test]
fn an_urgent_byte_while_an_answer_is_waited_for_or_sent_or_over_changes_nothing() {
    let _turn = my_turn();
    for state in [State::Deferred, State::Sending, State::Lingering, State::BehindError] {
        let mut rig = states::narrow(fourway::CloseMode::Fin);
        let mut client = state.reach(&mut rig);
        send_urgent(&client);
        rig.settle();
        assert_eq!(rig.server.stats().open, 1, "{state:?}");
        if state == State::Deferred {
            let id = rig.world.parked[0];
            rig.server.respond(id, Instant::now()).expect("it still waits").send(200, "text/plain", b"late");
        }
        let status = if state == State::BehindError { 400 } else { 200 };
        turn_until(&mut rig, &mut client, |_, client| client.statuses() == (vec![status], 0));
        client.finish();
        turn_until(&mut rig, &mut client, |rig, client| rig.server.stats().open == 0 && client.end.is_some());
        assert_eq!((client.statuses(), client.end), ((vec![status], 0), Some(End::Fin)), "{state:?}");
    }
}

#[test]
fn urgent_bytes_without_end_wake_the_server_once_each_and_buy_no_time() {
    // Each ten of them wait for the kernel's delayed acknowledgement.
    const COUNT: u32 = 200;
    let _turn = my_turn();
    let mut rig = Rig::new(Config::default());
    let mut client = Raw::connect(rig.address);
    rig.until("it is accepted", |server, _| server.stats().idle == 1);
    rig.settle();
    let mut turns = 0;
    for _ in 0..COUNT {
        send_urgent(&client);
        // The byte has come with it, or is still on its way to the poller.
        rig.turn(Duration::from_secs(1));
        turns += 1;
        while rig.turn(Duration::ZERO).more || !rig.host.events.is_empty() {
            turns += 1;
        }
    }
    assert!(turns <= 2 * COUNT, "{turns} turns for {COUNT} bytes");
    assert_eq!((rig.server.stats().bytes_in, rig.server.stats().idle), (0, 1));
    let now = Instant::now();
    assert!(rig.server.next_timeout(now).expect("it is idle") < Config::default().timeouts.idle);
    assert_eq!(sleep_through(&mut rig), 1);
    assert_eq!(rig.server.stats().closes(Reason::IdleTimeout), 1);
    wait_until("its end has come", || client.read_all() == 0 && client.end.is_some());
    assert_eq!((client.end, client.received.len()), (Some(End::Fin), 0));
}

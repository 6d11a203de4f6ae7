//! The example `deferred`.

use std::time::{Duration, Instant};

use super::{Example, ask, page, text};
use crate::common::{Client, Response, get, wait_until};

/// The place in the order of answers, and the number that was answered.
fn answer(response: &Response) -> (u64, u64) {
    let (status, body) = text(response);
    assert_eq!(status, 200, "{body}");
    let parse = || {
        let (place, number) = body.strip_prefix("answer ")?.strip_suffix('\n')?.split_once(": ")?;
        Some((place.parse().ok()?, number.parse().ok()?))
    };
    parse().unwrap_or_else(|| panic!("not an answer: {body:?}"))
}

#[test]
fn the_worker_answers_each_client_with_its_own() {
    const FACTORS: [u64; 8] = [2, 3, 5, 7, 11, 13, 17, 1_000_003];
    let mut deferred = Example::on_any_port("deferred");
    let address = deferred.http();
    let clients: Vec<(u64, Client)> = (0..40)
        .map(|number| {
            let factor = FACTORS[number % FACTORS.len()];
            let mut client = Client::connect(address);
            client.send(get(&format!("/factor?n={}", factor * 1_000_003)));
            (factor, client)
        })
        .collect();
    for (factor, mut client) in clients {
        assert_eq!(answer(&client.response()).1, factor);
    }
    assert_eq!(page(address, "/counts"), "waiting 0, gone 0\n");
}

#[test]
fn a_timer_answers_no_earlier_than_asked() {
    let mut deferred = Example::on_any_port("deferred");
    let mut client = Client::connect(deferred.http());
    for ms in [0, 1, 30, 200] {
        let start = Instant::now();
        client.send(get(&format!("/after?ms={ms}")));
        assert_eq!(answer(&client.response()).1, ms);
        assert!(start.elapsed() >= Duration::from_millis(ms), "{ms} ms took {:?}", start.elapsed());
    }
}

#[test]
fn timers_answer_in_the_order_of_their_time() {
    const GAP: u64 = 300;
    let mut deferred = Example::on_any_port("deferred");
    let address = deferred.http();
    for _ in 0..20 {
        let start = Instant::now();
        let in_time = || start.elapsed() < Duration::from_millis(GAP);
        let clients = [3 * GAP, 2 * GAP, GAP].map(|ms| {
            let mut client = Client::connect(address);
            client.send(get(&format!("/after?ms={ms}")));
            client
        });
        // If all wait before one gap is over, the one that was asked last is due first. On a
        // machine that is too busy for that, the round proves nothing.
        let all_wait = || page(address, "/counts") == "waiting 3, gone 0\n";
        let proves_something = loop {
            match (all_wait(), in_time()) {
                (true, true) => break true,
                (_, false) => break false,
                (false, true) => {}
            }
        };
        let [last, second, first] = clients.map(|mut client| answer(&client.response()).0);
        if proves_something {
            assert!(first < second && second < last, "answered in the order {first}, {second}, {last}");
            return;
        }
    }
    panic!("this machine is too busy for the test");
}

#[test]
fn a_client_that_resets_is_forgotten_and_the_others_are_served() {
    let mut deferred = Example::on_any_port("deferred");
    let address = deferred.http();
    let mut client = Client::connect(address);
    client.send(get("/after?ms=20000"));
    wait_until("it waits", || page(address, "/counts") == "waiting 1, gone 0\n");
    client.reset();
    wait_until("it is gone", || page(address, "/counts") == "waiting 0, gone 1\n");
    assert_eq!(answer(&ask(address, &get("/factor?n=91"))), (1, 7));
}

#[test]
fn impossible_targets_are_refused_at_once() {
    let mut deferred = Example::on_any_port("deferred");
    let address = deferred.http();
    for target in
        ["/", "/factor", "/factor?n=1", "/factor?n=1000000000000001", "/after?ms=-1", "/after?ms=20001"]
    {
        assert_eq!(ask(address, &get(target)).status, 400, "{target}");
    }
}

//! The main job: clients make a thousand requests each, none fails, and every body is the right one. Clients that others
//! wrote are in `tests/program/clients/`.

use std::thread;

use crate::common::{Client, Host, big, get, get_and_close};
use fourway::{CloseMode, Config};

const REQUESTS: usize = 1000;

#[test]
fn a_thousand_requests_on_one_connection_are_answered() {
    let host = Host::start(Config::default());
    let mut client = Client::connect(host.address);
    for number in 0..REQUESTS {
        let target = format!("/{number}");
        client.send(get(&target));
        let response = client.response();
        assert_eq!((response.status, response.body), (200, target.into_bytes()));
    }
    assert_eq!(host.stats().accepted, 1);
}

/// One request for each connection, on four connections at a time.
fn one_shots(config: Config, request: fn(&str) -> String, reads_to_the_end: bool) {
    let host = Host::start(config);
    thread::scope(|scope| {
        for client in 0..4 {
            let address = host.address;
            scope.spawn(move || {
                for number in 0..REQUESTS / 4 {
                    let target = format!("/{client}/{number}");
                    let mut client = Client::connect(address);
                    client.send(request(&target));
                    let response = client.response();
                    assert_eq!((response.status, response.body), (200, target.into_bytes()));
                    if reads_to_the_end {
                        client.expect_end();
                    }
                }
            });
        }
    });
    assert_eq!(host.stats().requests, REQUESTS as u64);
    assert_eq!(host.stats().accepted, REQUESTS as u64);
}

#[test]
fn a_thousand_connections_whose_client_asks_for_the_close_are_answered() {
    one_shots(Config::default(), get_and_close, true);
}

#[test]
fn a_thousand_connections_that_the_server_closes_are_answered() {
    let mut config = Config::default();
    config.keep_alive = false;
    one_shots(config, get, true);
}

#[test]
fn a_thousand_connections_that_the_client_closes_are_answered() {
    one_shots(Config::default(), get, false);
}

#[test]
fn a_thousand_connections_of_http_1_0_are_answered() {
    one_shots(Config::default(), |target| format!("GET {target} HTTP/1.0\r\n\r\n"), true);
}

#[test]
fn a_thousand_connections_are_answered_with_the_close_mode_peer() {
    let mut config = Config::default();
    config.close = CloseMode::Peer;
    one_shots(config, get_and_close, false);
}

#[test]
fn a_thousand_connections_are_answered_with_the_close_mode_rst() {
    let mut config = Config::default();
    config.close = CloseMode::Rst;
    one_shots(config, get_and_close, false);
}

#[test]
fn a_thousand_pipelined_requests_are_answered_in_order() {
    let host = Host::start(Config::default());
    let mut client = Client::connect(host.address);
    let requests: String = (0..REQUESTS).map(|number| get(&format!("/{number}"))).collect();
    client.send(requests);
    for number in 0..REQUESTS {
        let response = client.response();
        assert_eq!((response.status, response.body), (200, format!("/{number}").into_bytes()));
    }
    assert_eq!(host.stats().accepted, 1);
}

#[test]
fn pipelined_uploads_and_downloads_are_answered_in_order() {
    let host = Host::start(Config::default());
    let mut client = Client::connect(host.address);
    let upload = |length: usize| {
        let head = format!("POST /length HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n");
        [head.as_bytes(), &vec![b'x'; length]].concat()
    };
    let lengths: Vec<usize> = (0..REQUESTS).map(|number| number * 37 % 5000).collect();
    let mut writer = client.socket().try_clone().expect("a second handle");
    thread::scope(|scope| {
        let lengths = &lengths;
        scope.spawn(move || {
            use std::io::Write;
            for (number, &length) in lengths.iter().enumerate() {
                writer.write_all(&upload(length)).expect("it is taken");
                if number % 100 == 0 {
                    writer.write_all(get("/big").as_bytes()).expect("it is taken");
                }
            }
        });
        for (number, length) in lengths.iter().enumerate() {
            assert_eq!(client.response().body, length.to_string().into_bytes(), "{number}");
            if number % 100 == 0 {
                assert!(client.response().body == big(), "{number}");
            }
        }
    });
}

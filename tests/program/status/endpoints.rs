//! What each path answers.

use super::metrics::Metrics;
use super::{start, stats};
use crate::common::Client;
use crate::common::json::Json;

#[test]
fn the_figures_are_those_of_the_target_alone() {
    let (program, address) = start(&[]);
    let mut status = Client::connect(address);
    let before = stats(&mut status);
    assert_eq!((before.count("connections.accepted"), before.count("requests")), (0, 0));
    assert_eq!(before.text("verdict.limit"), "idle");
    let mut client = program.connect();
    client.ask("/");
    client.ask("/");
    client.send("TRACE / HTTP/1.1\r\nHost: x\r\n\r\n");
    client.response();
    let after = stats(&mut status);
    assert_eq!((after.count("requests"), after.count("connections.states.idle")), (3, 1));
    assert_eq!((after.count("responses.2xx"), after.count("responses.4xx")), (2, 1));
    assert_eq!(after.count("connections.live"), 1);
    assert!(after.count("bytes.received") > 0 && after.count("bytes.sent") > 0);
    assert!(after.count("loop.turns") > before.count("loop.turns"));
    assert!(after.count("uptime_us") > before.count("uptime_us"));
    assert_eq!(after.text("listeners.0.address"), program.address.to_string());
    drop((status, client));
    program.end();
}

#[test]
fn letters_in_urls_are_counted_if_urls_steer() {
    let (program, address) = start(&[]);
    let mut client = program.connect();
    assert_eq!(client.ask("/?s=10&r=404").status, 404);
    client.ask("/?page=2");
    let mut status = Client::connect(address);
    let counted = stats(&mut status);
    assert_eq!((counted.count("steering.requests"), counted.count("steering.ordinary")), (1, 1));
    assert_eq!(counted.at("steering.letters").sum(), 2);
    assert_eq!((counted.count("steering.letters.s"), counted.count("steering.letters.r")), (1, 1));
    assert_eq!(counted.count("responses.4xx"), 1);
    assert_eq!(Metrics::read(&mut status).sample("fourway_letters_total{letter=\"s\"}"), 1);

    let (_program, address) = start(&["--steer", "off"]);
    let mut status = Client::connect(address);
    assert_eq!(stats(&mut status).at("steering"), &Json::Null);
    assert_eq!(Metrics::read(&mut status).family("fourway_letters_total").count(), 0);
}

#[test]
fn letters_are_counted_if_the_response_comes_before_the_body() {
    let (program, address) = start(&[]);
    let mut client = program.connect();
    for query in ["A=1", "B=3", "B=9"] {
        client.send(format!("PUT /?{query} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345"));
        assert_eq!(client.response().status, 200);
    }
    let counted = stats(&mut Client::connect(address));
    assert_eq!((counted.count("steering.letters.A"), counted.count("steering.letters.B")), (1, 2));
    assert_eq!(counted.count("steering.requests"), 3);
}

#[test]
fn other_paths_get_404_and_other_methods_405() {
    let (_program, address) = start(&[]);
    let mut status = Client::connect(address);
    assert_eq!(status.ask("/nothing").status, 404);
    for path in ["/", "/stats.json", "/metrics", "/healthz"] {
        status.send(format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"));
        let response = status.response();
        assert_eq!((response.status, response.header("Allow")), (405, Some("GET, HEAD")), "{path}");
        assert_eq!(status.ask(path).status, 200, "{path}");
    }
}

#[test]
fn head_gets_the_headers_alone() {
    let (_program, address) = start(&[]);
    for path in ["/", "/stats.json", "/metrics", "/healthz"] {
        let mut status = Client::connect(address);
        status.send(format!("HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
        let head = status.response_head();
        assert_eq!(head.status, 200, "{path}");
        let length: usize = head.header("Content-Length").and_then(|length| length.parse().ok()).unwrap();
        assert!(length > 0, "{path}");
        status.expect_end();
    }
}

#[test]
fn a_query_does_not_change_the_page() {
    let (_program, address) = start(&[]);
    assert_eq!(Client::connect(address).ask("/healthz?now").body, b"ok\n");
}

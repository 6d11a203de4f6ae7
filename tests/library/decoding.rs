//! Targets and headers as text: what a handler gets of them when it asks.

use crate::common::{ANY_PORT, Client, Host};
use fourway::{Config, Reply, Request, Responder, handler_fn};

/// Answers with all that can be decoded of a request.
fn decode<'r>(request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
    let segments = request.path_segments().map(|segments| segments.collect::<Vec<_>>());
    let pairs: Vec<_> = request.query_pairs().collect();
    let text = format!("{segments:?} {pairs:?} {:?}", request.header_str("X-Name"));
    responder.send(200, "text/plain", text.as_bytes())
}

fn decoded(target: &str, name: &[u8]) -> String {
    let host = Host::start_with(ANY_PORT, Config::default(), handler_fn(decode)).expect("a server");
    let mut client = Client::connect(host.address);
    client.send(
        [format!("GET {target} HTTP/1.1\r\nHost: test\r\nX-Name: ").as_bytes(), name, b"\r\n\r\n"].concat(),
    );
    String::from_utf8(client.response().body).expect("text")
}

#[test]
fn a_target_is_decoded_where_the_handler_asks_for_it() {
    let text = decoded("/caf%C3%A9/a%2fb/?q=a+b%26c&x", "Zoë".as_bytes());
    assert_eq!(text, r#"Some(["café", "a/b", ""]) [("q", "a b&c"), ("x", "")] Some("Zoë")"#);
}

#[test]
fn an_absolute_target_is_decoded_like_its_path() {
    let text = decoded("http://test/a%20b?c=d", b"");
    assert_eq!(text, r#"Some(["a b"]) [("c", "d")] Some("")"#);
    assert_eq!(decoded("http://test?a%20b", b""), r#"Some([""]) [("a b", "")] Some("")"#);
}

#[test]
fn bytes_that_are_not_utf8_are_no_text() {
    assert_eq!(decoded("/%ff?%ff=1", b"\xff"), "None [(\"\u{fffd}\", \"1\")] None");
}

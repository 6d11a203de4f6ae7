//! RFC 9112 §9: which connections go on, and in what order answers come.

use super::{Answer, Closes, GoesOn, Is, Lacks, Row, check, error, get, ok, post, row, served};

fn persistence() -> Vec<Row> {
    let old = |lines: &str| format!("GET / HTTP/1.0\r\n{lines}\r\n");
    let closes = |rule, request: String| row("9112 §9.3", rule, request, &[ok("GET / ")], Closes);
    let kept = ok("GET / ").with(Is("Connection", "keep-alive".into()));
    vec![
        row("9112 §9.3", "1.1 goes on", get(""), &[ok("GET / ").with(Lacks("Connection"))], GoesOn),
        served("9112 §9.3", "1.1 with keep-alive goes on", get("Connection: keep-alive\r\n"), "GET / "),
        closes("1.1 with close does not", get("Connection: close\r\n")),
        closes("close is not case-sensitive", get("connection: CLOSE\r\n")),
        closes("close in a list", get("Connection: keep-alive, x,close\r\n")),
        closes("close in another line", get("Connection: keep-alive\r\nConnection: close\r\n")),
        closes("1.0 does not", old("")),
        closes("1.0 with another option does not", old("Connection: x\r\n")),
        closes("1.0 with close does not", old("Connection: keep-alive, close\r\n")),
        row(
            "9112 §9.3",
            "1.0 with keep-alive goes on, and is told so",
            old("Connection: keep-alive\r\n"),
            std::slice::from_ref(&kept),
            GoesOn,
        ),
        row("9112 §9.3", "in any case", old("Connection: Keep-Alive\r\n"), &[kept], GoesOn),
        served(
            "9112 §9.3",
            "a body is read to its end before the next request",
            post("Content-Length: 5\r\n", "hello"),
            "POST / hello",
        ),
        row(
            "9112 §9.3",
            "or the connection closed",
            post("Content-Length: 2000000\r\n", "hello"),
            &[error(413)],
            Closes,
        ),
        row(
            "9112 §9.6",
            "the server may close",
            "GET /close HTTP/1.1\r\nHost: test\r\n\r\n",
            &[ok("GET /close ")],
            Closes,
        ),
        row(
            "9112 §9.6",
            "to 1.0 that would go on as well",
            "GET /close HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            &[ok("GET /close ")],
            Closes,
        ),
        row(
            "9112 §9.6",
            "with the last of a pipeline",
            get("") + &get("Connection: close\r\n"),
            &[ok("GET / "), ok("GET / ")],
            Closes,
        ),
        row(
            "9112 §9.6",
            "behind an error nothing is processed",
            get("") + "GET / HTTP/1.1\r\n\r\n" + &get(""),
            &[ok("GET / "), error(400)],
            Closes,
        ),
    ]
}

fn pipelining() -> Vec<Row> {
    let many: String =
        (0..100).map(|number| format!("GET /{number} HTTP/1.1\r\nHost: test\r\n\r\n")).collect();
    let answers: Vec<Answer> = (0..100).map(|number| ok(&format!("GET /{number} "))).collect();
    let mixed = [
        "HEAD /a HTTP/1.1\r\nHost: test\r\n\r\n".to_owned(),
        post("Content-Length: 5\r\n", "hello"),
        super::post_chunked("5\r\nhello\r\n0\r\nX: a\r\n\r\n"),
        "GET /status/204 HTTP/1.1\r\nHost: test\r\n\r\n".to_owned(),
        "DELETE /b HTTP/1.1\r\nHost: test\r\n\r\n".to_owned(),
    ];
    let nothing = Answer { status: 204, ..ok("") };
    let of_mixed = [ok("").for_head(), ok("POST / hello"), ok("POST / hello"), nothing, ok("DELETE /b ")];
    vec![
        row("9112 §9.3.2", "a hundred in their order", many, &answers, GoesOn),
        row("9112 §9.3.2", "whatever they are", mixed.concat(), &of_mixed, GoesOn),
    ]
}

#[test]
fn connections_stay_open_unless_one_side_says_close() {
    check(&persistence());
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    check(&pipelining());
}

/// 9112 §9.3: a server that keeps no connection says so in every response.
#[test]
fn a_server_that_keeps_no_connection_says_close_in_every_answer() {
    let mut config = fourway::Config::default();
    config.keep_alive = false;
    let handler = fourway::handler_fn(super::echo);
    let host = super::Host::start_with(super::ANY_PORT, config, handler).expect("a free port");
    for request in [get(""), get("Connection: keep-alive\r\n"), post("Content-Length: 1\r\n", "a")] {
        let mut client = super::Client::connect(host.address);
        client.send(request);
        let response = client.response();
        assert_eq!((response.status, response.header("Connection")), (200, Some("close")));
        client.expect_end();
    }
}

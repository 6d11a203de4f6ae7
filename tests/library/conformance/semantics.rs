//! RFC 9110 §9 and §15: the methods and statuses that are not the business of the handler.

use super::{Answer, Closes, GoesOn, Is, Lacks, Row, check, error, ok, row, served};

fn ask(method: &str, target: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: test\r\n\r\n")
}

fn methods() -> Vec<Row> {
    let long = common_length();
    vec![
        served("9110 §9.1", "GET is supported", ask("GET", "/"), "GET / "),
        row("9110 §9.1", "HEAD is supported", ask("HEAD", "/"), &[ok("").for_head()], GoesOn),
        row(
            "9110 §9.3.2",
            "HEAD has no content, and the length of its GET",
            ask("HEAD", "/written"),
            &[ok("").for_head().with(Is("Content-Length", "7".into()))],
            GoesOn,
        ),
        row(
            "9110 §9.3.2",
            "nor for a long body",
            ask("HEAD", "/long"),
            &[ok("").for_head().with(Is("Content-Length", long))],
            GoesOn,
        ),
        row(
            "9110 §9.3.2",
            "nor for one that was sent",
            ask("HEAD", "/field/host"),
            &[ok("").for_head().with(Is("Content-Length", "4".into()))],
            GoesOn,
        ),
        row(
            "9110 §9.3.2",
            "nor in an error of the server's own",
            "HEAD / HTTP/1.1\r\n\r\n",
            &[error(400).for_head()],
            Closes,
        ),
        row(
            "9110 §9.3.2",
            "HEAD of 1.0",
            "HEAD /written HTTP/1.0\r\n\r\n",
            &[ok("").for_head().with(Is("Content-Length", "7".into()))],
            Closes,
        ),
        served("9110 §9.3.2", "head is another method", ask("head", "/"), "head / "),
        served("9110 §9.3.7", "OPTIONS is the handler's", ask("OPTIONS", "/a"), "OPTIONS /a "),
        served("9110 §9.3.8", "TRACE is the handler's", ask("TRACE", "/a"), "TRACE /a "),
        served("9110 §9.3.5", "DELETE is the handler's", ask("DELETE", "/a"), "DELETE /a "),
        served("9110 §16.1", "so are unknown ones", ask("BREW", "/a"), "BREW /a "),
    ]
}

fn common_length() -> String {
    crate::common::big().len().to_string()
}

fn statuses() -> Vec<Row> {
    let status = |section, rule, number: u16, answer: Answer| {
        row(
            section,
            rule,
            ask("GET", &format!("/status/{number}")),
            &[Answer { status: number, ..answer }],
            GoesOn,
        )
    };
    let head = |section, rule, number: u16, answer: Answer| {
        let answer = Answer { status: number, ..answer.for_head() };
        row(section, rule, ask("HEAD", &format!("/status/{number}")), &[answer], GoesOn)
    };
    let without_length = || ok("").with(Lacks("Content-Length")).with(Lacks("Transfer-Encoding"));
    vec![
        status("9110 §15.3.5", "204 has neither content nor a length", 204, without_length()),
        status(
            "9110 §15.3.6",
            "205 has no content, and says so",
            205,
            ok("").with(Is("Content-Length", "0".into())),
        ),
        status(
            "9110 §15.4.5",
            "304 has no content, and no length that is not the 200's",
            304,
            without_length(),
        ),
        head("9110 §15.3.5", "204 to HEAD", 204, without_length()),
        head("9110 §15.3.6", "205 to HEAD", 205, ok("").with(Is("Content-Length", "0".into()))),
        head("9110 §15.4.5", "304 to HEAD", 304, without_length()),
        status("9110 §15.5.5", "404 of the handler's has its content", 404, ok("GET /status/404 ")),
        status("9110 §15.6.1", "500 of the handler's goes on", 500, ok("GET /status/500 ")),
        status("9110 §15", "any of the classes", 399, ok("GET /status/399 ")),
    ]
}

#[test]
fn head_is_get_without_content_and_other_methods_are_the_handlers() {
    check(&methods());
}

#[test]
fn statuses_without_content_have_none() {
    check(&statuses());
}

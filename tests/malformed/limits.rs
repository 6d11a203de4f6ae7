//! Requests beyond the limits of a server, and requests with two errors.

use super::{Case, Limits, PUBLIC, REST_OF_GET, case, get, post, post_chunked, proven};

const TARGET: &str = "9110 §15.5.15";
const HEADERS: &str = "9110 §5.4";
const BODY: &str = "9110 §15.5.14";

pub fn cases(limits: &Limits) -> Vec<Case> {
    [targets(limits), heads(limits), bodies(limits)].concat()
}

/// The beginning of a GET whose target is one byte beyond the limit.
fn long_target(limits: &Limits) -> String {
    format!("GET /{}", "t".repeat(limits.target_bytes))
}

fn targets(limits: &Limits) -> Vec<Case> {
    let long = long_target(limits);
    let more = |count: usize| "t".repeat(count);
    // A method is no longer than 64 bytes, unless the target is shorter than it may be.
    let method = "M".repeat(limits.target_bytes + 65);
    vec![
        proven("a target beyond the limit", TARGET, &long, REST_OF_GET, 414),
        proven("a target far beyond the limit", TARGET, &long, more(100) + REST_OF_GET, 414),
        proven("a target beyond a head's limit", TARGET, &long, more(limits.head_bytes) + REST_OF_GET, 414),
        proven("a target without end", TARGET, &long, more(limits.head_bytes), 414),
        proven("a method without end", TARGET, method, format!("M {PUBLIC}{REST_OF_GET}"), 414),
    ]
}

fn heads(limits: &Limits) -> Vec<Case> {
    // The whole head has this many bytes.
    let head = |len: usize| {
        let name = get("X: ");
        let value = "v".repeat(len - name.len() - 4);
        [&name[..], value.as_bytes(), b"\r\n\r\n"].concat()
    };
    let cut = |mut head: Vec<u8>| {
        head.truncate(limits.head_bytes);
        head
    };
    let most = get("X: y\r\n".repeat(limits.headers - 1));
    let line = format!("GET {PUBLIC} HTTP/1.1\r\n");
    vec![
        proven("a head beyond the limit", HEADERS, cut(head(limits.head_bytes + 1)), "\n", 431),
        proven(
            "a head far beyond the limit",
            HEADERS,
            cut(head(limits.head_bytes + 100)),
            "v".repeat(96) + "\r\n\r\n",
            431,
        ),
        proven(
            "a value without end",
            HEADERS,
            cut([get("Name: "), vec![b'v'; limits.head_bytes]].concat()),
            "v".repeat(4000),
            431,
        ),
        proven(
            "a name without end",
            HEADERS,
            cut([line.into_bytes(), vec![b'n'; limits.head_bytes]].concat()),
            "n".repeat(4000),
            431,
        ),
        proven("one header beyond the limit", HEADERS, [&most[..], b"X"].concat(), ": y\r\n\r\n", 431),
    ]
}

fn bodies(limits: &Limits) -> Vec<Case> {
    let beyond = limits.body_bytes + 1;
    let trailers = "X: bcdefg\r\n".repeat(limits.head_bytes / 11 + 1);
    let expected = format!("Expect: 100-continue\r\nContent-Length: {beyond}");
    let length = format!("Content-Length: {beyond}");
    let second = format!("1\r\na\r\n{:x}", limits.body_bytes);
    let all = vec![
        proven("a body beyond the limit", BODY, post(length, ""), "", 413),
        proven("an expected body beyond the limit", BODY, post(expected, ""), "", 413),
        proven("a chunk beyond the limit", BODY, post_chunked(format!("{beyond:x}")), "\r\n", 413),
        proven("chunks that are beyond the limit together", BODY, post_chunked(second), "\r\n", 413),
        proven(
            "trailers beyond the limit",
            HEADERS,
            post_chunked(format!("0\r\n{}", &trailers[..limits.head_bytes + 1])),
            "x",
            431,
        ),
        case(
            "a trailer without end",
            HEADERS,
            post_chunked(format!("0\r\nX: {}\r\n\r\n", "y".repeat(limits.head_bytes + 4000))),
            431,
        ),
        case(
            "the name of a trailer without end",
            HEADERS,
            post_chunked(format!("0\r\n{}: y\r\n\r\n", "x".repeat(limits.head_bytes + 4000))),
            431,
        ),
    ];
    all.into_iter().map(Case::in_body).collect()
}

/// Of two errors the first one counts.
pub fn two_errors(limits: &Limits) -> Vec<Case> {
    const SECTION: &str = "9112 §3";
    let host = "\r\nHost: test\r\n\r\n";
    let long = long_target(limits);
    let line = format!("GET {PUBLIC} HTTP/1.1\r\n");
    let many = "X: y\r\n".repeat(limits.headers + 1);
    let huge = format!("Content-Length: {}\r\n", "9".repeat(30));
    let chunked = "Transfer-Encoding: chunked\r\n";
    let first = |lines: &str| format!("{line}{lines}");
    vec![
        proven("a long target, another version", TARGET, &long, format!(" HTTP/3{host}"), 414),
        proven("a long target, a control byte", TARGET, &long, format!("\x01{REST_OF_GET}"), 414),
        proven(
            "a control byte, a long target",
            SECTION,
            "GET /\x01",
            format!("{}{REST_OF_GET}", &long[5..]),
            400,
        ),
        proven(
            "another version, a blank before a colon",
            SECTION,
            format!("GET {PUBLIC} HTTP/2.0\r\n"),
            "Host : test\r\n\r\n",
            505,
        ),
        proven("a control byte, another version", SECTION, "GET /\x02", format!(" HTTP/2.0{host}"), 400),
        proven(
            "CONNECT, a blank in front of a header",
            SECTION,
            "CONNECT test:80 HTTP/1.1\r\n",
            "\tX: y\r\n\r\n",
            501,
        ),
        proven(
            "an unknown expectation, two hosts",
            SECTION,
            get("Expect: tea\r\n"),
            "Host: test\r\n\r\n",
            417,
        ),
        proven(
            "two hosts, an unknown expectation",
            SECTION,
            get("Host: test\r\n"),
            "Expect: tea\r\n\r\n",
            400,
        ),
        proven("an unknown expectation, a folded line", SECTION, get("Expect: tea\r\n"), " pot\r\n\r\n", 417),
        proven(
            "an expectation, a blank before a colon",
            SECTION,
            first("Expect: tea\r\n"),
            "Host : test\r\n\r\n",
            417,
        ),
        proven(
            "a blank before a colon, an expectation",
            SECTION,
            first("Host "),
            ": test\r\nExpect: tea\r\n\r\n",
            400,
        ),
        proven(
            "too many headers, a blank before a colon",
            SECTION,
            first(&many[..many.len() - 5]),
            format!("{}Host : test\r\n\r\n", &many[many.len() - 5..]),
            431,
        ),
        proven(
            "a blank before a colon, too many headers",
            SECTION,
            first("Name "),
            format!(": y\r\n{many}\r\n"),
            400,
        ),
        proven("a huge length, a coding", SECTION, first(&huge), format!("{chunked}\r\n"), 413),
        proven("a coding, a huge length", SECTION, first(&format!("{chunked}{huge}")), "\r\n", 400),
    ]
}

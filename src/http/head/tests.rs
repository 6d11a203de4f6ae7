//! What the parser reads of any head.

use proptest::prelude::*;

use super::*;
use crate::config::MAX_HEADERS;
use crate::http::refusal::Refusal;
use crate::http::scan::Scan;
use crate::properties::holds_for_any;

/// What the parser has read of a head.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    line: (String, String, u8),
    headers: Vec<(String, Vec<u8>)>,
    len: usize,
    framing: Framing,
    keep_alive: bool,
}

fn parse(bytes: &[u8]) -> Result<Option<Read>, Refusal> {
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let limits = Limits::default();
    let Some(head) = Head::parse(bytes, &mut headers, &limits) else {
        let is_whole = Scan::default().advance(&mut bytes.to_vec(), &limits)?;
        assert!(!is_whole, "the parser reads every head that is whole and sound");
        return Ok(None);
    };
    Ok(Some(Read {
        line: (head.method.to_owned(), head.target.to_owned(), head.minor),
        headers: head.headers.iter().map(|header| (header.name.to_owned(), header.value.to_vec())).collect(),
        len: head.raw.len(),
        framing: head.framing,
        keep_alive: head.keep_alive,
    }))
}

/// Returns the status of the response to a request whose first header is this one.
fn status_of(name: &str, value: &str) -> u16 {
    let host = if name == "Host" { "" } else { "Host: x\r\n" };
    let parsed = parse(format!("POST / HTTP/1.1\r\n{name}: {value}\r\n{host}\r\n").as_bytes());
    parsed.map_or_else(|refusal| refusal.status.code(), |_| 200)
}

#[test]
fn a_content_length_is_the_number_written_or_is_refused() {
    let number = (any::<u128>(), 0..128u32, 0..3usize)
        .prop_map(|(number, shift, zeros)| format!("{}{}", "0".repeat(zeros), number >> shift));
    let text = prop_oneof![2 => number, 1 => "[0-9]{0,2}[-+0-9a-fx,. ]?[0-9]{1,22}"];
    holds_for_any(text, |text| {
        let is_number = text.trim().bytes().all(|byte| byte.is_ascii_digit()) && !text.trim().is_empty();
        let expected = match text.trim().parse::<u128>() {
            _ if !is_number => Err(400),
            Ok(number) => u64::try_from(number).map_err(|_| 413),
            Err(_) => Err(413),
        };
        let bytes = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {text}\r\n\r\n");
        let found = parse(bytes.as_bytes()).map(|read| read.expect("it is whole").framing);
        assert_eq!(found.map_err(|refusal| refusal.status.code()), expected.map(Framing::Length));
    });
}

fn any_header() -> impl Strategy<Value = (String, String)> {
    // No name that the server itself acts upon begins with an X.
    ("X[A-Za-z0-9!#$%&'*+.^_`|~-]{0,12}", "([!-~]([ -~\t]{0,12}[!-~])?)?")
}

#[test]
fn a_sound_head_is_read_as_written_whatever_follows() {
    let line =
        ("[A-Z]{1,10}", "/[!\"$-~]{0,40}", 0..2u8).prop_filter("it is no proxy", |line| line.0 != "CONNECT");
    let values =
        (line, prop::collection::vec(any_header(), 0..20), prop::collection::vec(any::<u8>(), 0..40));
    holds_for_any(values, |(line, mut headers, behind)| {
        headers.insert(headers.len() / 2, ("Host".into(), "x".into()));
        let mut bytes = format!("{} {} HTTP/1.{}\r\n", line.0, line.1, line.2);
        for (name, value) in &headers {
            bytes.push_str(&format!("{name}: {value}\r\n"));
        }
        bytes.push_str("\r\n");
        let len = bytes.len();
        let headers = headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
        let framing = Framing::Length(0);
        let read = Read { keep_alive: line.2 == 1, line, headers, len, framing };
        assert_eq!(parse(&[bytes.as_bytes(), &behind].concat()), Ok(Some(read)));
        for end in 0..len {
            assert_eq!(parse(&bytes.as_bytes()[..end]), Ok(None), "cut at {end}");
        }
    });
}

#[test]
fn a_host_is_a_name_and_port_without_any_other_byte() {
    const NAME: &str = "[A-Za-z0-9._~!$&'()*+,;=%-]{0,20}(:[0-9]{0,5})?";
    holds_for_any((NAME, "[/?#@ \t\"<>^`{|}\\\\\\[\\]]", "[a-z]{1,4}"), |(host, wrong, behind)| {
        assert_eq!(status_of("Host", &host), 200);
        assert_eq!(status_of("Host", &format!("a{host}{wrong}{behind}")), 400);
    });
}

#[test]
fn connection_options_mean_close_only_if_they_hold_that_word() {
    let option = prop_oneof!["close", "Close", "CLOSE", "keep-alive", "clos", "closed", "[a-z]{0,3}"];
    let list = prop::collection::vec((option, "[ \t]{0,2}", "[ \t]{0,2}"), 0..6);
    holds_for_any(list, |list| {
        let says_close = list.iter().any(|(option, ..)| option.eq_ignore_ascii_case("close"));
        let text: Vec<String> = list.iter().map(|(option, a, b)| format!("{a}{option}{b}")).collect();
        let bytes = format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: {}\r\n\r\n", text.join(","));
        let read = parse(bytes.as_bytes()).expect("it is sound").expect("it is whole");
        assert_eq!(read.keep_alive, !says_close, "{bytes}");
    });
}

#[test]
fn every_transfer_coding_except_one_chunked_alone_is_refused() {
    let coding = prop_oneof!["chunked", "Chunked", "gzip", "chunke", "x?chunked", ""];
    holds_for_any(prop::collection::vec(coding, 1..4), |codings| {
        let named: Vec<&String> = codings.iter().filter(|coding| !coding.is_empty()).collect();
        let is_chunked = |coding: &String| coding.eq_ignore_ascii_case("chunked");
        let expected = match &named[..] {
            [only] if is_chunked(only) => 200,
            // The last of them has to be chunked, and no other (RFC 9112 §6.1 and §6.3).
            [front @ .., last] if is_chunked(last) && !front.iter().any(|coding| is_chunked(coding)) => 501,
            _ => 400,
        };
        assert_eq!(status_of("Transfer-Encoding", &codings.join(", ")), expected, "{codings:?}");
    });
}

//! What every answer has to be, whatever it answers, and what a single one has to be beside that.

use super::{Answer, Fact};
use crate::common::{Response, witness};

/// All that a client received has to be these answers, in this order, and no byte more.
pub fn check(received: &[u8], expected: &[Answer]) -> Result<(), String> {
    let is_to_head = |at: usize, _: &Response| expected.get(at).is_some_and(|answer| answer.body.is_none());
    let (responses, rest) = witness::responses(received, is_to_head);
    if !rest.is_empty() {
        return Err(format!("this is no response: {}", rest.escape_ascii()));
    }
    for response in &responses {
        any(response)?;
    }
    let last = responses.len().saturating_sub(1);
    let finals: Vec<&Response> = responses.iter().filter(|response| response.status >= 200).collect();
    let statuses: Vec<u16> = finals.iter().map(|response| response.status).collect();
    let wanted: Vec<u16> = expected.iter().map(|answer| answer.status).collect();
    if statuses != wanted {
        return Err(format!("answered by {statuses:?} instead of {wanted:?}"));
    }
    for (at, response) in responses.iter().enumerate() {
        // 9112 §9.6: said with the last, and with no other.
        let says = values(response, "Connection").any(|value| value == "close");
        if says != (at == last) {
            return Err(format!("Connection: close is {says} in {:?}", response.head));
        }
    }
    finals.iter().zip(expected).try_for_each(|(response, answer)| one(response, answer))
}

fn values<'r>(response: &'r Response, name: &'r str) -> impl Iterator<Item = &'r str> {
    let lines = response.head.lines().skip(1).filter_map(|line| line.split_once(':'));
    lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// What holds for all.
fn any(response: &Response) -> Result<(), String> {
    let fault = |what: &str| Err(format!("{what}: {:?}", response.head));
    let interim = response.status < 200;
    // 9112 §4: the blank behind the status is there although no phrase is.
    let line = response.head.split("\r\n").next().unwrap_or_default();
    if !line.starts_with(&format!("HTTP/1.1 {} ", response.status)) {
        return fault("the status line");
    }
    // 9110 §2.2, §5.5, 9112 §2.2 and §5.2: every line is one header, and ends with CRLF.
    for line in response.head.trim_end_matches("\r\n").split("\r\n").skip(1) {
        let is_token = |name: &str| {
            !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
        };
        let is_field = line.split_once(':').is_some_and(|(name, _)| is_token(name));
        // 9112 §5: one blank in front of the value. Some clients refuse more.
        let is_tight = |value: &str| value.strip_prefix(' ').is_some_and(|value| value.trim() == value);
        if !line.split_once(':').is_some_and(|(_, value)| is_tight(value)) {
            return fault("blanks around a value");
        }
        if !is_field || line.bytes().any(|b| b.is_ascii_control() && b != b'\t') {
            return fault("a header line");
        }
    }
    // 9110 §6.6.1 and §5.6.7: one date, as the preferred format has it.
    let dates: Vec<&str> = values(response, "Date").collect();
    let is_date =
        |text: &str| httpdate::parse_http_date(text).is_ok_and(|time| httpdate::fmt_http_date(time) == text);
    let is_dated = dates.len() == 1 && is_date(dates[0]);
    if !interim && !is_dated {
        return fault("the date");
    }
    // 9112 §6.1: no coding, to nobody; so 9112 §6.2 holds as well.
    if values(response, "Transfer-Encoding").next().is_some() {
        return fault("a coding");
    }
    // 9110 §8.6: digits, once, and not where there is none to be.
    let lengths: Vec<&str> = values(response, "Content-Length").collect();
    let bodiless = interim || matches!(response.status, 204 | 304);
    let is_number = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if lengths.len() != usize::from(!bodiless) || !lengths.iter().all(is_number) {
        return fault("the length");
    }
    Ok(())
}

/// What holds for this one.
fn one(response: &Response, answer: &Answer) -> Result<(), String> {
    if let Some(body) = &answer.body {
        let is_page = answer.status >= 400 && response.body.starts_with(body);
        if !is_page && response.body != *body {
            let (is, wanted) = (response.body.escape_ascii(), body.escape_ascii());
            return Err(format!("the body is \"{is}\" instead of \"{wanted}\""));
        }
    }
    for fact in &answer.facts {
        let is_so = match fact {
            Fact::Is(name, value) => values(response, name).eq([value.as_str()]),
            Fact::Lacks(name) => values(response, name).next().is_none(),
        };
        if !is_so {
            let (Fact::Is(name, _) | Fact::Lacks(name)) = fact;
            return Err(format!("{name} in {:?}", response.head));
        }
    }
    Ok(())
}

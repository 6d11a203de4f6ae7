//! A request's target.

use super::fields::is_host;
use super::refusal::Refusal;
use crate::config::Limits;
use crate::status::ErrorStatus;

pub(super) const LINE_TOO_LONG: Refusal =
    Refusal { status: ErrorStatus::UriTooLong, why: "the target is too long" };

/// Returns the length of the longest request line. Method, blanks and version add at most 64 bytes to the target.
pub(super) fn longest_line(limits: &Limits) -> usize {
    limits.target_bytes.saturating_add(64)
}

/// Accepts the forms of RFC 9112 §3.2 that an origin server serves, in ASCII.
#[inline]
pub(super) fn check_target(method: &str, target: &str, limits: &Limits) -> Result<(), Refusal> {
    if target.len() > limits.target_bytes {
        return Err(LINE_TOO_LONG);
    }
    if method == CONNECT {
        return check_authority(target, limits);
    }
    // Some servers cut a fragment off, and others treat it as a part of the path.
    if !target.bytes().fold(true, |sound, byte| sound & byte.is_ascii() & (byte != b'#')) {
        return Err(Refusal::bad("the target holds a fragment, or bytes outside ASCII"));
    }
    let is_path = target.starts_with('/') || (target == "*" && method == "OPTIONS");
    if is_path { Ok(()) } else { check_url(target) }
}

/// The method of a client that wants a tunnel to another host (RFC 9110 §9.3.6).
pub(crate) const CONNECT: &str = "CONNECT";

/// Checks the authority form: a host and a port (RFC 9112 §3.2.3).
#[cold]
fn check_authority(target: &str, limits: &Limits) -> Result<(), Refusal> {
    if !limits.connect {
        return Err(Refusal { status: ErrorStatus::NotImplemented, why: "this is not a proxy" });
    }
    let is_sound = target.rsplit_once(':').is_some_and(|(host, port)| {
        let has_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        !host.is_empty() && has_port && is_host(target.as_bytes())
    });
    if is_sound { Ok(()) } else { Err(Refusal::bad("the target is not a host with a port")) }
}

/// Checks the absolute form. Its host replaces the Host header (RFC 9112 §3.2.2) and obeys the same rules, but may not
/// be empty (RFC 9110 §4.2.1). A user name before the host is refused, because it misleads (§4.2.4).
#[cold]
fn check_url(target: &str) -> Result<(), Refusal> {
    let behind = |scheme: &str| {
        let (front, rest) = target.split_at_checked(scheme.len())?;
        front.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    let Some(rest) = behind("http://").or_else(|| behind("https://")) else {
        return Err(Refusal::bad("the target is neither a path nor an http URL"));
    };
    let authority = &rest.as_bytes()[..rest.find(['/', '?']).unwrap_or(rest.len())];
    let has_host = !authority.is_empty() && !authority.starts_with(b":");
    if has_host && is_host(authority) { Ok(()) } else { Err(Refusal::bad("the target's host is malformed")) }
}

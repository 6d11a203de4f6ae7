//! The request that a steered response answers, and what depends on it.

use std::fmt::Write;

use fourway::{ConnectionId, Request};

use super::plan::{Plan, Show};
use super::text::Text;

/// The request as far as it is still known when its response is given.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub request: Option<&'a Request<'a>>,
    pub connection: Option<ConnectionId>,
}

/// Settles what depends on the request: whether the client has the response already.
pub fn settle(plan: &mut Plan, request: &Request<'_>, usual_size: usize) {
    let Some(version) = plan.etag.filter(|_| plan.status == 200) else { return };
    let size = match plan.show {
        Show::Body => request.raw_head().len() as u64,
        _ => plan.size.unwrap_or(usual_size as u64),
    };
    let etag = etag(version, size);
    let is_read = matches!(request.method(), "GET" | "HEAD");
    let known = request.headers().filter(|(name, _)| name.eq_ignore_ascii_case("If-None-Match"));
    if is_read && known.map(|(_, value)| value).any(|list| names(list, etag.as_bytes())) {
        plan.status = 304;
    }
}

/// Returns whether a list of entity tags names this one. The comparison is weak (RFC 9110 §13.1.2).
fn names(list: &[u8], etag: &[u8]) -> bool {
    // This server's tags hold no comma.
    list.split(|&byte| byte == b',')
        .map(<[u8]>::trim_ascii)
        .any(|tag| tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == etag)
}

/// Returns the entity tag of a version of a body.
pub fn etag(version: u64, size: u64) -> Text<64> {
    let mut text = Text::default();
    let _ = write!(text, "\"{version}-{size}\"");
    text
}

//! Gives the response that a plan describes.

use std::fmt::Write;

use fourway::{Body, CloseMode, ConnectionId, Reply, Request, Responder, ResponseHead};

use super::Steering;
use super::asked::{Asked, etag};
use super::jobs::{Job, Step};
use super::plan::{Length, Plan, Show};
use super::text::Text;

/// The body if there is no room to show another request.
const FULL: &str = "too many requests are being shown: their clients have not read them yet\n";

impl Steering {
    /// Gives the response now. If its body comes in pieces, adds the job for it.
    pub(super) fn give<'r>(&mut self, plan: &Plan, asked: Asked<'_>, responder: Responder<'r>) -> Reply<'r> {
        let shown = asked.request.filter(|_| plan.show == Show::Body).map(Request::raw_head);
        if shown.is_some_and(|shown| shown.len() > self.jobs.room_to_show()) {
            return responder.status(503).content_type("text/plain").body(FULL);
        }
        let size = match shown {
            Some(shown) => shown.len() as u64,
            None => plan.size.unwrap_or(self.settings.body.len() as u64),
        };
        let mut head = self.head_of(plan, asked, size, responder);
        // A body that shows a request is streamed too, so that its copy counts until the client has read it.
        if plan.is_streamed() || shown.is_some() {
            return self.give_streamed(plan, asked.connection, head, shown.map(<[u8]>::to_vec), size);
        }
        match plan.length {
            Length::True => {}
            Length::None => head = head.announce(None),
            Length::This(length) => head = head.announce(Some(length)),
        }
        match plan.size {
            Some(len) => head.body(Body::Repeat { page: self.pattern.clone(), len }),
            None => head.body(self.settings.body),
        }
    }

    /// Begins the response: its status and its headers.
    fn head_of<'r>(
        &self,
        plan: &Plan,
        asked: Asked<'_>,
        size: u64,
        responder: Responder<'r>,
    ) -> ResponseHead<'r> {
        let mut head = responder.status(plan.status);
        head = match (plan.show, plan.is_random) {
            (Show::Body, _) if asked.request.is_some() => head.content_type("message/http"),
            (_, true) => head.content_type("application/octet-stream"),
            _ => head.content_type(&self.settings.content_type),
        };
        match plan.is_cacheable {
            Some(true) => head = head.header("Cache-Control", "public, max-age=3600"),
            Some(false) => head = head.header("Cache-Control", "no-cache"),
            None => {}
        }
        if let Some(version) = plan.etag {
            head = head.header("ETag", etag(version, size).as_bytes());
        }
        if let (Some(request), true) = (asked.request, plan.show != Show::Nothing) {
            head = show_headers(plan, request, size, head);
        }
        match plan.close {
            // The last piece says how the connection closes. If the client wants no body, there is none.
            None | Some(CloseMode::Drop) if plan.cut.is_some() => head.close_after(),
            Some(mode) => head.close_with(mode),
            None if plan.closes => head.close_after(),
            None => head,
        }
    }

    fn give_streamed<'r>(
        &mut self,
        plan: &Plan,
        connection: Option<ConnectionId>,
        mut head: ResponseHead<'r>,
        shown: Option<Vec<u8>>,
        size: u64,
    ) -> Reply<'r> {
        let end = plan.cut.map_or(size, |cut| cut.min(size));
        let mut len = Some(size).filter(|_| !plan.one_byte_chunks);
        match plan.length {
            Length::True => {}
            Length::None => (head, len) = (head.announce(None), None),
            Length::This(length) => (head, len) = (head.announce(Some(length)), None),
        }
        let (id, reply) = head.stream(len);
        let job = Job { request: Some(id), connection, end, shown, ..Job::new(*plan, Step::Piece) };
        self.add(id.slot(), job);
        reply
    }
}

/// Adds headers that show the request as it arrived, and what is given for it.
fn show_headers<'r>(
    plan: &Plan,
    request: &Request<'_>,
    size: u64,
    head: ResponseHead<'r>,
) -> ResponseHead<'r> {
    /// The most bytes of the request that are shown in headers.
    const MOST: usize = 4096;
    let mut text = Text::<96>::default();
    let (head_len, body_len) = (request.raw_head().len() as u64, request.body_received());
    let _ = write!(text, "size={}, head={head_len}, body={body_len}", head_len + body_len);
    let mut head = head.header("X-Req", text.as_bytes());
    let mut text = Text::<96>::default();
    let (status, delay) = (plan.status, plan.delay.as_millis());
    let cache = u8::from(plan.is_cacheable != Some(false));
    let _ = write!(text, "code={status}, cache={cache}, size={size}, time={delay} ms");
    head = head.header("X-Rsp", text.as_bytes());
    if plan.show == Show::Body {
        return head;
    }
    let line = request.raw_head().split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii();
    let mut left = MOST;
    if line.len() <= left {
        left -= line.len();
        head = head.header("X-Req-Line", line);
    }
    for (name, value) in request.headers() {
        let mut shown = Text::<128>::default();
        let is_short = write!(shown, "X-Req-{name}").is_ok();
        let len = shown.as_bytes().len() + value.len();
        if !is_short || len > left {
            return head.header("X-Req-Rest", "left out");
        }
        left -= len;
        head = head.header(shown.as_str(), value);
    }
    head
}

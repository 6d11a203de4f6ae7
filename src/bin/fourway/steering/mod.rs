//! Responses that the URL steers, with the letters of httpterm: `GET /?s=20k&t=700&r=503`.
//!
//! A request goes through these steps, of which most requests take two:
//!
//! 1. [`query`] reads the letters, and draws a [`Plan`] from them. A URL that does not steer gets the usual response.
//! 2. [`respond`] gives the response that the plan describes, at once or when its delay is over.
//! 3. [`pieces`] gives a body piece by piece, if something happens between its bytes or after the last.
//!
//! What the program goes on with later is a [`Job`](jobs::Job), and has a timer of its own.

mod asked;
mod jobs;
mod number;
mod pieces;
mod plan;
pub mod query;
mod respond;
mod text;
mod timers;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use fourway::{CloseMode, ConnectionId, GoneReason, Intake, Reply, Request, RequestId, Responder, Server};

use super::page::Page;

use asked::Asked;
use jobs::{Job, Jobs, Step};
use plan::Plan;
use query::Letters;

/// The help of the letters, which `/?` and `/?h` return.
pub const HELP: &str = include_str!("help.txt");

/// The maximum number of timers that fire in a turn. The others fire in the next.
const FIRED: usize = 1024;

/// The length of the page that bodies of a given size repeat.
const PATTERN: usize = 64 * 1024;

/// The length of a line of that page.
const LINE: usize = 64;

/// The maximum number of bytes of requests that are shown at once, unless one head can be longer.
const SHOWN: usize = 4 * 1024 * 1024;

/// Returns the most bytes that steering takes for a number of connections whose heads have this limit.
pub fn reserved_bytes(connections: usize, head_limit: usize) -> usize {
    connections * jobs::PER_JOB + PATTERN + SHOWN.max(head_limit)
}

/// The settings of all responses.
#[derive(Debug)]
pub struct Settings {
    /// The letters of the options, such as `s=20k&r=503:5`. They hold for every request.
    pub everywhere: String,
    /// Whether URLs steer.
    pub reads_urls: bool,
    /// How connections close after their last response.
    pub close: CloseMode,
    /// The usual body, and its media type.
    pub body: &'static [u8],
    pub content_type: String,
}

pub struct Steering {
    settings: Settings,
    /// Whether every request has to be looked at, not only those with a query: options steer all, or jobs wait. It is found
    /// out once per turn, and when a job is added.
    concerns_all: bool,
    rng: Rng,
    jobs: Jobs,
    pattern: Arc<[u8]>,
    counts: Counts,
    /// The moment from which on the timers that were left to the next turn could fire, if there are any.
    left_since: Option<Instant>,
}

/// What was steered.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// Requests whose URL steered them.
    pub steered: u64,
    /// Requests whose URL has a query that does not steer.
    pub ordinary: u64,
    /// How often each letter of [`Letters::ALL`] was used.
    pub letters: [u64; Letters::ALL.len()],
    /// Timers that have fired.
    pub fired: u64,
    /// The longest time from the moment when a timer could have fired to the moment when it did.
    pub latest: Duration,
    /// Timers that have fired more than [`ON_TIME`] after that moment.
    pub late: u64,
}

/// A timer that fires so soon after the moment when it could have is on time.
pub const ON_TIME: Duration = Duration::from_millis(2);

impl Counts {
    /// Returns each letter with its count.
    pub fn by_letter(&self) -> impl Iterator<Item = (char, u64)> {
        Letters::ALL.into_iter().map(char::from).zip(self.letters)
    }
}

impl Steering {
    /// Reserves memory for this number of connections, whose heads have this limit.
    pub fn new(settings: Settings, connections: usize, head_limit: usize) -> Self {
        Steering {
            concerns_all: !settings.everywhere.is_empty(),
            settings,
            rng: Rng::new(),
            jobs: Jobs::with_capacity(connections, SHOWN.max(head_limit)),
            pattern: pattern(),
            counts: Counts::default(),
            left_since: None,
        }
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Returns whether this request may need [`respond`](Self::respond). The others get the usual response.
    #[inline]
    pub fn concerns(&self, request: &Request<'_>) -> bool {
        // The shortest target is the most common, and has no query.
        let target = request.target();
        self.concerns_all || (target.len() > 1 && target.contains('?'))
    }

    // --- requests ---

    /// Decides about the body of a request. Every body is read and thrown away, unless a letter says that the server
    /// responds before its end.
    pub fn head<'r>(
        &mut self,
        request: &Request<'_>,
        id: RequestId,
        responder: Responder<'r>,
    ) -> Result<Intake, Reply<'r>> {
        let connection = request.connection();
        // The connection is not idle while the body arrives, which may take long.
        self.end_idle(connection);
        let Some((plan, letters)) = self.plan(request) else { return Ok(Intake::Discard) };
        let reads = if plan.responds_first { Some(0) } else { plan.reads };
        let Some(left) = reads else { return Ok(Intake::Discard) };
        self.count(request.query(), letters);
        if left == 0 {
            return Err(self.begin(plan, Some(request), connection, responder));
        }
        let job = Job { request: Some(id), connection, ..Job::new(plan, Step::Intake { left }) };
        self.add(id.slot(), job);
        Ok(Intake::Pieces)
    }

    /// Takes a piece of a request's body, and responds if it was the last that the server reads.
    pub fn piece<'r>(
        &mut self,
        id: RequestId,
        bytes: &[u8],
        responder: Responder<'r>,
    ) -> Result<usize, Reply<'r>> {
        let Some(key) = self.jobs.of_request(id) else { return Ok(bytes.len()) };
        let job = self.jobs.get_mut(key);
        if let Step::Intake { left } = &mut job.step {
            *left = left.saturating_sub(bytes.len() as u64);
            if *left > 0 {
                return Ok(bytes.len());
            }
        }
        let job = self.jobs.remove(key);
        Err(self.begin(job.plan, None, job.connection, responder))
    }

    /// Responds to a request that is steered. One that is not gets the usual response.
    // Not inlined, because the usual response is faster without this beside it.
    #[cold]
    #[inline(never)]
    pub fn respond<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>, page: &Page) -> Reply<'r> {
        let connection = request.connection();
        if let Some(key) = request.id().and_then(|id| self.jobs.of_request(id)) {
            let job = self.jobs.remove(key);
            return self.begin(job.plan, Some(request), connection, responder);
        }
        self.end_idle(connection);
        if request.method() == "TRACE" {
            return page.respond(request, responder);
        }
        let query = request.query().filter(|_| self.settings.reads_urls);
        if query == Some("h") || (query == Some("") && request.path() == "/") {
            return responder.status(200).content_type("text/plain").body(HELP);
        }
        let Some((plan, letters)) = self.plan(request) else {
            self.counts.ordinary += u64::from(query.is_some());
            return page.respond(request, responder);
        };
        self.count(query, letters);
        self.begin(plan, Some(request), connection, responder)
    }

    /// Draws the plan of a request. Returns `None` if neither the options nor the URL steer it.
    fn plan(&mut self, request: &Request<'_>) -> Option<(Plan, Letters)> {
        if request.method() == "TRACE" {
            return None;
        }
        let Steering { settings, rng, .. } = self;
        let everywhere = query::read(&settings.everywhere, &Plan::PLAIN, rng).map(|(plan, _)| plan);
        let usual = everywhere.unwrap_or(Plan::PLAIN);
        let query = request.query().filter(|query| settings.reads_urls && !query.is_empty());
        let read = query.and_then(|query| query::read(query, &usual, rng));
        read.or(everywhere.map(|plan| (plan, Letters::default())))
    }

    fn count(&mut self, query: Option<&str>, letters: Letters) {
        if letters == Letters::default() {
            self.counts.ordinary += u64::from(query.is_some());
            return;
        }
        self.counts.steered += 1;
        for (letter, count) in Letters::ALL.into_iter().zip(&mut self.counts.letters) {
            *count += u64::from(letters.contains(letter));
        }
    }

    /// Responds as the plan says, or arms the timer of the response. `request` is gone in the middle of its body.
    fn begin<'r>(
        &mut self,
        mut plan: Plan,
        request: Option<&Request<'_>>,
        connection: Option<ConnectionId>,
        responder: Responder<'r>,
    ) -> Reply<'r> {
        if let Some(request) = request {
            asked::settle(&mut plan, request, self.settings.body.len());
        }
        if !plan.is_mute && plan.delay.is_zero() {
            return self.give(&plan, Asked { request, connection }, responder);
        }
        let (id, reply) =
            if plan.show == plan::Show::Nothing { responder.defer() } else { responder.defer_keeping() };
        let job = Job { request: Some(id), connection, ..Job::new(plan, Step::Response) };
        let key = self.add(id.slot(), job);
        if !plan.is_mute {
            // The clock is read anew: the turn's own time may be older than the request.
            self.jobs.arm(key, Step::Response, Instant::now() + plan.delay);
        }
        reply
    }

    /// Takes note that a response cannot be given, or needs no body.
    pub fn gone(&mut self, id: RequestId, why: GoneReason) {
        let Some(key) = self.jobs.of_request(id) else { return };
        if why == GoneReason::NoBody {
            self.end(key);
        } else {
            self.jobs.remove(key);
        }
    }

    /// Takes note that a connection has ended.
    pub fn closed(&mut self, id: ConnectionId) {
        if let Some(key) = self.jobs.of_connection(id) {
            self.jobs.remove(key);
        }
    }

    // --- time ---

    /// Returns the time until the next timer.
    pub fn next_timeout(&self, now: Instant) -> Option<Duration> {
        self.jobs.timers.next().map(|deadline| deadline.saturating_duration_since(now))
    }

    /// Fires the timers that are due. Call it once per turn, before [`Server::process`]. `last_end` is the end of the
    /// turn before, from which on a timer could fire.
    pub fn fire(&mut self, server: &mut Server, now: Instant, last_end: Instant) {
        self.concerns_all = !self.settings.everywhere.is_empty() || !self.jobs.is_empty();
        let since = self.left_since.take().unwrap_or(last_end);
        for _ in 0..FIRED {
            let Some((key, deadline)) = self.jobs.timers.next_due(now) else { return };
            self.counts.fired += 1;
            let late = now.saturating_duration_since(deadline.max(since));
            self.counts.latest = self.counts.latest.max(late);
            self.counts.late += u64::from(late > ON_TIME);
            self.go_on(key, server, now);
        }
        self.left_since = self.jobs.timers.next().filter(|&deadline| deadline <= now).map(|_| since);
    }

    /// Does what the timer of a job was armed for.
    fn go_on(&mut self, key: usize, server: &mut Server, now: Instant) {
        let job = self.jobs.get_mut(key);
        match (job.step, job.request) {
            (Step::Gap, Some(id)) => {
                job.step = Step::Piece;
                let _ = server.resume(id, now);
            }
            (Step::Pause, Some(id)) => {
                job.step = Step::End;
                let _ = server.resume(id, now);
            }
            (Step::Idle, _) => {
                let job = self.jobs.remove(key);
                if let Some(connection) = job.connection {
                    let _ = server.close(connection, self.settings.close, now);
                }
            }
            (_, Some(id)) => {
                let Job { plan, connection, .. } = self.jobs.remove(key);
                if plan.show != plan::Show::Nothing {
                    let _ = server.respond_with(id, now, |request, responder| {
                        self.give(&plan, Asked { request: Some(request), connection }, responder)
                    });
                } else if let Ok(responder) = server.respond(id, now) {
                    self.give(&plan, Asked { request: None, connection }, responder);
                }
            }
            (_, None) => {
                self.jobs.remove(key);
            }
        }
    }

    /// Ends the job of a connection that waited for its next request, because the request is here.
    fn end_idle(&mut self, connection: Option<ConnectionId>) {
        let Some(key) = connection.and_then(|id| self.jobs.of_connection(id)) else { return };
        if self.jobs.get_mut(key).step == Step::Idle {
            self.jobs.remove(key);
        }
    }

    fn add(&mut self, slot: usize, job: Job) -> usize {
        self.concerns_all = true;
        self.jobs.add(slot, job)
    }

    /// Ends a job whose response has ended. If the plan says so, waits for the connection's next request.
    fn end(&mut self, key: usize) {
        let job = self.jobs.remove(key);
        let (Some(idle), Some(connection)) = (job.plan.idle, job.connection) else { return };
        let waiting = Job { request: None, connection: Some(connection), ..Job::new(job.plan, Step::Idle) };
        let key = self.add(connection.slot(), waiting);
        self.jobs.arm(key, Step::Idle, Instant::now() + idle);
    }
}

impl Job {
    fn new(plan: Plan, step: Step) -> Self {
        Job { plan, step, request: None, connection: None, given: 0, end: 0, shown: None }
    }
}

/// Returns a page of printable lines, each of which begins with its position in the page. So a cut shows where it is.
fn pattern() -> Arc<[u8]> {
    let mut page = Vec::with_capacity(PATTERN);
    for start in (0..PATTERN).step_by(LINE) {
        page.extend_from_slice(format!("{start:05}").as_bytes());
        let dots = (5..LINE - 1).map(|at| if at % 10 == 0 { b'0' + (at / 10) as u8 } else { b'.' });
        page.extend(dots);
        page.push(b'\n');
    }
    page.into()
}

//! The loop: it creates the server, turns until a signal ends it, and prints the summary.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use fourway::mio::{Events, Poll, Token};
use fourway::{Config, IdleInDrain, Phase, Server, TokenRange, earliest};

use super::accepting::Accepting;
use super::console::Console;
use super::inherited::Inherited;
use super::limits::{self, Capacity};
use super::logging::Logger;
use super::machine;
use super::memory::Memory;
use super::meter::Meter;
use super::options::Options;
use super::page::Page;
use super::reports::Reports;
use super::signals::{Meaning, Shutdown, Signals, Step};
use super::sockets::Sockets;
use super::status::{self, Observed, Status};
use super::steering;
use super::target::{self, Target};
use super::trace::Sink;

/// The maximum number of events that one turn takes from the poller.
const EVENTS: usize = 1024;

/// The only token that does not belong to the server.
const SIGNALS: Token = Token(0);

/// Serves until a signal ends the server, then prints the summary.
pub fn serve(
    options: &Options,
    inherited: Inherited,
    console: &Console,
    logger: &Logger,
) -> Result<(), String> {
    let failed = |error: io::Error| format!("cannot set up the event loop: {error}");
    let page = Page::load(options)?;
    let has_status = options.status.is_used();
    let beside = if has_status { status::CONNECTIONS } else { 0 };
    let mut capacity = Capacity::claim(options.connections.max_connections.map(Into::into), beside)?;
    let inherits = !inherited.is_empty();
    let inherited_warning = inherited.warning();
    let mut config = options.config(inherits);
    config.max_connections = capacity.connections;
    config.limits.out_bytes = page.copied_bytes();
    let is_steered = options.steering.is_used();
    target::prepare(&mut config, is_steered);
    let status_bytes = if has_status { Status::config().reserved_bytes() } else { 0 };
    let head_limit = config.limits.head_bytes;
    let own = |connections| {
        let steering = if is_steered { steering::reserved_bytes(connections, head_limit) } else { 0 };
        page.body().len() + steering + status_bytes
    };
    let memory = Memory::divide(&mut config, own, machine::memory::of_process())?;
    capacity.cut_by_memory(config.max_connections);
    let mut target = Target::new(page, options, config.max_connections);

    let idle_in_drain = config.idle_in_drain;
    let poll = Poll::new().map_err(failed)?;
    let signals = Signals::register(poll.registry(), SIGNALS).map_err(failed)?;
    let server = Server::new(poll.registry(), TokenRange::nth(0), config.clone());
    let mut server = server.map_err(|error| error.to_string())?;
    let mut sockets = Sockets::default();
    sockets.inherit(&mut server, inherited)?;
    for listen in options.listens(inherits) {
        sockets.listen(&mut server, listen, options, console)?;
    }

    let reports = Reports::start(options, poll.registry(), &sockets, console)?;
    let maximum = options.name("max_connections");
    let of_memory = memory.warning(capacity.connections, &maximum);
    let warnings = [inherited_warning, capacity.warning(&maximum), of_memory].into_iter().flatten();
    // The parent has already set the options of an inherited socket.
    let listens = options.listens(inherits).next().is_some();
    for sentence in warnings.chain(limits::listener_warnings(options).filter(|_| listens)) {
        console.warn(&sentence);
    }
    let mut accepting = Accepting::new(&options.accepting, Instant::now());
    if !options.accepting.accept {
        report_switch(accepting.switch(false, &mut server, sockets.ids()), false, console);
    }
    // Only a program that has its addresses empties the file, in which another may still write.
    if let Some(sink) = sink_of(options, &config)? {
        logger.trace_to(sink);
    }
    let greeting = reports.greeting();
    console.greet(&format!("fourway: listening on {sockets}{greeting}; {capacity}; {memory}\n"));

    let meter = Meter::start(Instant::now());
    let shutdown = Shutdown::default();
    let mut host = Host {
        poll,
        server,
        sockets,
        accepting,
        reports,
        max_connections: capacity.connections,
        signals,
        shutdown,
        meter,
        idle_in_drain,
        console,
        logger,
    };
    let ended = host.turn_until_closed(&mut target, options.shutdown.drain_timeout.0);
    logger.end();
    if let Err(error) = logger.end_trace() {
        console.inform(&format!("warning: the trace is not whole: {error}"));
    }
    ended.map_err(|error| format!("cannot wait for events: {error}"))?;
    let summary = host.summary(&target);
    console.end(&summary, host.shutdown.is_aborted(), || host.takes_abort());
    Ok(())
}

/// Returns the trace of this server, if there is to be one.
fn sink_of(options: &Options, config: &Config) -> Result<Option<Sink>, String> {
    let Some(path) = &options.trace.trace else { return Ok(None) };
    let named = |error| format!("cannot write {} {}: {error}", options.name("trace"), path.display());
    Sink::start(path, options.trace.trace_every, config).map(Some).map_err(named)
}

/// Everything that the loop works with.
struct Host<'a> {
    poll: Poll,
    server: Server,
    sockets: Sockets,
    accepting: Accepting,
    reports: Reports<'a>,
    max_connections: usize,
    signals: Signals,
    shutdown: Shutdown,
    meter: Meter,
    idle_in_drain: IdleInDrain,
    console: &'a Console,
    logger: &'a Logger,
}

impl Host<'_> {
    /// Turns the loop until the server is closed.
    ///
    /// A turn reads the clock before and after its work. It allocates nothing. While nothing happens, the loop
    /// makes no system calls.
    fn turn_until_closed(&mut self, target: &mut Target, grace: Duration) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        let mut now = Instant::now();
        let mut last_end = now;
        while self.server.phase() != Phase::Closed || !self.logger.aside(|| self.reports.end(now)) {
            // `now` is the beginning of the turn, and the server knows this time. So a deadline may be late by
            // the length of the turn.
            let timeout = earliest(self.server.next_timeout(now), self.logger.next_timeout());
            let timeout = earliest(timeout, target.next_timeout(now));
            let timeout = earliest(timeout, self.accepting.next_timeout(now));
            let timeout = earliest(timeout, self.reports.next_timeout(now));
            if let Err(error) = self.poll.poll(&mut events, timeout) {
                if error.kind() != ErrorKind::Interrupted {
                    return Err(error);
                }
            }
            now = Instant::now();
            self.logger.turn(now);
            let mut count = 0;
            for event in &events {
                count += 1;
                // An event that belongs to no server is a signal, and has done its work: it has woken the loop.
                if !self.server.handle_event(event) {
                    self.logger.aside(|| self.reports.handle_event(event));
                }
            }
            self.meter.turn(now, count);
            if self.signals.have_come() {
                self.handle_signals(now, grace);
            }
            self.accepting.turn(&mut self.server, now);
            let progress = target.process(&mut self.server, now, last_end);
            self.accepting.turned(&mut self.server, progress.accepted, now);
            self.report(target, now);
            last_end = Instant::now();
            // A drain closes all idle connections in one turn. No client waits for that turn.
            if self.server.phase() == Phase::Running {
                self.meter.turned(now, last_end);
            }
        }
        self.meter.look(now);
        Ok(())
    }

    /// Lets the status server and the terminal show what has happened.
    fn report(&mut self, target: &Target, now: Instant) {
        let Host { server, meter, max_connections, .. } = self;
        let observed =
            Observed { server, meter, max_connections: *max_connections, steered: target.counts() };
        self.logger.aside(|| self.reports.turn(now, &observed));
    }

    /// Returns what to print at the end.
    fn summary(&mut self, target: &Target) -> String {
        let Host { server, meter, max_connections, .. } = self;
        let observed =
            Observed { server, meter, max_connections: *max_connections, steered: target.counts() };
        self.reports.summary(&observed)
    }

    /// Handles the signals that have come. The first signal to end lets requests in progress finish. The second
    /// ends them.
    fn handle_signals(&mut self, now: Instant, grace: Duration) {
        for signal in self.signals.take() {
            match signal {
                Meaning::Ignored(name) => {
                    log::warn!("{name} is ignored: there is nothing to reload; SIGTERM ends the server");
                }
                Meaning::Accept(is_on) if self.server.phase() == Phase::Running => {
                    let switched = self.accepting.switch(is_on, &mut self.server, self.sockets.ids());
                    report_switch(switched, is_on, self.console);
                }
                // The listeners are closed.
                Meaning::Accept(_) => {}
                Meaning::End => match self.shutdown.count(now) {
                    Step::Drain => self.drain(now, grace),
                    Step::Repeated => {}
                    Step::Abort => {
                        self.server.abort();
                        self.logger.aside(|| self.reports.abort());
                    }
                },
            }
        }
    }

    fn drain(&mut self, now: Instant, grace: Duration) {
        if let Err(error) = self.accepting.end(&mut self.server, self.sockets.ids()) {
            log::warn!("an inherited socket may still ignore clients: {error}");
        }
        self.sockets.leave_inherited(&mut self.server);
        self.sockets.remove_files();
        self.server.drain(now, grace);
        self.report_drain(grace);
    }

    /// Takes the signals that have come, and returns whether one of them aborts. For use after the loop.
    fn takes_abort(&mut self) -> bool {
        self.signals.have_come()
            && self
                .signals
                .take()
                .any(|signal| signal == Meaning::End && self.shutdown.count(Instant::now()) == Step::Abort)
    }

    /// If connections are busy, prints why the program does not end yet.
    fn report_drain(&self, grace: Duration) {
        let stats = self.server.stats();
        let idle = if self.idle_in_drain == IdleInDrain::Close { stats.idle } else { 0 };
        let (open, busy) = (stats.open, stats.open - idle);
        if busy > 0 {
            self.console.inform(&format!(
                "waiting at most {grace:?} for {busy} of {open} connections; a second signal ends them at once"
            ));
        }
    }
}

/// Prints whether the server accepts now.
fn report_switch(switched: io::Result<()>, is_on: bool, console: &Console) {
    let sentence = match (is_on, switched) {
        (true, Ok(())) => "accepting is on".into(),
        (true, Err(error)) => format!("accepting is on, but a listener still ignores clients: {error}"),
        (false, Ok(())) => "accepting is off: connects are not answered; SIGUSR2 switches it on".into(),
        (false, Err(error)) => {
            format!("accepting is off, but the kernel answers connects while its queue has space: {error}")
        }
    };
    console.inform(&sentence);
}

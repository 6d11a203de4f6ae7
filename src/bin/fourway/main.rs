//! The program: a host of the library like any other, with one answer to every request.
//!
//! [`main`] reads the options, makes the server and turns the loop; the other modules are what a
//! program needs around it:
//!
//! - `options`: the arguments and the environment;
//! - `page`: the answer;
//! - `sockets`: where it listens, on addresses or on sockets that are `inherited`;
//! - `holder`: what holds a port that it cannot have;
//! - `limits`: what the system allows, and says about it;
//! - `memory`: how much the program may use, and for what;
//! - `signals`: signals as events of the loop, and their meaning;
//! - `meter`: how much of the time the server was busy, and how long at a stretch;
//! - `summary`: what is printed at the end;
//! - `logging`: what `-v` shows, and `repetition`, which limits warnings;
//! - `console`: stdout and stderr, which `output` writes without blocking the loop.

#![forbid(unsafe_code)]

mod console;
mod holder;
mod inherited;
mod limits;
mod logging;
mod memory;
mod meter;
mod options;
mod output;
mod page;
mod repetition;
mod signals;
mod sockets;
mod summary;

use std::io::{self, ErrorKind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use fourway::mio::{Events, Poll, Token};
use fourway::{IdleInDrain, Phase, Server, TokenRange, earliest};

use console::Console;
use inherited::Inherited;
use limits::Capacity;
use logging::Logger;
use memory::Memory;
use meter::Meter;
use options::Options;
use page::Page;
use signals::{Meaning, Shutdown, Signals, Step};
use sockets::Sockets;
use summary::Summary;

/// How many events one turn takes from the poller.
const EVENTS: usize = 1024;

/// The one token that is not the server's.
const SIGNALS: Token = Token(0);

/// The whole program. A wrong argument ends it with exit code 2, any other failure with 1.
fn main() -> ExitCode {
    let options = Options::of_process();
    // The environment and the mask of signals are a matter of the first thread, before it starts others.
    signals::keep_output_from_ending_us();
    let inherited = Inherited::of_process();
    let console = match Console::open() {
        Ok(console) => console,
        Err(error) => {
            eprintln!("fourway: error: cannot write to the standard streams: {error}");
            return ExitCode::FAILURE;
        }
    };
    let logger = Logger::start(options.verbose, console.log());
    match inherited.and_then(|inherited| serve(&options, inherited, &console, logger)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            console.complain(&sentence);
            ExitCode::FAILURE
        }
    }
}

/// From the first socket to the summary.
fn serve(options: &Options, inherited: Inherited, console: &Console, logger: &Logger) -> Result<(), String> {
    let failed = |error: io::Error| format!("cannot set up the event loop: {error}");
    let mut page = Page::load(options)?;
    let mut capacity = Capacity::claim(options.max_connections.map(Into::into))?;
    let inherits = !inherited.is_empty();
    let inherited_warning = inherited.warning();
    let mut config = options.config(inherits);
    config.max_connections = capacity.connections;
    config.limits.out_bytes = page.copied_bytes();
    let memory = Memory::divide(&mut config, page.len(), memory::available())?;
    capacity.cut_by_memory(config.max_connections);

    let idle_in_drain = config.idle_in_drain;
    let poll = Poll::new().map_err(failed)?;
    let signals = Signals::register(poll.registry(), SIGNALS).map_err(failed)?;
    let server = Server::new(poll.registry(), TokenRange::nth(0), config);
    let mut server = server.map_err(|error| error.to_string())?;
    let mut sockets = Sockets::default();
    sockets.inherit(&mut server, inherited)?;
    for addresses in options.addresses(inherits) {
        sockets.listen(&mut server, addresses, console)?;
    }

    inherited_warning.iter().for_each(|sentence| console.warn(sentence));
    capacity.warning().iter().for_each(|sentence| console.warn(sentence));
    memory.warning(capacity.connections).iter().for_each(|sentence| console.warn(sentence));
    // The parent has said how long the queue of an inherited socket is.
    let backlog = Some(options.backlog).filter(|_| options.addresses(inherits).next().is_some());
    backlog.and_then(limits::backlog_warning).iter().for_each(|sentence| console.warn(sentence));
    console.greet(&format!("fourway: listening on {sockets}; {capacity}; {memory}\n"));

    let overflows = limits::listen_overflows();
    let meter = Meter::start(Instant::now());
    let shutdown = Shutdown::default();
    let mut host = Host { poll, server, sockets, signals, shutdown, meter, idle_in_drain, console, logger };
    let ended = host.turn_until_closed(&mut page, options.drain_timeout.0);
    logger.end();
    ended.map_err(|error| format!("cannot wait for events: {error}"))?;
    let summary = Summary {
        stats: host.server.stats(),
        overflows: limits::listen_overflows().zip(overflows).map(|(now, then)| now.saturating_sub(then)),
        meter: host.meter,
    };
    console.sum_up(&summary.to_string());
    Ok(())
}

/// All that the loop turns.
struct Host<'a> {
    poll: Poll,
    server: Server,
    sockets: Sockets,
    signals: Signals,
    shutdown: Shutdown,
    meter: Meter,
    idle_in_drain: IdleInDrain,
    console: &'a Console,
    logger: &'a Logger,
}

impl Host<'_> {
    /// The loop. It reads the clock twice a turn, before its work and after it; it allocates nothing,
    /// and makes no system call while nothing happens.
    fn turn_until_closed(&mut self, page: &mut Page, grace: Duration) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        let mut now = Instant::now();
        while self.server.phase() != Phase::Closed {
            // The turn's own time is not subtracted from the timeout, because `now` is a time that the
            // server knows. A deadline may be late by that much.
            let timeout = earliest(self.server.next_timeout(now), self.logger.next_timeout());
            if let Err(error) = self.poll.poll(&mut events, timeout) {
                if error.kind() != ErrorKind::Interrupted {
                    return Err(error);
                }
            }
            now = Instant::now();
            self.meter.turn(now);
            self.logger.turn(now);
            for event in &events {
                // An event that is not the server's is of a signal. It has woken the loop.
                self.server.handle_event(event);
            }
            if self.signals.have_come() {
                self.obey_signals(now, grace);
            }
            self.server.process(now, page);
            // A drain closes all idle connections in one turn. No client waits for that turn.
            if self.server.phase() == Phase::Running {
                self.meter.turned(now, Instant::now());
            }
        }
        self.meter.look(now);
        Ok(())
    }

    /// The first signal to end lets requests in progress finish, the second does not.
    fn obey_signals(&mut self, now: Instant, grace: Duration) {
        for signal in self.signals.take() {
            match signal {
                Meaning::Ignored(name) => {
                    log::warn!("{name} is ignored: there is nothing to reload; SIGTERM ends the server");
                }
                Meaning::End => match self.shutdown.ask(now) {
                    Step::Drain => self.drain(now, grace),
                    Step::Repeated => {}
                    Step::Abort => self.server.abort(),
                },
            }
        }
    }

    fn drain(&mut self, now: Instant, grace: Duration) {
        self.sockets.leave_inherited(&mut self.server);
        self.server.drain(now, grace);
        self.tell_of_drain(grace);
    }

    /// Says why the program does not end at once, if connections are busy.
    fn tell_of_drain(&self, grace: Duration) {
        let stats = self.server.stats();
        let idle = if self.idle_in_drain == IdleInDrain::Close { stats.idle } else { 0 };
        let (open, busy) = (stats.open, stats.open - idle);
        if busy > 0 {
            self.console.tell(&format!(
                "waiting at most {grace:?} for {busy} of {open} connections; a second signal ends them at once"
            ));
        }
    }
}

//! `/metrics`: the figures in the text format of Prometheus (version 0.0.4). A figure that is unknown is left out.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use fourway::{Phase, Reason, Stats};

use super::figures::{Figures, ReasonName};
use crate::meter::Second;
use crate::verdict::Verdict;

pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The figures as text.
pub struct Prometheus<'a>(pub &'a Figures<'a>);

impl Display for Prometheus<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let out = &mut Families(f);
        write_connections(out, self.0)?;
        write_traffic(out, self.0)?;
        write_errors(out, self.0)?;
        write_capacity(out, self.0)?;
        write_loop(out, self.0)?;
        write_busy(out, self.0)?;
        write_state(out, self.0)
    }
}

/// Writes metrics. A family is what has one name; its samples follow its description.
struct Families<'o, 'f>(&'o mut Formatter<'f>);

/// Labels and the value that they have.
type Sample<L, V> = (L, V);

impl Families<'_, '_> {
    /// Writes a counter. Its name ends in `_total`.
    fn counter(&mut self, name: &str, help: &str, count: impl Display) -> fmt::Result {
        self.counters(name, help, [("", count)])
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) -> fmt::Result {
        self.gauges(name, help, [("", value)])
    }

    fn counters<L: Display, V: Display>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = Sample<L, V>>,
    ) -> fmt::Result {
        self.family(name, "counter", help, samples)
    }

    fn gauges<L: Display, V: Display>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = Sample<L, V>>,
    ) -> fmt::Result {
        self.family(name, "gauge", help, samples)
    }

    /// Writes a family, unless it has no samples.
    fn family<L: Display, V: Display>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        samples: impl IntoIterator<Item = Sample<L, V>>,
    ) -> fmt::Result {
        for (at, (labels, value)) in samples.into_iter().enumerate() {
            if at == 0 {
                writeln!(self.0, "# HELP fourway_{name} {help}\n# TYPE fourway_{name} {kind}")?;
            }
            writeln!(self.0, "fourway_{name}{labels} {value}")?;
        }
        Ok(())
    }
}

/// One label with a value that needs no escapes.
struct Label<N, V>(N, V);

impl<N: Display, V: Display> Display for Label<N, V> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}=\"{}\"}}", self.0, self.1)
    }
}

/// The labels of an ended connection.
struct Close(Reason, &'static str);

impl Display for Close {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{{reason=\"{}\",first=\"{}\"}}", ReasonName(self.0), self.1)
    }
}

struct Seconds(Duration);

impl Display for Seconds {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0.as_secs(), self.0.subsec_micros())
    }
}

fn labelled<N: Display, V>(
    label: &'static str,
    samples: impl IntoIterator<Item = (N, V)>,
) -> impl Iterator<Item = (Label<&'static str, N>, V)> {
    samples.into_iter().map(move |(name, value)| (Label(label, name), value))
}

type Out<'o, 'w, 'f> = &'o mut Families<'w, 'f>;

fn write_connections(out: Out<'_, '_, '_>, figures: &Figures<'_>) -> fmt::Result {
    out.counter("connections_accepted_total", "Connections that were accepted.", figures.stats.accepted)?;
    let closes = figures.closes().flat_map(|(reason, by_client, by_server)| {
        [(Close(reason, "client"), by_client), (Close(reason, "server"), by_server)]
    });
    let help = "Connections that ended, by reason and by the side that closed first.";
    out.counters("connections_closed_total", help, closes)?;
    let help = "Connections that are open now, by what they wait for.";
    out.gauges("connections", help, labelled("state", figures.states()))
}

fn write_traffic(out: Out<'_, '_, '_>, figures: &Figures<'_>) -> fmt::Result {
    let stats = &figures.stats;
    out.counter("requests_total", "Requests that were complete and valid.", stats.requests)?;
    let help = "Responses that have begun, by the class of their status.";
    out.counters("responses_total", help, labelled("class", figures.responses()))?;
    out.counter("received_bytes_total", "Bytes read from clients.", stats.bytes_in)?;
    out.counter("sent_bytes_total", "Bytes that the kernel has taken to send to clients.", stats.bytes_out)
}

fn write_errors(out: Out<'_, '_, '_>, figures: &Figures<'_>) -> fmt::Result {
    let by_status = Stats::ERRORS.map(|status| (status, figures.stats.errors(status)));
    let help = "Errors that the server answered by itself, by status.";
    out.counters("answered_errors_total", help, labelled("status", by_status))?;
    out.counters("errors_total", "Errors that are not responses.", labelled("kind", figures.errors()))
}

fn write_capacity(out: Out<'_, '_, '_>, figures: &Figures<'_>) -> fmt::Result {
    let stats = &figures.stats;
    out.gauge("max_connections", "The maximum number of open connections.", figures.max_connections)?;
    let help = "How often all connections were in use and none could make way.";
    out.counter("full_total", help, stats.full)?;
    let help = "Connections that made way for others.";
    out.counter("evictions_total", help, stats.closes(Reason::Evicted))?;
    let help = "How often accepting paused, because files or memory had run out.";
    out.counter("accept_pauses_total", help, stats.accept_pauses)?;
    let queues = || figures.listeners.iter().filter_map(|(address, queue)| Some((address, (*queue)?)));
    let help = "Clients in the accept queue of a listener.";
    let lengths = labelled("listener", queues().map(|(address, queue)| (address, queue.length)));
    out.gauges("accept_queue_length", help, lengths)?;
    let limits = labelled("listener", queues().map(|(address, queue)| (address, queue.limit)));
    out.gauges("accept_queue_limit", "The backlog of a listener as the kernel has cut it.", limits)?;
    let help = "Connections that the kernel has turned away, because an accept queue was full.";
    let overflows = figures.kernel.listen_overflows.map(|count| ("", count));
    out.counters("listen_overflows_total", help, overflows)?;
    let help = "Sockets in TIME_WAIT in this network namespace.";
    out.gauges("time_wait_sockets", help, figures.kernel.time_wait.map(|count| ("", count)))
}

fn write_loop(out: Out<'_, '_, '_>, figures: &Figures<'_>) -> fmt::Result {
    let meter = figures.meter;
    out.counter("turns_total", "Turns of the loop.", meter.turns())?;
    out.counter("events_total", "Events of the poller.", meter.events())?;
    let help = "The longest time for which one turn kept all clients waiting.";
    out.gauge("longest_turn_seconds", help, Seconds(meter.longest_turn()))?;
    let help = "The longest delay of a turn behind a deadline.";
    out.gauge("max_lateness_seconds", help, Seconds(figures.stats.max_lateness))
}

fn write_busy(out: Out<'_, '_, '_>, figures: &Figures<'_>) -> fmt::Result {
    let help = "The time that the thread of the loop has had a processor.";
    let running = figures.spent.map(|spent| ("", Seconds(spent.running)));
    out.counters("running_seconds_total", help, running)?;
    let help = "The time that the thread of the loop had work and waited for a processor.";
    let waiting = figures.spent.map(|spent| ("", Seconds(spent.waiting)));
    out.counters("waiting_seconds_total", help, waiting)?;
    let part = |second: Second| ("", second.busy() / 100.0);
    let help = "The busy part of the last second that is over, from 0 to 1.";
    out.gauges("last_second_busy_ratio", help, figures.meter.last_second().map(part))?;
    let help = "The busy part of the busiest second, from 0 to 1.";
    out.gauges("busiest_second_busy_ratio", help, figures.meter.busiest_second().map(part))
}

fn write_state(out: Out<'_, '_, '_>, figures: &Figures<'_>) -> fmt::Result {
    out.gauge("uptime_seconds", "The time since the start.", Seconds(figures.uptime))?;
    let is_draining = u8::from(figures.phase != Phase::Running);
    out.gauge("draining", "1 while the server ends, otherwise 0.", is_draining)?;
    let is_it = |word| (word, u8::from(word == figures.verdict.word()));
    let help = "1 for what limits the run in its busiest second, otherwise 0.";
    out.gauges("verdict", help, labelled("limit", Verdict::WORDS.map(is_it)))?;
    write_steering(out, figures)
}

fn write_steering(out: Out<'_, '_, '_>, figures: &Figures<'_>) -> fmt::Result {
    let Some(steered) = figures.steered else { return Ok(()) };
    out.counter("steered_requests_total", "Requests whose URL steered them.", steered.steered)?;
    let help = "Requests whose URL has a query that steers nothing.";
    out.counter("ordinary_queries_total", help, steered.ordinary)?;
    let help = "How often a letter was used in a URL.";
    out.counters("letters_total", help, labelled("letter", steered.by_letter()))?;
    out.counter("timers_total", "Delays and gaps that are over.", steered.fired)?;
    let help = "The longest time from the moment when a delay or gap could have been over to the moment when it was.";
    out.gauge("latest_timer_seconds", help, Seconds(steered.latest))?;
    let help = "Delays and gaps that were over more than 2 ms after the moment when they could have been.";
    out.counter("late_timers_total", help, steered.late)
}

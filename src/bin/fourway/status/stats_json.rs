//! `/stats.json`, which `docs/STATUS.md` describes field by field.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use fourway::Stats;

use super::figures::{Figures, ReasonName};
use super::held::{Held, option_value};
use super::json::{Object, object};
use crate::meter::{Second, percent};

/// The version of the document. It grows if a field changes its meaning or goes away. New fields do not change it.
const VERSION: u32 = 1;

/// The figures as a JSON document.
pub struct StatsJson<'a>(pub &'a Figures<'a>);

impl Display for StatsJson<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let figures = self.0;
        object(f, |all| {
            all.number("version", VERSION)?;
            all.text("phase", figures.phase_name())?;
            all.number("uptime_us", figures.uptime.as_micros())?;
            all.object("connections", |connections| write_connections(connections, figures))?;
            all.number("requests", figures.stats.requests)?;
            all.object("responses", |responses| write_all(responses, figures.responses()))?;
            all.object("bytes", |bytes| {
                bytes.number("received", figures.stats.bytes_in)?;
                bytes.number("sent", figures.stats.bytes_out)
            })?;
            all.object("errors", |errors| write_errors(errors, figures))?;
            all.object("capacity", |capacity| write_capacity(capacity, figures))?;
            all.array("listeners", &figures.listeners, |listener, (address, queue)| {
                listener.text("address", address)?;
                listener.optional("queue_length", queue.map(|queue| queue.length))?;
                listener.optional("queue_limit", queue.map(|queue| queue.limit))
            })?;
            all.object("kernel", |kernel| {
                kernel.optional("listen_overflows", figures.kernel.listen_overflows)?;
                kernel.optional("time_wait", figures.kernel.time_wait)
            })?;
            all.object("ledger", |ledger| write_ledger(ledger, &figures.held))?;
            all.object("loop", |turns| write_loop(turns, figures))?;
            all.object("busy", |busy| write_busy(busy, figures))?;
            all.object("verdict", |verdict| {
                verdict.text("limit", figures.verdict.word())?;
                verdict.text("sentence", figures.verdict)
            })?;
            let Some(steered) = figures.steered else { return all.optional("steering", None::<u64>) };
            all.object("steering", |steering| {
                steering.number("requests", steered.steered)?;
                steering.number("ordinary", steered.ordinary)?;
                steering.object("letters", |letters| write_all(letters, steered.by_letter()))?;
                steering.number("timers", steered.fired)?;
                steering.number("latest_us", steered.latest.as_micros())?;
                steering.number("late", steered.late)
            })
        })?;
        f.write_str("\n")
    }
}

type Written<'o, 'w, 'f> = &'o mut Object<'w, 'f>;

fn write_all(
    object: Written<'_, '_, '_>,
    counts: impl IntoIterator<Item = (impl Display, impl Display)>,
) -> fmt::Result {
    counts.into_iter().try_for_each(|(name, count)| object.number(name, count))
}

fn write_connections(connections: Written<'_, '_, '_>, figures: &Figures<'_>) -> fmt::Result {
    let stats = &figures.stats;
    connections.number("accepted", stats.accepted)?;
    connections.number("live", stats.open)?;
    connections.number("closed", stats.closed)?;
    connections.object("states", |states| write_all(states, figures.states()))?;
    connections.object("closed_first_by", |sides| {
        sides.number("client", stats.closed_by_client_first)?;
        sides.number("server", stats.closed - stats.closed_by_client_first)
    })?;
    connections.object("closes", |closes| {
        figures.closes().try_for_each(|(reason, by_client, by_server)| {
            closes.object(ReasonName(reason), |sides| {
                sides.number("client", by_client)?;
                sides.number("server", by_server)
            })
        })
    })
}

fn write_errors(errors: Written<'_, '_, '_>, figures: &Figures<'_>) -> fmt::Result {
    let by_status = Stats::ERRORS.map(|status| (status, figures.stats.errors(status)));
    errors.object("answered", |answered| write_all(answered, by_status))?;
    write_all(errors, figures.errors())
}

fn write_capacity(capacity: Written<'_, '_, '_>, figures: &Figures<'_>) -> fmt::Result {
    let stats = &figures.stats;
    capacity.number("max_connections", figures.max_connections)?;
    capacity.number("full", stats.full)?;
    capacity.number("evictions", stats.closes(fourway::Reason::Evicted))?;
    capacity.number("accept_pauses", stats.accept_pauses)
}

fn write_ledger(ledger: Written<'_, '_, '_>, held: &Held) -> fmt::Result {
    let micros = |time: Option<Duration>| time.map(|time| time.as_micros());
    ledger.optional("age_us", micros(held.age))?;
    ledger.optional("held_here", held.here)?;
    ledger.optional("held_by_clients", held.by_clients)?;
    ledger.optional_text("client", held.pair.map(|(client, _)| client))?;
    ledger.optional_text("server", held.pair.map(|(_, server)| server))?;
    ledger.optional("ports_left", held.ports_left)?;
    ledger.optional("time_left_us", micros(held.time_left))?;
    ledger.optional_text("remedy", held.remedy.and_then(option_value))
}

fn write_loop(turns: Written<'_, '_, '_>, figures: &Figures<'_>) -> fmt::Result {
    let meter = figures.meter;
    turns.number("turns", meter.turns())?;
    turns.number("events", meter.events())?;
    turns.number("longest_turn_us", meter.longest_turn().as_micros())?;
    turns.number("max_lateness_us", figures.stats.max_lateness.as_micros())
}

fn write_busy(busy: Written<'_, '_, '_>, figures: &Figures<'_>) -> fmt::Result {
    let micros = |time: Duration| time.as_micros();
    let spent = figures.spent;
    busy.optional("running_us", spent.map(|spent| micros(spent.running)))?;
    busy.optional("waiting_us", spent.map(|spent| micros(spent.waiting)))?;
    busy.optional("percent", spent.map(|spent| Decimal(percent(spent.busy(), figures.uptime).min(100.0))))?;
    let second = |object: Written<'_, '_, '_>, second: Option<Second>| {
        let part = |time: fn(&Second) -> Option<Duration>| {
            second.and_then(|second| Some(Decimal(second.percent(time(&second)?))))
        };
        object.optional("percent", part(|second| Some(second.spent.busy())))?;
        object.optional("running_percent", part(|second| Some(second.spent.running)))?;
        object.optional("waiting_percent", part(|second| Some(second.spent.waiting)))?;
        object.optional("stolen_percent", part(|second| second.hindrance.stolen))?;
        object.optional("throttled_percent", part(|second| second.hindrance.throttled))
    };
    busy.object("last_second", |object| second(object, figures.meter.last_second()))?;
    busy.object("busiest_second", |object| second(object, figures.meter.busiest_second()))
}

/// A number with one digit after the point.
struct Decimal(f64);

impl Display for Decimal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1}", self.0)
    }
}

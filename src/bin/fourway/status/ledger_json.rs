//! `/ledger.json`: who holds TIME_WAIT, and how long the ports of clients on this machine last. `docs/STATUS.md`
//! describes it field by field.

use std::fmt::{self, Display, Formatter};
use std::time::{Duration, Instant};

use super::held::option_value;
use super::json::{Object, object};
use crate::ledger::count::Pair;
use crate::ledger::outlook::{Lasting, Outlook};
use crate::ledger::{Detail, View};

/// The version of the document. It grows if a field changes its meaning or goes away. New fields do not change it.
const VERSION: u32 = 1;

/// The maximum number of pairs of addresses that are shown.
const PAIRS: usize = 10;

/// The kernel's states of TCP, from number 1 on (`include/net/tcp_states.h`).
const STATES: [&str; 12] = [
    "established",
    "syn_sent",
    "syn_received",
    "fin_wait_1",
    "fin_wait_2",
    "time_wait",
    "close",
    "close_wait",
    "last_ack",
    "listen",
    "closing",
    "new_syn_received",
];

/// The ledger as a JSON document, at a time.
pub struct LedgerJson<'a>(pub &'a View, pub Instant);

impl Display for LedgerJson<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let LedgerJson(view, now) = *self;
        object(f, |all| {
            all.number("version", VERSION)?;
            all.optional("time_wait", view.counts.map(|counts| counts.time_wait))?;
            all.optional("orphans", view.counts.map(|counts| counts.orphans))?;
            all.number("is_looking", view.is_looking)?;
            match &view.problem {
                Some(problem) => all.text("problem", problem)?,
                None => all.optional("problem", None::<u64>)?,
            }
            match &view.detail {
                Some(detail) => all.object("look", |look| write_look(look, detail, now)),
                None => all.optional("look", None::<u64>),
            }
        })?;
        f.write_str("\n")
    }
}

type Written<'o, 'w, 'f> = &'o mut Object<'w, 'f>;

fn write_look(look: Written<'_, '_, '_>, detail: &Detail, now: Instant) -> fmt::Result {
    look.number("age_us", now.saturating_duration_since(detail.at).as_micros())?;
    look.number("sockets", detail.sockets)?;
    look.number("held_here", detail.held_here)?;
    look.number("held_by_clients", detail.held_by_clients)?;
    look.object("states", |states| {
        let mut counts = STATES.iter().zip(&detail.states_here[1..]);
        counts.try_for_each(|(state, count)| states.number(state, count))
    })?;
    look.array("pairs", detail.pairs.iter().take(PAIRS), write_pair)?;
    match &detail.outlook {
        Some(outlook) => look.object("outlook", |object| write_outlook(object, outlook)),
        None => look.optional("outlook", None::<u64>),
    }
}

fn write_pair(object: Written<'_, '_, '_>, pair: &Pair) -> fmt::Result {
    object.text("client", pair.client)?;
    object.text("server", pair.server)?;
    object.number("live", pair.live)?;
    object.number("time_wait", pair.time_wait)?;
    object.number("ports_taken", pair.taken())
}

fn write_outlook(object: Written<'_, '_, '_>, outlook: &Outlook) -> fmt::Result {
    object.text("client", outlook.client)?;
    object.text("server", outlook.server)?;
    object.number("ports", outlook.ports)?;
    object.number("ports_taken", outlook.taken)?;
    object.number("ports_left", outlook.left)?;
    object.number("rate", format_args!("{:.1}", outlook.rate))?;
    let time_left = match outlook.lasting {
        Lasting::Forever => None,
        Lasting::Seconds(seconds) => Duration::try_from_secs_f64(seconds).ok(),
    };
    object.optional("time_left_us", time_left.map(|time| time.as_micros()))?;
    let remedy = outlook.remedy.and_then(option_value);
    match remedy {
        Some(mode) => object.text("remedy", mode),
        None => object.optional("remedy", None::<u64>),
    }
}

#[cfg(test)]
mod tests {
    use fourway::CloseMode;

    use super::*;
    use crate::machine::sockstat::Sockstat;

    #[test]
    fn before_a_look_only_the_cheap_counts_are_known() {
        let counts = Some(Sockstat { time_wait: 7, orphans: 1, pages: 3 });
        let mut view = View { counts, is_looking: true, ..View::default() };
        let now = Instant::now();
        assert_eq!(
            LedgerJson(&view, now).to_string(),
            "{\"version\":1,\"time_wait\":7,\"orphans\":1,\"is_looking\":true,\"problem\":null,\"look\":null}\n"
        );
        view = View { problem: Some("no \"diag\"".into()), ..View::default() };
        assert_eq!(
            LedgerJson(&view, now).to_string(),
            "{\"version\":1,\"time_wait\":null,\"orphans\":null,\"is_looking\":false,\
             \"problem\":\"no \\u0022diag\\u0022\",\"look\":null}\n"
        );
    }

    #[test]
    fn ports_that_last_for_ever_have_no_time_left_and_no_remedy() {
        let client = "127.0.0.1".parse().unwrap();
        let server = "127.0.0.1:80".parse().unwrap();
        let outlook = |lasting, remedy| Outlook {
            client,
            server,
            ports: 100,
            taken: 40,
            left: 60,
            rate: 2.55,
            lasting,
            remedy,
        };
        struct Written(Outlook);
        impl Display for Written {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                object(f, |all| write_outlook(all, &self.0))
            }
        }
        let text = Written(outlook(Lasting::Forever, None)).to_string();
        assert!(text.ends_with("\"time_left_us\":null,\"remedy\":null}"), "{text}");
        let text = Written(outlook(Lasting::Seconds(1.5), Some(CloseMode::Fin))).to_string();
        assert!(text.ends_with("\"time_left_us\":1500000,\"remedy\":\"fin\"}"), "{text}");
    }
}

//! The queues of a listener: handshakes in progress, and connections that wait to be accepted.

use fourway::Config;

use super::asked::Asked;
use super::finding::{Count, Finding, What};
use super::machine::Machine;

/// A turn of the loop can be this long, as a part of a second. Meanwhile the queue has to hold what arrives.
const TURNS_A_SECOND: u64 = 10;

pub fn findings(asked: &Asked, machine: &Machine) -> Vec<Finding> {
    vec![accept_queue(asked, machine), syn_queue(asked, machine)]
}

/// Returns the length of the queue that suits what is asked for.
fn needed(asked: &Asked) -> u64 {
    let burst = asked.connections.min(Config::default().backlog.into());
    burst.max(asked.rate.unwrap_or_default().div_ceil(TURNS_A_SECOND))
}

fn accept_queue(asked: &Asked, machine: &Machine) -> Finding {
    const WHAT: What =
        What { name: "accept_queue", subject: "accept queue of a listener", setting: "net.core.somaxconn" };
    let Some(most) = machine.somaxconn else {
        return Finding::unknown(WHAT, "net.core.somaxconn cannot be read.");
    };
    let (needed, backlog) = (needed(asked), u64::from(Config::default().backlog));
    let text = format!(
        "It is the number of clients that can connect at the same moment. {} suit this run. Further clients repeat their \
         SYN after a second.",
        Count(needed)
    );
    let finding = Finding::new(WHAT, most).text(text).noted(most as f64, needed as f64);
    let finding = finding.line(|| format!("sysctl -w net.core.somaxconn={needed}"));
    if needed > backlog { finding.line(|| format!("fourway --backlog {needed}")) } else { finding }
}

fn syn_queue(asked: &Asked, machine: &Machine) -> Finding {
    const WHAT: What = What {
        name: "syn_queue",
        subject: "handshakes in progress",
        setting: "net.ipv4.tcp_max_syn_backlog",
    };
    let (Some(most), Some(cookies)) = (machine.syn_backlog, machine.syn_cookies) else {
        let text = "net.ipv4.tcp_max_syn_backlog and net.ipv4.tcp_syncookies cannot be read.";
        return Finding::unknown(WHAT, text);
    };
    let finding = Finding::new(WHAT, most);
    if cookies != 0 {
        return finding.text(
            "It does not count, because SYN cookies are on: the accept queue's length bounds the handshakes too, and \
             further clients get a cookie.",
        );
    }
    // The kernel keeps the last quarter for clients that it knows.
    let (usable, needed) = (most - most / 4, needed(asked));
    let text = format!(
        "SYN cookies are off, so {} clients can be in a handshake at the same moment. {} suit this run.",
        Count(usable),
        Count(needed)
    );
    let finding = finding.text(text).noted(usable as f64, needed as f64);
    finding.line(|| format!("sysctl -w net.ipv4.tcp_max_syn_backlog={}", (needed * 4).div_ceil(3)))
}

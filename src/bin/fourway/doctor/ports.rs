//! The ports of a client on this machine, and the table of a firewall: both bound the connections of one pair of
//! addresses.

use super::super::limits::RESERVED;
use super::asked::Asked;
use super::finding::{Allows, Count, Finding, Verdict, What};
use super::machine::{Conntrack, Machine};
use super::time_wait;

/// The ports that an ordinary program may have.
const WIDEST: std::ops::RangeInclusive<u16> = 1024..=65535;

pub fn findings(asked: &Asked, machine: &Machine) -> Vec<Finding> {
    let mut findings = vec![buckets(asked, machine)];
    if asked.has_client() {
        findings.extend([ports(asked, machine), time_wait(asked, machine)]);
    }
    findings.extend(machine.conntrack.map(|table| conntrack(asked, table)));
    findings
}

fn ports(asked: &Asked, machine: &Machine) -> Finding {
    const WHAT: What = What {
        name: "ports",
        subject: "ports of a client on this machine",
        setting: "net.ipv4.ip_local_port_range",
    };
    let (Some(ports), Some(taken)) = (&machine.ports, &machine.taken) else {
        return Finding::unknown(WHAT, "The range or the list of sockets cannot be read.");
    };
    let (first, last) = (ports.range.start(), ports.range.end());
    let each = ports.of_a_pair(taken);
    let busiest = taken.busiest.as_ref().map_or(0, |busiest| busiest.ports as u64);
    let allowed = (asked.pairs * each).saturating_sub(busiest);
    let mut text = format!(
        "That is {} for each pair of a client's address and a listener, without {} that are reserved and {} on which \
         programs listen.",
        Count(each),
        Count(ports.reserved as u64),
        Count(taken.by_listeners as u64)
    );
    if let Some(busiest) = &taken.busiest {
        text += &format!(
            " The busiest pair now, {} to {}, has {}.",
            busiest.from,
            busiest.to,
            Count(busiest.ports as u64)
        );
    }
    let missing = WIDEST.len().saturating_sub(ports.range.len()) as u64;
    let widened = each + missing;
    let pairs = (asked.connections + busiest).div_ceil(widened.max(1));
    let mut finding = Finding::new(WHAT, format!("{first} {last}")).allows(allowed, asked.connections);
    if finding.verdict == Verdict::Short {
        if missing > 0 {
            let (first, last) = (WIDEST.start(), WIDEST.end());
            finding = finding.line(|| format!("sysctl -w net.ipv4.ip_local_port_range=\"{first} {last}\""));
        }
        if pairs > asked.pairs {
            text += &format!(
                " The run needs {pairs} pairs: more listeners (--listen), or more addresses of the client, such as \
                 127.0.0.2."
            );
            finding.lines.extend(listeners(pairs));
        }
    }
    finding.text(text)
}

/// Returns the line that starts a server with so many listeners, if it can have them.
fn listeners(pairs: u64) -> Option<String> {
    const LAST: u64 = 65534;
    let first = LAST + 1 - pairs.clamp(1, 64);
    (pairs < RESERVED).then(|| format!("fourway --listen \"$(seq -s, -f 127.0.0.1:%.0f {first} {LAST})\""))
}

fn time_wait(asked: &Asked, machine: &Machine) -> Finding {
    const WHAT: What = What {
        name: "time_wait_ports",
        subject: "ports in TIME_WAIT, if the client closes first",
        setting: "net.ipv4.tcp_tw_reuse",
    };
    let (Some(ports), Some(taken), Some(hold)) =
        (&machine.ports, &machine.taken, time_wait::hold_of_client(machine))
    else {
        let text = "The range, the list of sockets or net.ipv4.tcp_tw_reuse cannot be read.";
        return Finding::unknown(WHAT, text);
    };
    let each = asked.pairs * ports.of_a_pair(taken);
    let most = (each as f64 / hold.seconds()) as u64;
    let mut finding = Finding::new(WHAT, machine.reuse.setting.unwrap_or_default());
    finding.allows = Allows::PerSecond(most);
    let mut text = time_wait::sentence(hold, machine);
    if let Some(rate) = asked.rate {
        finding = finding.noted(most as f64, rate as f64);
        if finding.verdict == Verdict::Note {
            text += &format!(
                " At {} a second, the ports run out after {:.1} s (EADDRNOTAVAIL). They do not if the server closes first.",
                Count(rate),
                time_wait::seconds(each, rate)
            );
            finding = finding.line(|| "fourway --close fin".into());
            if machine.reuse.setting == Some(0) {
                finding = finding.line(|| "sysctl -w net.ipv4.tcp_tw_reuse=2".into());
            }
        }
    }
    finding.text(text)
}

fn buckets(asked: &Asked, machine: &Machine) -> Finding {
    const WHAT: What = What {
        name: "time_wait_sockets",
        subject: "sockets in TIME_WAIT",
        setting: "net.ipv4.tcp_max_tw_buckets",
    };
    let Some(most) = machine.tw_buckets else {
        return Finding::unknown(WHAT, "net.ipv4.tcp_max_tw_buckets cannot be read.");
    };
    let per_second = most / time_wait::SECONDS;
    let mut finding = Finding::new(WHAT, most);
    finding.allows = Allows::PerSecond(per_second);
    finding.text =
        "Further ones end early (TCPTimeWaitOverflow counts them), which costs no port and no connection."
            .into();
    if let Some(held) = machine.sockstat.map(|sockstat| sockstat.time_wait) {
        finding.text += &format!(" There are {} now.", Count(held));
    }
    if let Some(rate) = asked.rate {
        finding = finding.noted(per_second as f64, rate as f64);
        let needed = rate * time_wait::SECONDS;
        finding = finding.line(|| format!("sysctl -w net.ipv4.tcp_max_tw_buckets={needed}"));
    }
    finding
}

fn conntrack(asked: &Asked, table: Conntrack) -> Finding {
    const WHAT: What = What {
        name: "conntrack",
        subject: "connections that the firewall tracks",
        setting: "net.netfilter.nf_conntrack_max",
    };
    let Some(used) = table.used else {
        return Finding::unknown(WHAT, "net.netfilter.nf_conntrack_count cannot be read.");
    };
    let finding = Finding::new(WHAT, table.most);
    if used == 0 {
        return finding.text("Nothing is tracked now, so it does not count.");
    }
    let (Some(seconds), rate) = (table.time_wait, asked.rate.unwrap_or_default()) else {
        return Finding::unknown(WHAT, "nf_conntrack_tcp_timeout_time_wait cannot be read.");
    };
    let ended = rate.saturating_mul(seconds);
    let gone = ended.saturating_add(used);
    let needed = gone.saturating_add(asked.connections);
    finding
        .allows(table.most.saturating_sub(gone), asked.connections)
        .text(format!(
            "{} are tracked now. It keeps a connection that has ended for {seconds} s, and drops packets when it is full.",
            Count(used)
        ))
        .line(|| format!("sysctl -w net.netfilter.nf_conntrack_max={needed}"))
}

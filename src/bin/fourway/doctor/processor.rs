//! Processors. None of this prevents a run. It decides how fast it is, and what its figures are worth.

use super::super::machine::cgroup::Quota;
use super::asked::Asked;
use super::finding::{Count, Finding, What, write_to};
use super::machine::Machine;

/// The server's processor time for a connection with one request, in microseconds. `docs/PERFORMANCE.md` has what was
/// measured, on one machine: 15 to 21.
const MICROSECONDS: u64 = 21;

/// The share of stolen time from which on figures are doubtful.
const STOLEN: f64 = 0.01;

pub fn findings(asked: &Asked, machine: &Machine) -> Vec<Finding> {
    vec![count(asked, machine), quota(asked, machine), stolen(machine)]
}

/// Returns the number of processors that the run can use: the server one, and a client here another.
fn needed(asked: &Asked) -> f64 {
    asked.ends() as f64
}

fn count(asked: &Asked, machine: &Machine) -> Finding {
    const WHAT: What =
        What { name: "processors", subject: "processors", setting: "The number of processors" };
    let Some(count) = machine.processors.count else {
        return Finding::unknown(WHAT, "This system does not tell their number.");
    };
    let mut text = if asked.has_client() && count < 2 {
        "The server and the client share one, so the run measures both.".to_owned()
    } else {
        "The server uses one of them.".to_owned()
    };
    let mut finding = Finding::new(WHAT, count).noted(count as f64, needed(asked));
    if let Some(rate) = asked.rate {
        let percent = rate * MICROSECONDS / 10_000;
        text += &format!(
            " At {} a second it is busy for about {} % of the time, where {MICROSECONDS} µs for a connection were \
             measured.",
            Count(rate),
            Count(percent)
        );
        // Another machine may be twice as slow.
        finding = finding.noted(50.0, percent as f64);
        if percent > 50 {
            text += " Only a run can tell whether this machine keeps up.";
        }
    }
    finding.text(text)
}

fn quota(asked: &Asked, machine: &Machine) -> Finding {
    const WHAT: What =
        What { name: "cgroup_cpu", subject: "processor time of the control group", setting: "The limit" };
    let Some(Quota { processors, file }) = &machine.processors.quota else {
        return match machine.processors.times {
            Some(_) => Finding::new(WHAT, "none"),
            None => Finding::unknown(WHAT, "This system does not tell it."),
        };
    };
    // Both files take the word or the number for no limit.
    let none = if file.ends_with("cpu.max") { "max" } else { "-1" };
    Finding::new(WHAT, format!("{processors} processors"))
        .text("When the group has used it, the kernel stops the server for the rest of the period.")
        .noted(*processors, needed(asked))
        .line(|| write_to(none, file))
}

fn stolen(machine: &Machine) -> Finding {
    const WHAT: What = What {
        name: "steal",
        subject: "processor time that the hypervisor took",
        setting: "The steal time since the start",
    };
    let Some(times) = machine.processors.times else {
        return Finding::unknown(WHAT, "/proc/stat cannot be read.");
    };
    let share = times.share_stolen();
    let mut finding = Finding::new(WHAT, format!("{:.2} %", share * 100.0)).noted(STOLEN, share);
    if share > STOLEN {
        finding.text =
            "Other guests take the processor from this one: repeat a run, and compare only medians.".into();
    }
    finding
}

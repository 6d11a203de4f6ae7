//! The report: all findings, in the order in which they break.

use super::asked::Asked;
use super::finding::{Finding, Verdict};
use super::machine::Machine;
use super::time_wait::{self, Row};
use super::{files, memory, ports, processor, queues};

#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// What is short comes first, then what deserves a note, what is enough, and what is unknown. Within these, the
    /// limit comes first that is reached first.
    pub findings: Vec<Finding>,
    pub time_wait: [Row; 4],
}

impl Report {
    pub fn of(asked: &Asked, machine: &Machine) -> Self {
        let mut findings = files::findings(asked, &machine.files);
        findings.extend(queues::findings(asked, machine));
        findings.extend(ports::findings(asked, machine));
        findings.extend(memory::findings(asked, machine));
        findings.extend(processor::findings(asked, machine));
        findings.sort_by(|a, b| {
            let headroom = |finding: &Finding| finding.headroom.unwrap_or(f64::INFINITY);
            a.verdict.cmp(&b.verdict).then(headroom(a).total_cmp(&headroom(b)))
        });
        Report { findings, time_wait: time_wait::rows(asked, machine) }
    }

    /// Returns whether the machine can bear what was asked for. What is unknown does not prevent it.
    pub fn is_possible(&self) -> bool {
        self.count(Verdict::Short) == 0
    }

    pub fn count(&self, verdict: Verdict) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == verdict).count()
    }
}

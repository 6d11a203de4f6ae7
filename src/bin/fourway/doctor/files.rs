//! Open files: each end of a connection is one.

use super::super::limits::RESERVED;
use super::super::machine::files::Files;
use super::asked::Asked;
use super::finding::{Count, Finding, What};

/// The files of the system that are left to everything but this test.
const SYSTEM_RESERVED: u64 = 1024;

pub fn findings(asked: &Asked, files: &Files) -> Vec<Finding> {
    let mut findings = vec![server(asked, files), system(asked, files), watches(asked, files)];
    if asked.has_client() {
        findings.push(client(asked, files));
    }
    findings
}

/// Returns the lines that give a process so many files. `what` is `ulimit` with its option.
fn raising(files: &Files, needed: u64, what: &str) -> Vec<String> {
    let above_most = files.most.filter(|&most| needed > most);
    let sysctl = above_most.map(|_| format!("sysctl -w fs.nr_open={needed}"));
    sysctl.into_iter().chain([format!("{what} {needed}")]).collect()
}

fn server(asked: &Asked, files: &Files) -> Finding {
    const WHAT: What = What {
        name: "server_files",
        subject: "open files of the server",
        setting: "The hard limit of a process",
    };
    let Some(hard) = files.hard else {
        return Finding::unknown(WHAT, "This system does not tell the limit of a process.");
    };
    let allowed = hard.saturating_sub(RESERVED);
    let most = files.most.map_or(String::new(), |most| format!(" fs.nr_open bounds it at {most}."));
    let mut finding = Finding::new(WHAT, limit(hard)).allows(allowed, asked.connections);
    finding.text = format!("The server keeps {RESERVED} files for itself.{most}");
    if allowed < asked.connections {
        finding.lines = raising(files, asked.connections + RESERVED, "ulimit -n");
    }
    finding
}

fn client(asked: &Asked, files: &Files) -> Finding {
    const WHAT: What = What {
        name: "client_files",
        subject: "open files of a client on this machine",
        setting: "The soft limit of a process",
    };
    let Some(soft) = files.soft else {
        return Finding::unknown(WHAT, "This system does not tell the limit of a process.");
    };
    let allowed = soft.saturating_sub(RESERVED);
    let mut finding = Finding::new(WHAT, limit(soft)).allows(allowed, asked.connections);
    finding.text =
        "The server raises its own, but few load generators do. Set it in the shell that starts them.".into();
    if allowed < asked.connections {
        let needed = asked.connections + RESERVED;
        let is_below_hard = files.hard.is_some_and(|hard| needed <= hard);
        finding.lines = raising(files, needed, if is_below_hard { "ulimit -Sn" } else { "ulimit -n" });
    }
    finding
}

fn system(asked: &Asked, files: &Files) -> Finding {
    const WHAT: What = What {
        name: "system_files",
        subject: "open files of all processes together",
        setting: "fs.file-max",
    };
    let (Some(most), Some(open)) = (files.system, files.open) else {
        return Finding::unknown(WHAT, "fs.file-max and fs.file-nr cannot be read.");
    };
    let allowed = most.saturating_sub(open.saturating_add(SYSTEM_RESERVED)) / asked.ends();
    let needed = (asked.connections * asked.ends() + SYSTEM_RESERVED).saturating_add(open);
    Finding::new(WHAT, most)
        .allows(allowed, asked.connections)
        .text(format!("{} are open now, and {} stay free for others.", Count(open), Count(SYSTEM_RESERVED)))
        .line(|| format!("sysctl -w fs.file-max={needed}"))
}

fn watches(asked: &Asked, files: &Files) -> Finding {
    const WHAT: What = What {
        name: "epoll_watches",
        subject: "sockets that one user's pollers can watch",
        setting: "fs.epoll.max_user_watches",
    };
    let Some(most) = files.watches else {
        return Finding::unknown(WHAT, "fs.epoll.max_user_watches cannot be read.");
    };
    let ends = if asked.has_client() { " A client of the same user shares it." } else { "" };
    let needed = asked.connections * asked.ends();
    Finding::new(WHAT, most)
        .allows(most / asked.ends(), asked.connections)
        .text(format!("The limit of epoll.{ends}"))
        .line(|| format!("sysctl -w fs.epoll.max_user_watches={needed}"))
}

fn limit(number: u64) -> String {
    if number == u64::MAX { "unlimited".into() } else { number.to_string() }
}

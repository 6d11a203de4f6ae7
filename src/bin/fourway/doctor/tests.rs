//! The findings on canned texts of `/proc`: each limit where it suffices, and where it does not.

#[cfg(unix)]
use std::process::Command;

use super::super::machine::ports::{Busiest, Taken};
use super::super::options::ClientPlace;
use super::asked::Asked;
use super::finding::{Allows, Finding, Verdict, write_to};
use super::machine::Machine;
use super::report::Report;
use super::time_wait::Lasting;
use super::{json, text};

/// A machine that bears a million connections.
const LARGE: [(&str, &str); 22] = [
    ("/proc/sys/fs/nr_open", "4194304\n"),
    ("/proc/sys/fs/file-max", "9223372036854775807\n"),
    ("/proc/sys/fs/file-nr", "1000\t0\t9223372036854775807\n"),
    ("/proc/sys/fs/epoll/max_user_watches", "5000000\n"),
    ("/proc/sys/net/core/somaxconn", "4096\n"),
    ("/proc/sys/net/ipv4/tcp_max_syn_backlog", "2048\n"),
    ("/proc/sys/net/ipv4/tcp_syncookies", "1\n"),
    ("/proc/sys/net/ipv4/ip_local_port_range", "1024\t65535\n"),
    ("/proc/sys/net/ipv4/ip_local_reserved_ports", "\n"),
    ("/proc/sys/net/ipv4/tcp_max_tw_buckets", "131072\n"),
    ("/proc/sys/net/ipv4/tcp_tw_reuse", "2\n"),
    ("/proc/sys/net/ipv4/tcp_tw_reuse_delay", "1000\n"),
    ("/proc/sys/net/ipv4/tcp_timestamps", "1\n"),
    ("/proc/sys/net/ipv4/tcp_mem", "1000000\t1500000\t2000000\n"),
    ("/proc/sys/net/netfilter/nf_conntrack_max", "2000000\n"),
    ("/proc/sys/net/netfilter/nf_conntrack_count", "10\n"),
    ("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_time_wait", "120\n"),
    ("/proc/net/sockstat", "TCP: inuse 1 orphan 0 tw 7 alloc 1 mem 50\n"),
    ("/proc/meminfo", "MemTotal: 33554432 kB\nMemAvailable: 30000000 kB\n"),
    ("/proc/self/cgroup", "0::/x\n"),
    ("/proc/stat", "cpu  100 0 100 800 0 0 0 1 0 0\n"),
    ("/sys/fs/cgroup/x/memory.max", "max\n"),
];

/// Returns the large machine with other texts in place of some. An empty text is a missing file.
fn machine_with(changes: &[(&str, &str)]) -> Machine {
    let read = |path: &str| {
        let texts = changes.iter().chain(&LARGE);
        let text = texts.clone().find(|(known, _)| *known == path).map(|(_, text)| text.to_string());
        text.filter(|text| !text.is_empty())
    };
    let mut machine = Machine::of(&read, Some((2_000_000, 2_000_000)), Some(4));
    machine.taken = Some(Taken::default());
    machine
}

fn large() -> Machine {
    machine_with(&[])
}

fn asked(connections: u64, rate: Option<u64>) -> Asked {
    Asked { connections, rate, pairs: 20, client: ClientPlace::Here }
}

const MILLION: u64 = 1_000_000;

fn found(asked: &Asked, machine: &Machine, name: &str) -> Finding {
    let report = Report::of(asked, machine);
    let mut named = report.findings.into_iter().filter(|finding| finding.what.name == name);
    let finding = named.next().unwrap_or_else(|| panic!("no finding {name}"));
    assert_eq!(named.next(), None, "one finding {name}");
    finding
}

/// Asserts that the limit suffices on the large machine, and does not with these changes. Returns its lines.
fn short_if(changes: &[(&str, &str)], name: &str) -> Vec<String> {
    let asked = asked(MILLION, None);
    assert_eq!(found(&asked, &large(), name).verdict, Verdict::Ok, "{name}");
    let finding = found(&asked, &machine_with(changes), name);
    assert_eq!(finding.verdict, Verdict::Short, "{finding:?}");
    finding.lines
}

#[test]
fn a_large_machine_bears_a_million() {
    let report = Report::of(&asked(MILLION, Some(2000)), &large());
    let others: Vec<_> = report.findings.iter().filter(|finding| finding.verdict != Verdict::Ok).collect();
    assert!(others.is_empty(), "{others:#?}");
    assert!(report.is_possible());
    assert_eq!(report.findings.len(), 16);
}

#[test]
fn what_cannot_be_read_is_unknown() {
    let machine = Machine::of(&|_| None, None, None);
    let report = Report::of(&asked(MILLION, Some(2000)), &machine);
    for finding in &report.findings {
        assert_eq!((finding.verdict, &finding.value), (Verdict::Unknown, &None), "{finding:?}");
        assert!(finding.lines.is_empty() && finding.allows == Allows::Other, "{finding:?}");
    }
    assert_eq!(report.time_wait[1].lasting, Lasting::Unknown);
    assert!(report.is_possible(), "what is unknown prevents nothing");
}

#[test]
fn strange_texts_are_unknown_too() {
    let strange: Vec<_> = LARGE.iter().map(|&(path, _)| (path, "-1 many\n")).collect();
    let machine = machine_with(&strange);
    let report = Report::of(&asked(1, None), &Machine { taken: None, ..machine });
    assert!(report.findings.iter().all(|finding| finding.verdict != Verdict::Short), "{report:#?}");
    assert!(report.count(Verdict::Unknown) >= 10, "{report:#?}");
}

#[test]
fn a_low_hard_limit_of_files_is_short() {
    let machine = |hard| {
        let mut machine = large();
        (machine.files.soft, machine.files.hard) = (Some(hard), Some(hard));
        machine
    };
    let server = |hard| found(&asked(10_000, None), &machine(hard), "server_files");
    assert_eq!((server(10_064).verdict, server(10_064).allows), (Verdict::Ok, Allows::Connections(10_000)));
    assert_eq!(
        (server(10_063).verdict, server(10_063).lines),
        (Verdict::Short, vec!["ulimit -n 10064".into()])
    );
    let million = found(&asked(5 * MILLION, None), &machine(1024), "server_files");
    assert_eq!(million.lines, ["sysctl -w fs.nr_open=5000064", "ulimit -n 5000064"]);
}

#[test]
fn a_low_soft_limit_of_files_is_short_for_a_client_alone() {
    let mut machine = large();
    machine.files.soft = Some(1024);
    let client = found(&asked(10_000, None), &machine, "client_files");
    assert_eq!((client.verdict, client.lines), (Verdict::Short, vec!["ulimit -Sn 10064".into()]));
    assert_eq!(found(&asked(10_000, None), &machine, "server_files").verdict, Verdict::Ok);
    machine.files.hard = Some(1024);
    assert_eq!(found(&asked(10_000, None), &machine, "client_files").lines, ["ulimit -n 10064"]);
}

#[test]
fn the_systems_files_hold_both_ends() {
    let lines = short_if(&[("/proc/sys/fs/file-max", "2002023\n")], "system_files");
    assert_eq!(lines, ["sysctl -w fs.file-max=2002024"]);
    let enough = machine_with(&[("/proc/sys/fs/file-max", "2002024\n")]);
    assert_eq!(found(&asked(MILLION, None), &enough, "system_files").verdict, Verdict::Ok);
    let remote = Asked { client: ClientPlace::Elsewhere, ..asked(MILLION, None) };
    let half = machine_with(&[("/proc/sys/fs/file-max", "1002024\n")]);
    assert_eq!(found(&remote, &half, "system_files").verdict, Verdict::Ok);
}

#[test]
fn too_few_epoll_watches_are_short() {
    let lines = short_if(&[("/proc/sys/fs/epoll/max_user_watches", "1999999\n")], "epoll_watches");
    assert_eq!(lines, ["sysctl -w fs.epoll.max_user_watches=2000000"]);
}

#[test]
fn a_short_accept_queue_deserves_a_note() {
    let low = machine_with(&[("/proc/sys/net/core/somaxconn", "128\n")]);
    let finding = found(&asked(MILLION, None), &low, "accept_queue");
    assert_eq!(
        (finding.verdict, finding.lines),
        (Verdict::Note, vec!["sysctl -w net.core.somaxconn=4096".into()])
    );
    // A hundred clients cannot overflow it.
    assert_eq!(found(&asked(100, None), &low, "accept_queue").verdict, Verdict::Ok);
    let fast = found(&asked(MILLION, Some(100_000)), &large(), "accept_queue");
    assert_eq!(fast.lines, ["sysctl -w net.core.somaxconn=10000", "fourway --backlog 10000"]);
}

#[test]
fn the_syn_backlog_counts_only_without_cookies() {
    let without = |backlog| {
        let changes = [
            ("/proc/sys/net/ipv4/tcp_syncookies", "0\n"),
            ("/proc/sys/net/ipv4/tcp_max_syn_backlog", backlog),
        ];
        found(&asked(MILLION, None), &machine_with(&changes), "syn_queue")
    };
    assert_eq!(without("2048\n").verdict, Verdict::Note);
    assert_eq!(without("2048\n").lines, ["sysctl -w net.ipv4.tcp_max_syn_backlog=5462"]);
    assert_eq!(without("5462\n").verdict, Verdict::Ok);
    assert_eq!(found(&asked(MILLION, None), &large(), "syn_queue").verdict, Verdict::Ok);
}

#[test]
fn a_narrow_range_of_ports_is_short_and_can_be_widened() {
    let lines = short_if(&[("/proc/sys/net/ipv4/ip_local_port_range", "32768 60999\n")], "ports");
    assert_eq!(lines, ["sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\""]);
}

#[test]
fn if_no_range_suffices_the_run_needs_more_pairs() {
    let one_pair = Asked { pairs: 1, ..asked(MILLION, None) };
    let finding = found(&one_pair, &large(), "ports");
    assert_eq!((finding.verdict, finding.allows), (Verdict::Short, Allows::Connections(64_512)));
    assert_eq!(finding.lines, ["fourway --listen \"$(seq -s, -f 127.0.0.1:%.0f 65519 65534)\""]);
    assert!(finding.text.contains("needs 16 pairs"), "{}", finding.text);
}

#[test]
fn listeners_and_connections_take_ports() {
    let mut machine = machine_with(&[("/proc/sys/net/ipv4/ip_local_reserved_ports", "2000-2099\n")]);
    let (from, to) = ("127.0.0.1".parse().unwrap(), "127.0.0.1:80".parse().unwrap());
    machine.taken = Some(Taken { by_listeners: 12, busiest: Some(Busiest { from, to, ports: 400 }) });
    let finding = found(&Asked { pairs: 1, ..asked(64_000, None) }, &machine, "ports");
    assert_eq!((finding.verdict, finding.allows), (Verdict::Ok, Allows::Connections(64_000)));
    assert!(finding.text.contains("127.0.0.1 to 127.0.0.1:80, has 400"), "{}", finding.text);
    assert_eq!(found(&Asked { pairs: 1, ..asked(64_001, None) }, &machine, "ports").verdict, Verdict::Short);
}

#[test]
fn a_client_elsewhere_needs_no_ports_here() {
    let remote = Asked { client: ClientPlace::Elsewhere, ..asked(MILLION, Some(5000)) };
    let report = Report::of(&remote, &large());
    let names: Vec<_> = report.findings.iter().map(|finding| finding.what.name).collect();
    assert!(!names.contains(&"ports") && !names.contains(&"client_files"), "{names:?}");
    assert_eq!(report.time_wait[1].lasting, Lasting::Unknown);
}

/// Returns how long the ports last in the mode `peer`, with one pair of addresses and 28,232 ports.
fn lasting(rate: u64, changes: &[(&str, &str)]) -> Lasting {
    let range = [("/proc/sys/net/ipv4/ip_local_port_range", "32768 60999\n")];
    let machine = machine_with(&[changes, &range].concat());
    let rows = Report::of(&Asked { pairs: 1, ..asked(1000, Some(rate)) }, &machine).time_wait;
    let others = rows.iter().filter(|row| row.mode != "peer");
    assert!(others.into_iter().all(|row| row.lasting == Lasting::Forever), "{rows:?}");
    rows[1].lasting
}

#[test]
fn the_ports_of_a_client_that_closes_first_run_out_at_a_rate() {
    let no_reuse = [("/proc/sys/net/ipv4/tcp_tw_reuse", "0\n")];
    assert_eq!(lasting(5000, &no_reuse), Lasting::Seconds(5.6464));
    assert_eq!(lasting(470, &no_reuse), Lasting::Forever);
    assert_eq!(lasting(471, &no_reuse), Lasting::Seconds(28_232.0 / 471.0));
}

#[test]
fn reuse_lets_the_ports_last_if_timestamps_are_on() {
    assert_eq!(lasting(28_232, &[]), Lasting::Forever);
    assert_eq!(lasting(40_000, &[]), Lasting::Seconds(0.7058));
    let without_stamps = [("/proc/sys/net/ipv4/tcp_timestamps", "0\n")];
    assert_eq!(lasting(5000, &without_stamps), Lasting::Seconds(5.6464));
    // An older kernel has no setting for the delay, which is a second.
    assert_eq!(lasting(28_232, &[("/proc/sys/net/ipv4/tcp_tw_reuse_delay", "")]), Lasting::Forever);
}

#[test]
fn ports_that_run_out_deserve_a_note_that_names_the_mode_to_use() {
    let changes = [("/proc/sys/net/ipv4/tcp_tw_reuse", "0\n")];
    let ports = |rate| found(&asked(1000, rate), &machine_with(&changes), "time_wait_ports");
    assert_eq!((ports(None).verdict, ports(None).allows), (Verdict::Ok, Allows::PerSecond(21_504)));
    assert_eq!(ports(Some(21_504)).verdict, Verdict::Ok);
    let finding = ports(Some(50_000));
    assert_eq!(finding.verdict, Verdict::Note);
    assert_eq!(finding.lines, ["fourway --close fin", "sysctl -w net.ipv4.tcp_tw_reuse=2"]);
    assert!(finding.text.contains("after 25.8 s (EADDRNOTAVAIL)"), "{}", finding.text);
}

#[test]
fn more_time_waits_than_the_kernel_keeps_deserve_a_note() {
    let buckets = |rate| found(&asked(1000, Some(rate)), &large(), "time_wait_sockets");
    assert_eq!((buckets(2184).verdict, buckets(2184).allows), (Verdict::Ok, Allows::PerSecond(2184)));
    assert_eq!(buckets(2185).verdict, Verdict::Note);
    assert_eq!(buckets(2185).lines, ["sysctl -w net.ipv4.tcp_max_tw_buckets=131100"]);
}

#[test]
fn a_page_for_each_connection_must_be_there() {
    let lines = short_if(&[("/proc/sys/net/ipv4/tcp_mem", "600000 800000 1000049\n")], "tcp_mem");
    assert_eq!(lines, ["sysctl -w net.ipv4.tcp_mem=\"500025 666700 1000050\""]);
    let enough = machine_with(&[("/proc/sys/net/ipv4/tcp_mem", "600000 800000 1000050\n")]);
    assert_eq!(found(&asked(MILLION, None), &enough, "tcp_mem").verdict, Verdict::Ok);
}

#[test]
fn too_little_memory_is_short() {
    // 8,240 bytes for each connection are 8,046,875 KiB.
    short_if(&[("/proc/meminfo", "MemTotal: 33554432 kB\nMemAvailable: 8046874 kB\n")], "memory");
    let enough = machine_with(&[("/proc/meminfo", "MemTotal: 33554432 kB\nMemAvailable: 8046875 kB\n")]);
    assert_eq!(found(&asked(MILLION, None), &enough, "memory").verdict, Verdict::Ok);
    let remote = Asked { client: ClientPlace::Elsewhere, ..asked(MILLION, None) };
    let half = machine_with(&[("/proc/meminfo", "MemTotal: 33554432 kB\nMemAvailable: 4046875 kB\n")]);
    assert_eq!(found(&remote, &half, "memory").verdict, Verdict::Ok);
}

#[test]
fn the_memory_of_a_control_group_is_a_limit() {
    let changes =
        [("/sys/fs/cgroup/x/memory.max", "1000000000\n"), ("/sys/fs/cgroup/x/memory.current", "1000\n")];
    let lines = short_if(&changes, "cgroup_memory");
    assert_eq!(lines, ["echo 8240001000 > /sys/fs/cgroup/x/memory.max"]);
    // More than the machine has is no limit.
    let huge = machine_with(&[("/sys/fs/cgroup/x/memory.max", "9223372036854771712\n")]);
    assert_eq!(found(&asked(MILLION, None), &huge, "cgroup_memory").value.as_deref(), Some("none"));
}

#[cfg(unix)]
#[test]
fn a_line_for_the_shell_names_the_file_whatever_its_name_is() {
    assert_eq!(
        write_to(1, "/sys/fs/cgroup/user@1000.service/memory.max"),
        "echo 1 > /sys/fs/cgroup/user@1000.service/memory.max"
    );
    for name in [r"a\x2db.slice", "two words", "it's", "$HOME", "`id`", "a;b", "ä", "*"] {
        let line = write_to("max", name);
        let word = line.strip_prefix("echo max > ").unwrap();
        let shell = Command::new("sh").args(["-c", &format!("printf %s {word}")]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&shell.stdout), name, "{line}");
    }
}

#[test]
fn a_quota_of_processor_time_deserves_a_note() {
    let quota =
        |text| found(&asked(1000, None), &machine_with(&[("/sys/fs/cgroup/x/cpu.max", text)]), "cgroup_cpu");
    assert_eq!(quota("200000 100000\n").verdict, Verdict::Ok);
    let half = quota("50000 100000\n");
    assert_eq!(
        (half.verdict, half.lines),
        (Verdict::Note, vec!["echo max > /sys/fs/cgroup/x/cpu.max".into()])
    );
}

#[test]
fn one_processor_for_both_ends_deserves_a_note() {
    let mut machine = large();
    machine.processors.count = Some(1);
    assert_eq!(found(&asked(1000, None), &machine, "processors").verdict, Verdict::Note);
    let remote = Asked { client: ClientPlace::Elsewhere, ..asked(1000, None) };
    assert_eq!(found(&remote, &machine, "processors").verdict, Verdict::Ok);
    let fast = found(&asked(1000, Some(50_000)), &large(), "processors");
    assert_eq!(fast.verdict, Verdict::Note);
    assert!(fast.text.contains("about 105 %") && fast.text.contains("Only a run can tell"), "{}", fast.text);
}

#[test]
fn stolen_time_deserves_a_note() {
    let stolen = machine_with(&[("/proc/stat", "cpu  100 0 100 780 0 0 0 20 0 0\n")]);
    let finding = found(&asked(1000, None), &stolen, "steal");
    assert_eq!((finding.verdict, finding.value.as_deref()), (Verdict::Note, Some("2.00 %")));
}

#[test]
fn a_full_table_of_the_firewall_is_short_if_it_tracks_anything() {
    let changes = [("/proc/sys/net/netfilter/nf_conntrack_max", "262144\n")];
    let lines = short_if(&changes, "conntrack");
    assert_eq!(lines, ["sysctl -w net.netfilter.nf_conntrack_max=1000010"]);
    // A connection stays for two minutes after its end.
    let fast = found(&asked(1000, Some(20_000)), &large(), "conntrack");
    assert_eq!(fast.lines, ["sysctl -w net.netfilter.nf_conntrack_max=2401010"]);
    let idle = [changes[0], ("/proc/sys/net/netfilter/nf_conntrack_count", "0\n")];
    assert_eq!(found(&asked(MILLION, None), &machine_with(&idle), "conntrack").verdict, Verdict::Ok);
    let without = machine_with(&[("/proc/sys/net/netfilter/nf_conntrack_max", "")]);
    let report = Report::of(&asked(MILLION, None), &without);
    assert!(report.findings.iter().all(|finding| finding.what.name != "conntrack"));
}

#[test]
fn what_breaks_first_comes_first() {
    let changes = [
        ("/proc/sys/net/ipv4/tcp_mem", "1 2 600000\n"),
        ("/proc/sys/fs/epoll/max_user_watches", "100000\n"),
        ("/proc/sys/net/core/somaxconn", "128\n"),
        ("/proc/stat", ""),
    ];
    let findings = Report::of(&asked(MILLION, None), &machine_with(&changes)).findings;
    let names: Vec<_> = findings.iter().take(4).map(|finding| finding.what.name).collect();
    assert_eq!(names[..3], ["epoll_watches", "tcp_mem", "accept_queue"]);
    let verdicts: Vec<_> = findings.iter().map(|finding| finding.verdict).collect();
    assert!(verdicts.is_sorted() && verdicts.contains(&Verdict::Unknown), "{verdicts:?}");
    let enough = findings.iter().filter(|finding| finding.verdict == Verdict::Ok);
    assert!(enough.map(|finding| finding.headroom.unwrap_or(f64::INFINITY)).is_sorted());
}

#[test]
fn the_report_fits_80_columns_but_for_the_lines_to_copy() {
    let one_pair = Asked { pairs: 1, ..asked(1_000_000_000, Some(1_000_000_000)) };
    for machine in [large(), Machine::of(&|_| None, None, None)] {
        let report = Report::of(&one_pair, &machine);
        let lines: Vec<_> = report.findings.iter().flat_map(|finding| &finding.lines).collect();
        for line in text::print(&one_pair, &report).lines() {
            let is_to_copy = lines.iter().any(|&known| known == line.trim());
            assert!(line.chars().count() <= 80 || is_to_copy, "{line}");
            assert_eq!(line, line.trim_end());
        }
    }
}

#[test]
fn the_report_ends_with_what_the_exit_code_says() {
    let last = |machine: &Machine| {
        let report = Report::of(&asked(MILLION, None), machine);
        let printed = text::print(&asked(MILLION, None), &report).replace('\n', " ");
        (report.is_possible(), printed)
    };
    let (possible, printed) = last(&large());
    assert!(possible && printed.ends_with("This machine can bear 1,000,000 connections. "), "{printed}");
    let (possible, printed) = last(&machine_with(&[("/proc/sys/fs/epoll/max_user_watches", "9\n")]));
    assert!(
        !possible && printed.contains("cannot bear 1,000,000 connections: 1 limit is too low"),
        "{printed}"
    );
}

#[test]
fn json_escapes_what_it_has_to() {
    let mut report = Report::of(&asked(1, None), &large());
    report.findings[0].lines = vec!["a \"b\" \\ \n".into()];
    let printed = json::print(&asked(1, None), &report);
    assert!(printed.contains(r#""lines":["a \"b\" \\ \u000a"]"#), "{printed}");
    assert!(printed.starts_with(r#"{"version":1,"possible":true,"asked":{"connections":1,"rate":null,"#));
}

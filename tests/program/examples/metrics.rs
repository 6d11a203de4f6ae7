//! The example `metrics`.

use std::collections::HashSet;
use std::net::UdpSocket;

use super::{Example, ask, page, sources, text};
use crate::common::{get, wait_until};

#[test]
fn at_most_ten_lines_of_metrics_are_about_the_server() {
    let sources = sources();
    let (_, source) = sources.iter().find(|(name, _)| name == "metrics").expect("the example");
    let code = source.lines().filter(|line| !line.starts_with("//!"));
    let (added, own): (Vec<&str>, Vec<&str>) = code.partition(|line| line.ends_with("; // +fourway"));
    assert!((1..=10).contains(&added.len()), "{} lines are marked", added.len());
    for line in own {
        let about_it = ["fourway", "server", "listener", "handler", "responder", "TEXT"];
        assert!(about_it.iter().all(|word| !line.contains(word)), "{line} is not marked");
    }
}

#[test]
fn the_metrics_are_what_prometheus_reads() {
    let mut metrics = Example::on_any_port("metrics");
    let response = ask(metrics.http(), &get("/metrics"));
    assert_eq!(response.header("Content-Type"), Some("text/plain; version=0.0.4"));
    let (status, body) = text(&response);
    assert_eq!(status, 200);
    assert!(body.ends_with('\n'), "the last line ends as the others");
    let (mut helped, mut typed, mut seen) = (HashSet::new(), HashSet::new(), HashSet::new());
    for line in body.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').expect("a name and a text");
            assert!(helped.insert(name) && !help.is_empty(), "{line}");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a name and a type");
            assert!(typed.insert(name) && kind == "counter", "{line}");
        } else {
            let (series, value) = line.rsplit_once(' ').expect("a sample and its value");
            let name = series.split('{').next().expect("a name");
            assert!(helped.contains(name) && typed.contains(name), "{line} follows its HELP and TYPE");
            assert!(name.ends_with("_total"), "a counter has a counter's name: {line}");
            assert!(seen.insert(series), "{line} is given once");
            assert_eq!(value.parse(), Ok(0_u64), "{line}");
        }
    }
    assert_eq!((helped.len(), seen.len()), (2, 9), "every severity has its sample");
}

#[test]
fn the_metrics_show_what_the_program_counts() {
    let mut metrics = Example::on_any_port("metrics");
    let (http, syslog) = (metrics.http(), metrics.address("counting syslog on udp://"));
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    for message in
        ["<11>user.err: broken", "<3>kern.err: broken", "<191>local7.debug", "<>", "no priority", ""]
    {
        socket.send_to(message.as_bytes(), syslog).expect("sent");
    }
    wait_until("all are counted", || page(http, "/metrics").ends_with("\nsyslog_malformed_total 3\n"));
    let page = page(http, "/metrics");
    for (severity, count) in [("err", 2), ("debug", 1), ("warning", 0)] {
        let sample = format!("\nsyslog_messages_total{{severity=\"{severity}\"}} {count}\n");
        assert!(page.contains(&sample), "{sample} in {page}");
    }
}

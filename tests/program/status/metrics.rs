//! `/metrics`, in the text format of Prometheus.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use super::{start, stats};
use crate::common::tools;
use crate::common::{Client, Response, wait_until};

/// The samples of `/metrics`, each by its name and labels.
pub struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    pub fn read(status: &mut Client) -> Metrics {
        Metrics::of(&status.ask("/metrics"))
    }

    fn of(response: &Response) -> Metrics {
        assert_eq!(response.status, 200);
        assert_eq!(response.header("Content-Type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        let text = std::str::from_utf8(&response.body).expect("UTF-8");
        assert!(text.ends_with('\n'));
        let mut samples = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').expect("a value");
            let twice = samples.insert(name.to_owned(), value.parse().expect("a number"));
            assert!(twice.is_none(), "{name} is there twice");
        }
        Metrics(samples)
    }

    pub fn value(&self, name: &str) -> f64 {
        *self.0.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.0.keys()))
    }

    pub fn sample(&self, name: &str) -> u64 {
        self.value(name) as u64
    }

    /// The samples of one family.
    pub fn family<'m>(&'m self, name: &'m str) -> impl Iterator<Item = (&'m str, f64)> {
        let samples = self.0.iter().map(|(name, &value)| (name.as_str(), value));
        samples.filter(move |(sample, _)| {
            sample.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('{'))
        })
    }

    pub fn sum(&self, name: &str) -> u64 {
        self.family(name).map(|(_, value)| value as u64).sum()
    }

    /// The samples that never go back.
    pub fn counters(&self) -> impl Iterator<Item = (&str, f64)> {
        let samples = self.0.iter().map(|(name, &value)| (name.as_str(), value));
        samples.filter(|(name, _)| name.split('{').next().is_some_and(|name| name.ends_with("_total")))
    }

    fn families(&self) -> Vec<&str> {
        let mut families: Vec<_> = self.0.keys().filter_map(|name| name.split('{').next()).collect();
        families.dedup();
        families
    }
}

#[test]
fn promtool_finds_nothing_wrong() {
    let Some(promtool) = tools::find(&["promtool"]) else { return };
    let (program, address) = start(&[]);
    program.connect().ask("/");
    let response = Client::connect(address).ask("/metrics");
    let mut check = Command::new(promtool).args(["check", "metrics"]).stdin(Stdio::piped()).spawn().unwrap();
    check.stdin.take().unwrap().write_all(&response.body).unwrap();
    assert!(check.wait().unwrap().success());
    program.end();
}

#[test]
fn the_metrics_are_the_figures_of_stats_json() {
    let (program, address) = start(&[]);
    let (mut idle, mut client) = (program.connect(), program.connect());
    idle.ask("/");
    client.ask("/");
    client.send("nonsense\r\n\r\n");
    client.response();
    client.expect_end();
    drop(client);
    let mut status = Client::connect(address);
    let (stats, metrics) = loop {
        let (before, metrics) = (stats(&mut status), Metrics::read(&mut status));
        // Nothing happens any more once the end of that connection was seen.
        if before.count("connections.closed") == 1 {
            break (before, metrics);
        }
    };
    for (path, sample) in [
        ("connections.accepted", "connections_accepted_total"),
        ("connections.states.idle", "connections{state=\"idle\"}"),
        (
            "connections.closes.answered.server",
            "connections_closed_total{reason=\"answered\",first=\"server\"}",
        ),
        ("requests", "requests_total"),
        ("responses.2xx", "responses_total{class=\"2xx\"}"),
        ("responses.4xx", "responses_total{class=\"4xx\"}"),
        ("bytes.received", "received_bytes_total"),
        ("bytes.sent", "sent_bytes_total"),
        ("errors.answered.400", "answered_errors_total{status=\"400\"}"),
        ("errors.accept", "errors_total{kind=\"accept\"}"),
        ("capacity.max_connections", "max_connections"),
        ("capacity.evictions", "evictions_total"),
    ] {
        assert_eq!(metrics.sample(&format!("fourway_{sample}")), stats.count(path), "{path}");
    }
    assert_eq!(stats.count("errors.answered.400"), 1);
    assert_eq!(metrics.sum("fourway_verdict"), 1, "one of them is the verdict");
    assert_eq!(metrics.sample("fourway_draining"), 0);
    drop((status, idle));
    program.end();
}

#[cfg(target_os = "linux")]
#[test]
fn linux_knows_every_documented_metric_and_every_metric_is_documented() {
    let (_program, address) = start(&[]);
    let mut status = Client::connect(address);
    let mut metrics = Metrics::read(&mut status);
    wait_until("a second is over", || {
        metrics = Metrics::read(&mut status);
        metrics.family("fourway_last_second_busy_ratio").count() == 1
    });
    let mut written = metrics.families();
    let page = super::documentation::page();
    let mut documented = super::documentation::names(&page, "metric");
    documented.sort_unstable();
    written.sort_unstable();
    assert_eq!(documented, written);
}

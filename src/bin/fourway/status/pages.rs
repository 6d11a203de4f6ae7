//! The pages of the status server.

use std::fmt::Display;
use std::time::Instant;

use fourway::{Handler, Phase, Reply, Request, Responder};

#[cfg(target_os = "linux")]
use super::ledger_json::LedgerJson;
use super::observed::Observed;
use super::prometheus::{self, Prometheus};
use super::sources::Sources;
use super::stats_json::StatsJson;
#[cfg(target_os = "linux")]
use crate::ledger::Ledger;

/// The handler of the status server for one turn.
pub struct Pages<'a, 't> {
    pub sources: &'a mut Sources,
    pub observed: &'a Observed<'t>,
    pub now: Instant,
    #[cfg(target_os = "linux")]
    pub ledger: &'a mut Ledger,
}

const ENDPOINTS: &str = "\
/stats.json  all figures as JSON
/metrics     all figures in the text format of Prometheus
/ledger.json who holds TIME_WAIT, and how long the ports of clients last
/healthz     200 while the server serves, 503 while it drains
";

impl Handler for Pages<'_, '_> {
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        let path = request.path();
        if !matches!(path, "/" | "/stats.json" | "/metrics" | "/ledger.json" | "/healthz") {
            return responder.send(404, "text/plain", "there is no such page; / lists all\n");
        }
        if !matches!(request.method(), "GET" | "HEAD") {
            return responder.status(405).header("Allow", "GET, HEAD").empty();
        }
        let mut figures = || self.sources.figures(self.observed, self.now);
        match path {
            "/stats.json" => show(responder, "application/json", &StatsJson(&figures())),
            "/metrics" => show(responder, prometheus::CONTENT_TYPE, &Prometheus(&figures())),
            "/ledger.json" => self.show_ledger(responder),
            "/healthz" if self.observed.server.phase() == Phase::Running => {
                responder.send(200, "text/plain", "ok\n")
            }
            "/healthz" => responder.send(503, "text/plain", "draining\n"),
            _ => responder.send(200, "text/plain", ENDPOINTS),
        }
    }
}

impl Pages<'_, '_> {
    /// Shows what the last look at the kernel's sockets has found, and begins another.
    #[cfg(target_os = "linux")]
    fn show_ledger<'r>(&mut self, responder: Responder<'r>) -> Reply<'r> {
        self.ledger.cheap(self.now);
        self.ledger.look(self.now);
        show(responder, "application/json", &LedgerJson(self.ledger.view(), self.now))
    }

    #[cfg(not(target_os = "linux"))]
    fn show_ledger<'r>(&mut self, responder: Responder<'r>) -> Reply<'r> {
        responder.send(404, "text/plain", "this system does not tell who holds TIME_WAIT\n")
    }
}

/// Writes a page into the server's buffer.
fn show<'r>(responder: Responder<'r>, content_type: &str, page: &dyn Display) -> Reply<'r> {
    responder.body_with(200, content_type, |body| body.write_fmt(format_args!("{page}")))
}

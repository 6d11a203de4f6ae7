//! The pages of the status server.

use std::fmt::Display;
use std::time::Instant;

use fourway::{Handler, Phase, Reply, Request, Responder};

use super::figures::Figures;
use super::held::Held;
#[cfg(target_os = "linux")]
use super::ledger_json::LedgerJson;
use super::observed::Observed;
use super::page::Page;
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
    pub page: &'a Page,
    #[cfg(target_os = "linux")]
    pub ledger: &'a mut Ledger,
}

impl Handler for Pages<'_, '_> {
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        let path = request.path();
        if !matches!(path, "/" | "/stats.json" | "/metrics" | "/ledger.json" | "/healthz") {
            return responder.send(404, "text/plain", "there is no such page; / lists all\n");
        }
        if !matches!(request.method(), "GET" | "HEAD") {
            return responder.status(405).header("Allow", "GET, HEAD").empty();
        }
        match path {
            "/stats.json" => {
                let begins_look = request.query() == Some("ledger");
                let figures = Figures { held: self.held(begins_look), ..self.figures() };
                show(responder, "application/json", &StatsJson(&figures))
            }
            "/metrics" => show(responder, prometheus::CONTENT_TYPE, &Prometheus(&self.figures())),
            "/ledger.json" => self.show_ledger(responder),
            "/healthz" if self.observed.server.phase() == Phase::Running => {
                responder.send(200, "text/plain", "ok\n")
            }
            "/healthz" => responder.send(503, "text/plain", "draining\n"),
            _ => self.page.send(responder),
        }
    }
}

impl<'t> Pages<'_, 't> {
    fn figures(&mut self) -> Figures<'t> {
        self.sources.figures(self.observed, self.now)
    }

    /// Returns what the last look at the kernel's sockets has found, and begins another if it is wanted.
    #[cfg(target_os = "linux")]
    fn held(&mut self, begins_look: bool) -> Held {
        if begins_look {
            self.ledger.look(self.now);
        }
        Held::of(self.ledger.view(), self.now)
    }

    #[cfg(not(target_os = "linux"))]
    fn held(&mut self, _: bool) -> Held {
        Held::default()
    }

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

//! Everything that shows what the server does: the status server, the live line and the summary.

use std::time::{Duration, Instant};

use fourway::earliest;
use fourway::mio::Registry;
use fourway::mio::event::Event;

use super::console::Console;
use super::language::Language;
use super::live::Live;
use super::options::{Options, SummaryForm};
use super::sockets::Sockets;
use super::status::{Figures, Observed, Sources, StatsJson, Status};
use super::summary::Summary;

/// The reports of one run.
pub struct Reports<'a> {
    sources: Sources,
    status: Option<Status>,
    live: Option<Live>,
    form: SummaryForm,
    language: Language,
    console: &'a Console,
}

impl<'a> Reports<'a> {
    /// Starts the status server if there is one. `sockets` are those of the target.
    pub fn start(
        options: &Options,
        registry: &Registry,
        sockets: &Sockets,
        console: &'a Console,
    ) -> Result<Self, String> {
        let mut sources = Sources::start(sockets.addresses().to_vec());
        let mut status = None;
        if options.status.is_used() {
            let mut server = Status::new(registry, sockets)?;
            for listen in &options.status.status_listen {
                server.listen(listen, options, console)?;
            }
            status = Some(server);
            sources.watch_queues();
        }
        let has_live = console.is_terminal() && !options.status.quiet;
        let live = has_live.then(|| Live::start(Instant::now()));
        let language = Language::choose(options.status.lang);
        Ok(Reports { sources, status, live, form: options.status.summary, language, console })
    }

    /// Returns the part of the greeting that says where the status server listens.
    pub fn greeting(&self) -> String {
        self.status.as_ref().map_or_else(String::new, |status| format!("; status on {}", status.sockets()))
    }

    /// Takes note of an event that is not the target's.
    pub fn handle_event(&mut self, event: &Event) {
        if let Some(status) = &mut self.status {
            status.handle_event(event);
        }
    }

    /// Returns the longest time that the loop may sleep.
    pub fn next_timeout(&self, now: Instant) -> Option<Duration> {
        let status = self.status.as_ref().and_then(|status| status.next_timeout(now));
        earliest(status, self.live.as_ref().and_then(|live| live.next_timeout(now)))
    }

    /// Does one turn of work, after the target's.
    pub fn turn(&mut self, now: Instant, observed: &Observed<'_>) {
        if let Some(status) = &mut self.status {
            status.process(now, &mut self.sources, observed);
        }
        if let Some(live) = &mut self.live {
            live.turn(now, self.console, observed);
        }
    }

    /// Ends the status server, for use when the target is closed. Returns whether it has ended.
    pub fn end(&mut self, now: Instant) -> bool {
        self.status.as_mut().is_none_or(|status| status.end(now))
    }

    /// Ends the status server at once.
    pub fn abort(&mut self) {
        if let Some(status) = &mut self.status {
            status.abort();
        }
    }

    /// Returns what to print at the end.
    pub fn summary(&mut self, observed: &Observed<'_>) -> String {
        let figures: Figures<'_> = self.sources.figures(observed, Instant::now());
        match self.form {
            SummaryForm::Text => Summary { figures: &figures, language: self.language }.to_string(),
            SummaryForm::Json => StatsJson(&figures).to_string(),
            SummaryForm::None => String::new(),
        }
    }
}

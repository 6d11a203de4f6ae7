//! The scenarios. Each moves a client and the server step by step, and says what the steps show. A sentence about a step is
//! added only if the step was seen.

mod backlog;
mod client_first;
mod common;
mod half_close;
mod open;
mod rst;
mod server_first;
mod slow_reader;
mod unread_data;

use std::io;
use std::time::{Duration, Instant};

use super::ladder::Ladder;
use super::recorder::Recorder;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    Open,
    ServerFirst,
    ClientFirst,
    Rst,
    HalfClose,
    UnreadData,
    SlowReader,
    Backlog,
    Essay,
    Ports,
}

impl Scenario {
    pub const ALL: [Scenario; 10] = [
        Scenario::Open,
        Scenario::ServerFirst,
        Scenario::ClientFirst,
        Scenario::Rst,
        Scenario::HalfClose,
        Scenario::UnreadData,
        Scenario::SlowReader,
        Scenario::Backlog,
        Scenario::Essay,
        Scenario::Ports,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Scenario::Open => "open",
            Scenario::ServerFirst => "server-first",
            Scenario::ClientFirst => "client-first",
            Scenario::Rst => "rst",
            Scenario::HalfClose => "half-close",
            Scenario::UnreadData => "unread-data",
            Scenario::SlowReader => "slow-reader",
            Scenario::Backlog => "backlog",
            Scenario::Essay => "essay",
            Scenario::Ports => "ports",
        }
    }

    /// Runs it. Returns its ladders. If other connections have disturbed the counters, runs it again.
    pub fn run(self, recorder: &'static Recorder) -> io::Result<Vec<Ladder>> {
        const ATTEMPTS: u32 = 20;
        const LONGEST: Duration = Duration::from_secs(1);
        let start = Instant::now();
        let mut ladders = self.run_once(recorder)?;
        for _ in 1..ATTEMPTS {
            if ladders.iter().all(Ladder::is_whole) || start.elapsed() > LONGEST {
                break;
            }
            ladders = self.run_once(recorder)?;
        }
        Ok(ladders)
    }

    fn run_once(self, recorder: &'static Recorder) -> io::Result<Vec<Ladder>> {
        match self {
            Scenario::Open => {
                let mut ladders = vec![open::at_once(recorder)?];
                // Other systems do not have the option.
                if cfg!(target_os = "linux") {
                    ladders.push(open::deferred(recorder)?);
                }
                Ok(ladders)
            }
            Scenario::ServerFirst => Ok(vec![server_first::run(recorder)?]),
            Scenario::ClientFirst => Ok(vec![client_first::run(recorder)?]),
            Scenario::Rst => Ok(vec![rst::run(recorder)?]),
            Scenario::HalfClose => Ok(vec![
                half_close::usual(recorder)?,
                half_close::last_ack(recorder)?,
                half_close::closing(recorder)?,
            ]),
            Scenario::UnreadData => {
                Ok(vec![unread_data::plain(recorder)?, unread_data::lingering(recorder)?])
            }
            Scenario::SlowReader => Ok(vec![slow_reader::run(recorder)?]),
            Scenario::Backlog => Ok(vec![backlog::run(recorder)?]),
            // These are no ladders: see `shown`.
            Scenario::Essay | Scenario::Ports => Ok(Vec::new()),
        }
    }
}

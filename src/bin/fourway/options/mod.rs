//! What a user can ask for, and the sentence for each value that cannot be had.

mod environment;
mod values;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, CommandFactory, FromArgMatches, Parser};
use fourway::{Config, Timeouts};

use values::{Close, DrainIdle, Listen, Time, backlog, content_type, count, on_or_off};

const SIGNALS: &str = "\
Signals:
  SIGTERM and SIGINT end the server when its requests are answered. Another one ends it at once; within \
100 ms of the first it counts as the same.
  SIGHUP does the same if the server has a terminal. Without one it is ignored, as SIGUSR1 and SIGUSR2 are: \
there is no configuration to reload, and no log file to open again.";

/// An HTTP/1.1 server that gives every request the same answer.
///
/// A target for load tests that shows who closed each connection, and when it was the bottleneck.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, next_line_help = true)]
#[command(after_help = SIGNALS)]
#[command(mut_args(|arg| arg.hide_env_values(true)))]
pub struct Options {
    /// Where to listen, several times or separated by commas; port 0 is any free port. A server that
    /// inherits sockets (LISTEN_FDS) listens on them, and on the addresses that are given here.
    #[arg(long, value_name = "ADDR", env = "FOURWAY_LISTEN", value_delimiter = ',')]
    #[arg(default_value = "127.0.0.1:65534")]
    pub listen: Vec<Listen>,

    /// Whether the user has not said where to listen.
    #[arg(skip)]
    listens_by_default: bool,

    /// The body of every response.
    #[arg(long, value_name = "TEXT", env = "FOURWAY_BODY", default_value = "xixizi")]
    #[arg(help_heading = "Response")]
    pub body: String,

    /// A file with the body of every response; it is read once, at the start, and may take half of the
    /// memory.
    #[arg(long, value_name = "PATH", env = "FOURWAY_BODY_FILE", help_heading = "Response")]
    pub body_file: Option<PathBuf>,

    /// The type of the body [default: text/plain, for a file application/octet-stream].
    #[arg(long, value_name = "TYPE", env = "FOURWAY_CONTENT_TYPE", value_parser = content_type)]
    #[arg(help_heading = "Response")]
    pub content_type: Option<String>,

    /// Which side closes first after the last response, and how.
    #[arg(long, value_name = "MODE", env = "FOURWAY_CLOSE", value_enum, default_value = "fin")]
    #[arg(help_heading = "Connections")]
    pub close: Close,

    /// Whether a connection may carry more than one request.
    #[arg(long, value_name = "on|off", env = "FOURWAY_KEEP_ALIVE", default_value = "on")]
    #[arg(value_parser = on_or_off, action = ArgAction::Set, help_heading = "Connections")]
    pub keep_alive: bool,

    /// The most connections at once, such as 10000 or 64k [default: what the file limit allows].
    #[arg(long, value_name = "N", env = "FOURWAY_MAX_CONNECTIONS", value_parser = count)]
    #[arg(help_heading = "Connections")]
    pub max_connections: Option<NonZeroUsize>,

    /// The most connections that the kernel queues until they are accepted.
    #[arg(long, value_name = "N", env = "FOURWAY_BACKLOG", value_parser = backlog)]
    #[arg(default_value_t = Config::default().backlog, help_heading = "Connections")]
    pub backlog: u32,

    /// Lets several processes listen on the same port.
    #[arg(long, env = "FOURWAY_REUSE_PORT", value_parser = BoolishValueParser::new())]
    #[arg(help_heading = "Connections")]
    pub reuse_port: bool,

    /// From a request's first byte to the end of its head.
    #[arg(long, value_name = "T", env = "FOURWAY_HEAD_TIMEOUT", help_heading = "Times")]
    #[arg(default_value_t = Time(Timeouts::default().head))]
    pub head_timeout: Time,

    /// For each 4 KiB of a request's body.
    #[arg(long, value_name = "T", env = "FOURWAY_BODY_TIMEOUT", help_heading = "Times")]
    #[arg(default_value_t = Time(Timeouts::default().body))]
    pub body_timeout: Time,

    /// Between two requests, and before the first.
    #[arg(long, value_name = "T", env = "FOURWAY_IDLE_TIMEOUT", help_heading = "Times")]
    #[arg(default_value_t = Time(Timeouts::default().idle))]
    pub idle_timeout: Time,

    /// For each 4 KiB of a response that the client is slow to take.
    #[arg(long, value_name = "T", env = "FOURWAY_WRITE_TIMEOUT", help_heading = "Times")]
    #[arg(default_value_t = Time(Timeouts::default().write))]
    pub write_timeout: Time,

    /// For the client's FIN, after the last response.
    #[arg(long, value_name = "T", env = "FOURWAY_LINGER_TIMEOUT", help_heading = "Times")]
    #[arg(default_value_t = Time(Timeouts::default().linger))]
    pub linger_timeout: Time,

    /// For requests in progress when SIGTERM or SIGINT comes; a second signal ends them at once.
    #[arg(long, value_name = "T", env = "FOURWAY_DRAIN_TIMEOUT", help_heading = "Times")]
    #[arg(default_value_t = Time(Duration::from_secs(10)))]
    pub drain_timeout: Time,

    /// How idle connections end then [default: close, with inherited sockets last-request].
    #[arg(long, value_name = "MODE", env = "FOURWAY_DRAIN_IDLE", value_enum, help_heading = "Times")]
    pub drain_idle: Option<DrainIdle>,

    /// Logs each request; -vv each change of state, -vvv each event. RUST_LOG wins. Lines that nobody
    /// reads are dropped and counted: the log never stops the server.
    #[arg(short, long, action = ArgAction::Count, env = "FOURWAY_VERBOSE")]
    pub verbose: u8,
}

impl Options {
    /// The options of this process. Ends it with a sentence if one of them is wrong.
    pub fn of_process() -> Self {
        Self::read().unwrap_or_else(|error| error.exit())
    }

    fn read() -> Result<Self, clap::Error> {
        let matches = environment::matches(Self::command())?;
        let mut options = Self::from_arg_matches(&matches)?;
        options.settle_body(&matches)?;
        options.listens_by_default = matches.value_source("listen") == Some(ValueSource::DefaultValue);
        Ok(options)
    }

    /// There is one body. Clap would see a conflict also where the command line is to win over
    /// the environment.
    fn settle_body(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let (text, file) = (matches.value_source("body"), matches.value_source("body_file"));
        let sentence = match (text, file) {
            (Some(ValueSource::CommandLine), Some(ValueSource::EnvVariable)) => {
                self.body_file = None;
                return Ok(());
            }
            (Some(ValueSource::CommandLine), Some(ValueSource::CommandLine)) => {
                "there is one body: give either --body or --body-file"
            }
            (Some(ValueSource::EnvVariable), Some(ValueSource::EnvVariable)) => {
                "there is one body: set either FOURWAY_BODY or FOURWAY_BODY_FILE"
            }
            _ => return Ok(()),
        };
        Err(Self::command().error(ErrorKind::ArgumentConflict, sentence))
    }

    /// Where to listen besides the inherited sockets, if there are any: the addresses of each value.
    pub fn addresses(&self, inherits: bool) -> impl Iterator<Item = &[SocketAddr]> {
        let asked = self.listen.iter().filter(move |_| !(inherits && self.listens_by_default));
        asked.map(|listen| &listen.0[..])
    }

    /// The library's settings, apart from `max_connections`, which depends on the file limit too. A server
    /// that inherits sockets has a successor that inherits them as well, so there is time for idle clients.
    pub fn config(&self, inherits: bool) -> Config {
        let mut config = Config::default();
        config.close = self.close.into();
        let usual = if inherits { DrainIdle::LastRequest } else { DrainIdle::Close };
        config.idle_in_drain = self.drain_idle.unwrap_or(usual).into();
        config.keep_alive = self.keep_alive;
        config.backlog = self.backlog;
        config.reuse_port = self.reuse_port;
        config.timeouts.head = self.head_timeout.0;
        config.timeouts.body = self.body_timeout.0;
        config.timeouts.idle = self.idle_timeout.0;
        config.timeouts.write = self.write_timeout.0;
        config.timeouts.linger = self.linger_timeout.0;
        config
    }
}

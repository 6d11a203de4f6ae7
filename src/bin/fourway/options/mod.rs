//! The options of the program, from the command line and the environment.

mod environment;
mod values;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, CommandFactory, FromArgMatches, Parser};
use fourway::{Config, Timeouts};

use values::{Close, DrainIdle, Listen, Time, backlog, content_type, count, on_or_off, switch, verbosity};

const NOTES: &str = "\
Environment:
  The command line overrides the environment. An empty variable counts as not set.

Signals:
  SIGTERM, SIGINT: finish the requests in progress, then exit. A second signal exits at once. Signals \
within 100 ms count as one.
  SIGHUP: the same if the server has a terminal. Otherwise it is ignored.
  SIGUSR1, SIGUSR2: ignored. There is no configuration to reload, and no log file to reopen.";

/// The headings of options whose values have a range and a unit in common.
const TIMEOUTS: &str = "Timeouts (longer than zero, such as 500ms, 10s or 2m)";
const SHUTDOWN: &str = "Shutdown";

/// An HTTP/1.1 server that gives every request the same response.
///
/// It is a target for load tests: it reports which side closed each connection first, and whether the
/// server was the bottleneck.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 80, next_line_help = true)]
#[command(after_help = NOTES)]
#[command(mut_args(|arg| arg.hide_env_values(true)))]
pub struct Options {
    /// Listen on ADDR, which is IP:PORT or localhost:PORT.
    ///
    /// Repeat the option, or separate addresses by commas. Port 0 is any free port. A server that inherits
    /// sockets (LISTEN_FDS) listens on them and on the addresses given here, but not on the default address.
    #[arg(long, value_name = "ADDR", env = "FOURWAY_LISTEN", value_delimiter = ',')]
    #[arg(default_value = "127.0.0.1:65534")]
    pub listen: Vec<Listen>,

    /// The source of each value.
    #[arg(skip)]
    matches: ArgMatches,

    /// Send TEXT as the body of every response.
    #[arg(long, value_name = "TEXT", env = "FOURWAY_BODY", default_value = "xixizi")]
    #[arg(help_heading = "Response")]
    pub body: String,

    /// Send the file PATH, of at most half of the memory, as the body of every response.
    ///
    /// The server reads the file once, at the start. Give either --body or --body-file.
    #[arg(long, value_name = "PATH", env = "FOURWAY_BODY_FILE", help_heading = "Response")]
    pub body_file: Option<PathBuf>,

    /// Set the media type of the body, 1 to 1024 printable ASCII characters [default: text/plain, for a file
    /// application/octet-stream]
    #[arg(long, value_name = "TYPE", env = "FOURWAY_CONTENT_TYPE", value_parser = content_type)]
    #[arg(help_heading = "Response")]
    pub content_type: Option<String>,

    /// Choose which side closes first after the last response, and how.
    #[arg(long, value_name = "MODE", env = "FOURWAY_CLOSE", value_enum, default_value = "fin")]
    #[arg(help_heading = "Connections")]
    pub close: Close,

    /// Allow more than one request on a connection.
    #[arg(long, value_name = "on|off", env = "FOURWAY_KEEP_ALIVE", default_value = "on")]
    #[arg(value_parser = on_or_off, action = ArgAction::Set, help_heading = "Connections")]
    pub keep_alive: bool,

    /// Hold at most N connections, 1 or more, such as 64k [default: what the file limit allows]
    ///
    /// The default is at most 1048576, or 131072 on a 32-bit system.
    #[arg(long, value_name = "N", env = "FOURWAY_MAX_CONNECTIONS", value_parser = count)]
    #[arg(help_heading = "Connections")]
    pub max_connections: Option<NonZeroUsize>,

    /// Let the kernel queue at most N connections, 1 to 4294967295, such as 64k.
    #[arg(long, value_name = "N", env = "FOURWAY_BACKLOG", value_parser = backlog)]
    #[arg(default_value_t = Config::default().backlog, help_heading = "Connections")]
    pub backlog: u32,

    /// Let several processes listen on the same port.
    #[arg(long, env = "FOURWAY_REUSE_PORT", value_parser = switch)]
    #[arg(help_heading = "Connections")]
    pub reuse_port: bool,

    /// Limit the time from the first byte of a request to the end of its head.
    #[arg(long, value_name = "T", env = "FOURWAY_HEAD_TIMEOUT", help_heading = TIMEOUTS)]
    #[arg(default_value_t = Time(Timeouts::default().head))]
    pub head_timeout: Time,

    /// Limit the time for each 4 KiB of a request's body.
    #[arg(long, value_name = "T", env = "FOURWAY_BODY_TIMEOUT", help_heading = TIMEOUTS)]
    #[arg(default_value_t = Time(Timeouts::default().body))]
    pub body_timeout: Time,

    /// Limit the time between two requests, and before the first.
    #[arg(long, value_name = "T", env = "FOURWAY_IDLE_TIMEOUT", help_heading = TIMEOUTS)]
    #[arg(default_value_t = Time(Timeouts::default().idle))]
    pub idle_timeout: Time,

    /// Limit the time for each 4 KiB of a response that the client is slow to read.
    #[arg(long, value_name = "T", env = "FOURWAY_WRITE_TIMEOUT", help_heading = TIMEOUTS)]
    #[arg(default_value_t = Time(Timeouts::default().write))]
    pub write_timeout: Time,

    /// Limit the wait for the client's FIN after the last response.
    #[arg(long, value_name = "T", env = "FOURWAY_LINGER_TIMEOUT", help_heading = TIMEOUTS)]
    #[arg(default_value_t = Time(Timeouts::default().linger))]
    pub linger_timeout: Time,

    /// Limit the wait for requests in progress, longer than zero, such as 500ms or 10s.
    #[arg(long, value_name = "T", env = "FOURWAY_DRAIN_TIMEOUT", help_heading = SHUTDOWN)]
    #[arg(default_value_t = Time(Duration::from_secs(10)))]
    pub drain_timeout: Time,

    /// Choose how idle connections end [default: close, with inherited sockets last-request]
    #[arg(long, value_name = "MODE", env = "FOURWAY_DRAIN_IDLE", value_enum, help_heading = SHUTDOWN)]
    pub drain_idle: Option<DrainIdle>,

    /// Log each request; -vv also logs state changes, -vvv also events.
    ///
    /// RUST_LOG overrides this option. The log never stops the server: lines that nobody reads are dropped
    /// and counted.
    #[arg(short, long, action = ArgAction::Count, env = "FOURWAY_VERBOSE", value_parser = verbosity)]
    pub verbose: u8,
}

impl Options {
    /// Returns the options of this process. If one of them is wrong, prints an error and ends the process.
    pub fn of_process() -> Self {
        Self::read().unwrap_or_else(|error| error.exit())
    }

    fn read() -> Result<Self, clap::Error> {
        let matches = environment::matches(Self::command())?;
        let mut options = Self::from_arg_matches(&matches)?;
        options.matches = matches;
        options.settle_body()?;
        Ok(options)
    }

    /// Settles which body wins. Clap cannot: it would also report a conflict if one body comes from the
    /// command line, which overrides the environment.
    fn settle_body(&mut self) -> Result<(), clap::Error> {
        match (self.matches.value_source("body"), self.matches.value_source("body_file")) {
            (Some(ValueSource::CommandLine), Some(ValueSource::EnvVariable)) => {
                self.body_file = None;
                Ok(())
            }
            (Some(text), Some(file)) if text == file => {
                let sentence =
                    format!("give either {} or {}, not both", self.name("body"), self.name("body_file"));
                Err(Self::command().error(ErrorKind::ArgumentConflict, sentence))
            }
            _ => Ok(()),
        }
    }

    /// Returns the name of an option as the user gave it: `--body-file`, or `FOURWAY_BODY_FILE` if its value
    /// comes from the environment. Every error after the parsing that is about an option uses this name.
    pub fn name(&self, id: &str) -> String {
        let is_variable = self.matches.value_source(id) == Some(ValueSource::EnvVariable);
        environment::name(&Self::command(), id, is_variable)
    }

    /// Returns the addresses of each value of `--listen`. The default does not count if the program inherits
    /// sockets.
    pub fn addresses(&self, inherits: bool) -> impl Iterator<Item = &[SocketAddr]> {
        let is_default = self.matches.value_source("listen") == Some(ValueSource::DefaultValue);
        let given = self.listen.iter().filter(move |_| !(inherits && is_default));
        given.map(|listen| &listen.0[..])
    }

    /// Returns the library's settings. `max_connections` is left out, because it also depends on the file
    /// limit. If the program inherits sockets, its successor inherits them too, so idle clients have time for
    /// one more request.
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

//! The options of the program, from the command line and the environment.

mod accepting;
mod connections;
mod doctor;
mod environment;
mod generated;
mod help;
mod lab;
mod limits;
mod listeners;
mod response;
mod status;
mod steering;
mod timeouts;
mod trace;
mod values;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use fourway::Config;

pub use accepting::AcceptOptions;
use connections::ConnectionOptions;
pub use doctor::{ClientPlace, DoctorOptions};
use generated::{CompletionOptions, ManOptions};
pub use lab::{Chosen, LabOptions};
use limits::LimitOptions;
use listeners::ListenerOptions;
use response::ResponseOptions;
use status::StatusOptions;
pub use status::SummaryForm;
use steering::SteeringOptions;
use timeouts::{ShutdownOptions, TimeoutOptions};
use trace::TraceFileOptions;
pub use trace::TraceOptions;
pub use values::Listen;
use values::{DrainIdle, verbosity};

/// An HTTP/1.1 server that gives every request the same response.
///
/// It is a target for load tests: it reports which side closed each connection first, and whether the
/// server was the bottleneck.
#[derive(Debug, Parser)]
#[command(version)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub struct Options {
    /// Listen on IP:PORT, localhost:PORT or unix:PATH.
    ///
    /// Repeat the option, or separate addresses by commas. Port 0 is any free port. A server that inherits
    /// sockets (LISTEN_FDS) listens on them and on the addresses given here, but not on the default address.
    /// A socket file at PATH that nobody listens on is replaced.
    #[arg(long, value_name = "ADDR", env = "FOURWAY_LISTEN", value_delimiter = ',')]
    #[arg(default_value = "127.0.0.1:65534")]
    pub listen: Vec<Listen>,

    /// Log requests; -vv also logs state changes, -vvv also events.
    ///
    /// RUST_LOG overrides this option. The log never stops the server: lines that nobody reads are dropped
    /// and counted.
    #[arg(short, long, action = ArgAction::Count, env = "FOURWAY_VERBOSE", value_parser = verbosity)]
    pub verbose: u8,

    #[command(flatten)]
    pub response: ResponseOptions,

    #[command(flatten)]
    pub steering: SteeringOptions,

    #[command(flatten)]
    pub connections: ConnectionOptions,

    #[command(flatten)]
    pub listeners: ListenerOptions,

    #[command(flatten)]
    pub accepting: AcceptOptions,

    #[command(flatten)]
    pub limits: LimitOptions,

    #[command(flatten)]
    pub timeouts: TimeoutOptions,

    #[command(flatten)]
    pub shutdown: ShutdownOptions,

    #[command(flatten)]
    pub status: StatusOptions,

    #[command(flatten)]
    pub trace: TraceFileOptions,

    /// What to do instead of serving.
    #[command(subcommand)]
    pub subcommand: Option<Subcommands>,

    /// The source of each value.
    #[arg(skip)]
    matches: ArgMatches,
}

/// The subcommands. Their options are their own, and those of the server are not theirs.
#[derive(Debug, Subcommand)]
pub enum Subcommands {
    /// Print what this machine can bear, and what breaks first.
    ///
    /// It reads the limits of the kernel, compares them with what you ask for, and prints the lines that would
    /// raise them. It changes nothing. The exit code is 0 if the machine can bear it, else 1.
    Doctor(DoctorOptions),

    /// Show the life of a TCP connection, step by step, with the kernel's states.
    ///
    /// A client and the server talk over the loopback. After each step the program asks the kernel about both ends, and
    /// prints their states and the segments. What cannot be seen is printed as a question mark. It needs no rights.
    Lab(LabOptions),

    /// Print the steps of a recorded story, or of a file of --trace.
    ///
    /// Each line is one step: an event, a system call with its result, a change of state with its reason, a deadline,
    /// a move in the ready queue, or a buffer that is lent. Without a story, it lists the stories.
    Trace(TraceOptions),

    /// Print the script that completes the options in a shell.
    Completions(CompletionOptions),

    /// Print the man page.
    Man(ManOptions),
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
                self.response.body_file = None;
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

    /// Returns the values of `--listen`. The default does not count if the program inherits sockets.
    pub fn listens(&self, inherits: bool) -> impl Iterator<Item = &Listen> {
        let is_default = self.matches.value_source("listen") == Some(ValueSource::DefaultValue);
        self.listen.iter().filter(move |_| !(inherits && is_default))
    }

    /// Returns the library's settings. `max_connections` is left out, because it also depends on the file
    /// limit. If the program inherits sockets, its successor inherits them too, so idle clients have time for
    /// one more request.
    pub fn config(&self, inherits: bool) -> Config {
        let mut config = Config::default();
        let usual = if inherits { DrainIdle::LastRequest } else { DrainIdle::Close };
        config.idle_in_drain = self.shutdown.drain_idle.unwrap_or(usual).into();
        self.connections.apply(&mut config);
        self.listeners.apply(&mut config);
        self.accepting.apply(&mut config);
        self.limits.apply(&mut config);
        self.timeouts.apply(&mut config);
        config
    }
}

//! The program: a host of the library like any other. It gives every request the same response, unless the URL steers it.
//!
//! [`main`] reads the options. The other modules are:
//!
//! - `serve`: the loop, from the creation of the server to the summary;
//! - `options`: the command line and the environment, with the help, the man page and the completions;
//! - `doctor`: the subcommand that prints what the machine can bear;
//! - `lab`: the subcommand that shows the life of a connection, and `language`, that of its sentences;
//! - `page`: the usual response, `steering`: the responses that URLs steer, and `target`: both as a handler;
//! - `sockets`: the listeners, on addresses or on `inherited` sockets;
//! - `listener`: a TCP listener with the options of the command line, and `unix_socket`;
//! - `holder`: the socket that holds a port in use;
//! - `ledger`: who holds TIME_WAIT, and how long the ports of clients last;
//! - `limits`: open files and the accept queue;
//! - `machine`: what the kernel tells about the machine;
//! - `memory`: the memory of the program, and its division;
//! - `accepting`: when the server accepts;
//! - `signals`: signals as events of the loop, and their meaning;
//! - `meter`: the busy time of the server, and its longest turn;
//! - `verdict`: which side limits the run;
//! - `reports`: everything that shows what the server does: `status`, a second server, the `live` line of a terminal, and
//!   the `summary` at the end;
//! - `machine`: what the kernel tells about this machine;
//! - `trace`: the trace of a run, and the subcommand that prints one;
//! - `logging`: the log of `-v`, and `repetition`, which limits warnings;
//! - `console`: stdout and stderr, which `output` writes without blocking the loop.

#![forbid(unsafe_code)]

mod accepting;
mod console;
mod doctor;
mod holder;
mod inherited;
mod lab;
mod language;
#[cfg(target_os = "linux")]
mod ledger;
mod limits;
mod listener;
mod live;
mod logging;
mod machine;
mod memory;
mod meter;
mod options;
mod output;
mod page;
mod repetition;
mod reports;
mod serve;
mod signals;
mod sockets;
mod status;
mod steering;
mod summary;
mod target;
mod trace;
#[cfg(unix)]
mod unix_socket;
mod verdict;

use std::process::ExitCode;

use clap::CommandFactory;
use console::Console;
use inherited::Inherited;
use logging::Logger;
use options::{Options, Subcommands};

/// Runs the program. A wrong option ends it with exit code 2, any other error with 1.
fn main() -> ExitCode {
    let options = Options::of_process();
    match &options.subcommand {
        Some(Subcommands::Doctor(options)) => return doctor::run(options),
        Some(Subcommands::Lab(options)) => return lab::run(options),
        Some(Subcommands::Trace(options)) => return trace::run(options),
        Some(Subcommands::Completions(options)) => return options.print(Options::command()),
        Some(Subcommands::Man(options)) => return options.print(Options::command()),
        None => {}
    }
    // Both functions must run before the program starts threads: one changes the signal mask, which threads
    // inherit, and the other changes the environment.
    signals::keep_output_from_ending_us();
    let inherited = Inherited::of_process();
    let console = match Console::open() {
        Ok(console) => console,
        Err(error) => {
            eprintln!("fourway: error: cannot open stdout and stderr: {error}");
            return ExitCode::FAILURE;
        }
    };
    let logger = Logger::start(options.verbose, console.log());
    match inherited.and_then(|inherited| serve::serve(&options, inherited, &console, logger)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            console.fail(&sentence);
            ExitCode::FAILURE
        }
    }
}

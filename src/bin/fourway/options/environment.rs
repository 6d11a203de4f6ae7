//! Options that come from the environment. An empty variable is one that is not set, and a wrong value is
//! reported with the name of its variable.

use std::env;
use std::ffi::OsStr;

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgMatches, Command, Error};

/// Reads the command line and the environment.
pub fn matches(command: Command) -> Result<ArgMatches, Error> {
    // An error without the environment is one of the command line.
    if let Err(error) = with_variables(&command, |_| false).try_get_matches() {
        // It may also be the help, which names the variables.
        return if error.use_stderr() { Err(error) } else { command.try_get_matches() };
    }
    let matches = with_variables(&command, is_set).try_get_matches();
    matches.map_err(|error| culprit(&command).unwrap_or(error))
}

fn is_set(variable: &OsStr) -> bool {
    env::var_os(variable).is_some_and(|value| !value.is_empty())
}

/// The command with some of its variables.
fn with_variables(command: &Command, is_used: impl Fn(&OsStr) -> bool) -> Command {
    command.clone().mut_args(|arg| match arg.get_env() {
        Some(variable) if !is_used(variable) => arg.env(Resettable::Reset),
        _ => arg,
    })
}

/// The first variable whose value is wrong, as an error that names it.
fn culprit(command: &Command) -> Option<Error> {
    let mut built = command.clone();
    // Only then an argument can be printed.
    built.build();
    built.get_arguments().find_map(|arg| {
        let variable = arg.get_env().filter(|variable| is_set(variable))?;
        let alone = with_variables(command, |other| other == variable).try_get_matches();
        Some(named(alone.err()?, arg, variable, command))
    })
}

fn named(mut error: Error, arg: &Arg, variable: &OsStr, command: &Command) -> Error {
    let name = format!("{} ({arg})", variable.to_string_lossy());
    if error.kind() == ErrorKind::InvalidUtf8 {
        return command.clone().error(ErrorKind::InvalidUtf8, format!("the value of {name} is not UTF-8"));
    }
    error.insert(ContextKind::InvalidArg, ContextValue::String(name));
    error
}

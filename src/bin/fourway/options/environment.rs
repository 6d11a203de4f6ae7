//! Options that come from the environment. An empty variable counts as not set. An error about a variable
//! names it.

use std::env;
use std::ffi::{OsStr, OsString};

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgMatches, Command, Error};

use super::help::with_screens;

/// Reads the command line and the environment. A subcommand has its own variables, and the server has its own.
pub fn matches(command: Command) -> Result<ArgMatches, Error> {
    // If it fails without the environment, the command line is wrong.
    let plain = match with_variables(&command, |_| false).try_get_matches() {
        Ok(matches) => matches,
        // The error may also be the help.
        Err(error) if !error.use_stderr() => return with_screens(command).try_get_matches(),
        Err(error) => return Err(error),
    };
    let variables = set_variables(active(&command, plain.subcommand_name()));
    let matches = with_variables(&command, |variable| is_in(&variables, variable)).try_get_matches();
    matches.map_err(|error| wrong_variable(&command, &variables, plain.subcommand_name()).unwrap_or(error))
}

/// Returns the command whose options count.
fn active<'a>(command: &'a Command, subcommand: Option<&str>) -> &'a Command {
    subcommand.and_then(|name| command.find_subcommand(name)).unwrap_or(command)
}

/// Returns the name of an option, or of its variable.
pub fn name(command: &Command, id: &str, is_variable: bool) -> String {
    let arg = command.get_arguments().find(|arg| arg.get_id() == id);
    let variable = arg.and_then(Arg::get_env).filter(|_| is_variable);
    match (variable, arg.and_then(Arg::get_long)) {
        (Some(variable), _) => variable.to_string_lossy().into_owned(),
        (None, long) => format!("--{}", long.unwrap_or(id)),
    }
}

/// Returns the variables of a command that are set, and not empty.
fn set_variables(command: &Command) -> Vec<OsString> {
    let is_set = |variable: &&OsStr| env::var_os(variable).is_some_and(|value| !value.is_empty());
    command.get_arguments().filter_map(Arg::get_env).filter(is_set).map(OsStr::to_owned).collect()
}

fn is_in(variables: &[OsString], variable: &OsStr) -> bool {
    variables.iter().any(|set| set == variable)
}

/// Returns the command without the variables that are not used.
fn with_variables(command: &Command, is_used: impl Fn(&OsStr) -> bool) -> Command {
    let used = |arg: Arg| match arg.get_env() {
        Some(variable) if !is_used(variable) => arg.env(Resettable::Reset),
        _ => arg,
    };
    command.clone().mut_args(used).mut_subcommands(|subcommand| subcommand.mut_args(used))
}

/// Returns an error that names the first variable with a wrong value.
fn wrong_variable(command: &Command, variables: &[OsString], subcommand: Option<&str>) -> Option<Error> {
    let mut built = command.clone();
    // Clap can print the arguments of a built command only.
    built.build();
    active(&built, subcommand).get_arguments().find_map(|arg| {
        let variable = arg.get_env().filter(|variable| is_in(variables, variable))?;
        let alone = with_variables(command, |other| other == variable).try_get_matches();
        Some(with_name(alone.err()?, arg, variable, command))
    })
}

fn with_name(mut error: Error, arg: &Arg, variable: &OsStr, command: &Command) -> Error {
    let name = format!("{} ({arg})", variable.to_string_lossy());
    if error.kind() == ErrorKind::InvalidUtf8 {
        return command.clone().error(ErrorKind::InvalidUtf8, format!("the value of {name} is not UTF-8"));
    }
    error.insert(ContextKind::InvalidArg, ContextValue::String(name));
    error
}

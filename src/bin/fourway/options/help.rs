//! The help: `--help` is one screen with a line for each option, and `-h` a few lines with the most used ones. Clap's own
//! layout takes several lines for an option. What does not fit into a line is in the man page.

use std::fmt::Write;

use clap::builder::styling::Style;
use clap::{Arg, Command};

/// The options that `-h` shows.
const MOST_USED: [&str; 12] = [
    "listen",
    "body",
    "size",
    "delay",
    "status",
    "close",
    "max_connections",
    "status_listen",
    "quiet",
    "verbose",
    "help",
    "version",
];

/// The width of the help if it is not printed on a terminal, and its largest width.
const WIDTH: usize = 100;

/// The column in which the text of an option begins.
const TEXT_COLUMN: usize = 24;

const NUMBERS: &str = "\
Numbers may have a unit: 64k is 64,000, and 64ki is 65,536. Times need one: 50us, 500ms, 10s, 2m.";

const SIGNALS: &str = "\
SIGTERM, SIGINT: finish requests, then exit; twice: exit at once. SIGUSR1, SIGUSR2: accept off, on.";

const MORE: &str = "shows the man page, with more about each option, signals and exit codes.";

/// Returns the command with both screens instead of clap's help.
pub fn with_screens(mut command: Command) -> Command {
    command.build();
    let width = terminal_size::terminal_size().map(|(width, _)| width.0.into());
    let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
    let width = width.or_else(columns).unwrap_or(WIDTH).clamp(TEXT_COLUMN + 20, WIDTH);
    let [short, long] = [false, true].map(|is_long| screen(&mut command, is_long, width));
    let names: Vec<_> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let command = with(command, short, long);
    names.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, |mut sub| {
            let screen = screen(&mut sub, true, width);
            with(sub, screen.clone(), screen)
        })
    })
}

fn with(command: Command, short: String, long: String) -> Command {
    // A width of 0 means that clap breaks no line.
    command.term_width(0).help_template("{before-help}").before_help(short).before_long_help(long)
}

/// Returns the help of a command: all of it, or the most used options.
fn screen(command: &mut Command, is_long: bool, width: usize) -> String {
    let usage = command.render_usage();
    let is_server = command.has_subcommands();
    let mut page = Page { text: String::new(), width, is_server };
    page.paragraph(&command.get_about().map(ToString::to_string).unwrap_or_default());
    let _ = writeln!(page.text, "\n{}", usage.ansi());
    let is_shown = |arg: &&Arg| is_long || MOST_USED.contains(&arg.get_id().as_str());
    let shown: Vec<_> = command.get_arguments().filter(is_shown).collect();
    let mut headings = Vec::new();
    for heading in shown.iter().map(|arg| heading(arg)) {
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    for group in headings {
        if is_long || !is_server {
            page.heading(group);
        } else if group == "Options" {
            page.heading("Most used options");
        }
        for arg in shown.iter().filter(|arg| heading(arg) == group) {
            page.option(arg);
        }
    }
    if is_server {
        page.heading("Commands");
        for sub in command.get_subcommands() {
            let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
            page.entry(sub.get_name(), &about);
        }
    }
    page.text.push('\n');
    page.notes(command, is_long);
    page.text
}

fn heading(arg: &Arg) -> &str {
    arg.get_help_heading().unwrap_or("Options")
}

/// A text of lines that are not wider than the terminal.
struct Page {
    text: String,
    width: usize,
    /// Whether the options are those of the server. Its `-h` is shorter than its `--help`.
    is_server: bool,
}

impl Page {
    fn heading(&mut self, heading: &str) {
        let style = Style::new().bold().underline();
        let _ = writeln!(self.text, "\n{style}{heading}:{style:#}");
    }

    fn option(&mut self, arg: &Arg) {
        let values = arg.get_value_names().unwrap_or_default();
        let value = values.first().filter(|_| arg.get_action().takes_values());
        let mut name = match (arg.get_short(), arg.get_long()) {
            (Some(short), Some(long)) => format!("-{short}, --{long}"),
            (None, Some(long)) => format!("--{long}"),
            (Some(short), None) => format!("-{short}"),
            (None, None) => String::new(),
        };
        if let Some(value) = value {
            let space = if name.is_empty() { "" } else { " " };
            let _ = write!(name, "{space}{value}");
        }
        let mut text = match arg.get_id().as_str() {
            "help" if self.is_server => "Print all options; -h prints the most used".to_owned(),
            "help" => "Print this help".to_owned(),
            _ => arg.get_help().map(ToString::to_string).unwrap_or_default(),
        };
        let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        if value.is_some() && !defaults.is_empty() {
            let _ = write!(text, " [default: {}]", defaults.join(","));
        }
        self.entry(&name, &text);
    }

    /// Adds a name, and its text behind it.
    fn entry(&mut self, name: &str, text: &str) {
        let bold = Style::new().bold();
        let lines = wrapped(text, self.width - TEXT_COLUMN);
        let mut begin =
            format!("  {bold}{name}{bold:#}{:1$}", "", (TEXT_COLUMN - 2).saturating_sub(name.len()));
        for line in lines {
            let _ = writeln!(self.text, "{begin}{line}");
            begin = " ".repeat(TEXT_COLUMN);
        }
    }

    fn paragraph(&mut self, text: &str) {
        for line in wrapped(text, self.width) {
            let _ = writeln!(self.text, "{line}");
        }
    }

    /// Adds what concerns all options.
    fn notes(&mut self, command: &Command, is_long: bool) {
        let has_variable = |arg: &&Arg| arg.get_env().is_some();
        let has_dash = |arg: &&Arg| arg.get_long().is_some_and(|long| long.contains('-'));
        let variables = || command.get_arguments().filter(has_variable);
        let Some(example) = variables().find(has_dash).or(variables().next()) else { return };
        if is_long {
            self.paragraph(&environment(example, variables().count() == 1));
            if command.get_arguments().any(takes_number) {
                self.paragraph(NUMBERS);
            }
        }
        if self.is_server && is_long {
            self.paragraph(SIGNALS);
        }
        let all = if is_long { "" } else { "--help shows all options, and " };
        let page = if self.is_server { String::new() } else { format!(" {}", command.get_name()) };
        self.paragraph(&format!("{all}fourway man{page} | man -l - {MORE}"));
    }
}

/// Returns whether an option takes a number or a time. The names of such values have one letter.
fn takes_number(arg: &Arg) -> bool {
    arg.get_value_names().unwrap_or_default().iter().any(|name| name.len() == 1)
}

/// Returns the sentence about variables, with an example.
fn environment(example: &Arg, is_only: bool) -> String {
    let (option, variable) = (example.get_long().unwrap_or_default(), example.get_env().unwrap_or_default());
    let variable = variable.to_string_lossy();
    let names = match is_only {
        true => format!("Variable: --{option} is {variable}, and no other option has one."),
        false => format!("Variables: --{option} is {variable}, and so on."),
    };
    format!("{names} The command line wins; empty is not set.")
}

/// Breaks a text between words into lines of at most this width. The first word of a default stays with its label.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    const LABEL: (&str, &str) = ("[default: ", "[default:\u{a0}");
    let text = text.replace(LABEL.0, LABEL.1);
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let line = lines.last_mut().expect("a line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.into_iter().map(|line| line.replace(LABEL.1, LABEL.0)).collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::super::Options;
    use super::*;

    #[test]
    fn the_most_used_options_exist() {
        let mut command = Options::command();
        command.build();
        for id in MOST_USED {
            assert!(command.get_arguments().any(|arg| arg.get_id() == id), "{id}");
        }
    }

    #[test]
    fn long_texts_are_broken_between_words() {
        assert_eq!(wrapped("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a [default: b]", 12), ["a", "[default: b]"]);
        assert_eq!(wrapped("incomprehensible", 7), ["incomprehensible"]);
        assert_eq!(wrapped("", 7), [""]);
    }
}

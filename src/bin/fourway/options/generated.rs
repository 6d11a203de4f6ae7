//! What is made of the options: scripts that complete them in a shell, and the man page.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

#[derive(Debug, Args)]
pub struct CompletionOptions {
    /// Choose the shell: bash, elvish, fish, powershell, zsh
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

#[derive(Debug, Args)]
pub struct ManOptions {
    /// Print the man page of this command: doctor, lab, trace
    #[arg(value_name = "COMMAND", value_parser = ["doctor", "lab", "trace"])]
    command: Option<String>,
}

impl CompletionOptions {
    /// Prints the script that completes the options of the program in a shell.
    pub fn print(&self, mut program: Command) -> ExitCode {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut program, "fourway", &mut script);
        print(&script)
    }
}

impl ManOptions {
    /// Prints a man page of the program, as troff(1) reads it.
    pub fn print(&self, mut program: Command) -> ExitCode {
        program.build();
        let end = match self.command.as_deref() {
            Some("doctor") => include_str!("man_doctor.roff"),
            Some("lab") => include_str!("man_lab.roff"),
            Some("trace") => include_str!("man_trace.roff"),
            _ => include_str!("man.roff"),
        };
        let command = self.command.as_deref().and_then(|name| program.find_subcommand(name)).cloned();
        let page = page(command.unwrap_or(program), end);
        print(page.as_bytes())
    }
}

/// Returns the man page of a command. `end` is the part that clap does not know.
fn page(command: Command, end: &str) -> String {
    let name = command.get_display_name().unwrap_or("fourway").to_owned();
    let bin = command.get_bin_name().unwrap_or("fourway").to_owned();
    // Clap's own would list every option.
    let values: String = command
        .get_positionals()
        .filter_map(|arg| arg.get_value_names()?.first().map(|name| format!(" [{name}]")))
        .collect();
    let man = Man::new(command.override_usage(format!("{bin} [OPTIONS]{values}")));
    let sections = [
        Man::render_name_section,
        Man::render_synopsis_section,
        Man::render_description_section,
        Man::render_options_section,
    ];
    let mut page = Vec::new();
    for section in sections {
        section(&man, &mut page).expect("memory takes everything");
    }
    let page = String::from_utf8(page).expect("clap writes UTF-8");
    // An empty line between two paragraphs of an option is a mistake to troff.
    let page = page.replace(".br\n\n.br\n", "\n").replace("\n\n", "\n.sp\n").replace(" \n", "\n");
    // Clap leaves out the quotes of the date, which a program that is built from its sources does not have.
    let version = env!("CARGO_PKG_VERSION");
    format!(".TH {} 1 \"\" \"fourway {version}\" fourway\n{page}{end}", name.to_uppercase())
}

/// Prints a text to a reader that may leave early, such as `head`.
fn print(text: &[u8]) -> ExitCode {
    match io::stdout().write_all(text).and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("fourway: error: cannot print: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

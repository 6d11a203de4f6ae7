//! What is made of the options: completions for shells, and the man pages. The programs that read them check them.

use std::path::Path;
use std::process::Command;

use super::listed;
use crate::common::child::Child;
use crate::common::program::{command, run};
use crate::common::tools::{self, Folder, run_to_text};

/// Writes what the program prints with these arguments into a file.
fn printed(folder: &Folder, name: &str, arguments: &[&str]) -> std::path::PathBuf {
    let ended = run(command(arguments));
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    folder.write(name, ended.stdout)
}

/// Runs a line of a shell with a script as `$1`. Returns the lines that it prints.
fn shell(shell: &Path, switches: &[&str], line: &str, script: &Path) -> Vec<String> {
    let mut command = Command::new(shell);
    command.args(switches).args(["-c", line]).arg("shell").arg(script);
    let (text, log) = run_to_text(&mut command);
    assert_eq!(log, "", "{line}");
    text.lines().map(str::to_owned).collect()
}

/// The names of all options of the server that begin with two dashes.
fn long_options() -> Vec<String> {
    let name = |name: &String| Some(format!("--{}", name.split("--").nth(1)?.split(' ').next()?));
    listed::of_server().keys().filter_map(name).collect()
}

#[test]
fn bash_completes_options_their_modes_and_commands() {
    let Some(bash) = tools::find(&["bash"]) else { return };
    let folder = Folder::new();
    let script = printed(&folder, "fourway.bash", &["completions", "bash"]);
    run_to_text(Command::new(&bash).arg("-n").arg(&script));
    let complete = |words: &[&str]| {
        let line = format!(
            "source \"$1\"; COMP_WORDS=({}); COMP_CWORD={}; _fourway fourway {} {}; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "),
            words.len() - 1,
            format_args!("'{}'", words[words.len() - 1]),
            format_args!("'{}'", words[words.len() - 2]),
        );
        shell(&bash, &["--norc", "--noprofile"], &line, &script)
    };
    assert_eq!(complete(&["fourway", "--max-c"]), ["--max-connections"]);
    assert_eq!(complete(&["fourway", "--close", ""]), ["fin", "peer", "rst", "drop"]);
    assert_eq!(complete(&["fourway", "doc"]), ["doctor"]);
    assert_eq!(complete(&["fourway", "doctor", "--conn"]), ["--connections"]);
    assert_eq!(complete(&["fourway", "lab", "--lang", ""]), ["en", "zh"]);
    assert!(complete(&["fourway", "lab", ""]).contains(&"half-close".to_owned()));
    let offered = complete(&["fourway", "--"]);
    for option in long_options() {
        assert!(offered.contains(&option), "{option} of {offered:?}");
    }
}

#[test]
fn fish_completes_options_and_their_modes() {
    let Some(fish) = tools::find(&["fish"]) else { return };
    let folder = Folder::new();
    let script = printed(&folder, "fourway.fish", &["completions", "fish"]);
    run_to_text(Command::new(&fish).arg("--no-execute").arg(&script));
    let complete = |line: &str| {
        let mut command = Command::new(&fish);
        // Its own files stay out of the home of the user.
        for name in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
            command.env(name, folder.path("home"));
        }
        let script = format!("source {}; complete --do-complete '{line}'", script.display());
        let (text, _) = run_to_text(command.args(["--no-config", "-c", &script]));
        let word = |line: &str| line.split('\t').next().unwrap_or_default().to_owned();
        text.lines().map(word).collect::<Vec<_>>()
    };
    assert_eq!(complete("fourway --max-c"), ["--max-connections"]);
    // Behind `--close` and a space the script of clap_complete offers files instead.
    assert_eq!(complete("fourway --close=p"), ["--close=peer"]);
    let offered = complete("fourway --");
    for option in long_options() {
        assert!(offered.contains(&option), "{option} of {offered:?}");
    }
}

#[test]
fn zsh_reads_its_script_and_knows_the_program_afterwards() {
    let Some(zsh) = tools::find(&["zsh"]) else { return };
    let folder = Folder::new();
    let script = printed(&folder, "_fourway", &["completions", "zsh"]);
    run_to_text(Command::new(&zsh).args(["-f", "-n"]).arg(&script));
    let line = "autoload -U compinit; compinit -D -u; source \"$1\"; print -r -- $_comps[fourway]";
    assert_eq!(shell(&zsh, &["-f"], line, &script), ["_fourway"]);
}

#[test]
fn elvish_and_powershell_get_scripts_with_all_options() {
    for name in ["elvish", "powershell"] {
        let script = run(command(&["completions", name])).stdout;
        for option in long_options() {
            assert!(script.contains(&option), "{option} in {name}");
        }
    }
}

#[test]
fn a_shell_that_nobody_knows_is_an_error() {
    let ended = run(command(&["completions", "cmd"]));
    assert_eq!((ended.code(), ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.stderr.contains("bash, elvish, fish, powershell, zsh"), "{}", ended.stderr);
}

const MAN_PAGES: [&[&str]; 4] = [&["man"], &["man", "doctor"], &["man", "lab"], &["man", "trace"]];

#[test]
fn groff_reads_the_man_pages_without_a_warning() {
    let Some(groff) = tools::find(&["groff"]) else { return };
    let folder = Folder::new();
    for arguments in MAN_PAGES {
        let page = printed(&folder, "page.1", arguments);
        let (text, warnings) = run_to_text(Command::new(&groff).args(["-man", "-ww", "-Tascii"]).arg(page));
        assert_eq!(warnings, "", "{arguments:?}");
        assert!(text.contains("FOURWAY"), "{text}");
    }
}

#[test]
fn mandoc_reads_the_man_pages_and_misses_nothing_but_their_dates() {
    let Some(mandoc) = tools::find(&["mandoc"]) else { return };
    let folder = Folder::new();
    for arguments in MAN_PAGES {
        let page = printed(&folder, "page.1", arguments);
        let ended = Child::run(Command::new(&mandoc).args(["-Tlint", "-Wwarning"]).arg(page));
        let warnings = ended.stdout + &ended.stderr;
        let others: Vec<_> = warnings.lines().filter(|line| !line.contains("missing date")).collect();
        assert_eq!(others, [""; 0], "{arguments:?}");
    }
}

#[test]
fn the_man_page_lists_exit_codes_signals_and_variables() {
    let page = run(command(&["man"])).stdout;
    for heading in
        ["SYNOPSIS", "OPTIONS", "COMMANDS", "VALUES", "ENVIRONMENT", "SIGNALS", "EXIT STATUS", "EXAMPLES"]
    {
        assert!(page.contains(&format!("\n.SH {heading}\n")), "{heading}");
    }
    assert!(page.starts_with(&format!(".TH FOURWAY 1 \"\" \"fourway {}\" ", env!("CARGO_PKG_VERSION"))));
    assert!(page.contains("\\fBSIGUSR1\\fR"));
}

//! The program on a terminal.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::common::Client;
use crate::common::child::{Child, Lines, addresses_in};
use crate::common::program::{EXECUTABLE, tidy};
use crate::common::tools;

/// A terminal with a session of its own, in which a script runs the program. The script ends with it.
struct Terminal {
    keyboard: File,
    screen: Lines,
    _session: Child,
}

impl Terminal {
    /// Returns `None` where nothing can start a session.
    fn run(script: &str, arguments: &[&str]) -> Option<Terminal> {
        Terminal::run_wide(80, script, arguments)
    }

    /// The same on a terminal with this number of columns.
    fn run_wide(columns: u16, script: &str, arguments: &[&str]) -> Option<Terminal> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let slave = OpenOptions::new().read(true).write(true).open(name).unwrap();
        let mut command = Command::new(tools::find(&["setsid"])?);
        // The tests may have been started by `nohup`.
        command.args(["--ctty", "env", "--default-signal=HUP"]);
        command.args(["sh", "-c", script, EXECUTABLE]).args(arguments);
        let mut command = tidy(command);
        command.stdin(slave.try_clone().unwrap()).stdout(slave.try_clone().unwrap()).stderr(slave);
        let session = Child::unread(&mut command);
        let keyboard = File::from(master);
        let screen = Lines::of(keyboard.try_clone().unwrap());
        Some(Terminal { keyboard, screen, _session: session })
    }

    /// A line that has been seen, or will be.
    fn line(&mut self, part: &str) -> String {
        let seen = self.screen.seen.lines().find(|line| line.contains(part)).map(str::to_owned);
        seen.unwrap_or_else(|| self.screen.wait_for(part))
    }

    /// The process that the script has named.
    fn pid(&mut self) -> String {
        self.line("pid ").trim().split(' ').next_back().unwrap().to_owned()
    }

    fn connect(&mut self) -> Client {
        Client::connect(addresses_in(&self.line("listening on http://"))[0])
    }
}

fn signal(name: &str, pid: &str) {
    let kill = Command::new("kill").args(["-s", name, pid]).stdin(Stdio::null()).status();
    assert!(kill.unwrap().success());
}

#[test]
fn a_background_program_goes_on_when_the_terminal_stops_writers() {
    let script = r#"stty tostop; set -m; "$0" "$@" & echo "pid $!"; wait; echo "status $?""#;
    let Some(mut terminal) = Terminal::run(script, &["--listen", "127.0.0.1:0", "-v"]) else { return };
    let pid = terminal.pid();
    let mut client = terminal.connect();
    assert_eq!(client.ask("/path").body, b"xixizi");
    terminal.screen.wait_for("GET /path");
    signal("TERM", &pid);
    terminal.screen.wait_for("ended after");
}

#[test]
fn a_terminal_that_is_stopped_by_control_s_does_not_stop_the_server() {
    let script = r#"echo "pid $$"; exec "$0" "$@""#;
    let Some(mut terminal) = Terminal::run(script, &["--listen", "127.0.0.1:0", "-v"]) else { return };
    let pid = terminal.pid();
    let mut client = terminal.connect();
    client.ask("/path");
    terminal.screen.wait_for("GET /path");
    terminal.keyboard.write_all(b"\x13").unwrap();
    for _ in 0..1000 {
        assert_eq!(client.ask("/path").body, b"xixizi");
    }
    terminal.keyboard.write_all(b"\x11").unwrap();
    for _ in 0..1000 {
        terminal.screen.wait_for("GET /path");
    }
    signal("TERM", &pid);
    terminal.screen.wait_for("ended after");
}

#[test]
fn a_closed_terminal_ends_the_program_in_order() {
    let script = r#"echo "pid $$"; exec "$0" "$@""#;
    let Some(mut terminal) = Terminal::run(script, &["--listen", "127.0.0.1:0"]) else { return };
    let pid = terminal.pid();
    let mut client = terminal.connect();
    client.ask("/path");
    signal("HUP", &pid);
    client.expect_end();
    terminal.screen.wait_for("ended after");
}

#[test]
fn a_hangup_that_the_shell_ignores_does_not_end_the_program() {
    let script = r#"trap '' HUP; echo "pid $$"; exec "$0" "$@""#;
    let Some(mut terminal) = Terminal::run(script, &["--listen", "127.0.0.1:0"]) else { return };
    let pid = terminal.pid();
    let mut client = terminal.connect();
    signal("HUP", &pid);
    terminal.screen.wait_for("SIGHUP is ignored");
    assert_eq!(client.ask("/path").body, b"xixizi");
    signal("TERM", &pid);
    terminal.screen.wait_for("ended after");
}

// --- the live line ---

/// Starts the program on a terminal of 60 columns and asks it for more than two seconds. Returns what the terminal has
/// got up to the summary.
fn shown_amid_requests(arguments: &[&str]) -> Option<String> {
    shown_amid_requests_of(r#"echo "pid $$"; exec "$0" "$@""#, arguments)
}

fn shown_amid_requests_of(script: &str, arguments: &[&str]) -> Option<String> {
    let arguments = [&["--listen", "127.0.0.1:0"], arguments].concat();
    let mut terminal = Terminal::run_wide(60, script, &arguments)?;
    let pid = terminal.pid();
    let mut client = terminal.connect();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(2500) {
        client.ask("/path");
    }
    signal("TERM", &pid);
    terminal.screen.wait_for("ended after");
    let seen = std::mem::take(&mut terminal.screen.seen);
    let (_, after_greeting) = seen.split_once("of memory").expect("the greeting");
    Some(after_greeting.to_owned())
}

/// The lines that have taken each other's place.
fn live_lines(shown: &str) -> Vec<&str> {
    shown.split(['\r', '\n']).filter(|line| line.contains(" requests/s")).collect()
}

#[test]
fn a_terminal_shows_one_line_a_second_that_fits_and_goes_away_at_the_end() {
    let Some(shown) = shown_amid_requests(&[]) else { return };
    let lines = live_lines(&shown);
    assert!((1..=3).contains(&lines.len()), "{shown:?}");
    for line in &lines {
        assert!(line.len() < 60, "it fits: {line:?}");
        assert!(line.contains(" connections/s") && line.contains(", busy "), "{line:?}");
    }
    let rate: f64 = lines[0].split(' ').next().and_then(|rate| rate.parse().ok()).expect("a rate");
    assert!(rate >= 1.0, "{shown:?}");
    // Nothing but the end of the greeting breaks a line before the summary.
    let (before, _) = shown.split_once("fourway: ended").expect("the summary");
    assert_eq!(before.matches('\n').count(), 1, "{shown:?}");
    assert!(before.ends_with('\r'), "the summary takes the place of the last line: {shown:?}");
    let (_, erased) = before.trim_end_matches('\r').rsplit_once('\r').expect("the last line is erased");
    assert_eq!(erased.trim(), "", "{shown:?}");
}

#[test]
fn a_log_line_takes_the_place_of_the_live_line() {
    let Some(shown) = shown_amid_requests(&["-v"]) else { return };
    let lines = live_lines(&shown);
    assert!(!lines.is_empty() && lines.iter().all(|line| !line.contains("GET")), "{lines:?}");
}

#[test]
fn quiet_shows_no_live_line() {
    let Some(shown) = shown_amid_requests(&["--quiet"]) else { return };
    assert_eq!(live_lines(&shown), [""; 0]);
}

#[test]
fn without_a_terminal_on_stdout_there_is_no_live_line() {
    let script = r#"sh -c 'echo "pid $$" >&2; exec "$0" "$@"' "$0" "$@" | cat"#;
    let Some(shown) = shown_amid_requests_of(script, &[]) else { return };
    assert_eq!(live_lines(&shown), [""; 0]);
}

// --- the help ---

#[test]
fn help_is_as_wide_as_the_terminal_and_at_most_a_hundred_columns() {
    for columns in [60, 80, 120] {
        let script = r#""$0" --help; echo the end"#;
        let Some(mut terminal) = Terminal::run_wide(columns, script, &[]) else { return };
        terminal.screen.wait_for("the end");
        let seen = std::mem::take(&mut terminal.screen.seen);
        assert!(seen.contains("\u{1b}[1m--listen ADDR"), "names are bold: {seen:?}");
        let widths = seen.lines().map(|line| shown(line).chars().count());
        let widest = widths.max().expect("lines");
        let most = usize::from(columns).min(100);
        assert!((most - 10..=most).contains(&widest), "{widest} of {columns} columns: {seen}");
    }
}

/// Returns a line without the escape sequences that colour it.
fn shown(line: &str) -> String {
    let mut parts = line.trim_end().split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or("", |(_, rest)| rest))
}

#[test]
fn the_lab_has_colours_on_a_terminal_unless_they_are_not_wanted() {
    let script = r#""$0" "$@"; echo "status $?""#;
    for (script, is_coloured) in [(script.to_owned(), true), (format!("export NO_COLOR=1; {script}"), false)]
    {
        let Some(mut terminal) = Terminal::run(&script, &["lab", "open", "--lang", "en"]) else { return };
        terminal.screen.wait_for("status 0");
        let seen = &terminal.screen.seen;
        assert!(seen.contains("ESTABLISHED"), "{seen}");
        assert_eq!(seen.contains("\u{1b}["), is_coloured, "{seen:?}");
    }
}

//! The program on a terminal.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};

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
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        unlockpt(&master).unwrap();
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

//! The program `fourway` as a child process.

use std::net::{SocketAddr, TcpListener};
use std::ops::{Deref, DerefMut};
#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use super::Client;
use super::child::{Child, addresses_in};

pub use super::child::Ended;

pub const EXECUTABLE: &str = env!("CARGO_BIN_EXE_fourway");

/// A running program. It has to run until its test ends it.
pub struct Program {
    child: Child,
    /// The first address on which it listens.
    pub address: SocketAddr,
    /// The line in which it says where it listens.
    pub greeting: String,
}

/// The program with these options, and none from the environment.
pub fn command(options: &[&str]) -> Command {
    let mut command = Command::new(EXECUTABLE);
    command.args(options);
    tidy(command)
}

/// The program on a free port.
pub fn on_free_port(options: &[&str]) -> Command {
    command(&[&["--listen", "127.0.0.1:0"], options].concat())
}

/// The program in a shell that does something first.
pub fn command_after(script: &str, options: &[&str]) -> Command {
    let mut shell = Command::new("sh");
    let script = format!("{script}; exec \"$0\" \"$@\"");
    shell.args(["-c", &script, EXECUTABLE]).args(options);
    tidy(shell)
}

/// Takes everything from the environment that the program looks at. Only the test sets any of it.
pub fn tidy(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FOURWAY_") {
            command.env_remove(name);
        }
    }
    for name in ["RUST_LOG", "LISTEN_FDS", "LISTEN_PID", "LC_ALL", "LC_MESSAGES", "LANG"] {
        command.env_remove(name);
    }
    command
}

/// The command that starts it with a descriptor that it inherits as its descriptor 3: as a service manager does
/// (`sd_listen_fds(3)`).
#[cfg(unix)]
pub fn handing_over(descriptor: OwnedFd, options: &[&str]) -> Command {
    const HAND_OVER: &str = "exec 3<&0 0</dev/null; export LISTEN_FDS=1 LISTEN_PID=$$";
    let mut shell = command_after(HAND_OVER, options);
    shell.stdin(descriptor).stdout(Stdio::piped()).stderr(Stdio::piped());
    shell
}

/// Runs a program that ends by itself.
pub fn run(mut command: Command) -> Ended {
    Child::run(&mut command)
}

impl Program {
    /// Starts it on a free port, and waits until it says that it listens.
    pub fn start(options: &[&str]) -> Program {
        Program::start_as(on_free_port(options))
    }

    /// Starts it on this address.
    pub fn start_at(address: SocketAddr, options: &[&str]) -> Program {
        Program::start_as(command(&[&["--listen", &address.to_string()], options].concat()))
    }

    /// Starts it on a free port, under a tool that becomes the program it watches, or runs it in its own process.
    pub fn start_under(mut tool: Command, options: &[&str]) -> Program {
        tool.arg(EXECUTABLE).args(["--listen", "127.0.0.1:0"]).args(options);
        Program::start_as(tidy(tool))
    }

    /// Starts it on a socket that this process has bound, and keeps.
    #[cfg(unix)]
    pub fn start_on(listener: &TcpListener, options: &[&str]) -> Program {
        let listener = OwnedFd::from(listener.try_clone().expect("a second handle"));
        Program::greeted(Child::with_streams(&mut handing_over(listener, options)))
    }

    pub fn start_as(mut command: Command) -> Program {
        Program::greeted(Child::start(&mut command))
    }

    /// Waits until it says that it listens.
    fn greeted(mut child: Child) -> Program {
        let Some(greeting) = child.stdout.next_line() else {
            panic!("it did not start: {}", child.wait().stderr);
        };
        Program::of(child, greeting)
    }

    /// A program whose greeting the test has read.
    pub fn of(mut child: Child, greeting: String) -> Program {
        let addresses = addresses_in(&greeting);
        let address = *addresses.first().unwrap_or_else(|| panic!("no address in {greeting:?}"));
        child.has_to_run();
        Program { child, address, greeting }
    }

    pub fn addresses(&self) -> Vec<SocketAddr> {
        addresses_in(&self.greeting)
    }

    pub fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// Asks it to end, and waits until it has.
    #[cfg(unix)]
    pub fn end(self) -> Ended {
        self.child.end()
    }

    /// Waits until it has ended by itself.
    pub fn wait(self) -> Ended {
        self.child.wait()
    }
}

impl Deref for Program {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.child
    }
}

impl DerefMut for Program {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.child
    }
}

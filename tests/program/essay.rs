//! The commands of docs/essay.md, in networks of their own: each prints what the page shows.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::tools::{self, Folder};
use crate::common::{is_ci, say};

const PAGE: &str = include_str!("../../docs/essay.md");

/// What the shell prints after each command.
const MARK: &str = "--- done";

/// How long an observation may take to show what the page shows.
const LIMIT: Duration = Duration::from_secs(5);

/// A block of code, and its language.
struct Block {
    language: &'static str,
    lines: Vec<&'static str>,
}

fn blocks() -> Vec<Block> {
    let fenced = PAGE.split("```").skip(1).step_by(2);
    let block = |text: &'static str| {
        let mut lines = text.lines();
        Block { language: lines.next().unwrap_or_default(), lines: lines.collect() }
    };
    fenced.map(block).collect()
}

impl Block {
    /// Returns its commands. A loop is one of them.
    fn commands(&self) -> Vec<String> {
        let text = self.lines.join("\n").replace("; do\n", "; do ").replace("\ndone", "; done");
        text.lines().map(str::to_owned).collect()
    }
}

/// Returns a line without what differs from run to run: ports, fractions, seconds of a timer and spaces.
fn masked(line: &str) -> String {
    let mut masked = String::new();
    let words = line.replace("bash: ", "").replace("line ", "");
    for part in words.split_inclusive(|c: char| !c.is_ascii_digit()) {
        let digits = part.chars().filter(char::is_ascii_digit).count();
        let is_variable = (digits == 5 && !part.starts_with("65534"))
            || masked.ends_with('.') && digits == 3
            || masked.ends_with("timewait,");
        masked += if is_variable { part.trim_start_matches(|c: char| c.is_ascii_digit()) } else { part };
    }
    masked.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A shell in a network of its own. It ends when this is dropped.
struct Shell {
    child: std::process::Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Shell {
    fn start(folder: &Path) -> Shell {
        let fourway = Path::new(env!("CARGO_BIN_EXE_fourway")).parent().expect("a folder");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("unshare");
        command.args(["-Urn", "bash"]).current_dir(folder).env("no_proxy", "*");
        command.env("PATH", format!("{}:{path}:/usr/sbin", fourway.display()));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell");
        let (input, output) = (child.stdin.take(), child.stdout.take().expect("its output"));
        let mut shell = Shell { child, input, output: BufReader::new(output) };
        shell.run("exec 2>&1; trap 'kill $(jobs -p)' EXIT");
        shell
    }

    /// Runs a command, and returns the lines that it has printed.
    fn run(&mut self, command: &str) -> Vec<String> {
        let input = self.input.as_mut().expect("it has not ended");
        writeln!(input, "{command}\necho; echo '{MARK}'").expect("the shell reads");
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            let len = self.output.read_line(&mut line).expect("the shell writes");
            assert!(len > 0, "the shell has ended at {command}: {lines:?}");
            if line.trim_end() == MARK {
                return lines;
            }
            lines.push(line.trim_end().to_owned());
        }
    }

    /// Waits until a server in the background listens.
    fn await_listener(&mut self) {
        let begin = Instant::now();
        while !self.run("ss -ltn").iter().any(|line| line.contains(":65534")) {
            assert!(begin.elapsed() < LIMIT, "nobody listens");
        }
    }

    /// Runs a block of commands until each expected line was printed. The last command is repeated until then, if it
    /// only looks.
    fn expect(&mut self, block: &Block, expected: &[&str]) -> Result<(), String> {
        let mut missing: Vec<String> = expected.iter().map(|line| masked(line)).collect();
        let commands = block.commands();
        for (number, command) in commands.iter().enumerate() {
            let only_looks = command.starts_with("ss ") || command.starts_with("grep ");
            let is_last = number + 1 == commands.len();
            let begin = Instant::now();
            loop {
                let printed = self.run(command);
                let printed: Vec<String> = printed.iter().map(|line| masked(line)).collect();
                let before = missing.len();
                missing.retain(|line| !printed.contains(line));
                let is_enough = if is_last { missing.is_empty() } else { missing.len() < before };
                if !only_looks || is_enough {
                    break;
                }
                if begin.elapsed() > LIMIT {
                    return Err(format!("{command} printed {printed:#?}, and not {missing:#?}"));
                }
            }
            if command.ends_with('&') {
                self.await_listener();
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(format!("{commands:#?} did not print {missing:#?}")) }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.wait();
    }
}

/// Returns whether the machine has what the commands need.
fn can_run() -> bool {
    let tools = ["unshare", "bash", "ip", "ss", "sysctl", "curl", "python3"];
    if !tools.iter().all(|tool| tools::find(&[tool]).is_some()) {
        return false;
    }
    let is_allowed =
        Command::new("unshare").args(["-Urn", "true"]).status().is_ok_and(|status| status.success());
    if !is_allowed {
        assert!(!is_ci(), "CI is set, and a network of one's own is not allowed");
        say("SKIPPED the commands of the essay: a network of one's own is not allowed");
    }
    is_allowed
}

/// Runs the blocks of one network. Of the lines that make it, only those inside it are run.
fn run(blocks: &[Block]) -> Result<(), String> {
    let folder = Folder::new();
    let mut shell = Shell::start(&folder.path(""));
    for (number, block) in blocks.iter().enumerate() {
        let is_outside = |line: &&str| {
            ["cargo ", "unshare ", "PATH=", "kill %1; exit"].iter().any(|start| line.starts_with(start))
        };
        match block.language {
            "python" => {
                let text = block.lines.join("\n");
                std::fs::write(folder.path("server.py"), text).expect("the program");
            }
            "sh" => {
                let lines = block.lines.iter().copied().filter(|line| !is_outside(line)).collect();
                let block = Block { language: "sh", lines };
                let shown = blocks.get(number + 1).filter(|block| block.language == "text");
                shell.expect(&block, shown.map_or(&[], |block| &block.lines))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Runs the blocks of one network until they print what the page shows. On a busy machine a program may close so late
/// that its kernel has sent the ACK alone. Then the close has four segments, and proves nothing.
fn run_again(blocks: &[Block]) {
    for _ in 0..4 {
        if run(blocks).is_ok() {
            return;
        }
    }
    run(blocks).expect("what the page shows");
}

#[test]
fn each_command_of_the_essay_prints_what_the_essay_shows() {
    if !can_run() {
        return;
    }
    let blocks = blocks();
    let second = blocks.iter().position(|block| block.language == "python").expect("the program");
    assert!(second >= 10 && blocks.len() - second >= 8, "the page is read");
    let (first, second) = blocks.split_at(second);
    std::thread::scope(|scope| {
        scope.spawn(|| run_again(first));
        scope.spawn(|| run_again(second));
    });
}

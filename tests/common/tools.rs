//! What the machine has for tests: programs that others wrote, found, run within a time limit, and
//! loudly missed; and descriptors.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::{PATIENCE, is_ci, say, wait_until};

/// Whether one of these programs is installed, by the first that is.
///
/// If none is, the test has to return: it says so on the terminal, and where `CI` is set it
/// fails instead, for there a skip would be believed to be a pass.
pub fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let sbin = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let folders: Vec<PathBuf> = std::env::split_paths(&path).chain(sbin).collect();
    let file = |name: &&str| folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file());
    let found = names.iter().find_map(file);
    if found.is_none() {
        let test = thread::current().name().unwrap_or("a test").to_owned();
        let names = names.join(", ");
        assert!(!is_ci(), "CI is set, and {names} is not installed");
        say(&format!("SKIPPED {test}: not installed: {names}"));
    }
    found
}

/// How many connections this process can have beside what the tests need otherwise, once its limit
/// is raised. If that is less than wanted, it is said as loudly as a missing program.
#[cfg(unix)]
pub fn descriptors(wanted: usize) -> usize {
    const OTHERS: usize = 200;
    let hard = rlimit::increase_nofile_limit(u64::MAX).expect("the limit of descriptors");
    let possible = usize::try_from(hard).unwrap_or(usize::MAX).saturating_sub(OTHERS).min(wanted);
    if possible < wanted {
        let line = format!("only {possible} of {wanted} connections: the hard limit is {hard} descriptors");
        assert!(!is_ci(), "CI is set, and {line}");
        say(&format!("REDUCED {}: {line}", thread::current().name().unwrap_or("a test")));
    }
    possible
}

/// What a program wrote until it ended, which it has to do by itself.
pub fn run(command: &mut Command) -> Output {
    let what = format!("{command:?}");
    let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Kill(piped.spawn().unwrap_or_else(|error| panic!("{what}: {error}")));
    let stdout = read_all(child.0.stdout.take());
    let stderr = read_all(child.0.stderr.take());
    let mut status = None;
    wait_until(&what, || {
        status = child.0.try_wait().expect("a child of ours");
        status.is_some()
    });
    let status = status.expect("it ended");
    let join = |reader: JoinHandle<Vec<u8>>| reader.join().expect("a reader");
    Output { status, stdout: join(stdout), stderr: join(stderr) }
}

/// The same for one that has to succeed and writes text.
pub fn run_to_text(command: &mut Command) -> (String, String) {
    let output = run(command);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{stdout}\n{stderr}", output.status);
    (stdout, stderr)
}

fn read_all(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    let mut pipe = pipe.expect("a pipe");
    thread::spawn(move || {
        let mut all = Vec::new();
        let _ = pipe.read_to_end(&mut all);
        all
    })
}

/// A child that does not outlive its test.
pub struct Kill(pub Child);

impl Drop for Kill {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder that is removed with its test.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("fourway-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        Folder(folder)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let file = self.path(name);
        std::fs::write(&file, content).expect("a temporary file");
        file
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

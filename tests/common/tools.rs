//! What the machine has for tests: programs that others wrote, descriptors, and temporary folders. A test says loudly
//! what it misses.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use super::child::Child;
use super::{is_ci, say};

/// Returns the first of these programs that is installed.
///
/// If none is, the test has to return. It prints a line on the terminal. If `CI` is set it fails instead, because a skip
/// would look like a pass there.
pub fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let sbin = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let folders: Vec<PathBuf> = std::env::split_paths(&path).chain(sbin).collect();
    let file = |name: &&str| folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file());
    let found = names.iter().find_map(file);
    if found.is_none() {
        let names = names.join(", ");
        assert!(!is_ci(), "CI is set, and {names} is not installed");
        skipped(&format!("not installed: {names}"));
    }
    found
}

/// Prints a line on the terminal that this test was not made, and why.
pub fn skipped(why: &str) {
    say(&format!("SKIPPED {}: {why}", thread::current().name().unwrap_or("a test")));
}

/// The descriptors that the other tests of a process need at the same time.
#[cfg(unix)]
const OTHERS: usize = 500;

/// Raises the soft limit of descriptors, where it is low, to what many tests at a time need.
#[cfg(unix)]
pub fn raise_descriptor_limit() {
    static RAISE: Once = Once::new();
    // A limit that stays low fails the test that needs more, and names itself there.
    RAISE.call_once(|| drop(rlimit::increase_nofile_limit(8 * OTHERS as u64)));
}

/// Returns how many connections this process can have beside those of other tests, once its limit is raised. If that is
/// less than wanted, the test says so as loudly as of a missing program.
#[cfg(unix)]
pub fn descriptors(wanted: usize) -> usize {
    let hard = rlimit::increase_nofile_limit(u64::MAX).expect("the limit of descriptors");
    let possible = usize::try_from(hard).unwrap_or(usize::MAX).saturating_sub(OTHERS).min(wanted);
    if possible < wanted {
        let line = format!("only {possible} of {wanted} connections: the hard limit is {hard} descriptors");
        assert!(!is_ci(), "CI is set, and {line}");
        say(&format!("REDUCED {}: {line}", thread::current().name().unwrap_or("a test")));
    }
    possible
}

/// Runs a program that has to succeed, and returns what it wrote to its two outputs.
pub fn run_to_text(command: &mut Command) -> (String, String) {
    let ended = Child::run(command);
    assert!(ended.status.success(), "{command:?}: {}\n{}\n{}", ended.status, ended.stdout, ended.stderr);
    (ended.stdout, ended.stderr)
}

/// A file that is removed with its test.
pub struct TempFile {
    path: String,
    _folder: Folder,
}

impl TempFile {
    pub fn with(content: impl AsRef<[u8]>) -> TempFile {
        let folder = Folder::new();
        let path = folder.write("file", content).into_os_string().into_string().expect("a path in UTF-8");
        TempFile { path, _folder: folder }
    }

    pub fn path(&self) -> &str {
        &self.path
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

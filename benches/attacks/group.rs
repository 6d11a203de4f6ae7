//! A limit on the memory of a server: a control group where one can be made, otherwise on its addresses.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

pub enum Limit {
    Group { folder: PathBuf, bytes: u64 },
    Addresses { bytes: u64 },
}

impl Limit {
    /// Makes a control group of version 2 or of version 1. Without the right to do so, the limit is on the
    /// address space, which is another thing: what is only reserved counts.
    pub fn new(bytes: u64) -> io::Result<Self> {
        let name = format!("fourway-attacks-{}", std::process::id());
        let versions = [("/sys/fs/cgroup", "memory.max"), ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")];
        for (parent, file) in versions {
            let folder = Path::new(parent).join(&name);
            if fs::create_dir(&folder).is_err() {
                continue;
            }
            let group = Limit::Group { folder: folder.clone(), bytes };
            // In a folder that is no control group the file is missing, and it must not be made.
            let file = fs::OpenOptions::new().write(true).open(folder.join(file));
            let written =
                file.and_then(|mut file| io::Write::write_all(&mut file, bytes.to_string().as_bytes()));
            if written.is_ok() {
                return Ok(group);
            }
        }
        println!("no control group can be made: the address space is limited instead");
        Ok(Limit::Addresses { bytes })
    }

    /// The command that starts a program within the limit, in the process of the shell.
    pub fn command(&self, program: &Path) -> Command {
        let (script, argument) = match self {
            Limit::Group { folder, .. } => {
                (r#"echo $$ >"$0/cgroup.procs" && exec "$@""#, folder.as_os_str().to_owned())
            }
            Limit::Addresses { bytes } => {
                (r#"ulimit -v "$0" && exec "$@""#, (bytes / 1024).to_string().into())
            }
        };
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(script).arg(argument).arg(program);
        shell
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Group { bytes, .. } => write!(f, "control group of {} MiB", bytes >> 20),
            Limit::Addresses { bytes } => write!(f, "NO control group, {} MiB of addresses", bytes >> 20),
        }
    }
}

impl Drop for Limit {
    /// A group is busy for a moment after its last process.
    fn drop(&mut self) {
        if let Limit::Group { folder, .. } = self {
            for _ in 0..100 {
                if fs::remove_dir(&*folder).is_ok() {
                    return;
                }
                thread::sleep(Duration::from_millis(20));
            }
            println!("{} is left behind", folder.display());
        }
    }
}

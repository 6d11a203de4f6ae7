//! Open files: the limits of a process, of the system and of a user's pollers.

use super::{Reader, sysctl};

/// Everything that limits the number of open files. `None` is what the system does not tell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Files {
    /// What this process may open now, and the most to which it may raise that itself.
    pub soft: Option<u64>,
    pub hard: Option<u64>,
    /// The most that a hard limit can be (`fs.nr_open`).
    pub most: Option<u64>,
    /// The most that all processes together can open (`fs.file-max`), and what they have open.
    pub system: Option<u64>,
    pub open: Option<u64>,
    /// The most that one user's pollers can watch (`fs.epoll.max_user_watches`).
    pub watches: Option<u64>,
}

impl Files {
    /// Reads the limits of the system, and takes those of the process.
    pub fn read(read: Reader<'_>, process: Option<(u64, u64)>) -> Self {
        let open = sysctl::three_numbers(read, "fs.file-nr").map(|[open, unused, _]| open - unused.min(open));
        Files {
            soft: process.map(|(soft, _)| soft),
            hard: process.map(|(_, hard)| hard),
            most: sysctl::number(read, "fs.nr_open"),
            system: sysctl::number(read, "fs.file-max"),
            open,
            watches: sysctl::number(read, "fs.epoll.max_user_watches"),
        }
    }
}

/// Returns the soft and the hard limit of this process.
#[cfg(unix)]
pub fn of_process() -> Option<(u64, u64)> {
    rlimit::Resource::NOFILE.get().ok()
}

#[cfg(not(unix))]
pub fn of_process() -> Option<(u64, u64)> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_allocated_and_not_used_are_not_open() {
        let read = |path: &str| {
            let text = match path {
                "/proc/sys/fs/file-nr" => "500\t12\t2466170\n",
                "/proc/sys/fs/file-max" => "9223372036854775807\n",
                "/proc/sys/fs/nr_open" => "1048576\n",
                _ => return None,
            };
            Some(text.to_owned())
        };
        let files = Files::read(&read, Some((1024, 4096)));
        assert_eq!((files.soft, files.hard, files.most), (Some(1024), Some(4096), Some(1 << 20)));
        assert_eq!((files.system, files.open), (Some(i64::MAX as u64), Some(488)));
        assert_eq!(files.watches, None);
    }
}

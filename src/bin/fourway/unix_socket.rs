//! Listeners on Unix sockets, and the files that name them.
//!
//! The file of a socket stays when its program is killed, and then nobody can bind its name. So a file that nobody
//! listens on is replaced. The mode of a new file is what the umask leaves of 0777. On Linux a client needs the
//! permission to write to it.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{process, thread};

use socket2::{Domain, SockAddr, Socket, Type};

/// Listens on a path. The error is the reason why that is not possible.
pub fn open(path: &Path, backlog: i32) -> Result<(UnixListener, SocketFile), String> {
    let say = |error: io::Error| error.to_string();
    let address = SockAddr::unix(path).map_err(|_| "the path is too long for a Unix socket".to_owned())?;
    let socket = new().map_err(say)?;
    if let Err(error) = socket.bind(&address) {
        if error.kind() != ErrorKind::AddrInUse {
            return Err(say(error));
        }
        remove_stale(path, &address)?;
        socket.bind(&address).map_err(|error| match error.kind() {
            // Another program was faster.
            ErrorKind::AddrInUse => IN_USE.to_owned(),
            _ => say(error),
        })?;
    }
    let file = SocketFile::of(path).map_err(say)?;
    socket.listen(backlog).map_err(say)?;
    Ok((OwnedFd::from(socket).into(), file))
}

fn new() -> io::Result<Socket> {
    Socket::new(Domain::UNIX, Type::STREAM, None)
}

/// Removes the file of a socket on which nobody listens.
fn remove_stale(path: &Path, address: &SockAddr) -> Result<(), String> {
    let say = |error: io::Error| error.to_string();
    let file = fs::symlink_metadata(path).map_err(say)?;
    if !file.file_type().is_socket() {
        return Err("a file of this name exists, and it is not a socket".into());
    }
    check_refusal(connect(address))?;
    // A program that is just starting has bound its socket, and listens a moment later.
    thread::sleep(MOMENT);
    check_refusal(connect(address))?;
    remove(path, &file)
}

/// The time that a program may take from its bind to its listen.
const MOMENT: Duration = Duration::from_millis(10);

const IN_USE: &str = "a program listens on it: stop that program, or choose another path";

/// Returns an error unless nobody listens.
fn check_refusal(connected: io::Result<()>) -> Result<(), String> {
    match connected {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
        // The queue of a listener may be full.
        Err(error) if error.kind() != ErrorKind::WouldBlock => Err(format!(
            "a socket of this name exists, and cannot be asked whether somebody listens: {error}"
        )),
        _ => Err(IN_USE.into()),
    }
}

/// Removes this stale file, and no other. Another program may have replaced it meanwhile, so it is moved aside before it
/// is looked at.
fn remove(path: &Path, stale: &Metadata) -> Result<(), String> {
    let say = |error: io::Error| format!("cannot remove the socket file that is there: {error}");
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".{}", process::id()));
    fs::rename(path, &aside).map_err(say)?;
    // A new file may have the number of one that was removed, but not its time.
    let name = |file: &Metadata| (file.dev(), file.ino(), file.mtime(), file.mtime_nsec());
    let is_stale = fs::symlink_metadata(&aside).is_ok_and(|moved| name(&moved) == name(stale));
    if !is_stale {
        fs::hard_link(&aside, path).map_err(say)?;
    }
    fs::remove_file(&aside).map_err(say)?;
    if is_stale { Ok(()) } else { Err(IN_USE.into()) }
}

fn connect(address: &SockAddr) -> io::Result<()> {
    let probe = new()?;
    probe.set_nonblocking(true)?;
    probe.connect(address)
}

/// The file of a listener. Dropping it removes the file, unless another one has its name now.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// The numbers of its device and of its inode.
    identity: (u64, u64),
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(SocketFile { path: path.into(), identity: identity(path)? })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // The listener is open, so no other file can have the same inode.
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            // If it stays, the next program replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let file = fs::symlink_metadata(path)?;
    Ok((file.dev(), file.ino()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_file_that_another_program_has_put_there_meanwhile_stays() {
        let path = std::env::temp_dir().join(format!("fourway-replaced-{}.sock", process::id()));
        drop(UnixListener::bind(&path).unwrap());
        let stale = fs::symlink_metadata(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let _other = UnixListener::bind(&path).unwrap();
        assert_eq!(remove(&path, &stale), Err(IN_USE.into()));
        UnixStream::connect(&path).expect("it is the other program's");
        let own = fs::symlink_metadata(&path).unwrap();
        assert_eq!(remove(&path, &own), Ok(()));
        assert!(!path.exists());
    }
}

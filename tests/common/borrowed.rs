//! The sockets of a child process, whose options a test reads: handles of the same sockets, by `pidfd_getfd(2)`.

use std::fs;
use std::net::SocketAddr;

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use socket2::Socket;

use super::child::Child;

/// Returns a listener of the process. It stays open as long as the test has the handle.
pub fn listener(child: &Child, address: SocketAddr) -> Socket {
    let is_it = |socket: &Socket| socket.is_listener().unwrap_or_default() && local(socket) == Some(address);
    sockets(child).into_iter().find(is_it).unwrap_or_else(|| panic!("it does not listen on {address}"))
}

/// Returns the process's end of the connection of a client.
pub fn accepted(child: &Child, client: SocketAddr) -> Socket {
    let peer = |socket: &Socket| socket.peer_addr().ok().and_then(|address| address.as_socket());
    let found = sockets(child).into_iter().find(|socket| peer(socket) == Some(client));
    found.unwrap_or_else(|| panic!("it has no connection of {client}"))
}

fn local(socket: &Socket) -> Option<SocketAddr> {
    socket.local_addr().ok()?.as_socket()
}

fn sockets(child: &Child) -> Vec<Socket> {
    let pid = Pid::from_raw(child.pid().try_into().expect("a process ID")).expect("not 0");
    let process = pidfd_open(pid, PidfdFlags::empty()).expect("a handle of the child");
    let folder = format!("/proc/{}/fd", child.pid());
    let mut sockets = Vec::new();
    for entry in fs::read_dir(folder).expect("its descriptors") {
        let path = entry.expect("a descriptor").path();
        // It may be closed meanwhile.
        let Ok(target) = fs::read_link(&path) else { continue };
        let number = path.file_name().and_then(|name| name.to_str()?.parse().ok()).expect("a number");
        if target.to_string_lossy().starts_with("socket:") {
            let handle = pidfd_getfd(&process, number, PidfdGetfdFlags::empty());
            sockets.extend(handle.ok().map(Socket::from));
        }
    }
    sockets
}

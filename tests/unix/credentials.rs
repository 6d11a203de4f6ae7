//! The user behind a Unix socket, which the kernel tells to a handler (SO_PEERCRED).

use rustix::net::sockopt::socket_peercred;
use rustix::process::{getgid, getpid, getuid};

use super::*;

/// Serves only clients that run as the same user as the server.
#[derive(Default)]
struct Guard {
    pids: Vec<rustix::process::Pid>,
}

impl Handler for Guard {
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        let socket = request.as_fd().expect("requests come over sockets");
        let Ok(client) = socket_peercred(socket) else { return responder.close() };
        if (client.uid, client.gid) != (getuid(), getgid()) {
            return responder.send(403, "text/plain", b"not yours");
        }
        self.pids.push(client.pid);
        responder.send(200, "text/plain", b"welcome")
    }
}

#[test]
fn a_handler_knows_the_process_and_the_user_of_its_client() {
    let mut site = Site::new();
    let mut client = site.client();
    client.send(get("/"));
    let mut guard = Guard::default();
    let start = Instant::now();
    while guard.pids.is_empty() {
        assert!(start.elapsed() < PATIENCE, "no request has come: {:?}", site.server);
        site.host.gather(&mut site.server, Duration::from_millis(100));
        site.server.process(Instant::now(), &mut guard);
    }
    assert_eq!(guard.pids, [getpid()]);
    assert_eq!(client.body(), b"welcome");
}

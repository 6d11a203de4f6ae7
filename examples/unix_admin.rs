//! An API on a Unix socket that controls a program, here a virtual machine monitor.
//!
//! ```sh
//! cargo run --example unix_admin --features uds [PATH]
//! curl --unix-socket /tmp/vm.sock http://localhost/vm
//! curl --unix-socket /tmp/vm.sock http://localhost/vm/state -X PUT -d paused
//! ```

use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use fourway::mio::{Events, Poll};
use fourway::{Config, Handler, Reply, Request, Responder, Server, TokenRange};

struct Machine {
    state: &'static str,
    changes: u64,
}

impl Handler for Machine {
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        match (request.path(), request.method()) {
            ("/vm", "GET" | "HEAD") => responder.body_with(200, "application/json", |body| {
                writeln!(body, r#"{{"state":"{}","changes":{}}}"#, self.state, self.changes)
            }),
            ("/vm/state", "PUT") => {
                let wanted =
                    ["running", "paused"].into_iter().find(|state| state.as_bytes() == request.body());
                let Some(state) = wanted else {
                    return responder.send(400, "text/plain", b"a state is running or paused\n");
                };
                self.changes += u64::from(self.state != state);
                self.state = state;
                responder.status(204).empty()
            }
            ("/vm", _) => responder.status(405).header("Allow", "GET, HEAD").empty(),
            ("/vm/state", _) => responder.status(405).header("Allow", "PUT").empty(),
            _ => responder.send(404, "text/plain", b"try /vm or /vm/state\n"),
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = PathBuf::from(std::env::args_os().nth(1).unwrap_or("/tmp/vm.sock".into()));
    // For a few clients with small requests. The server refuses a longer body before it reads it.
    let mut config = Config::default();
    config.max_connections = 16;
    config.limits.body_bytes = 64;
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(16);
    let mut server = Server::new(poll.registry(), TokenRange::nth(0), config)?;
    listen(&mut server, &path)?;
    println!("listening on unix:{}", path.display());
    io::stdout().flush()?;

    let mut machine = Machine { state: "running", changes: 0 };
    loop {
        match poll.poll(&mut events, server.next_timeout(Instant::now())) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        for event in &events {
            server.handle_event(event);
        }
        server.process(Instant::now(), &mut machine);
    }
}

#[cfg(unix)]
fn listen(server: &mut Server, path: &Path) -> io::Result<()> {
    use fourway::mio::net::{UnixListener, UnixStream};
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};

    // `bind` fails if a killed process has left its socket. A connection is refused if nobody listens, but also
    // if the file is not a socket.
    let refused = UnixStream::connect(path).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused);
    if refused && fs::symlink_metadata(path)?.file_type().is_socket() {
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    // Every user who may write to the file may connect.
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    server.add_listener(listener)?;
    Ok(())
}

#[cfg(not(unix))]
fn listen(_: &mut Server, _: &Path) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

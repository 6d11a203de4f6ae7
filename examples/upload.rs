//! Uploads of any length: counted and thrown away, or written to a file piece by piece.
//!
//! ```sh
//! cargo run --example upload [ADDRESS [DIRECTORY]]
//! head -c 5G /dev/zero | curl -T - http://127.0.0.1:8080/count
//! curl -T Cargo.lock http://127.0.0.1:8080/file -u name:password
//! ```

use std::collections::HashMap;
use std::error::Error;
use std::fs::{self, File};
use std::io::{Write, stdout};
use std::path::PathBuf;

use fourway::{Config, GoneReason, Handler, Intake, Reactor, Reply, Request, RequestId, Responder};

#[derive(Default)]
struct Uploads {
    directory: PathBuf,
    begun: u64,
    files: HashMap<RequestId, (File, PathBuf)>,
}

impl Uploads {
    fn forget(&mut self, id: RequestId) {
        if let Some((_, path)) = self.files.remove(&id) {
            let _ = fs::remove_file(path);
        }
    }
}

impl Handler for Uploads {
    // If a client waits for `100 Continue`, it never sends a body that is refused here.
    fn head<'r>(
        &mut self,
        request: &Request<'_>,
        id: RequestId,
        responder: Responder<'r>,
    ) -> Result<Intake, Reply<'r>> {
        match (request.method(), request.path()) {
            ("PUT" | "POST", "/count") => Ok(Intake::Discard),
            ("PUT" | "POST", "/file") if request.header("Authorization").is_none() => {
                Err(responder.status(401).header("WWW-Authenticate", "Basic realm=\"upload\"").empty())
            }
            ("PUT" | "POST", "/file") => {
                self.begun += 1;
                let path = self.directory.join(format!("upload-{}-{}", std::process::id(), self.begun));
                // If there cannot be such a file, `piece` responds.
                let _ = File::create_new(&path).map(|file| self.files.insert(id, (file, path)));
                Ok(Intake::Pieces)
            }
            _ => Err(responder.send(404, "text/plain", b"put something to /count or /file\n")),
        }
    }

    // A write copies at most 20 KiB into the kernel's page cache. It waits for the disk only when that cache is as full
    // as it may be (on Linux `vm.dirty_ratio`), and all clients wait with it. A host that must not wait gives the bytes
    // to a thread. If the thread is behind, it takes 0 bytes of a piece, and calls `Server::resume` later.
    fn piece<'r>(
        &mut self,
        id: RequestId,
        bytes: &[u8],
        responder: Responder<'r>,
    ) -> Result<usize, Reply<'r>> {
        if self.files.get_mut(&id).is_some_and(|(file, _)| file.write_all(bytes).is_ok()) {
            return Ok(bytes.len());
        }
        self.forget(id);
        Err(responder.send(507, "text/plain", b"the file cannot be written\n"))
    }

    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        let (received, file) = (request.body_received(), request.id().and_then(|id| self.files.remove(&id)));
        match (request.method(), request.path(), file) {
            ("PUT" | "POST", "/count", _) => {
                responder.body_with(200, "text/plain", |body| writeln!(body, "{received} bytes"))
            }
            (.., Some((_, path))) => responder.body_with(201, "text/plain", |body| {
                writeln!(body, "{received} bytes in {}", path.display())
            }),
            _ => responder.send(404, "text/plain", b"put something to /count or /file\n"),
        }
    }

    fn gone(&mut self, id: RequestId, _: GoneReason) {
        self.forget(id);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:8080".into());
    let directory = arguments.next().map_or(std::env::temp_dir(), PathBuf::from);
    let mut reactor = Reactor::new(Config::default())?;
    let listener = reactor.listen(address.parse()?)?;
    println!("listening on http://{}", reactor.local_addr(listener).ok_or("it does not listen")?);
    stdout().flush()?;
    Ok(reactor.run(&mut Uploads { directory, ..Uploads::default() })?)
}

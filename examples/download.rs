//! A download of 1 GiB that is generated while it is sent. The memory stays flat, whoever reads it and however slowly.
//!
//! ```sh
//! cargo run --example download [ADDRESS]
//! curl http://127.0.0.1:8080/ | tail -c 200
//! curl http://127.0.0.1:8080/ --limit-rate 1M -o /dev/null
//! ```

use std::collections::HashMap;
use std::error::Error;
use std::io::{Write, stdout};

use fourway::{BodyWriter, Config, GoneReason, Handler, More, Reactor, Reply, Request, RequestId, Responder};

/// The body is this number of blocks. Each has its own number in front, and is one line of text.
const BLOCKS: u64 = 1 << 20;
const BLOCK: usize = 1024;

/// The part of a download that is kept: the number of its next block.
#[derive(Default)]
struct Downloads(HashMap<RequestId, u64>);

impl Handler for Downloads {
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        if request.path() != "/" {
            return responder.send(404, "text/plain", b"try /\n");
        }
        let head = responder.status(200).content_type("application/octet-stream");
        let (id, reply) = head.stream(Some(BLOCKS * BLOCK as u64));
        self.0.insert(id, 0);
        reply
    }

    // The server asks when the kernel has taken the piece before. So nothing is generated before its client has room
    // for it, and a slow reader needs no more memory than a fast one.
    fn more(&mut self, id: RequestId, piece: &mut BodyWriter<'_>) -> More {
        let Some(next) = self.0.get_mut(&id) else { return More::Abort };
        let mut block = [b'.'; BLOCK];
        block[BLOCK - 1] = b'\n';
        while *next < BLOCKS && piece.room_left() >= BLOCK {
            let _ = write!(&mut block[..], "{next:>10} ");
            let _ = piece.write_all(&block);
            *next += 1;
        }
        if *next < BLOCKS {
            return More::Again;
        }
        self.0.remove(&id);
        More::End
    }

    fn gone(&mut self, id: RequestId, _: GoneReason) {
        self.0.remove(&id);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:8080".into());
    let mut reactor = Reactor::new(Config::default())?;
    let listener = reactor.listen(address.parse()?)?;
    println!("listening on http://{}", reactor.local_addr(listener).ok_or("it does not listen")?);
    stdout().flush()?;
    Ok(reactor.run(&mut Downloads::default())?)
}

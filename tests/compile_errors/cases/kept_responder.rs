//! A handler that keeps a responder for later.

use fourway::{Handler, Reply, Request, Responder};

struct Later<'r>(Vec<Responder<'r>>);

impl<'l> Handler for Later<'l> {
    fn request<'r>(&mut self, _request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        self.0.push(responder);
        todo!()
    }
}

fn main() {
    let _ = Later(Vec::new());
}

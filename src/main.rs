#![forbid(unsafe_code)]
use fourway::*;
fn main() {
    let mut c = Config::default();
    c.max_connections = 100_000;
    let mut r = Reactor::new(c).unwrap();
    r.listen(std::env::args().last().unwrap().parse().unwrap()).unwrap();
    r.run(&mut handler_fn(|_q, r| r.head(200).header("Content-Type", "text/plain").body("xixizi"))).unwrap();
}

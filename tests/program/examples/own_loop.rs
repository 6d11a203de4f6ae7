//! The example `own_loop`.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use super::{Example, ask, sources, text};
use crate::common::{get, wait_until};

#[test]
fn own_loop_answers() {
    // Nobody else takes a port of this host.
    let free = TcpListener::bind("127.0.0.11:0").and_then(|listener| listener.local_addr());
    let address = free.expect("a free port");
    let _own_loop = Example::start("own_loop", &[address.to_string()]);
    wait_until("it listens", || TcpStream::connect(address).is_ok());
    assert_eq!(text(&ask(address, &get("/"))), (200, "hello\n"));
}

#[test]
fn the_readme_shows_own_loop() {
    let sources = sources();
    let (_, source) = sources.iter().find(|(name, _)| name == "own_loop").expect("the example");
    let code = source.lines().skip_while(|line| line.starts_with("//!") || line.is_empty());
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"));
    let readme = readme.expect("the README");
    let shown = readme.lines().skip_while(|line| *line != "```rust").skip(1);
    assert!(shown.take_while(|line| *line != "```").eq(code), "README.md does not show examples/own_loop.rs");
}

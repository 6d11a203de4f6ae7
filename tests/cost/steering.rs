//! What letters in a URL allocate: nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::program::Program;
use crate::common::tools::{self, Folder};
use crate::lockstep;

/// Requests whose responses take the ways of the program: the usual one, a body of a given size, a delay, pieces, chunks,
/// headers of their own, and URLs that steer nothing.
const TARGETS: [&str; 10] = [
    "/",
    "/?q=a&page=2",
    "/?s=20k",
    "/?t=1&r=503",
    "/?s=200&p=100",
    "/?s=200&p=100&g=1r",
    "/?e=3&c=0&v=1",
    "/?r=503:5,200&s=10:50,20kr",
    "/?P=1",
    "/?w=100000",
];

#[test]
fn no_request_makes_the_program_allocate() {
    const FEW: usize = 5;
    const MANY: usize = 105;
    let Some(valgrind) = tools::find(&["valgrind"]) else { return };
    let [few, many] = [FEW, MANY].map(|rounds| allocations(&valgrind, rounds));
    let requests = (MANY - FEW) * TARGETS.len();
    println!("{many} allocations instead of {few} with {requests} requests more");
    // Once a second the program looks at the machine's processors, which allocates. Either run can be the longer one.
    assert!(many < few + (MANY - FEW) as u64, "{many} instead of {few}");
}

/// Returns how many blocks the program allocates from its start to its end, if a client asks for each target so often.
fn allocations(valgrind: &Path, rounds: usize) -> u64 {
    let folder = Folder::new();
    let file = folder.path("heap");
    let mut tool = Command::new(valgrind);
    tool.arg("--leak-check=no").arg(format!("--log-file={}", file.display()));
    let program = Program::start_under(tool, &["--max-connections", "100"]);
    let mut client = program.connect();
    for target in (0..rounds).flat_map(|_| TARGETS) {
        client.ask(target);
    }
    drop(client);
    lockstep::end(program);
    let log = fs::read_to_string(&file).expect("what valgrind counted");
    let (_, usage) = log.split_once("total heap usage: ").expect("it counts");
    let allocs = usage.split(' ').next().unwrap_or_default().replace(',', "");
    allocs.parse().unwrap_or_else(|_| panic!("no number: {usage}"))
}

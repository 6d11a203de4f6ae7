//! The status server of the program (`--status-listen`).

mod churn;
mod documentation;
mod endpoints;
#[cfg(target_os = "linux")]
mod held;
#[cfg(target_os = "linux")]
mod ledger;
mod life;
mod metrics;
#[cfg(target_os = "linux")]
mod page;
mod summary;
#[cfg(target_os = "linux")]
mod verdict;

use std::net::SocketAddr;

use crate::common::Client;
use crate::common::json::Json;
use crate::common::program::Program;

/// Starts the program with a status server. Returns the address of that too.
fn start(options: &[&str]) -> (Program, SocketAddr) {
    let program = Program::start(&[&["--status-listen", "127.0.0.1:0"], options].concat());
    let status = *program.addresses().last().expect("two addresses");
    assert_ne!(status, program.address);
    (program, status)
}

/// Reads `/stats.json`.
fn stats(status: &mut Client) -> Json {
    let response = status.ask("/stats.json");
    assert_eq!((response.status, response.header("Content-Type")), (200, Some("application/json")));
    Json::parse(std::str::from_utf8(&response.body).expect("UTF-8"))
}

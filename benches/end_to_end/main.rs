//! What the program `fourway` costs beside a raw epoll server, per request and per connection.
//!
//! Both are started as processes of their own and loaded by the client in this one; both answer
//! the same bytes, of which the client checks every one. What is compared is
//!
//! - **CPU time**, not requests a second: with a client that is slower than the server, the rate is
//!   the client's. The kernel counts the time a process was on a processor to the nanosecond, with
//!   all that it did in the kernel; on loopback the network's work for both ends is in it, which
//!   is most of it, and which no server can avoid. Hence
//! - **ratios to the floor** (`floor.rs`), which does as little as an answer takes:
//!   figures of another machine or day mean little, ratios of one round much;
//! - **in rounds**, one after the other in one run: what else the machine does comes and goes in
//!   seconds or minutes, and then both meet it. Of the rounds' ratios the median is told, and how
//!   far they lie apart. If the quartiles are further from each other than what you look for,
//!   the machine is too busy to say.
//! - **on one core** with the client: while the client works, requests gather, then the server has
//!   them all in one turn. So nobody is woken across cores, which costs more than a request and
//!   depends on how deep the other core sleeps.
//!
//! With `--held` it is measured how costs grow with the connections held (`growth.rs`). With `--transfers` it is measured
//! what streams, uploads and large downloads cost, whose server is a host of the library (`transfers.rs`, `host.rs`) or the
//! program, and whose floors are raw loops that read and throw away (`sink.rs`), or write one page (`source.rs`).
//!
//! In reading order: `cases.rs` (what is measured), `client.rs`, `answer.rs`, `floor.rs`,
//! `server.rs` (the processes and the kernel's clock), `machine.rs`, `growth.rs`, `transfers.rs`, `report.rs`.

#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
#[path = "../../tests/common/browser.rs"]
mod browser;
#[cfg(target_os = "linux")]
#[path = "../../tests/common/child.rs"]
mod child;
#[cfg(target_os = "linux")]
mod cases;
#[cfg(target_os = "linux")]
mod client;
#[cfg(target_os = "linux")]
mod answer;
#[cfg(target_os = "linux")]
mod floor;
#[cfg(target_os = "linux")]
mod server;
#[cfg(target_os = "linux")]
mod machine;
#[cfg(target_os = "linux")]
mod growth;
#[cfg(target_os = "linux")]
mod transfers;
#[cfg(target_os = "linux")]
mod host;
#[cfg(target_os = "linux")]
mod sink;
#[cfg(target_os = "linux")]
mod source;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod options;

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("the bench end_to_end is for Linux only: it needs epoll, and /proc for the time on a processor");
}

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use std::process::ExitCode;

    let arguments: Vec<_> = std::env::args().skip(1).collect();
    // This program is these servers as well, so that one file is enough.
    let served = match arguments.first().map(String::as_str) {
        Some("--floor") => Some(floor::run(arguments.get(1).map(String::as_str))),
        Some("--sink") => Some(sink::run()),
        Some("--source") => Some(source::run()),
        Some("--host") => Some(host::run()),
        _ => None,
    };
    if let Some(served) = served {
        served.expect("it serves");
        return ExitCode::SUCCESS;
    }
    let options = match options::Options::parse(&arguments) {
        Ok(options) => options,
        Err(sentence) => {
            eprintln!("end_to_end: {sentence}\n\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    match measure(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("end_to_end: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(target_os = "linux")]
fn measure(options: &options::Options) -> std::io::Result<()> {
    let cores = machine::cores()?;
    let stage = |client_core: usize| server::Stage {
        program: options.server.clone(),
        server_core: cores[0],
        client_core: options.client_core.unwrap_or(client_core),
    };
    let (together, apart) = (stage(cores[0]), stage(cores[cores.len() - 1]));
    println!("end_to_end: {} rounds of {:?}", options.rounds, options.time);
    let mut all = Vec::new();
    if options.transfers {
        all = transfers::run(options, &together, &apart)?;
    } else if options.held.is_none() {
        all = cases::run(options, &together)?;
        if all.is_empty() {
            println!("no case has such a name");
            return Ok(());
        }
        if !options.test {
            print!("{}", report::table(&all));
        }
    }
    match (&options.held, options.test) {
        (Some(counts), _) => all = growth::run(options, &apart, counts)?,
        (None, true) if !options.transfers => {
            all.extend(growth::run(options, &apart, &[1, 300])?);
            all.extend(transfers::run(options, &together, &apart)?);
        }
        (None, true) => {}
        (None, false) => {}
    }
    if options.test {
        println!("all was answered, byte for byte");
    }
    match &options.json {
        Some(file) => std::fs::write(file, report::json(&all)),
        None => Ok(()),
    }
}

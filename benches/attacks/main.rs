//! How much memory clients can make the server hold, and whether it gives the memory back.
//!
//! Each attack meets a fresh server in a process of its own, `fourway` and beside it nginx where that is
//! installed. The clients are in this process. For each attack the table shows
//!
//! - **standing**: the growth of the server's resident memory over the idle server while the attack lasts,
//!   the largest sample. The idle server has answered one request.
//! - **left**: the same growth one second after all clients have left.
//!
//! Memory is `Rss` of `/proc/PID/smaps_rollup`; of nginx it is that of the one worker. The buffers of the
//! kernel's sockets belong to no process, so they are not in it, and neither are the files in which nginx keeps
//! the bodies of uploads.
//!
//! Both servers read an upload to its last byte before they answer. nginx does so because it forwards `/upload`
//! to a second server of its own, through a Unix socket. It answers `/` from its configuration, and `/page` from
//! a file.
//!
//! In reading order: `attacks.rs` (what the clients do), `measure.rs` (one attack on one server), `swarm.rs`
//! (the clients), `server.rs` and `nginx.rs` (the processes), `group.rs` (a limit on their memory),
//! `report.rs`, `options.rs`.

#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
#[path = "../../tests/common/child.rs"]
mod child;
#[cfg(target_os = "linux")]
mod attacks;
#[cfg(target_os = "linux")]
mod measure;
#[cfg(target_os = "linux")]
mod swarm;
#[cfg(target_os = "linux")]
mod server;
#[cfg(target_os = "linux")]
mod nginx;
#[cfg(target_os = "linux")]
mod folder;
#[cfg(target_os = "linux")]
mod group;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod options;

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("the bench attacks is for Linux only: it reads /proc");
}

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use std::process::ExitCode;

    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let options = match options::Options::parse(&arguments) {
        Ok(options) => options,
        Err(sentence) => {
            eprintln!("attacks: {sentence}\n\n{}", options::usage());
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("attacks: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(target_os = "linux")]
fn run(options: &options::Options) -> std::io::Result<()> {
    let file_limit = rlimit::increase_nofile_limit(u64::MAX)?;
    let nginx = nginx::find();
    let version = nginx.as_deref().map(nginx::version).transpose()?;
    if nginx.is_none() {
        println!("nginx is not installed: its columns are empty");
    }
    let mut rows = Vec::new();
    for attack in attacks::ATTACKS.iter().filter(|attack| options.wants(attack.name)) {
        let attack = attack.of_size(options.test, file_limit);
        println!("{}: {} clients {}", attack.name, attack.clients, attack.story);
        let fourway = measure::measure(&attack, &server::Kind::Fourway(&options.server))?;
        let beside = match &nginx {
            Some(program) => Some(measure::measure(&attack, &server::Kind::Nginx(program))?),
            None => None,
        };
        rows.push(report::Row { name: attack.name, clients: attack.clients, fourway, nginx: beside });
    }
    if rows.is_empty() {
        return Err(std::io::Error::other("no attack has such a name"));
    }
    let table = report::table(&rows, version.as_deref());
    print!("\n{table}");
    if options.test {
        report::expect_whole(&rows, &table)?;
        println!("the table is whole");
    }
    Ok(())
}

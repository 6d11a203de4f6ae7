//! One attack on one server.

use std::io::{self, Read, Write};
use std::mem;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use crate::attacks::Attack;
use crate::group::Limit;
use crate::report::Outcome;
use crate::server::{Kind, Server};
use crate::swarm::Swarm;

/// Starts a server, attacks it, and returns what that did to its memory.
pub fn measure(attack: &Attack, kind: &Kind) -> io::Result<Outcome> {
    let limit = attack.memory.map(Limit::new).transpose()?;
    let mut server = match Server::start(kind, attack.page, attack.huge_pages, limit) {
        Ok(server) => server,
        Err(error) if attack.memory.is_some() => {
            return Ok(Outcome::missing(format!("does not start within the limit: {error}")));
        }
        Err(error) => return Err(error),
    };
    let answer = one_answer(server.address)?;
    server.wait_until_idle();
    let idle = server.resident().ok_or_else(|| io::Error::other("the server has no memory to look at"))?;

    let mut swarm = Swarm::connect(server.address, attack.clients, (attack.plan)(), answer)?;
    let cpu = server.cpu();
    let (mut most, mut seen) = (None, cpu);
    swarm.press(attack.most, &mut || {
        most = most.max(server.resident());
        let before = mem::replace(&mut seen, server.cpu());
        before != seen
    })?;
    let mut notes = Vec::new();
    if attack.honest {
        notes.push(format!("{} of {} answered 200", swarm.answered(), attack.clients));
    }
    if attack.cpu {
        server.wait_until_idle();
        if let (Some(before), Some(after)) = (cpu, server.cpu()) {
            let nanoseconds = (after - before).as_nanos() as f64;
            notes.push(format!("{:.1} ns of CPU a byte", nanoseconds / swarm.sent() as f64));
        }
    }
    drop(swarm);
    thread::sleep(attack.afterwards);
    let left = server.resident();
    if let Some(end) = server.end_by_itself() {
        notes.push(format!("the server ended: {end}"));
    }
    if let Some(limit) = server.limit() {
        notes.push(limit.to_string());
    }
    let growth = |resident: Option<u64>| resident.map(|now| now as i64 - idle as i64);
    Ok(Outcome { standing: growth(most), left: growth(left), is_missing: false, notes })
}

/// Asks once, and returns how long the answer is.
fn one_answer(server: SocketAddr) -> io::Result<usize> {
    const ASK: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(ASK)?;
    let mut answer = Vec::new();
    let mut piece = [0; 64 * 1024];
    loop {
        let read = stream.read(&mut piece)?;
        answer.extend_from_slice(&piece[..read]);
        match whole_length(&answer) {
            Some(length) if answer.len() >= length => return Ok(length),
            _ if read == 0 => return Err(io::Error::other("the server closed before it answered")),
            _ => {}
        }
    }
}

fn whole_length(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&answer[..head]).ok()?.to_ascii_lowercase();
    let (_, length) = text.split_once("content-length:")?;
    Some(head + length.lines().next()?.trim().parse::<usize>().ok()?)
}

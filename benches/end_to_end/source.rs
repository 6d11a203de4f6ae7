//! The floor of a large download: a raw loop that writes one page again and again.
//!
//! It serves one client at a time, with blocking calls. The target of a request is the length of the body.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// Small writes wake the reader more often, and take four times as long.
const PAGE: usize = 1024 * 1024;

/// Serves until its standard input ends, then says how many requests it counted.
pub fn run() -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    println!("source: listening on http://{}", listener.local_addr()?);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // A client that leaves is not this loop's concern.
            let _ = serve(client);
        }
    });
    io::copy(&mut io::stdin(), &mut io::sink())?;
    println!("requests 0");
    Ok(())
}

fn serve(client: TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    let page = vec![b'x'; PAGE];
    let mut lines = BufReader::new(&client).lines();
    while let Some(line) = lines.next().transpose()? {
        let len = line.strip_prefix("GET /").and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok());
        let mut left = len.ok_or_else(|| io::Error::other(format!("no length: {line:?}")))?;
        while !lines.next().transpose()?.unwrap_or_default().is_empty() {}
        write!(&client, "HTTP/1.1 200 OK\r\nContent-Length: {left}\r\n\r\n")?;
        while left > 0 {
            let piece = left.min(PAGE as u64) as usize;
            (&client).write_all(&page[..piece])?;
            left -= piece as u64;
        }
    }
    Ok(())
}

//! The example `download`.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::ops::Range;

use fourway::Config;

use super::{Example, text};
use crate::common::{Client, get};

const LENGTH: u64 = 1 << 30;
const BLOCK: usize = 1024;

/// Reads blocks, of which each has the number that it should have.
fn expect_blocks(client: &mut Client, numbers: Range<u64>) {
    let mut expected = [b'.'; BLOCK];
    expected[BLOCK - 1] = b'\n';
    let mut block = [0; BLOCK];
    for number in numbers {
        client.stream.read_exact(&mut block).expect("the body goes on");
        write!(&mut expected[..], "{number:>10} ").expect("there is room");
        assert!(block == expected, "block {number}: {}", block.escape_ascii());
    }
}

/// A client that has asked for the download, and read the head of the response.
fn reader(address: SocketAddr) -> Client {
    let mut client = Client::connect(address);
    client.send(get("/"));
    let head = client.response_head();
    assert_eq!(head.header("Content-Length"), Some(LENGTH.to_string().as_str()));
    client
}

#[cfg(target_os = "linux")]
#[test]
fn slow_readers_take_no_more_memory_than_a_buffer_each_while_one_reads_all() {
    const READERS: u64 = 20;
    const BLOCKS: u64 = LENGTH / BLOCK as u64;
    let mut download = Example::on_any_port("download");
    let address = download.http();
    let buffer = Config::default().limits.out_bytes as u64 + 17 * 1024;
    expect_blocks(&mut reader(address), 0..1000);
    let before = download.child.memory("Rss");
    let mut slow: Vec<Client> = (1..READERS).map(|_| reader(address)).collect();
    for client in &mut slow {
        expect_blocks(client, 0..100);
    }
    let mut fast = reader(address);
    expect_blocks(&mut fast, 0..BLOCKS);
    let more = download.child.memory("Rss").saturating_sub(before);
    println!("{more} bytes more");
    assert!(more <= READERS * (buffer + 4096), "{more} bytes more for {READERS} readers");
    fast.send(get("/other"));
    assert_eq!(fast.response().status, 404, "the next response follows the last block");
    for client in &mut slow {
        expect_blocks(client, 100..200);
    }
}

#[test]
fn head_has_the_length_of_the_download() {
    let mut download = Example::on_any_port("download");
    let mut client = Client::connect(download.http());
    client.send("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n");
    let head = client.response_head();
    assert_eq!(head.header("Content-Length"), Some(LENGTH.to_string().as_str()));
    client.send(get("/other"));
    assert_eq!(text(&client.response()), (404, "try /\n"));
}

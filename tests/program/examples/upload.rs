//! The example `upload`.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Example, ask, text};
use crate::common::child::Child;
use crate::common::tools::{self, Folder};
use crate::common::{ANY_PORT, Client, PATIENCE, big, wait_until};

/// The example with a folder for its files.
fn start() -> (Example, SocketAddr, Folder) {
    let folder = Folder::new();
    let arguments = [ANY_PORT.to_string().into(), folder.path("").into_os_string()];
    let mut upload = Example::start("upload", &arguments);
    let address = upload.http();
    (upload, address, folder)
}

/// The files that the example has written.
fn files(folder: &Folder) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.path("")).expect("the folder");
    entries.map(|entry| entry.expect("a file").path()).collect()
}

fn put(target: &str, headers: &str, length: usize) -> String {
    format!("PUT {target} HTTP/1.1\r\nHost: test\r\n{headers}Content-Length: {length}\r\n\r\n")
}

const AUTHORIZATION: &str = "Authorization: Basic bWU6c2VjcmV0\r\n";

/// Has curl upload this number of zeros, with their length announced or in chunks. Returns what it writes.
fn curl(curl: &Path, length: u64, in_chunks: bool, options: &[&str]) -> String {
    let folder = Folder::new();
    let zeros = folder.path("zeros");
    File::create(&zeros).and_then(|file| file.set_len(length)).expect("a file of zeros");
    let mut command = Command::new(curl);
    command.args(["--silent", "--show-error", "--max-time"]).arg(PATIENCE.as_secs().to_string());
    command.args(options).arg("--upload-file");
    // What curl reads from its standard input has no length.
    match in_chunks {
        true => command.arg("-").stdin(File::open(&zeros).expect("the file")),
        false => command.arg(&zeros).stdin(Stdio::null()),
    };
    let ended = Child::with_streams(command.stdout(Stdio::piped()).stderr(Stdio::piped())).wait();
    assert!(ended.status.success(), "{}", ended.stderr);
    ended.stdout
}

#[cfg(target_os = "linux")]
#[test]
fn an_upload_of_200_mb_is_counted_and_takes_no_memory() {
    const LENGTH: u64 = 200_000_000;
    let Some(program) = tools::find(&["curl"]) else { return };
    let (upload, address, _folder) = start();
    let url = format!("http://{address}/count");
    let count = |length, in_chunks| {
        assert_eq!(curl(&program, length, in_chunks, &[&url]), format!("{length} bytes\n"), "{in_chunks}");
    };
    for in_chunks in [false, true] {
        count(2_000_000, in_chunks);
    }
    let before = upload.child.memory("Rss");
    for in_chunks in [false, true] {
        count(LENGTH, in_chunks);
    }
    let more = upload.child.memory("Rss").saturating_sub(before);
    println!("{more} bytes more");
    assert!(more <= 128 * 1024, "{more} bytes more");
}

#[test]
fn an_upload_becomes_a_file() {
    let (_upload, address, folder) = start();
    for round in 1..=3 {
        let mut client = Client::connect(address);
        client.send(put("/file", AUTHORIZATION, big().len()));
        client.send(big());
        let response = client.response();
        let (status, body) = text(&response);
        let (length, path) = body.trim_end().split_once(" bytes in ").expect("a path");
        assert_eq!((status, length), (201, big().len().to_string().as_str()));
        assert!(fs::read(path).expect("the file") == big());
        assert_eq!(files(&folder).len(), round);
    }
}

#[test]
fn curl_uploads_a_file_in_chunks() {
    let Some(program) = tools::find(&["curl"]) else { return };
    let (_upload, address, folder) = start();
    let options = ["--user", "me:secret", &format!("http://{address}/file")];
    curl(&program, 5_000_000, true, &options);
    let [file] = files(&folder).try_into().expect("one file");
    assert!(fs::read(file).expect("the file") == [0; 5_000_000]);
}

#[test]
fn curl_reads_a_401_and_never_sends_the_body() {
    let Some(program) = tools::find(&["curl"]) else { return };
    let (_upload, address, folder) = start();
    let url = format!("http://{address}/file");
    let wait = PATIENCE.as_secs().to_string();
    for in_chunks in [false, true] {
        // It would send the body after this time without an answer.
        let options = ["--expect100-timeout", &wait, "--write-out", "%{http_code} %{size_upload}", &url];
        assert_eq!(curl(&program, 5_000_000, in_chunks, &options), "401 0", "{in_chunks}");
    }
    assert!(files(&folder).is_empty());
}

#[test]
fn a_client_that_sends_the_body_at_once_reads_the_401_too() {
    let (_upload, address, _folder) = start();
    let mut client = Client::connect(address);
    client.send(put("/file", "", big().len()));
    client.send(big());
    let response = client.response();
    assert_eq!(response.status, 401);
    assert!(response.header("WWW-Authenticate").is_some() && response.header("Connection") == Some("close"));
}

#[test]
fn a_client_that_leaves_in_the_middle_leaves_no_file() {
    let (_upload, address, folder) = start();
    let mut client = Client::connect(address);
    client.send(put("/file", AUTHORIZATION, big().len()));
    client.send(&big()[..500_000]);
    let is_there = |path: &PathBuf| fs::metadata(path).is_ok_and(|file| file.len() == 500_000);
    wait_until("the first half is in the file", || files(&folder).iter().any(is_there));
    client.reset();
    wait_until("the file is gone", || files(&folder).is_empty());
}

#[test]
fn a_file_that_cannot_be_made_is_a_507() {
    let (_upload, address, folder) = start();
    drop(folder);
    let mut client = Client::connect(address);
    client.send(put("/file", AUTHORIZATION, big().len()));
    client.send(&big()[..100_000]);
    assert_eq!(client.response().status, 507);
}

#[test]
fn what_is_not_put_to_a_known_path_is_not_found() {
    let (_upload, address, _folder) = start();
    let not_found = (404, "put something to /count or /file\n");
    for head in
        [put("/other", "", 1000), put("/file", AUTHORIZATION, 0), put("/count", "", 0).replace("PUT", "GET")]
    {
        assert_eq!(text(&ask(address, &head)), not_found, "{head}");
    }
    assert_eq!(text(&ask(address, &put("/count", "", 0))), (200, "0 bytes\n"));
}

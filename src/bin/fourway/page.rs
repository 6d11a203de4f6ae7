//! The response of the program, and the file that its body may come from.

use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use fourway::{Reply, Request, Responder};

use super::machine::memory;
use super::options::Options;

pub struct Page {
    content_type: String,
    body: &'static [u8],
}

impl Page {
    /// Loads the body. It lives as long as the program, so all connections send it from one copy.
    pub fn load(options: &Options) -> Result<Self, String> {
        let response = &options.response;
        let (body, content_type) = match &response.body_file {
            None => (response.body.clone().into_bytes(), "text/plain"),
            Some(path) => match read(path, memory::of_process().map(|bytes| bytes / 2)) {
                Ok(bytes) => (bytes, "application/octet-stream"),
                Err(why) => {
                    return Err(format!(
                        "cannot read {} {}: {why}",
                        options.name("body_file"),
                        path.display()
                    ));
                }
            },
        };
        let content_type = response.content_type.as_deref().unwrap_or(content_type).into();
        Ok(Page { content_type, body: body.leak() })
    }

    /// Returns the maximum number of bytes that a response copies: its head, and a small body.
    pub fn copied_bytes(&self) -> usize {
        const BESIDE_TYPE: usize = 8 * 1024;
        BESIDE_TYPE + self.content_type.len()
    }

    pub fn body(&self) -> &'static [u8] {
        self.body
    }

    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// Gives the usual response.
    #[inline(always)]
    pub fn respond<'r>(&self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        // A 200 for TRACE would have to repeat the request (RFC 9110 §9.3.8). Both responses share one chain of
        // calls. With two chains the compiler no longer inlines the first, which costs 25 instructions a response.
        let is_trace = request.method() == "TRACE";
        let (status, body) = if is_trace { (405, &b""[..]) } else { (200, self.body) };
        let mut head = responder.status(status);
        if is_trace {
            head = head.header("Allow", "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH");
        }
        head.content_type(&self.content_type).body(body)
    }
}

/// Reads a regular file. Other files are refused: a pipe or a device may have no end, and may block forever.
fn read(path: &Path, most: Option<u64>) -> Result<Vec<u8>, String> {
    let say = |error: io::Error| error.to_string();
    // The check comes before the opening, because that may block on a pipe and may have an effect on a device.
    check(&fs::metadata(path).map_err(say)?, most)?;
    let file = open(path).map_err(say)?;
    let metadata = file.metadata().map_err(say)?;
    check(&metadata, most)?;
    let mut bytes = Vec::new();
    let len = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    bytes.try_reserve_exact(len).map_err(|_| format!("cannot allocate memory for its {len} bytes"))?;
    // The file may grow meanwhile.
    let most = most.unwrap_or(u64::MAX);
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(say)?;
    if bytes.len() as u64 > most {
        return Err(too_large(bytes.len() as u64, most));
    }
    Ok(bytes)
}

fn check(metadata: &Metadata, most: Option<u64>) -> Result<(), String> {
    if !metadata.is_file() {
        let kind = kind(metadata.file_type());
        return Err(format!("it is {kind}, not a regular file"));
    }
    match most.filter(|&most| metadata.len() > most) {
        Some(most) => Err(too_large(metadata.len(), most)),
        None => Ok(()),
    }
}

fn too_large(len: u64, most: u64) -> String {
    format!("it has {len} bytes, and the server keeps at most {most} in memory (half of all memory)")
}

#[cfg(unix)]
fn kind(file: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match file {
        file if file.is_dir() => "a directory",
        file if file.is_fifo() => "a pipe",
        file if file.is_socket() => "a socket",
        _ => "a device",
    }
}

#[cfg(not(unix))]
fn kind(file: FileType) -> &'static str {
    if file.is_dir() { "a directory" } else { "a special file" }
}

/// Opens a file without blocking. Some files of the kernel block their readers, such as `/proc/kmsg`.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    #[cfg(any(target_os = "linux", target_os = "android"))]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    options.read(true).open(path)
}

//! The one answer of the program, and the file that it may come from.

use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use fourway::{Handler, Reply, Request, Responder};

use super::memory;
use super::options::Options;

pub struct Page {
    content_type: String,
    body: &'static [u8],
}

impl Page {
    /// The body lives as long as the program, so that there is one copy of it, however many connections
    /// send it at a time, and however slowly.
    pub fn load(options: &Options) -> Result<Self, String> {
        let (body, content_type) = match &options.body_file {
            None => (options.body.clone().into_bytes(), "text/plain"),
            Some(path) => match read(path, memory::available().map(|bytes| bytes / 2)) {
                Ok(bytes) => (bytes, "application/octet-stream"),
                Err(why) => return Err(format!("cannot read --body-file {}: {why}", path.display())),
            },
        };
        let content_type = options.content_type.as_deref().unwrap_or(content_type).into();
        Ok(Page { content_type, body: body.leak() })
    }

    /// What a response copies at most: its head, and a small body.
    pub fn copied_bytes(&self) -> usize {
        const BESIDE_TYPE: usize = 8 * 1024;
        BESIDE_TYPE + self.content_type.len()
    }

    /// The length of its body in bytes.
    pub fn len(&self) -> usize {
        self.body.len()
    }
}

impl Handler for Page {
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        // The answer to TRACE would be the request itself (RFC 9110 §9.3.8). A second chain of calls here would
        // cost every answer 25 instructions, because the compiler would no longer inline the first.
        let is_trace = request.method() == "TRACE";
        let (status, body) = if is_trace { (405, &b""[..]) } else { (200, self.body) };
        let mut head = responder.status(status);
        if is_trace {
            head = head.header("Allow", "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH");
        }
        head.content_type(&self.content_type).body(body)
    }
}

/// Reads a file that has an end. A pipe or a device may have none, and reading it may block for ever.
fn read(path: &Path, most: Option<u64>) -> Result<Vec<u8>, String> {
    let say = |error: io::Error| error.to_string();
    // Opening a device may do something, and opening a pipe may block.
    check(&fs::metadata(path).map_err(say)?, most)?;
    let file = open(path).map_err(say)?;
    let metadata = file.metadata().map_err(say)?;
    check(&metadata, most)?;
    let mut bytes = Vec::new();
    let len = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    bytes.try_reserve_exact(len).map_err(|_| format!("there is no memory for its {len} bytes"))?;
    // It may grow meanwhile.
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
        return Err(format!("it is {kind}, and the body comes from a file"));
    }
    match most.filter(|&most| metadata.len() > most) {
        Some(most) => Err(too_large(metadata.len(), most)),
        None => Ok(()),
    }
}

fn too_large(len: u64, most: u64) -> String {
    format!(
        "it has {len} bytes, and the server keeps it in memory: it takes at most {most}, half of the memory"
    )
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
    if file.is_dir() { "a directory" } else { "not a file" }
}

/// Some files of the kernel block their readers, such as `/proc/kmsg`.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    #[cfg(any(target_os = "linux", target_os = "android"))]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    options.read(true).open(path)
}

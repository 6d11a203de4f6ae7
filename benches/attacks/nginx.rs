//! nginx with one worker, set up as Debian does where that matters here.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::child::Child;
use crate::folder::Folder;

/// Returns its file, if it is installed.
pub fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let sbin = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let mut files = std::env::split_paths(&path).chain(sbin).map(|folder| folder.join("nginx"));
    files.find(|file| file.is_file())
}

/// Returns `nginx/1.22.1`.
pub fn version(program: &Path) -> io::Result<String> {
    let output = Command::new(program).arg("-v").output()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(text.rsplit(": ").next().unwrap_or("nginx").trim().into())
}

/// Starts it. The listener is made here and handed over, so that the kernel chooses the port and no client
/// comes too early.
pub fn start(command: &mut Command, folder: &Folder) -> io::Result<(Child, SocketAddr)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    command.arg("-e").arg(folder.path("errors")).arg("-p").arg(folder.path(""));
    command.arg("-c").arg(folder.write("nginx.conf", configuration(address, folder))?);
    // The number of the descriptor that it inherits.
    command.env("NGINX", "0;").stdin(Stdio::from(OwnedFd::from(listener))).stdout(Stdio::null());
    Ok((Child::with_streams(command), address))
}

/// The sizes of its buffers and the limit of a body are its defaults.
fn configuration(address: SocketAddr, folder: &Folder) -> String {
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {};\n", folder.path(name).display()))
        .concat();
    let (pid, back, page) = (folder.path("pid"), folder.path("back"), folder.path("page"));
    let (pid, back, page) = (pid.display(), back.display(), page.display());
    format!(
        "daemon off; worker_processes 1; user root; pid {pid}; error_log stderr emerg;\n\
         events {{ worker_connections 10000; }}\n\
         http {{\n\
         {temporary}\
         access_log off; keepalive_requests 1000000000; default_type text/plain;\n\
         sendfile on; tcp_nopush on; reset_timedout_connection on;\n\
         server {{\n\
         listen {address} backlog=4096;\n\
         location / {{ return 200 \"xixizi\"; }}\n\
         location /page {{ alias {page}; }}\n\
         location /upload {{ proxy_pass http://unix:{back}:/; }}\n\
         }}\n\
         server {{ listen unix:{back}; location / {{ return 200 \"xixizi\"; }} }}\n\
         }}\n"
    )
}

/// Returns the process of its only worker, which is its child.
pub fn worker(master: u32, patience: Duration) -> io::Result<u32> {
    let start = Instant::now();
    while start.elapsed() < patience {
        for entry in fs::read_dir("/proc")?.flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            if parent(pid) == Some(master) {
                return Ok(pid);
            }
        }
        thread::sleep(Duration::from_millis(5));
    }
    Err(io::Error::other("nginx starts no worker"))
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(") ").next()?.split(' ').nth(1)?.parse().ok()
}

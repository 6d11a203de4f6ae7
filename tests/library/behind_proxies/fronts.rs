//! nginx and HAProxy as child processes that forward everything, on connections that they keep, and
//! note down what they believe to have forwarded.

use std::cell::RefCell;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::common::child::Child;
use crate::common::tools::{self, Folder};
use crate::common::{ANY_PORT, wait_until, witness::NUMBER};

/// A proxy, as long as its test takes.
pub struct Front {
    pub address: SocketAddr,
    log: RefCell<BufReader<File>>,
    child: Child,
    _folder: Folder,
}

impl Drop for Front {
    /// nginx has a child of its own, which it takes along only if it is asked to end.
    fn drop(&mut self) {
        if self.child.try_signal("TERM") {
            let _ = self.child.process.wait();
        }
    }
}

/// One line of a front's log: a request as it was read there, and what answered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The number that the handler gave it, if it came so far.
    pub number: Option<usize>,
    pub method: String,
    pub target: String,
}

impl Front {
    /// What was noted since this was asked last, up to the lines about this target and about all that the
    /// handler has answered; in the order of the handler's numbers. A front may note a request only when it is
    /// done with its client, which for nginx may be after the next client has come and gone.
    pub fn noted_up_to(&self, target: &str, answered: &[usize]) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut line = Vec::new();
        wait_until(&format!("the front has noted {target} and {answered:?}"), || {
            let mut log = self.log.borrow_mut();
            while log.read_until(b'\n', &mut line).expect("the front's log") > 0 && line.ends_with(b"\n") {
                entries.extend(entry(String::from_utf8_lossy(&line).trim_end()));
                line.clear();
            }
            let is_noted = |number| entries.iter().any(|entry| entry.number == Some(number));
            entries.iter().any(|entry| entry.target == target) && answered.iter().copied().all(is_noted)
        });
        entries.sort_by_key(|entry| entry.number);
        entries
    }
}

/// `seen|number|method|target`; the rest are notices.
fn entry(line: &str) -> Option<Entry> {
    let mut fields = line.strip_prefix("seen|")?.splitn(3, '|').map(str::to_owned);
    let number = fields.next()?.parse().ok();
    let (method, target) = (fields.next()?, fields.next()?);
    // Of a URL without a path nginx notes the query alone, and forwards it behind one.
    let target = if target.starts_with('?') { format!("/{target}") } else { target };
    Some(Entry { number, method, target })
}

/// Starts a front on a listener of this process. So no port has to be guessed, and early clients wait in the queue.
fn start(command: &mut Command, listener: TcpListener, folder: Folder, log: PathBuf) -> Front {
    let address = listener.local_addr().expect("its address");
    command.stdin(Stdio::from(OwnedFd::from(listener)));
    let child = Child::with_streams(command);
    let log = RefCell::new(BufReader::new(File::open(log).expect("its log")));
    Front { address, log, child, _folder: folder }
}

/// How nginx is set up besides.
pub struct Nginx {
    /// Whether it reads a body to its end before it forwards anything.
    pub buffers: bool,
    /// Whether it forwards headers that it would drop otherwise.
    pub lax: bool,
}

/// `None` if it is not installed.
pub fn nginx(back: SocketAddr, options: &Nginx) -> Option<Front> {
    let nginx = tools::find(&["nginx"])?;
    let folder = Folder::new();
    let listener = TcpListener::bind(ANY_PORT).expect("a free port");
    let address = listener.local_addr().expect("its address");
    let log = folder.write("access", "");
    let on_off = |on: bool| if on { "on" } else { "off" };
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {};\n", folder.path(name).display()))
        .concat();
    let number = NUMBER.to_lowercase().replace('-', "_");
    let config = format!(
        "daemon off; worker_processes 1; user root; pid {pid};\n\
         events {{ worker_connections 256; }}\n\
         http {{\n\
         {temporary}\
         log_format seen escape=none 'seen|$upstream_http_{number}|$request_method|$request_uri';\n\
         access_log {log} seen;\n\
         upstream back {{ server {back}; keepalive 4; }}\n\
         server {{\n\
         listen {address};\n\
         client_max_body_size 0; large_client_header_buffers 4 64k;\n\
         underscores_in_headers {lax}; ignore_invalid_headers {strict};\n\
         location / {{\n\
         proxy_pass http://back; proxy_http_version 1.1;\n\
         proxy_set_header Connection \"\"; proxy_set_header Host $http_host;\n\
         proxy_request_buffering {buffers}; proxy_next_upstream off; proxy_ignore_client_abort on;\n\
         }} }} }}\n",
        pid = folder.path("pid").display(),
        log = log.display(),
        lax = on_off(options.lax),
        strict = on_off(!options.lax),
        buffers = on_off(options.buffers),
    );
    let mut command = Command::new(nginx);
    command.arg("-e").arg(folder.path("errors")).arg("-p").arg(folder.path(""));
    command.arg("-c").arg(folder.write("nginx.conf", config));
    // It takes a listener over by the number of its descriptor, if the address is the same.
    command.env("NGINX", "0;");
    Some(start(&mut command, listener, folder, log))
}

/// `None` if it is not installed.
pub fn haproxy(back: SocketAddr, lax: bool) -> Option<Front> {
    let haproxy = tools::find(&["haproxy"])?;
    let folder = Folder::new();
    let lax = if lax { "option accept-invalid-http-request" } else { "" };
    let config = format!(
        "global\n    log stdout format raw local0\n    nbthread 1\n    tune.bufsize 65536\n    tune.http.maxhdr 200\n\
         defaults\n    mode http\n    log global\n    retries 0\n    timeout connect 30s\n    timeout client 30s\n    timeout server 30s\n\
         frontend front\n    bind fd@0\n    option disable-h2-upgrade\n    {lax}\n    default_backend back\n\
         \u{20}   http-response set-var(txn.number) res.hdr({NUMBER})\n\
         \u{20}   log-format \"seen|%[var(txn.number)]|%HM|%HU\"\n\
         backend back\n    http-reuse always\n    server fourway {back}\n",
    );
    let log = folder.path("log");
    let mut command = Command::new(haproxy);
    command.args(["-db", "-f"]).arg(folder.write("haproxy.cfg", config));
    command.stdout(File::create(&log).expect("a temporary file"));
    let listener = TcpListener::bind(ANY_PORT).expect("a free port");
    Some(start(&mut command, listener, folder, log))
}

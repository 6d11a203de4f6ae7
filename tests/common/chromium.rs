//! Chromium without a window, which shows a page to a test. The test talks to it through two pipes, in the DevTools
//! protocol (`--remote-debugging-pipe`): JSON, and a zero byte after each message.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use super::child::Child;
use super::tools::{self, Folder};
use super::{PATIENCE, wait_until};

/// The events of a page that complains.
const COMPLAINTS: [&str; 3] =
    ["\"Log.entryAdded\"", "\"Runtime.exceptionThrown\"", "\"Runtime.consoleAPICalled\""];

/// A browser with one page. It ends with its test.
pub struct Page {
    pipe: ChildStdin,
    messages: Receiver<String>,
    /// What the page has complained about.
    complaints: Vec<String>,
    sent: u64,
    /// The field that names the page in a message.
    session: String,
    _browser: Child,
    _profile: Folder,
}

impl Page {
    /// Opens a page in a new browser, if one is installed, as [`tools::find`] says.
    pub fn open(url: &str) -> Option<Page> {
        let chromium = tools::find(&["chromium", "chromium-browser", "google-chrome", "chrome"])?;
        let profile = Folder::new();
        // It reads from its descriptor 3, and writes to its descriptor 4.
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >&2"]).arg(chromium);
        command.args(["--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu"]);
        command.args(["--no-first-run", "--disable-background-networking", "--disable-component-update"]);
        command.args(["--disable-sync", "--disable-dev-shm-usage"]);
        command.arg(format!("--user-data-dir={}", profile.path("profile").display()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut browser = Child::unread(&mut command);
        let pipe = browser.process.stdin.take().expect("a pipe");
        let mut replies = BufReader::new(browser.process.stdout.take().expect("a pipe"));
        let (sender, messages) = mpsc::channel();
        thread::spawn(move || {
            let mut message = Vec::new();
            while replies.read_until(0, &mut message).is_ok_and(|len| len > 0) {
                let _ = sender.send(String::from_utf8_lossy(&message).into_owned());
                message.clear();
            }
        });
        let session = String::new();
        let complaints = Vec::new();
        let mut page =
            Page { pipe, messages, complaints, sent: 0, session, _browser: browser, _profile: profile };
        let target = page.ask("Target.createTarget", &format!("{{\"url\":{url:?}}}"), "targetId");
        let target = format!("{{\"targetId\":{target:?},\"flatten\":true}}");
        let session = page.ask("Target.attachToTarget", &target, "sessionId");
        page.session = format!("\"sessionId\":{session:?},");
        Some(page)
    }

    /// Returns the value of an expression in the page: a text.
    pub fn value(&mut self, expression: &str) -> String {
        self.ask("Runtime.evaluate", &format!("{{\"expression\":{expression:?}}}"), "value")
    }

    /// Waits until the value of an expression is so, and returns it.
    pub fn wait_for(&mut self, expression: &str, is_so: impl Fn(&str) -> bool) -> String {
        let mut value = String::new();
        wait_until(expression, || {
            value = self.value(expression);
            is_so(&value)
        });
        value
    }

    /// Makes the page as wide as a window or a device of this size.
    pub fn resize(&mut self, width: u32, height: u32) {
        let size =
            format!("{{\"width\":{width},\"height\":{height},\"deviceScaleFactor\":1,\"mobile\":true}}");
        self.ask("Emulation.setDeviceMetricsOverride", &size, "");
    }

    /// Makes a feature of the media (`prefers-color-scheme` and the like) have a value.
    pub fn prefer(&mut self, feature: &str, value: &str) {
        let features = format!("{{\"features\":[{{\"name\":{feature:?},\"value\":{value:?}}}]}}");
        self.ask("Emulation.setEmulatedMedia", &features, "");
    }

    /// Presses a key that writes nothing, or the space bar.
    pub fn press(&mut self, key: &str) {
        const CODES: [(&str, u32); 8] = [
            (" ", 32),
            ("Tab", 9),
            ("PageUp", 33),
            ("PageDown", 34),
            ("End", 35),
            ("Home", 36),
            ("ArrowLeft", 37),
            ("ArrowRight", 39),
        ];
        let (_, code) = CODES.iter().find(|(name, _)| *name == key).expect("a key with a code");
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" && key == " " { "\"text\":\" \"," } else { "" };
            let event =
                format!("{{\"type\":{kind:?},{text}\"key\":{key:?},\"windowsVirtualKeyCode\":{code}}}");
            self.ask("Input.dispatchKeyEvent", &event, "");
        }
    }

    /// Returns the errors and warnings on the page's console, what its security policy refused among them.
    pub fn complaints(&mut self) -> &[String] {
        // Each of them repeats what came before.
        self.ask("Log.enable", "{}", "");
        self.ask("Runtime.enable", "{}", "");
        self.value("''");
        self.ask("Log.disable", "{}", "");
        self.ask("Runtime.disable", "{}", "");
        &self.complaints
    }

    /// Calls a method, and returns a field of its result, which is a text. It is empty if the result has no such field.
    fn ask(&mut self, method: &str, params: &str, field: &str) -> String {
        self.sent += 1;
        let (id, session) = (self.sent, &self.session);
        write!(self.pipe, "{{\"id\":{id},{session}\"method\":{method:?},\"params\":{params}}}\0")
            .expect("the browser reads");
        let reply = loop {
            let message = self.messages.recv_timeout(PATIENCE).expect("the browser answers");
            if message.starts_with(&format!("{{\"id\":{id},")) {
                break message;
            }
            if COMPLAINTS.iter().any(|method| message.contains(method)) {
                self.complaints.push(message);
            }
        };
        reply.split_once(&format!("\"{field}\":\"")).map_or(String::new(), |(_, text)| unescaped(text))
    }
}

/// Returns a text of JSON up to its quote, with the escapes that this browser uses.
fn unescaped(text: &str) -> String {
    let (mut plain, mut characters) = (String::new(), text.chars());
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => match characters.next() {
                Some('n') => plain.push('\n'),
                Some('t') => plain.push('\t'),
                Some('u') => {
                    let digits: String = characters.by_ref().take(4).collect();
                    let number = u32::from_str_radix(&digits, 16).ok();
                    plain.push(number.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                Some(other) => plain.push(other),
                None => {}
            },
            _ => plain.push(character),
        }
    }
    plain
}

//! The example `events`.

use std::net::SocketAddr;

use super::Example;
use crate::common::{ANY_PORT, Client, get};

/// The example with this many milliseconds from tick to tick.
fn start(milliseconds: u64) -> (Example, SocketAddr) {
    let mut events = Example::start("events", &[ANY_PORT.to_string(), milliseconds.to_string()]);
    let address = events.http();
    (events, address)
}

/// A client of the events.
struct Stream {
    client: Client,
    text: String,
}

impl Stream {
    /// A client that has seen events before.
    fn after(address: SocketAddr, seen: Option<u64>) -> Stream {
        let mut client = Client::connect(address);
        let seen = seen.map_or(String::new(), |seen| format!("Last-Event-ID: {seen}\r\n"));
        client.send(format!("GET /events HTTP/1.1\r\nHost: test\r\n{seen}\r\n"));
        let head = client.response_head();
        assert_eq!((head.status, head.header("Content-Type")), (200, Some("text/event-stream")));
        Stream { client, text: String::new() }
    }

    fn new(address: SocketAddr) -> Stream {
        Stream::after(address, None)
    }

    /// The next block of lines, without the blank line that ends it.
    fn block(&mut self) -> String {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                return block;
            }
            self.text += std::str::from_utf8(&self.client.chunk()).expect("a text");
        }
    }

    /// The number of the next event.
    fn event(&mut self) -> u64 {
        loop {
            let block = self.block();
            if block.starts_with(':') {
                continue;
            }
            let (id, data) =
                block.strip_prefix("id: ").and_then(|rest| rest.split_once('\n')).expect("an id");
            assert_eq!(data, format!("data: event {id}"));
            return id.parse().expect("a number");
        }
    }

    /// Reads events, none of which is missing. Returns the number of the last.
    fn expect_events(&mut self, first: u64, count: u64) -> u64 {
        for expected in first..first + count {
            assert_eq!(self.event(), expected, "after event {first}");
        }
        first + count - 1
    }

    /// Reads up to an event of this number or a higher one.
    fn expect_at_least(&mut self, number: u64) -> u64 {
        let mut event = self.event();
        while event < number {
            event = self.event();
        }
        event
    }
}

#[test]
fn two_hundred_streams_miss_no_event_although_half_of_them_reconnect() {
    let (_events, address) = start(80);
    let mut streams: Vec<Stream> = (0..200).map(|_| Stream::new(address)).collect();
    for (number, stream) in streams.iter_mut().enumerate() {
        let first = stream.event();
        let last = stream.expect_events(first + 1, 9);
        if number % 2 == 0 {
            // What it has received and not read, it asks for again.
            *stream = Stream::after(address, Some(last));
        }
        stream.expect_events(last + 1, 10);
    }
}

#[test]
fn a_tick_without_an_event_sends_a_comment() {
    let (_events, address) = start(20);
    let mut stream = Stream::new(address);
    let comment = ": nothing new\nretry: 1000";
    assert_eq!(stream.block(), comment, "a stream begins with the time to reconnect");
    let blocks: Vec<String> = (0..10).map(|_| stream.block()).collect();
    let comments: Vec<usize> = (0..10).filter(|&at| blocks[at] == comment).collect();
    assert!(comments.len() == 2 && comments[1] - comments[0] == 5, "{blocks:?}");
}

#[test]
fn a_client_that_has_missed_more_than_is_kept_gets_what_is_kept() {
    let (_events, address) = start(1);
    let last = Stream::new(address).expect_at_least(1100);
    let mut stream = Stream::after(address, Some(1));
    let first = stream.event();
    assert!(first > last - 1000, "event {first} after event {last}");
    stream.expect_events(first + 1, 999);
}

#[test]
fn a_client_that_has_seen_more_than_there_is_gets_the_next_event() {
    let (_events, address) = start(20);
    for seen in [1_000_000, u64::MAX] {
        let mut others = Stream::new(address);
        let before = others.event();
        let first = Stream::after(address, Some(seen)).event();
        assert!((before + 1..before + 1000).contains(&first), "event {first} after event {before}");
    }
}

#[test]
fn head_gets_the_head_of_the_stream_and_the_connection_goes_on() {
    let (_events, address) = start(20);
    let mut client = Client::connect(address);
    client.send("HEAD /events HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.response_head().header("Content-Type"), Some("text/event-stream"));
    client.send(get("/"));
    assert_eq!(client.response().header("Content-Type"), Some("text/html"));
}

// --- with a browser ---

#[cfg(unix)]
mod browser {
    use std::io;
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::sync::{Arc, Mutex};
    use std::thread;

    use super::*;
    use crate::common::chromium::Page;
    use crate::common::wait_until;

    /// A relay in front of the example, whose connections a test can break.
    #[derive(Clone, Default)]
    struct Relay(Arc<Mutex<Vec<TcpStream>>>);

    impl Relay {
        fn start(to: SocketAddr) -> (Relay, SocketAddr) {
            let listener = TcpListener::bind(ANY_PORT).expect("a free port");
            let address = listener.local_addr().expect("its address");
            let relay = Relay::default();
            let open = relay.0.clone();
            thread::spawn(move || {
                for client in listener.incoming().map_while(Result::ok) {
                    let server = TcpStream::connect(to).expect("the example listens");
                    for (from, to) in [(&client, &server), (&server, &client)] {
                        let [mut from, mut to] =
                            [from, to].map(|it| it.try_clone().expect("a second handle"));
                        thread::spawn(move || io::copy(&mut from, &mut to));
                    }
                    open.lock().expect("no thread panics").extend([client, server]);
                }
            });
            (relay, address)
        }

        fn has_clients(&self) -> bool {
            !self.0.lock().expect("no thread panics").is_empty()
        }

        fn break_all(&self) {
            for stream in self.0.lock().expect("no thread panics").drain(..) {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }

    #[test]
    fn a_browser_shows_the_events_and_misses_none_when_its_connection_breaks() {
        const STATE: &str = "document.getElementById('state').textContent";
        const SHOWN: &str = "Array.from(document.querySelectorAll('li'), (item) => item.textContent).join()";
        let (_events, address) = start(100);
        let (relay, front) = Relay::start(address);
        let Some(mut page) = Page::open(&format!("http://{front}/")) else { return };
        let count = |shown: &str| shown.split(',').filter(|item| !item.is_empty()).count();
        let before = count(&page.wait_for(SHOWN, |shown| count(shown) >= 3));
        assert_eq!(page.value(STATE), "connected");
        relay.break_all();
        wait_until("the browser connects again", || relay.has_clients());
        let shown = page.wait_for(SHOWN, |shown| count(shown) >= before + 10);
        assert_eq!(page.value(STATE), "connected");
        let number = |item: &str| item.strip_prefix("event ")?.parse().ok();
        let numbers: Vec<u64> = shown.split(',').map(number).collect::<Option<_>>().expect("events");
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{shown}");
    }
}

//! The server's own figures inside a handler: a page of metrics, and the host's time.

use std::time::{Duration, Instant};

use fourway::{Config, Handler, Reply, Request, RequestId, Responder, Stats};

use crate::common::embed::{Loop, Rig};
use crate::common::{ANY_PORT, Client, PATIENCE, get};

/// The states of the page, in the order of a connection's life.
fn states(stats: &Stats) -> [(&'static str, usize); 9] {
    [
        ("idle", stats.idle),
        ("reading_head", stats.reading_head),
        ("awaiting_buffer", stats.awaiting_buffer),
        ("reading_body", stats.reading_body),
        ("holding", stats.holding),
        ("sending", stats.sending),
        ("deferred", stats.deferred),
        ("streaming", stats.streaming),
        ("closing", stats.closing),
    ]
}

/// A host that shows the server's counters on a page, and how long it has been up.
struct Page {
    start: Instant,
    parked: Vec<RequestId>,
}

impl Handler for Page {
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        let uptime = responder.now() - self.start;
        match request.path() {
            "/metrics" => {
                let stats = responder.stats().clone();
                responder.body_with(200, "text/plain; version=0.0.4", |page| {
                    let _ = writeln!(page, "http_requests_total {}", stats.requests);
                    let _ = writeln!(page, "http_uptime_seconds {}", uptime.as_secs());
                    for (state, count) in states(&stats) {
                        let _ = writeln!(page, "http_connections{{state=\"{state}\"}} {count}");
                    }
                })
            }
            "/later" => {
                let (id, reply) = responder.defer();
                self.parked.push(id);
                reply
            }
            _ => responder.send(404, "text/plain", b"try /metrics"),
        }
    }
}

#[test]
fn a_page_of_metrics_shows_the_connections_by_state() {
    let mut host = Loop::new(64);
    let mut server = host.server(0, Config::default());
    let listener = server.listen(ANY_PORT).expect("a free port");
    let address = server.local_addr(listener).expect("it listens");
    let start = Instant::now();
    let mut page = Page { start, parked: Vec::new() };
    let mut clients: Vec<Client> = (0..5).map(|_| Client::connect(address)).collect();
    clients[0].send("GET /half HTTP/1.1\r\n");
    clients[1].send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf");
    clients[2].send(get("/later"));
    let is_there =
        |stats: &Stats| (stats.open, stats.reading_head, stats.reading_body, stats.deferred) == (5, 1, 1, 1);
    while !is_there(&server.stats()) {
        assert!(start.elapsed() < PATIENCE, "{:?}", server.stats());
        host.gather(&mut server, PATIENCE);
        server.process(Instant::now(), &mut page);
    }
    // The time of this call is the host's, and not the machine's.
    clients[3].send(get("/metrics"));
    assert_eq!(host.gather(&mut server, PATIENCE), []);
    server.process(start + Duration::from_secs(5), &mut page);
    let response = clients[3].response();
    let text = String::from_utf8_lossy(&response.body);
    let expected = "http_requests_total 2\nhttp_uptime_seconds 5\n\
        http_connections{state=\"idle\"} 2\nhttp_connections{state=\"reading_head\"} 1\n\
        http_connections{state=\"awaiting_buffer\"} 0\nhttp_connections{state=\"reading_body\"} 1\n\
        http_connections{state=\"holding\"} 0\nhttp_connections{state=\"sending\"} 0\n\
        http_connections{state=\"deferred\"} 1\nhttp_connections{state=\"streaming\"} 0\n\
        http_connections{state=\"closing\"} 0\n";
    assert_eq!((response.header("Content-Type"), &text[..]), (Some("text/plain; version=0.0.4"), expected));
}

#[test]
fn the_responder_of_a_deferred_request_shows_the_figures_too() {
    let mut rig = Rig::new(Config::default());
    let (mut client, id) = rig.parked("/later");
    let later = Instant::now() + Duration::from_secs(7);
    let responder = rig.server.respond(id, later).expect("it waits");
    assert_eq!((responder.now(), responder.stats().deferred), (later, 1));
    let deferred = responder.stats().deferred;
    responder.body_with(200, "text/plain", |body| write!(body, "{deferred} waits"));
    rig.server.process(later, &mut rig.world);
    assert_eq!(client.response().body, b"1 waits");
}

//! Bodies that are sent from where they are: much larger than memory, and given back in the end.

use std::io::{BufRead, Read};
use std::sync::Arc;
use std::thread;

use crate::common::embed::Rig;
use crate::common::{ANY_PORT, Client, Host, big, get};
use fourway::{Body, Config, Reason, handler_fn};

const GIB: u64 = 1 << 30;

/// A page of prime length in which every byte depends on its place: neither a page nor a piece of
/// it that is lost, doubled or moved leaves the stream as it should be.
fn page() -> Arc<[u8]> {
    (0..65_521u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// Reads a response's head without its body; its Content-Length.
fn length_of_body(client: &mut Client) -> u64 {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(client.stream.read_line(&mut head).expect("a head") > 0, "{head:?}");
    }
    assert!(head.starts_with("HTTP/1.1 200 "), "{head:?}");
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    length.expect("a length").parse().expect("a number")
}

/// Reads `len` bytes of a page that is repeated, and looks at every one.
fn expect_pages(client: &mut Client, page: &[u8], mut len: u64) {
    let mut read = vec![0; page.len()];
    while len > 0 {
        let piece = usize::try_from(len).map_or(page.len(), |left| left.min(page.len()));
        client.stream.read_exact(&mut read[..piece]).expect("the body goes on");
        assert!(read[..piece] == page[..piece], "with {len} bytes to go");
        len -= piece as u64;
    }
}

fn repeated(page: &Arc<[u8]>, len: u64) -> Body {
    Body::Repeat { page: page.clone(), len }
}

/// Has another thread read, while the server is turned here.
fn reading(rig: &mut Rig, target: &'static str, read: impl FnOnce(Client) + Send + 'static) {
    let client = rig.asking(target);
    let reader = thread::spawn(move || read(client));
    rig.until("the client has read", |_, _| reader.is_finished());
    reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

// --- larger than anything ---

#[test]
fn a_client_may_leave_in_the_middle_of_ten_gib() {
    let mut rig = Rig::new(Config::default());
    let page = page();
    rig.world.bodies.insert("/ten-gib", repeated(&page, 10 * GIB));
    for _ in 0..3 {
        let expected = page.clone();
        reading(&mut rig, "/ten-gib", move |mut client| {
            assert_eq!(length_of_body(&mut client), 10 * GIB);
            expect_pages(&mut client, &expected, 5_000_000);
            client.reset();
        });
    }
    rig.until("all have gone", |server, _| server.stats().open == 0);
    assert_eq!(rig.server.stats().closes(Reason::PeerReset), 3);
    assert!(rig.server.stats().bytes_out < GIB, "it sends only what is taken");
    rig.expect_alive();
}

#[test]
fn a_repeated_page_of_prime_length_arrives_to_its_last_byte() {
    const LEN: u64 = 300_000_007;
    let mut rig = Rig::new(Config::default());
    let page = page();
    rig.world.bodies.insert("/long", repeated(&page, LEN));
    reading(&mut rig, "/long", move |mut client| {
        assert_eq!(length_of_body(&mut client), LEN);
        expect_pages(&mut client, &page, LEN);
        // The next response begins behind it, at once.
        client.send(get("/next"));
        assert_eq!(client.response().body, b"/next");
    });
    assert_eq!(rig.world.asked, ["/long", "/next"]);
}

#[test]
fn a_page_of_a_few_bytes_is_repeated_without_a_gap() {
    const LEN: u64 = 1_000_003;
    let mut rig = Rig::new(Config::default());
    let page: Arc<[u8]> = Arc::from(*b"0123456789abc");
    rig.world.bodies.insert("/small-page", repeated(&page, LEN));
    reading(&mut rig, "/small-page", move |mut client| {
        assert_eq!(length_of_body(&mut client), LEN);
        expect_pages(&mut client, &page, LEN);
    });
}

#[test]
fn a_large_body_that_was_made_for_one_response_arrives_whole() {
    let made = handler_fn(|_request, responder| responder.status(200).body(big().repeat(20)));
    let host = Host::start_with(ANY_PORT, Config::default(), made).expect("a server");
    let mut client = Client::connect(host.address);
    client.send(get("/made"));
    assert!(client.response().body == big().repeat(20));
}

#[test]
fn parts_of_one_body_arrive_as_what_they_are_parts_of() {
    let mut rig = Rig::new(Config::default());
    let whole: Arc<[u8]> = page().repeat(20).into();
    let ranges = [("/large", 7..1_000_003), ("/small", 65_000..66_000), ("/end", 1_310_420..1_310_420)];
    for (target, range) in ranges.clone() {
        rig.world.bodies.insert(target, Body::Part { of: whole.clone(), range });
    }
    reading(&mut rig, "/first", move |mut client| {
        assert_eq!(client.response().body, b"/first");
        client.send(ranges.clone().map(|(target, _)| get(target)).concat());
        for (target, range) in ranges {
            assert!(client.response().body == whole[range], "{target}");
        }
    });
}

#[test]
fn long_bodies_keep_their_places_in_a_pipeline() {
    let mut rig = Rig::new(Config::default());
    let page = page();
    let shared: Arc<[u8]> = page.repeat(20).into();
    rig.world.bodies.insert("/shared", Body::Shared(shared.clone()));
    rig.world.bodies.insert("/repeated", repeated(&page, 2_000_003));
    rig.world.bodies.insert("/static", Body::Static(big()));
    reading(&mut rig, "/first", move |mut client| {
        let targets = ["/shared", "/repeated", "/between", "/static", "/repeated", "/shared", "/last"];
        client.send(targets.map(get).concat());
        assert_eq!(client.response().body, b"/first");
        for target in targets {
            let body = client.response().body;
            match target {
                "/shared" => assert!(body == *shared),
                "/repeated" => {
                    assert!(body.len() == 2_000_003 && body.chunks(page.len()).all(|p| p == &page[..p.len()]))
                }
                "/static" => assert!(body == big()),
                _ => assert_eq!(body, target.as_bytes()),
            }
        }
    });
}

// --- given back ---

#[test]
fn a_shared_body_is_given_back_when_its_last_byte_has_left() {
    let mut rig = Rig::new(Config::default());
    let bytes: Arc<[u8]> = vec![b'x'; 10_000_000].into();
    rig.world.bodies.insert("/shared", Body::Shared(bytes.clone()));
    reading(&mut rig, "/shared", |mut client| assert_eq!(client.response().body.len(), 10_000_000));
    rig.settle();
    rig.world.bodies.clear();
    assert_eq!(Arc::strong_count(&bytes), 1);
}

#[test]
fn one_body_is_shared_by_all_its_responses() {
    let mut rig = Rig::new(Config::default());
    let bytes: Arc<[u8]> = vec![b'x'; 10_000_000].into();
    rig.world.bodies.insert("/shared", Body::Shared(bytes.clone()));
    let mut clients: Vec<Client> = (0..10).map(|_| rig.asking("/shared")).collect();
    rig.settle();
    rig.world.bodies.clear();
    assert_eq!(Arc::strong_count(&bytes), 1 + 10, "each response in flight has a share");
    for left in (0..10).rev() {
        let mut client = clients.remove(0);
        let reader = thread::spawn(move || client.response().body.len());
        rig.until("it has been read", |_, _| reader.is_finished());
        assert_eq!(reader.join().expect("a whole response"), 10_000_000);
        rig.settle();
        assert_eq!(Arc::strong_count(&bytes), 1 + left);
    }
}

#[test]
fn a_server_that_is_dropped_gives_shared_bodies_back() {
    let mut rig = Rig::new(Config::default());
    let bytes: Arc<[u8]> = vec![b'x'; 10_000_000].into();
    rig.world.bodies.insert("/shared", Body::Shared(bytes.clone()));
    let client = rig.asking("/shared");
    drop(rig);
    assert_eq!(Arc::strong_count(&bytes), 1);
    drop(client);
}

// --- without a body ---

#[test]
fn head_has_the_length_of_any_body_and_no_byte_of_it() {
    let mut rig = Rig::new(Config::default());
    let page = page();
    rig.world.bodies.insert("/shared", Body::Shared(page.clone()));
    rig.world.bodies.insert("/repeated", repeated(&page, 10 * GIB));
    rig.world.bodies.insert("/small", Body::Shared(Arc::from(*b"small")));
    let mut client = Client::connect(rig.address);
    let lengths = [("/shared", page.len() as u64), ("/repeated", 10 * GIB), ("/small", 5)];
    for (target, _) in lengths {
        client.send(format!("HEAD {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
    }
    client.send(get("/behind"));
    rig.until_asked(4);
    rig.settle();
    for (_, length) in lengths {
        assert_eq!(length_of_body(&mut client), length);
    }
    assert_eq!(client.response().body, b"/behind");
    rig.world.bodies.clear();
    assert_eq!(Arc::strong_count(&page), 1);
}

#[test]
fn an_empty_page_cannot_be_repeated_and_is_a_500() {
    let mut rig = Rig::new(Config::default());
    rig.world.bodies.insert("/nothing", Body::Repeat { page: Arc::from([]), len: 10 * GIB });
    let mut client = rig.asking("/nothing");
    rig.settle();
    assert_eq!(client.response().status, 500);
    client.expect_end();
    assert_eq!(rig.server.stats().handler_errors, 1);
    rig.expect_alive();
}

#[test]
fn a_part_beyond_its_whole_is_a_500() {
    let mut rig = Rig::new(Config::default());
    rig.world.bodies.insert("/beyond", Body::Part { of: page(), range: 65_521..65_522 });
    let mut client = rig.asking("/beyond");
    rig.settle();
    assert_eq!(client.response().status, 500);
    client.expect_end();
    assert_eq!(rig.server.stats().handler_errors, 1);
    rig.expect_alive();
}

#[test]
fn an_empty_page_that_is_not_repeated_is_an_empty_body() {
    let mut rig = Rig::new(Config::default());
    rig.world.bodies.insert("/nothing", Body::Repeat { page: Arc::from([]), len: 0 });
    let mut client = rig.asking("/nothing");
    rig.ask(&mut client, "/behind");
    rig.settle();
    let nothing = client.response();
    assert_eq!((nothing.status, nothing.body.len()), (200, 0));
    assert_eq!(client.response().body, b"/behind");
}

#[test]
fn a_shared_body_is_given_back_when_its_client_is_gone() {
    let mut rig = Rig::new(Config::default());
    let bytes: Arc<[u8]> = Arc::from(vec![7; 64 << 20]);
    rig.world.bodies.insert("/shared", Body::Shared(bytes.clone()));
    let client = rig.asking("/shared");
    rig.settle();
    assert_eq!(Arc::strong_count(&bytes), 3);
    client.reset();
    rig.until("it is gone", |server, _| server.stats().open == 0);
    rig.settle();
    assert_eq!(Arc::strong_count(&bytes), 2, "the test's and the handler's");
}

//! Every malformed request of the catalogue over the scripted network: it is refused in full, however it arrives, and the
//! handler never hears of it.

use super::any_split::limited;
use super::harness::client::Client;
use super::harness::handler;
use super::harness::sim::Sim;
use super::harness::socket::Ending;
use crate::malformed::{self, Case, SMALL};

const GOOD: &[u8] = b"GET /good HTTP/1.1\r\nHost: x\r\n\r\n";

/// Delivers each of them in one way. Other requests in front of it are answered by 200.
fn each_is_refused(way: &str, good: usize, deliver: impl Fn(&mut Sim, &Client, &Case)) {
    for case in malformed::all(&SMALL) {
        for short_read_drains in [true, false] {
            let what = format!("{}, {way}", case.title());
            let mut sim = limited(short_read_drains);
            sim.site.heard = Some(Vec::new());
            let client = sim.connect();
            deliver(&mut sim, &client, &case);
            sim.settle();
            let heard = sim.site.heard.take().unwrap_or_default();
            assert_eq!(heard.len(), good, "{what}: the handler has heard of it");
            let received = client.received();
            let responses = handler::responses_to(&received, |at| at == good && case.is_head());
            let statuses: Vec<u16> = responses.iter().map(|response| response.status).collect();
            assert_eq!(statuses, [vec![200; good], vec![case.status]].concat(), "{what}");
            let last = responses.last().expect("the error page");
            assert!(last.is_whole && last.says_close, "{what}: {}", received.escape_ascii());
            assert_eq!(client.ending(), Some(Ending::Fin), "{what}");
            client.close();
            sim.settle();
            sim.assert_empty();
        }
    }
}

#[test]
fn a_malformed_request_is_refused_in_full() {
    each_is_refused("whole", 0, |_, client, case| client.send(&case.bytes));
}

#[test]
fn a_malformed_request_is_refused_when_it_comes_byte_by_byte() {
    each_is_refused("byte by byte", 0, |sim, client, case| {
        for byte in &case.bytes {
            client.send(std::slice::from_ref(byte));
            sim.settle();
        }
    });
}

#[test]
fn a_malformed_request_is_refused_when_it_is_read_byte_by_byte() {
    each_is_refused("read byte by byte", 0, |sim, client, case| {
        (sim.world().read_limit, sim.world().short_read_drains) = (1, false);
        client.send(&case.bytes);
    });
}

#[test]
fn a_malformed_request_is_refused_when_a_fin_follows_it() {
    each_is_refused("with a FIN behind", 0, |_, client, case| {
        client.send(&case.bytes);
        client.fin();
    });
}

#[test]
fn a_good_request_in_front_of_a_malformed_one_is_answered() {
    each_is_refused("behind a good one", 1, |_, client, case| {
        client.send(&[GOOD, &case.bytes].concat());
    });
}

#[test]
fn a_request_behind_a_malformed_one_is_never_heard() {
    each_is_refused("with another behind", 0, |_, client, case| {
        client.send(&[&case.bytes, malformed::hidden().as_bytes()].concat());
    });
}

//! Steps 4 and 5, which are told what is ready.

use super::{Row, expect_xixizi, has_something, known, read_to_end, request_of, start};
use crate::common::get;

/// Step 4 reads once for each event, and step 5 until there is nothing left.
pub fn lost_edge() -> Row {
    const BYTES: usize = 1500;
    const OTHERS: u32 = 100;
    let (_step4, address) = start(4);
    let mut client = known(address);
    client.send(request_of(BYTES));
    let mut other = known(address);
    for _ in 0..OTHERS {
        expect_xixizi(&mut other);
    }
    assert!(!has_something(&client), "nobody reads the rest of the request");
    // The first byte of the next request is a new edge.
    client.send("G");
    assert_eq!(client.response().body, b"xixizi\n");

    let (_step5, address) = start(5);
    let mut client = known(address);
    client.send(request_of(BYTES));
    assert_eq!(client.response().body, b"xixizi\n");
    Row {
        step: 4,
        failure: "an edge is lost",
        measured: format!(
            "a request of {BYTES} bytes: no response while another client gets {OTHERS}, then one for 1 byte more"
        ),
        mended: "the response".into(),
    }
}

/// Step 5 forgets what the kernel does not take at once, and step 6 keeps it.
pub fn short_write() -> Row {
    const BODY: usize = 7 << 22;
    let (_step5, address) = start(5);
    let mut client = known(address);
    client.send(get("/big"));
    // The other is served after it.
    known(address);
    let head = client.response_head();
    assert_eq!(head.header("Content-Length"), Some(BODY.to_string().as_str()));
    let (bytes, end) = read_to_end(&mut client);
    end.expect("it looks like a usual end");
    let bytes = bytes.len();
    assert!(bytes < BODY, "the kernel took all {bytes} bytes at once");

    let (_step6, address) = start(6);
    let mut client = known(address);
    client.send(get("/big"));
    known(address);
    let whole = client.response().body;
    expect_xixizi(&mut client);
    assert!(whole == "xixizi\n".repeat(BODY / 7).as_bytes(), "all of it, in order");
    Row {
        step: 5,
        failure: "a short write",
        measured: format!("{bytes} of {BODY} bytes, then a FIN"),
        mended: format!("{} bytes", whole.len()),
    }
}

#[test]
fn step4_stalls_a_client_that_sends_more_than_one_read_and_step5_does_not() {
    lost_edge();
}

#[test]
fn step5_cuts_a_long_response_short_and_step6_sends_all_of_it() {
    short_write();
}

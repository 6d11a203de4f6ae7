//! Steps 1 to 3, which need no poller.

use std::io::ErrorKind;
use std::time::Instant;

use super::{Row, expect_xixizi, has_something, known, read_to_end, request_of, start};
use crate::common::{Client, get};

/// Step 1 reads 1,024 bytes of a request, and step 2 reads all of it.
pub fn long_request() -> Row {
    const BYTES: usize = 1500;
    let (_step1, address) = start(1);
    let mut short = Client::connect(address);
    short.send(request_of(1024));
    assert!(short.rest().ends_with(b"\r\n\r\nxixizi\n"), "all of a short request is read");
    let mut client = Client::connect(address);
    client.send(request_of(BYTES));
    let (bytes, end) = read_to_end(&mut client);
    let error = end.expect_err("a reset, not a FIN");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);

    let (_step2, address) = start(2);
    let mut client = Client::connect(address);
    client.send(request_of(BYTES));
    assert_eq!(client.response().body, b"xixizi\n");
    client.finish();
    client.expect_end();
    Row {
        step: 1,
        failure: "a request is longer than one read",
        measured: format!(
            "a request of {BYTES} bytes: {} bytes of the response, then \"{error}\"",
            bytes.len()
        ),
        mended: "the response, then a FIN".into(),
    }
}

/// In step 2 one client waits for the other, and in step 3 it does not.
pub fn second_client() -> Row {
    const MORE: u32 = 1000;
    let (_step2, address) = start(2);
    let mut first = known(address);
    let mut second = Client::connect(address);
    second.send(get("/"));
    let sent = Instant::now();
    for _ in 0..MORE {
        expect_xixizi(&mut first);
    }
    let stayed = sent.elapsed();
    assert!(!has_something(&second), "the second is not served while the first stays");
    drop(first);
    assert_eq!(second.response().body, b"xixizi\n");
    let waited = sent.elapsed();

    let (_step3, address) = start(3);
    let mut first = known(address);
    let sent = Instant::now();
    let mut second = known(address);
    let beside = sent.elapsed();
    expect_xixizi(&mut first);
    expect_xixizi(&mut second);
    Row {
        step: 2,
        failure: "a second client waits for the first",
        measured: format!("the first stays {stayed:.1?}, the second waits {waited:.1?}"),
        mended: format!("{beside:.1?}, beside a client that stays"),
    }
}

/// Step 3 takes a processor for nothing, and step 4 sleeps. Each has one client, which does not do anything.
#[cfg(target_os = "linux")]
pub fn idle_server() -> Row {
    use crate::common::wait_until;
    use std::time::Duration;
    const BUSY: Duration = Duration::from_millis(200);

    let (step3, address3) = start(3);
    let (step4, address4) = start(4);
    let _clients = [known(address3), known(address4)];
    wait_until("step 4 sleeps", || step4.child.is_asleep());
    let account = || (step3.child.busy(), step3.child.queued(), step4.child.busy());
    let (begin, before) = (Instant::now(), account());
    wait_until("step 3 has been busy", || step3.child.busy() >= before.0 + BUSY);
    let (all, after) = (begin.elapsed().as_secs_f64(), account());
    let share = |before: Duration, after: Duration| (after - before).as_secs_f64() / all * 100.0;
    let (busy, queued, next) = (share(before.0, after.0), share(before.1, after.1), share(before.2, after.2));
    // On a busy machine it has to queue for the processor. What it wants is the sum.
    assert!(busy + queued > 50.0, "step 3: {busy} % busy and {queued} % waiting for a processor");
    assert!(after.2 - before.2 < BUSY / 10, "step 4: {next} % busy");
    Row {
        step: 3,
        failure: "an idle server is busy",
        measured: format!("{busy:.0} % of a processor, and {queued:.0} % waiting for one"),
        mended: format!("{next:.0} %"),
    }
}

#[cfg(not(target_os = "linux"))]
pub fn idle_server() -> Row {
    crate::common::say("SKIPPED: how busy step 3 is, because only Linux has /proc/PID/schedstat");
    Row { step: 3, failure: "an idle server is busy", measured: "?".into(), mended: "?".into() }
}

#[test]
fn step1_resets_a_client_with_a_long_request_and_step2_does_not() {
    long_request();
}

#[test]
fn step2_lets_a_second_client_wait_for_the_first_and_step3_does_not() {
    second_client();
}

#[test]
fn step3_is_busy_with_nothing_and_step4_sleeps() {
    idle_server();
}

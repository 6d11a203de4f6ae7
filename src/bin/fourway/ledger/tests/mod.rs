//! The ledger beside a kernel that a test plays, and beside the `real` one.

mod real;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};

use super::message::REQUEST;
use super::message::tests::{done, refusal, time_wait};
use super::*;

thread_local! {
    /// What the kernel of this thread's test sends, and the number of calls to it.
    static REPLIES: RefCell<VecDeque<io::Result<Vec<u8>>>> = RefCell::default();
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

/// The kernel of a test. Where a test has no replies for it, it has nothing to say.
struct Played;

impl Kernel for Played {
    fn ask(&mut self, _: &[u8; REQUEST]) -> io::Result<()> {
        CALLS.set(CALLS.get() + 1);
        Ok(())
    }

    fn receive(&mut self, reply: &mut [u8]) -> io::Result<usize> {
        CALLS.set(CALLS.get() + 1);
        let next = REPLIES.with_borrow_mut(VecDeque::pop_front);
        let bytes = next.unwrap_or_else(|| Err(ErrorKind::WouldBlock.into()))?;
        reply[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

const SERVER: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 80);

fn played(replies: impl IntoIterator<Item = io::Result<Vec<u8>>>) -> Ledger {
    REPLIES.with_borrow_mut(|kept| *kept = replies.into_iter().collect());
    Ledger::over(&[SocketAddr::from(SERVER)], || Ok(Box::new(Played)))
}

/// Turns until the look has ended, and returns the time of its last turn. A turn makes at most one call.
fn turn_to_the_end(ledger: &mut Ledger, mut now: Instant) -> Instant {
    while ledger.view().is_looking {
        let before = CALLS.get();
        ledger.turn(now);
        assert!(CALLS.get() - before <= 1, "{} calls in one turn", CALLS.get() - before);
        now += ledger.next_timeout(now).unwrap_or_default();
    }
    now
}

/// Returns the kernel's list of so many clients' sockets, in pieces of at most 32 KiB.
fn list_of_clients(number: u16) -> Vec<io::Result<Vec<u8>>> {
    let message = |port| time_wait((Ipv4Addr::LOCALHOST, 32_768 + port), SERVER, Duration::from_secs(59));
    let messages: Vec<_> = (0..number).map(message).collect();
    let pieces = messages.chunks(REPLY / messages[0].len()).map(|messages| Ok(messages.concat()));
    pieces.collect()
}

#[test]
fn a_look_at_twenty_thousand_sockets_makes_one_call_a_turn() {
    let mut list = list_of_clients(20_000);
    let pieces = list.len() as u64;
    list.extend([Ok(done()), Ok(done())]);
    let mut ledger = played(list);
    let now = Instant::now();
    ledger.look(now);
    assert_eq!(CALLS.get(), 0, "to look is not to dump");
    let end = turn_to_the_end(&mut ledger, now);
    let detail = ledger.view().detail.as_ref().expect("a result");
    assert_eq!((detail.held_by_clients, detail.held_here, detail.sockets), (20_000, 0, 20_000));
    assert_eq!(detail.receives, pieces + 2);
    assert!(pieces > 50, "{pieces}");
    // Two calls are requests.
    assert_eq!(end - now, PACE * (detail.receives as u32 + 2 - 1));
}

#[test]
fn turns_between_two_receives_make_no_call() {
    let mut ledger = played(list_of_clients(1000));
    let now = Instant::now();
    ledger.look(now);
    ledger.turn(now);
    assert_eq!(ledger.next_timeout(now), Some(PACE));
    for early in [now, now + PACE / 2, now + PACE - Duration::from_nanos(1)] {
        ledger.turn(early);
        assert_eq!(CALLS.get(), 1);
    }
    assert_eq!(ledger.next_timeout(now + PACE * 2), Some(Duration::ZERO));
    ledger.turn(now + PACE);
    assert_eq!(CALLS.get(), 2);
}

#[test]
fn a_ledger_that_nobody_looks_at_makes_no_call() {
    let mut ledger = played([]);
    let now = Instant::now();
    ledger.turn(now);
    assert_eq!((CALLS.get(), ledger.next_timeout(now)), (0, None));
    assert_eq!(ledger.view(), &View::default());
}

#[test]
fn a_fresh_result_is_not_looked_for_again() {
    let list = || [Ok(done()), Ok(done())];
    let mut ledger = played(list().into_iter().chain(list()));
    let now = Instant::now();
    ledger.look(now);
    let end = turn_to_the_end(&mut ledger, now);
    ledger.look(end + FRESH - Duration::from_millis(1));
    assert!(!ledger.view().is_looking);
    ledger.look(end + FRESH);
    assert!(ledger.view().is_looking && ledger.view().detail.is_some(), "the last result stays meanwhile");
    turn_to_the_end(&mut ledger, end + FRESH);
    assert_eq!(ledger.view().detail.as_ref().map(|detail| detail.at), Some(end + FRESH + PACE * 3));
}

#[test]
fn a_second_look_meanwhile_changes_nothing() {
    let mut ledger = played(list_of_clients(1000).into_iter().chain([Ok(done()), Ok(done())]));
    let now = Instant::now();
    ledger.look(now);
    ledger.turn(now);
    ledger.look(now);
    turn_to_the_end(&mut ledger, now + PACE);
    assert_eq!(ledger.view().detail.as_ref().map(|detail| detail.sockets), Some(1000));
}

#[test]
fn a_kernel_without_ipv6_is_no_problem() {
    const ENOENT: i32 = 2;
    let mut ledger = played([Ok(done()), Ok(refusal(ENOENT))]);
    ledger.look(Instant::now());
    turn_to_the_end(&mut ledger, Instant::now());
    assert!(ledger.view().detail.is_some() && ledger.view().problem.is_none());
}

#[test]
fn a_kernel_that_refuses_is_a_problem_until_it_answers() {
    const ENOENT: i32 = 2;
    let mut ledger = played([Ok(refusal(ENOENT)), Ok(done()), Ok(done())]);
    let now = Instant::now();
    ledger.look(now);
    turn_to_the_end(&mut ledger, now);
    let problem = ledger.view().problem.clone().expect("a problem");
    assert!(problem.contains("No such file") && ledger.view().detail.is_none(), "{problem}");
    ledger.look(now);
    turn_to_the_end(&mut ledger, now);
    assert!(ledger.view().detail.is_some() && ledger.view().problem.is_none());
}

#[test]
fn a_kernel_that_never_answers_ends_the_look() {
    let mut ledger = played([]);
    let now = Instant::now();
    ledger.look(now);
    let end = turn_to_the_end(&mut ledger, now);
    assert!(ledger.view().problem.is_some() && ledger.view().detail.is_none());
    assert!(end - now <= PACE * 60);
}

#[test]
fn a_socket_that_cannot_be_had_is_a_problem() {
    let mut ledger = Ledger::over(&[], || Err(ErrorKind::PermissionDenied.into()));
    ledger.look(Instant::now());
    assert!(ledger.view().problem.is_some() && !ledger.view().is_looking);
}

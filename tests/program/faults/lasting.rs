//! System calls that fail for as long as strace is there, and what the program makes of them.

use std::path::Path;
use std::thread;
use std::time::Duration;

use super::{BODY, expect_answer, idle_client};
use crate::common::program::Program;
use crate::common::strace::{Trace, strace};
use crate::common::{Client, get, get_and_close, wait_until};

/// How long the call fails: that nothing happens can only be seen by waiting.
const SPAN: Duration = Duration::from_secs(1);

#[test]
fn while_no_accept_succeeds_the_server_sleeps_and_serves_its_clients() {
    let Some(strace) = strace() else { return };
    // They wait, so all of them can do so at a time.
    thread::scope(|scope| {
        for error in ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "ENOSPC", "ECONNABORTED", "EPROTO", "EPERM"] {
            let strace = &strace;
            scope.spawn(move || sleeps_while_no_accept_succeeds(strace, error));
        }
    });
}

fn sleeps_while_no_accept_succeeds(strace: &Path, error: &str) {
    let program = Program::start(&[]);
    let mut served = idle_client(&program);
    wait_until("it sleeps", || program.is_asleep());
    let trace = Trace::inject(strace, &program, &[&format!("accept4:error={error}:when=1+1")]);
    let mut waiting: Vec<Client> = (0..20).map(|_| Client::connect(program.address)).collect();
    for client in &mut waiting {
        client.send(get("/"));
    }
    thread::sleep(SPAN);
    served.send(get("/"));
    expect_answer(&mut served, BODY);
    let log = trace.end(&program);
    // Each of the twenty has raised an event beside.
    let allowed = 20 + (15.0 * log.seconds) as usize;
    let turns = log.turns().filter(|turn| is_fruitless(turn)).count();
    println!("{error}: {turns} turns and {} accepts failed in {:.2} s", log.injected(), log.seconds);
    assert!((1..=allowed).contains(&turns), "{error}: {turns} of at most {allowed} turns");
    for client in &mut waiting {
        expect_answer(client, BODY);
    }
    drop((waiting, served));
    let ended = program.end();
    assert_eq!((ended.number("connections"), ended.number("requests")), (21, 22), "{}", ended.stdout);
    assert_eq!(ended.number("accepting paused, out of files or memory"), 1, "{}", ended.stdout);
}

/// A turn that tried to accept, and could do nothing else either.
fn is_fruitless(turn: &[crate::common::strace::Call]) -> bool {
    !turn.is_empty() && turn.iter().all(|call| call.result.is_err())
}

#[test]
fn while_the_poller_takes_no_connection_waiting_requests_are_answered() {
    const CLIENTS: usize = 20;
    let Some(strace) = strace() else { return };
    for error in ["ENOSPC", "ENOMEM"] {
        let program = Program::start(&[]);
        let mut before = idle_client(&program);
        wait_until("it sleeps", || program.is_asleep());
        let trace = Trace::inject(&strace, &program, &[&format!("epoll_ctl:error={error}:when=1+1")]);
        wait_until("it sleeps", || program.is_asleep());
        // Each has asked before it is accepted. Otherwise it would have to wait, and could not.
        program.signal("STOP");
        wait_until("the program has stopped", || program.is_stopped());
        let ask = |request: String| {
            let mut client = Client::connect(program.address);
            client.send(request);
            client
        };
        let keeping = (0..CLIENTS).map(|_| ask(get("/")));
        let clients: Vec<Client> = keeping.chain((0..CLIENTS).map(|_| ask(get_and_close("/")))).collect();
        program.signal("CONT");
        for mut client in clients {
            expect_answer(&mut client, BODY);
            client.expect_end();
        }
        before.send(get("/"));
        expect_answer(&mut before, BODY);
        let log = trace.end(&program);
        log.expect_no_spinning();
        drop(before);
        let ended = program.end();
        let refused = ended.number("poller refused a connection") as usize;
        assert_eq!((refused, log.injected()), (CLIENTS, CLIENTS), "{}", ended.stdout);
        assert_eq!(ended.stderr.lines().count(), 1, "it is said once: {}", ended.stderr);
    }
}

#[test]
fn a_poller_that_fails_for_good_ends_the_program_with_a_sentence() {
    let Some(strace) = strace() else { return };
    for error in ["EBADF", "EINVAL", "ENOMEM"] {
        let program = Program::start(&[]);
        let client = idle_client(&program);
        wait_until("it sleeps", || program.is_asleep());
        let trace = Trace::inject(&strace, &program, &[&format!("epoll_wait:error={error}")]);
        let ended = program.wait();
        drop((trace, client));
        assert_eq!(ended.status.code(), Some(1), "{error}");
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        assert!(ended.stderr.contains("cannot wait for events: "), "{}", ended.stderr);
    }
}

#[test]
fn a_sigterm_is_obeyed_although_its_pipe_cannot_be_read() {
    let Some(strace) = strace() else { return };
    for error in ["EINTR", "EAGAIN", "ENOMEM", "ENOSPC"] {
        let program = Program::start(&[]);
        let mut client = idle_client(&program);
        wait_until("it sleeps", || program.is_asleep());
        // The first to be read is the pipe.
        let trace = Trace::inject(&strace, &program, &[&format!("recvfrom:error={error}:when=1")]);
        program.signal("TERM");
        client.expect_end();
        let ended = program.wait();
        assert!(ended.status.success());
        assert_eq!(trace.injected(), 1, "{error}");
        assert_eq!(ended.number("requests"), 1);
    }
}

#[test]
fn a_sigterm_is_obeyed_although_its_pipe_cannot_be_written_to() {
    let Some(strace) = strace() else { return };
    for error in ["ENOBUFS", "ENOMEM"] {
        let program = Program::start(&[]);
        let mut client = idle_client(&program);
        wait_until("it sleeps", || program.is_asleep());
        // The first to be sent is what the signal's handler tells the loop.
        let trace = Trace::inject(&strace, &program, &[&format!("sendto:error={error}:when=1")]);
        program.signal("TERM");
        client.expect_end();
        assert!(program.wait().status.success());
        assert_eq!(trace.injected(), 1, "{error}");
    }
}

#[test]
fn a_meter_that_cannot_be_read_does_not_stop_the_server() {
    let Some(strace) = strace() else { return };
    let program = Program::start(&[]);
    let trace = Trace::inject(&strace, &program, &["pread64:error=ENOMEM", "openat:error=EMFILE"]);
    // It is read once a second, when there is something to do.
    wait_until("the meter was read", || {
        drop(idle_client(&program));
        trace.injected() >= 2
    });
    let ended = program.end();
    assert!(ended.stdout.contains("busy"), "{}", ended.stdout);
    assert!(ended.stdout.contains("not known on this system"), "{}", ended.stdout);
    drop(trace);
}

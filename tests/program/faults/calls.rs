//! System calls that fail now and then, among clients of every kind.
//!
//! strace makes the call fail instead of making it. So nothing is lost by the failure itself, and what
//! clients miss, the server has taken from them.

use std::path::Path;
use std::thread;

use super::load::{Load, Told};
use super::{BODY, descriptors_without_clients};
use crate::common::program::Program;
use crate::common::strace::{Log, Trace, strace};
use crate::common::tools::TempFile;
use crate::common::{big, wait_until};

/// What a failed call may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cost {
    /// No client notices.
    Nothing,
    /// Each failed call one connection, and no other.
    Connection,
}

/// Calls that fail, by one of these errors at a time, each of them in these cases.
struct Row {
    calls: &'static [&'static str],
    errors: &'static [&'static str],
    when: &'static [&'static str],
    cost: Cost,
    options: &'static [&'static str],
    page: &'static [u8],
    waits_for_end: bool,
}

/// The first ones, and some of all.
const FIRST: &str = "1..5";
const EVERY_THIRD: &str = "1+3";
const EVERY_SEVENTH: &str = "3+7";
const NOW_AND_THEN: &str = "20+40";

const ROW: Row = Row {
    calls: &[],
    errors: &[],
    when: &[],
    cost: Cost::Nothing,
    options: &[],
    page: BODY,
    waits_for_end: true,
};

impl Row {
    /// Runs all of its cases, each with a program of its own. Most of them wait more than they work, so a few run at a
    /// time.
    fn run(&self, check: impl Fn(&Case, &Log) + Sync) {
        const AT_A_TIME: usize = 4;
        let Some(strace) = strace() else { return };
        let page = (self.page != BODY).then(|| TempFile::with(self.page));
        let body_file = page.iter().flat_map(|page| ["--body-file", page.path()]);
        let options: Vec<&str> = self.options.iter().copied().chain(body_file).collect();
        for few in self.faults().chunks(AT_A_TIME) {
            thread::scope(|scope| {
                for fault in few {
                    let (strace, options, check) = (&strace, &options, &check);
                    scope.spawn(move || {
                        let (case, log) = self.case(strace, options, fault);
                        check(&case, &log);
                    });
                }
            });
        }
    }

    /// Its faults as strace has them.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for call in self.calls {
            for error in self.errors {
                faults.extend(self.when.iter().map(|when| format!("{call}:error={error}:when={when}")));
            }
        }
        faults
    }

    fn case(&self, strace: &Path, options: &[&str], fault: &str) -> (Case, Log) {
        let program = Program::start(options);
        let before = descriptors_without_clients(&program);
        let trace = Trace::inject(strace, &program, &[fault]);
        let load = Load { waits_for_end: self.waits_for_end, ..Load::new(program.address, self.page) };
        let told = load.run(10);
        let log = trace.end(&program);
        let after = Load { waits_for_end: false, ..Load::new(program.address, self.page) }.run(2);
        let injected = log.injected();
        println!("{fault}: {injected} failed; {} of {} lost", told.lost(), told.connections);
        assert!(injected >= 2, "{fault}: it did not happen");
        match self.cost {
            Cost::Nothing => assert_eq!(told, fully_served(&told), "{fault}"),
            Cost::Connection => assert!(told.lost() <= injected, "{fault}: {injected} failed, {told:?}"),
        }
        log.expect_no_spinning();
        assert_eq!(after, fully_served(&after), "{fault}: it is over");
        (Case { program, before, fault: fault.to_owned() }, log)
    }
}

/// What is left when the load is over.
struct Case {
    program: Program,
    /// The descriptors that it had without clients.
    before: usize,
    fault: String,
}

impl Case {
    fn expect_descriptors(&self, more: usize) {
        wait_until(&format!("{}: all descriptors are closed", self.fault), || {
            self.program.descriptors() == self.before + more
        });
    }
}

/// The same without any loss.
fn fully_served(told: &Told) -> Told {
    Told { cut: 0, unanswered: 0, refused: 0, resets: 0, late_bytes: 0, ..*told }
}

fn nothing_is_left(case: &Case, _: &Log) {
    case.expect_descriptors(0);
}

#[test]
fn an_accept_that_fails_costs_no_client_anything() {
    Row {
        calls: &["accept4"],
        errors: &[
            "EINTR",
            "EMFILE",
            "ENFILE",
            "ENOBUFS",
            "ENOMEM",
            "ENOSPC",
            "ECONNABORTED",
            "EPROTO",
            "EPERM",
            "ENETDOWN",
            "EHOSTUNREACH",
        ],
        when: &[FIRST, EVERY_THIRD],
        ..ROW
    }
    .run(nothing_is_left);
}

#[test]
fn a_call_that_is_interrupted_is_made_again() {
    Row { calls: &["recvfrom", "sendto", "epoll_wait"], errors: &["EINTR"], when: &[FIRST, "1+2"], ..ROW }
        .run(nothing_is_left);
}

#[test]
fn an_interrupted_write_of_a_large_answer_is_made_again() {
    Row { calls: &["sendmsg", "sendto"], errors: &["EINTR"], when: &[FIRST, "1+2"], page: big(), ..ROW }
        .run(nothing_is_left);
}

#[test]
fn a_read_that_fails_costs_its_own_connection() {
    Row {
        calls: &["recvfrom"],
        errors: &["ECONNRESET", "ETIMEDOUT", "EPIPE", "ENOMEM", "ENOBUFS", "ENOSPC", "EHOSTUNREACH"],
        when: &[FIRST, EVERY_SEVENTH, NOW_AND_THEN],
        cost: Cost::Connection,
        ..ROW
    }
    .run(nothing_is_left);
}

#[test]
fn a_write_that_fails_costs_its_own_connection() {
    Row {
        calls: &["sendto"],
        errors: &["ECONNRESET", "ETIMEDOUT", "EPIPE", "ENOMEM", "ENOBUFS", "ENOSPC"],
        when: &[FIRST, EVERY_SEVENTH, NOW_AND_THEN],
        cost: Cost::Connection,
        ..ROW
    }
    .run(nothing_is_left);
}

#[test]
fn a_write_that_fails_inside_a_large_answer_costs_its_own_connection() {
    Row {
        calls: &["sendmsg", "sendto"],
        errors: &["ECONNRESET", "EPIPE", "ENOMEM", "ENOBUFS"],
        when: &[FIRST, EVERY_SEVENTH],
        cost: Cost::Connection,
        page: big(),
        ..ROW
    }
    .run(nothing_is_left);
}

/// No kernel says so without telling later that it is not so any more, which strace cannot do. What is
/// left is the deadline, at which the server looks once more.
#[test]
fn a_call_that_would_block_for_no_reason_costs_its_own_connection_some_time() {
    Row {
        calls: &["recvfrom", "sendto"],
        errors: &["EAGAIN"],
        when: &[FIRST, NOW_AND_THEN],
        cost: Cost::Connection,
        options: &["--idle-timeout", "2s", "--body-timeout", "2s", "--write-timeout", "2s"],
        ..ROW
    }
    .run(nothing_is_left);
}

#[test]
fn a_poller_that_takes_no_more_connections_costs_those_that_have_to_wait() {
    Row {
        calls: &["epoll_ctl"],
        errors: &["ENOSPC", "ENOMEM", "EINTR"],
        when: &[FIRST, EVERY_THIRD],
        cost: Cost::Connection,
        ..ROW
    }
    .run(nothing_is_left);
}

#[test]
fn a_fin_that_cannot_be_sent_takes_no_answer_back() {
    // Without keep-alive the server's FIN follows each answer.
    Row {
        calls: &["shutdown"],
        errors: &["EINTR", "ENOMEM", "ENOSPC", "ENOTCONN"],
        when: &[FIRST, EVERY_THIRD],
        options: &["--keep-alive", "off"],
        ..ROW
    }
    .run(nothing_is_left);
}

#[test]
fn a_close_that_cannot_be_made_a_reset_is_a_fin() {
    Row {
        calls: &["setsockopt"],
        errors: &["EINTR", "ENOMEM", "ENOSPC", "EINVAL"],
        when: &["1+1"],
        options: &["--close", "rst"],
        ..ROW
    }
    .run(nothing_is_left);
}

#[test]
fn a_close_that_fails_is_not_made_again() {
    // strace leaves the descriptor open, and so the connection. A close that was made is a descriptor's last.
    Row {
        calls: &["close"],
        errors: &["EINTR", "EIO", "ENOSPC", "ENOMEM"],
        when: &[FIRST, EVERY_THIRD],
        waits_for_end: false,
        ..ROW
    }
    .run(|case, log| {
        case.expect_descriptors(log.injected());
        let failed = log.calls.iter().filter(|call| call.name == "close" && call.is_injected);
        for descriptor in failed.map(|call| call.first) {
            let closes = log.calls.iter().filter(|call| call.name == "close" && call.first == descriptor);
            let failures = closes.skip_while(|call| !call.is_injected).count();
            assert_eq!(failures, 1, "{}: descriptor {descriptor:?} was closed again", case.fault);
        }
    });
}

#[test]
fn an_address_that_cannot_be_logged_costs_no_client_anything() {
    Row {
        calls: &["getpeername"],
        errors: &["EINTR", "ENOSPC", "ENOMEM", "EPIPE"],
        when: &[FIRST, EVERY_THIRD],
        options: &["-v"],
        ..ROW
    }
    .run(nothing_is_left);
}

//! A process that has fewer descriptors than it has clients.
//!
//! The program divides the limit that it finds at its start. So the limit is lowered afterwards from outside, as an
//! administrator can do. To the program it looks as if descriptors had run out.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use rlimit::Resource;

use super::{BODY, expect_answer};
use crate::common::program::Program;
use crate::common::strace::{Call, Trace, strace};
use crate::common::{Client, get, wait_until};

const LIMIT: usize = 64;
const CLIENTS: usize = 200;

const PAUSES: &str = "accepting paused, out of files or memory";

fn limit_files(program: &Program, soft: usize, hard: u64) {
    let pid = i32::try_from(program.pid()).expect("a process id");
    rlimit::prlimit(pid, Resource::NOFILE, Some((soft as u64, hard)), None).expect("a limit for our child");
}

/// A program that has opened what it needs for itself, some of it after it has said that it listens.
fn started(options: &[&str]) -> Program {
    let program = Program::start(options);
    wait_until("it sleeps", || program.is_asleep());
    program
}

/// A program that may have 64 descriptors, and cannot raise the limit.
fn limited(options: &[&str]) -> Program {
    let program = started(options);
    limit_files(&program, LIMIT, LIMIT as u64);
    program
}

/// Returns how many of the numbers that the limit allows are in use. A descriptor that the program has inherited may
/// have a higher one.
fn in_use(program: &Program) -> usize {
    let folder = format!("/proc/{}/fd", program.pid());
    let names = fs::read_dir(folder).expect("its descriptors").flatten().map(|entry| entry.file_name());
    let numbers = names.filter_map(|name| name.to_str()?.parse::<usize>().ok());
    numbers.filter(|&number| number < LIMIT).count()
}

/// So many clients that have asked.
fn asking(program: &Program, count: usize) -> Vec<Client> {
    let ask = |_| {
        let mut client = Client::connect(program.address);
        client.send(get("/"));
        client
    };
    (0..count).map(ask).collect()
}

/// More clients than descriptors. The first are served, and the others wait for descriptors.
fn crowd(program: &Program, count: usize) -> Vec<Client> {
    let clients = asking(program, count);
    wait_until("all descriptors are in use", || in_use(program) == LIMIT);
    wait_until("it sleeps", || program.is_asleep());
    clients
}

/// Starves a program. Returns its clients, which have all had an answer, and those that wait.
fn starved(program: &Program, waiting: usize) -> (Vec<Client>, Vec<Client>) {
    let mut served = crowd(program, LIMIT - in_use(program) + waiting);
    let waiting = served.split_off(served.len() - waiting);
    served.iter_mut().for_each(|client| expect_answer(client, BODY));
    (served, waiting)
}

#[test]
fn two_hundred_clients_at_sixty_four_descriptors_are_served_as_others_leave() {
    let program = limited(&[]);
    for mut client in crowd(&program, CLIENTS) {
        expect_answer(&mut client, BODY);
    }
    let ended = program.end();
    let counts = ["connections", "requests", "accept failed", PAUSES].map(|name| ended.number(name));
    assert_eq!(counts, [CLIENTS as u64, CLIENTS as u64, 0, 1], "{}", ended.stdout);
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert!(matches!(lines[..], [line] if line.contains("accepting pauses with ")), "{}", ended.stderr);
}

#[test]
fn two_hundred_clients_at_sixty_four_descriptors_are_served_as_the_time_of_others_ends() {
    let program = limited(&["--idle-timeout", "200ms"]);
    // They come at once, however long that takes on a busy machine.
    program.signal("STOP");
    wait_until("the program has stopped", || program.is_stopped());
    let mut clients = asking(&program, CLIENTS);
    program.signal("CONT");
    for client in &mut clients {
        expect_answer(client, BODY);
        client.expect_end();
    }
    let ended = program.end();
    let counts = ["requests", "idle timeout", PAUSES].map(|name| ended.number(name));
    assert_eq!(counts, [CLIENTS as u64, CLIENTS as u64, 1], "{}", ended.stdout);
}

#[test]
fn while_nothing_moves_a_starved_server_wakes_ten_times_a_second() {
    const SPAN: Duration = Duration::from_secs(2);
    let program = limited(&[]);
    let clients = starved(&program, 20);
    let (sleeps_before, busy_before, begin) = (program.sleeps(), program.busy(), Instant::now());
    // That nothing else happens can only be seen by waiting.
    thread::sleep(SPAN);
    let (sleeps, busy) = (program.sleeps() - sleeps_before, program.busy() - busy_before);
    let seconds = begin.elapsed().as_secs_f64();
    let (rate, share) = (sleeps as f64 / seconds, busy.as_secs_f64() / seconds);
    println!("{rate:.1} wakes a second, {:.2} % busy", 100.0 * share);
    // It cannot wake more often because the machine is busy; it may wake less often.
    assert!((1.0..=15.0).contains(&rate), "{rate:.1} wakes a second");
    // A process that spins never sleeps.
    assert!(share < 0.1, "{:.1} % busy with nothing to do", 100.0 * share);
    drop(clients);
}

#[test]
fn each_time_it_wakes_a_starved_server_tries_to_accept_and_nothing_else() {
    let Some(strace) = strace() else { return };
    let program = limited(&[]);
    let clients = starved(&program, 20);
    let trace = Trace::of(&strace, &program);
    thread::sleep(Duration::from_secs(1));
    let log = trace.end(&program);
    // Once a second the meter asks the kernel how busy it was.
    let own = |turn: &[Call]| turn.iter().filter(|call| call.name != "pread64").cloned().collect();
    let turns: Vec<Vec<Call>> = log.turns().map(own).filter(|turn: &Vec<Call>| !turn.is_empty()).collect();
    println!("{} turns in {:.2} s", turns.len(), log.seconds);
    assert!((1..=(15.0 * log.seconds) as usize).contains(&turns.len()), "{} turns", turns.len());
    for turn in turns {
        let is_refused = |call: &Call| call.name == "accept4" && call.result == Err("EMFILE".to_owned());
        assert!(matches!(&turn[..], [call] if is_refused(call)), "{turn:?}");
    }
    assert!(log.barren_turns() >= 1 && log.injected() == 0);
    drop(clients);
}

#[test]
fn a_descriptor_that_a_client_gives_back_is_used_in_the_same_turn() {
    const ROUNDS: usize = 40;
    let Some(strace) = strace() else { return };
    let program = limited(&[]);
    let (served, mut waiting) = starved(&program, ROUNDS);
    let trace = Trace::of(&strace, &program);
    let begin = Instant::now();
    for (leaver, next) in served.into_iter().zip(&mut waiting) {
        drop(leaver);
        expect_answer(next, BODY);
    }
    let took = begin.elapsed();
    let log = trace.end(&program);
    let accepted = |call: &Call| call.name == "accept4" && call.result.is_ok();
    let closed = |call: &Call| call.name == "close" && call.result.is_ok();
    let mut hand_overs = 0;
    for turn in log.turns().filter(|turn| turn.iter().any(accepted)) {
        let at = turn.iter().position(accepted).expect("it is there");
        assert!(turn[..at].iter().any(closed), "accepted by a later turn: {turn:?}");
        hand_overs += turn.iter().filter(|call| accepted(call)).count();
    }
    println!("{hand_overs} descriptors were used {:?} after they were closed", took / ROUNDS as u32);
    assert_eq!(hand_overs, ROUNDS);
}

#[test]
fn a_descriptor_that_comes_from_elsewhere_is_used_when_accepting_is_tried_again() {
    const WAITING: usize = 20;
    let program = started(&[]);
    // Only the soft limit can be raised again by everybody.
    let hard = rlimit::getrlimit(Resource::NOFILE).expect("a limit").1;
    limit_files(&program, LIMIT, hard);
    let (served, mut waiting) = starved(&program, WAITING);
    // Nothing is tried while it is stopped, however long that takes on a busy machine.
    program.signal("STOP");
    wait_until("the program has stopped", || program.is_stopped());
    let before = program.sleeps();
    limit_files(&program, 2 * LIMIT, hard);
    let begin = Instant::now();
    program.signal("CONT");
    waiting.iter_mut().for_each(|client| expect_answer(client, BODY));
    let took = begin.elapsed();
    wait_until("it sleeps", || program.is_asleep());
    let wakes = program.sleeps() - before;
    println!("{WAITING} clients were served after {took:?} and {wakes} wakes");
    // The one that ends its stop, the one that tries again; and one to spare.
    assert!(wakes <= 3, "{wakes} wakes");
    drop(served);
}

#[test]
fn a_sigterm_ends_a_starved_server_although_clients_wait() {
    let program = limited(&[]);
    let (mut served, mut waiting) = starved(&program, 20);
    let ended = program.end();
    served.iter_mut().for_each(Client::expect_end);
    // An answer or none, and in time: they are not left to wait.
    let answered = waiting.iter_mut().filter_map(|client| client.try_response().ok()).count() as u64;
    let requests = served.len() as u64 + answered;
    assert_eq!((ended.number("requests"), ended.number(PAUSES)), (requests, 1), "{}", ended.stdout);
}

//! A program that is stopped for longer than any of its clients may wait.
//!
//! To the program this is a clock that jumps. When it goes on, every deadline is due at once. To its clients, what they
//! sent meanwhile was in time.

use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::{BODY, expect_answer, idle_client};
use crate::common::kernel::{State, ends_at};
use crate::common::program::Program;
use crate::common::tools::TempFile;
use crate::common::{Client, big, get, get_and_close, stalled, wait_until};

/// Of each kind of waiting: most often long enough to prepare all clients, on a busy machine too.
const DEADLINE: Duration = Duration::from_secs(3);
const OPTIONS: [&str; 10] = [
    "--idle-timeout",
    "3s",
    "--head-timeout",
    "3s",
    "--body-timeout",
    "3s",
    "--write-timeout",
    "3s",
    "--linger-timeout",
    "3s",
];

/// A program that is stopped, and since when.
struct Stopped {
    program: Program,
    since: Instant,
}

impl Stopped {
    fn stop(program: Program) -> Stopped {
        wait_until("it sleeps", || program.is_asleep());
        let since = Instant::now();
        program.signal("STOP");
        wait_until("the program has stopped", || program.is_stopped());
        Stopped { program, since }
    }

    /// A program that was stopped before the first of its clients had waited for too long. Where the
    /// machine was too busy for that, it proves nothing, and is done again.
    fn after<T>(options: &[&str], prepare: impl Fn(&Program) -> T) -> (Stopped, T) {
        const ATTEMPTS: usize = 5;
        for _ in 0..ATTEMPTS {
            let program = Program::start(options);
            let begin = Instant::now();
            let prepared = prepare(&program);
            let stopped = Stopped::stop(program);
            if begin.elapsed() < DEADLINE {
                return (stopped, prepared);
            }
            eprintln!("the clients are prepared again: it took {:?}", begin.elapsed());
        }
        panic!("this machine is too busy to prepare the clients in {DEADLINE:?}");
    }

    /// Lets it go on when every deadline has passed; when that was.
    fn go_on(self) -> (Program, SystemTime) {
        // That time passes can only be had by waiting.
        thread::sleep((DEADLINE + Duration::from_millis(200)).saturating_sub(self.since.elapsed()));
        let end = SystemTime::now();
        self.program.signal("CONT");
        (self.program, end)
    }
}

/// The program has read all that its clients have sent.
fn wait_until_read(program: &Program) {
    let is_read = |&(state, unread): &(State, u64)| state != State::Established || unread == 0;
    wait_until("all is read", || ends_at(program.address).iter().all(is_read) && program.is_asleep());
}

fn client_that_sends(program: &Program, bytes: &str) -> Client {
    let mut client = Client::connect(program.address);
    client.send(bytes);
    client
}

fn many_clients_that_send(program: &Program, count: usize, bytes: &str) -> Vec<Client> {
    (0..count).map(|_| client_that_sends(program, bytes)).collect()
}

const HALF_A_HEAD: &str = "GET / HTTP/1.1\r\nConnection: close\r\n";
const REST_OF_HEAD: &str = "Host: test\r\n\r\n";
const HALF_A_BODY: &str = "POST / HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: 5\r\n\r\n12";

#[test]
fn after_a_stop_due_connections_end_and_clients_that_sent_meanwhile_are_served() {
    const IDLE: usize = 300;
    const SLOW: usize = 20;
    let (stopped, (mut silent, mut speaking)) = Stopped::after(&OPTIONS, |program| {
        let mut idle = many_clients_that_send(program, 2 * IDLE, &get("/"));
        idle.iter_mut().for_each(|client| expect_answer(client, BODY));
        let kinds = || [(SLOW, HALF_A_HEAD), (SLOW, HALF_A_BODY)];
        let many = |(count, bytes)| many_clients_that_send(program, count, bytes);
        let (silent, speaking) = (kinds().map(many), kinds().map(many));
        wait_until_read(program);
        let idle_and_speaking = idle.split_off(IDLE);
        ((idle, silent), (idle_and_speaking, speaking))
    });
    let (idle, [heads, bodies]) = &mut speaking;
    idle.iter_mut().for_each(|client| client.send(get_and_close("/")));
    heads.iter_mut().for_each(|client| client.send(REST_OF_HEAD));
    bodies.iter_mut().for_each(|client| client.send("345"));
    let (program, _) = stopped.go_on();
    for client in idle.iter_mut().chain(heads).chain(bodies) {
        expect_answer(client, BODY);
        client.expect_end();
    }
    let (idle, slow) = &mut silent;
    idle.iter_mut().for_each(Client::expect_end);
    for client in slow.iter_mut().flatten() {
        assert_eq!(client.response().status, 408);
        client.expect_end();
    }
    drop((silent, speaking));
    let ended = program.end();
    let counts = ["idle timeout", "answered with 408", "errors"].map(|name| ended.number(name));
    assert_eq!(counts, [IDLE as u64, 2 * SLOW as u64, 2 * SLOW as u64], "{}", ended.stdout);
}

#[test]
fn after_a_stop_a_download_goes_on_if_its_client_has_read_meanwhile() {
    let page = big().repeat(64);
    let file = TempFile::with(&page);
    // What the kernel takes at first is credit for some more waits of this time.
    let options = ["--write-timeout", "500ms", "--body-file", file.path()];
    let (stopped, (without_clients, mut stalled, mut reading)) = Stopped::after(&options, |program| {
        wait_until("it sleeps", || program.is_asleep());
        let without_clients = program.descriptors();
        let mut stalled = Client::over(stalled::connect_with_small_window(program.address));
        stalled.send(get("/"));
        let reading = client_that_sends(program, &get("/"));
        wait_until("the kernel takes no more", || {
            let before = program.sleeps();
            thread::sleep(Duration::from_millis(100));
            program.is_asleep() && before == program.sleeps()
        });
        (without_clients, stalled, reading)
    });
    let own = reading.socket().local_addr().expect("its own address");
    let reading = thread::spawn(move || reading.response().body);
    wait_until("it has read all there is", || ends_at(own).iter().all(|&(_, unread)| unread == 0));
    let (program, _) = stopped.go_on();
    assert!(reading.join().expect("a whole download") == page);
    // What the kernel has taken of it at the deadline, though too little to tell of, has bought it another.
    wait_until("both are gone", || program.descriptors() == without_clients);
    let told = stalled.try_response().map(|response| response.body.len());
    assert!(told.is_err(), "it has not read for too long, and is told {told:?} bytes");
    assert_eq!(program.end().number("write timeout"), 1);
}

#[test]
fn after_a_stop_the_date_is_that_of_the_wall_clock() {
    let program = Program::start(&[]);
    let mut client = idle_client(&program);
    let stopped = Stopped::stop(program);
    client.send(get("/"));
    let (_program, went_on) = stopped.go_on();
    let response = client.response();
    let date = httpdate::parse_http_date(response.header("Date").expect("a date")).expect("a date");
    // A date has no parts of a second.
    assert!(date + Duration::from_secs(1) > went_on, "{date:?} is before the stop's end, {went_on:?}");
    assert!(date <= SystemTime::now(), "{date:?} is yet to come");
}

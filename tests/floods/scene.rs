//! A server, transfers that are under way, a flood, and newcomers.

use std::thread;
use std::time::{Duration, Instant};

use crate::common::kernel::{State, ends_at};
use crate::common::own::my_turn;
use crate::common::{Host, expect_alive, say, tools, wait_until};
use crate::flood::Flood;
use crate::newcomers::Newcomers;
use crate::transfers::{Ended, Transfers};

/// A flood lasts this long.
pub const FLOOD: Duration = Duration::from_secs(4);

/// The transfers take longer, so that the flood has them all from its beginning to its end.
const TRANSFER: Duration = Duration::from_millis(4500);

/// In an optimised build 99 of 100 newcomers have their answers within this time. On a quiet machine 50 ms are
/// enough; a busy one needs more.
const MOST_OF_THEM: Duration = Duration::from_millis(100);

/// Transfers of each direction.
const TRANSFERS: usize = 20;

/// Runs a flood beside honest clients, and fails unless all of them are served.
///
/// `late` is the number of uploads that begin one second after the flood.
pub fn beside(flood: Flood, slots: usize, late: usize, start: impl FnOnce() -> Host) {
    let _turn = my_turn();
    // The server's ends of its connections, too, are in this process.
    let others = slots + 3 * TRANSFERS;
    let possible = tools::descriptors(others + flood.most(FLOOD));
    let at_a_time = flood.at_a_time.min(possible.saturating_sub(others));
    let flood = Flood { at_a_time, ..flood };
    let host = start();
    let mut transfers = Transfers::begin(host.address, TRANSFERS, TRANSFERS, TRANSFER);
    transfers.wait_until_under_way();
    wait_until("the server has read what the transfers have sent", || {
        let ends = ends_at(host.address);
        ends.iter().filter(|&&end| end == (State::Established, 0)).count() == 2 * TRANSFERS
    });
    let transfers = transfers.go_on();

    let begin = Instant::now();
    let flood = flood.start(host.address);
    let late = thread::spawn({
        let server = host.address;
        move || {
            thread::sleep(Duration::from_secs(1));
            let transfers = (late > 0).then(|| Transfers::begin(server, late, 0, FLOOD / 2).go_on());
            transfers.map(|transfers| transfers.join().expect("the transfers end"))
        }
    });
    let newcomers = Newcomers::come(host.address, FLOOD);
    let late = late.join().expect("the late uploads end");
    let connections = flood.stop();
    let time = begin.elapsed();
    let [uploads, downloads] = transfers.join().expect("the transfers end");
    let mut result = format!(
        "beside {connections} connections in {time:.1?}: {newcomers}; {}; {}",
        tell("uploads", &uploads),
        tell("downloads", &downloads)
    );
    if let Some([uploads, _]) = &late {
        result += &format!("; {}", tell("late uploads", uploads));
    }
    say(&format!("{}: {result}", thread::current().name().unwrap_or("a flood")));
    let all = [Some(&uploads), Some(&downloads), late.as_ref().map(|[uploads, _]| uploads)];
    let broken: usize = all.into_iter().flatten().map(|ended| ended.broken.len()).sum();
    assert!(newcomers.failed.is_empty() && broken == 0, "{result}");
    let is_optimised = !cfg!(debug_assertions);
    assert!(!is_optimised || newcomers.within(0.99) < MOST_OF_THEM, "{result}");
    expect_alive(host.address);
}

fn tell(what: &str, ended: &Ended) -> String {
    let whole = ended.count - ended.broken.len();
    let first = ended.broken.first().map_or(String::new(), |first| format!(" (the first: {first})"));
    format!("{what} {whole} of {}{first}", ended.count)
}

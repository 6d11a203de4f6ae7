//! Clients that mean harm, on real sockets: slow ones, greedy ones, those that vanish, and those that use
//! what TCP has and nobody expects.
//!
//! The server is in the test's own loop and so are its clients, none of which ever waits. So the order of
//! things is certain, turns can be counted, and time is what the test says. One of the tests needs thousands of
//! descriptors.

mod raw;
mod starvation;
mod states;
mod leaving;
mod windows;
mod urgent;

use std::time::{Duration, Instant};

use crate::common::embed::Rig;

/// The host sleeps as long as the server says, and no longer, until the connection has ended; how often.
fn sleep_through(rig: &mut Rig) -> u32 {
    let (mut now, mut wake_ups) = (Instant::now(), 0);
    while rig.server.stats().open > 0 {
        now += rig.server.next_timeout(now).expect("every state has its deadline");
        assert_eq!(rig.host.gather(&mut rig.server, Duration::ZERO), []);
        rig.server.process(now, &mut rig.world);
        wake_ups += 1;
        // A reader that has taken much has credit for 15 more waits.
        assert!(wake_ups <= 25, "it does not end: {:?}", rig.server);
    }
    wake_ups
}

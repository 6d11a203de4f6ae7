//! The timers of steered responses.

use fourway::mio::Poll;
use fourway::{Config, TokenRange};

use super::*;

#[test]
fn timers_that_a_turn_leaves_to_the_next_count_as_late_since_they_were_due() {
    let settings = Settings {
        everywhere: String::new(),
        reads_urls: true,
        close: CloseMode::Fin,
        body: b"",
        content_type: String::new(),
    };
    let poll = Poll::new().unwrap();
    let mut config = Config::default();
    config.max_connections = 64;
    let mut server = Server::new(poll.registry(), TokenRange::nth(0), config).unwrap();
    let mut steering = Steering::new(settings, 2 * FIRED, 0);
    let due = Instant::now();
    for slot in 0..FIRED + 1 {
        let key = steering.add(slot, Job::new(Plan::PLAIN, Step::Idle));
        steering.jobs.arm(key, Step::Idle, due);
    }
    let at = |ms| due + Duration::from_millis(ms);
    steering.fire(&mut server, at(2), at(1));
    let counted = |counts: &Counts| (counts.fired, counts.latest, counts.late);
    assert_eq!(counted(&steering.counts), (FIRED as u64, at(2) - at(1), 0));
    steering.fire(&mut server, at(9), at(8));
    assert_eq!(counted(&steering.counts), (FIRED as u64 + 1, at(9) - at(1), 1));
    assert_eq!((steering.left_since, steering.jobs.is_empty()), (None, true));
}

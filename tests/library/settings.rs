//! Settings that a server refuses.

use fourway::mio::Poll;
use fourway::{Config, Server, TokenRange};

#[test]
fn descriptors_without_the_feature_uds_are_an_error() {
    let mut config = Config::default();
    config.limits.descriptors = 1;
    let poll = Poll::new().expect("a poller");
    let made = Server::new(poll.registry(), TokenRange::nth(0), config);
    let error = made.err().map(|error| error.to_string());
    let expected = "limits.descriptors needs the feature `uds`, and a Unix system";
    assert_eq!(error.as_deref(), if cfg!(all(unix, feature = "uds")) { None } else { Some(expected) });
}

//! Connections that have names: where requests come from, how connections end, and what a host can make of that.

mod closing;
mod limits;
mod reports;

use std::time::Duration;

use fourway::{CloseMode, Config, ConnectionId};

use crate::common::Client;
use crate::common::embed::Rig;

fn rig() -> Rig {
    rig_with(|_| {})
}

fn rig_with(change: impl FnOnce(&mut Config)) -> Rig {
    let mut config = Config::default();
    config.names = true;
    change(&mut config);
    Rig::new(config)
}

/// Returns a client that has its response, and the name of its connection.
fn named(rig: &mut Rig) -> (Client, ConnectionId) {
    let mut client = rig.asking("/named");
    rig.settle();
    client.response();
    (client, last_name(rig))
}

fn last_name(rig: &Rig) -> ConnectionId {
    rig.world.origins.last().and_then(|origin| origin.0).expect("connections have names")
}

#[test]
fn names_take_forty_eight_bytes_more_for_each_slot() {
    let mut config = Config::default();
    let without = config.reserved_bytes();
    config.names = true;
    assert_eq!(config.reserved_bytes() - without, 48 * config.max_connections);
}

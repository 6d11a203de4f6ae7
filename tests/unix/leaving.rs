//! Clients that leave while their answer is awaited, and a host that wants to hear of it (`Config::half_close` is off).

use super::*;

use fourway::GoneReason;

/// A site at which a client's request is deferred, and its client.
fn waiting() -> (Site, Client) {
    let mut config = Config::default();
    config.half_close = false;
    let mut site = Site::with(config);
    let mut client = site.client();
    client.send(get("/later"));
    site.until("it waits", |server, _| server.stats().deferred == 1);
    (site, client)
}

fn until_gone(mut site: Site) {
    site.until("the end is noticed", |_, world| !world.gone.is_empty());
    let id = site.world.parked[0];
    assert_eq!(site.world.gone, [(id, GoneReason::Ended(Reason::PeerClosedEarly))]);
    assert_eq!((site.server.stats().open, site.world.asked.len()), (0, 1));
}

#[test]
fn a_client_that_closes_altogether_is_reported() {
    let (site, client) = waiting();
    drop(client);
    until_gone(site);
}

#[test]
fn a_client_that_closes_its_half_is_reported_and_gets_an_end() {
    let (site, mut client) = waiting();
    client.0.get_ref().shutdown(Shutdown::Write).expect("an end");
    until_gone(site);
    client.expect_end();
}

#[test]
fn a_client_that_closes_after_requests_that_wait_unread_is_reported() {
    let (site, mut client) = waiting();
    client.send(get("/behind").repeat(100));
    drop(client);
    until_gone(site);
}

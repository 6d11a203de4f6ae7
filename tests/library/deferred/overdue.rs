//! Deferred requests whose time is over, and hosts that respond to them then.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use fourway::{Config, GoneReason, Handler, IdError, Reason, Reply, Request, RequestId, Responder};

use super::answer;
use crate::common::embed::{HandlerPanic, Rig, World};
use crate::common::get;

const DEFERRED: Duration = Duration::from_secs(30);

/// A host that does this with overdue requests, and is like [`World`] otherwise.
struct Late<'w, F> {
    world: &'w mut World,
    overdue: Vec<RequestId>,
    respond: F,
}

impl<'w, F> Late<'w, F>
where
    F: for<'r> FnMut(&mut World, Responder<'r>) -> Reply<'r>,
{
    fn new(world: &'w mut World, respond: F) -> Self {
        Late { world, overdue: Vec::new(), respond }
    }
}

impl<F> Handler for Late<'_, F>
where
    F: for<'r> FnMut(&mut World, Responder<'r>) -> Reply<'r>,
{
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        self.world.request(request, responder)
    }

    fn gone(&mut self, id: RequestId, why: GoneReason) {
        self.world.gone(id, why);
    }

    fn overdue<'r>(&mut self, id: RequestId, responder: Responder<'r>) -> Reply<'r> {
        self.overdue.push(id);
        (self.respond)(self.world, responder)
    }
}

#[test]
fn an_overdue_request_gets_the_response_of_the_host_and_the_requests_after_it_theirs() {
    let mut rig = Rig::new(Config::default());
    let (mut client, id) = rig.parked("/later");
    client.send(get("/behind"));
    rig.settle();
    let late = Instant::now() + DEFERRED;
    let mut host = Late::new(&mut rig.world, |_, responder| responder.send(200, "text/plain", b"no news"));
    rig.server.process(late, &mut host);
    assert_eq!(host.overdue, [id]);
    assert_eq!((client.response().body, client.response().body), (b"no news".into(), b"/behind".into()));
    assert_eq!(rig.server.respond(id, late).err(), Some(IdError::Over));
    assert_eq!((rig.world.gone.len(), rig.server.stats().errors(503)), (0, 0));
    rig.ask(&mut client, "/again");
    rig.settle();
    assert_eq!(client.response().body, b"/again");
}

#[test]
fn an_overdue_request_that_is_deferred_again_waits_as_long_as_before() {
    let mut rig = Rig::new(Config::default());
    let (mut client, _) = rig.parked("/later");
    rig.settle();
    let late = Instant::now() + DEFERRED;
    let mut host = Late::new(&mut rig.world, |world, responder| {
        let (id, reply) = responder.defer();
        world.parked.push(id);
        reply
    });
    rig.server.process(late, &mut host);
    assert_eq!(rig.server.next_timeout(late), Some(DEFERRED));
    answer(&mut rig.server, rig.world.parked[1], b"at last");
    rig.server.process(late, &mut rig.world);
    assert_eq!(client.response().body, b"at last");
    assert_eq!(rig.world.gone, []);
}

#[test]
fn a_panic_about_an_overdue_request_resets_its_client_alone() {
    let mut rig = Rig::new(Config::default());
    let (mut client, id) = rig.parked("/later");
    rig.settle();
    let late = Instant::now() + DEFERRED;
    let mut host = Late::new(&mut rig.world, |_, _| std::panic::resume_unwind(Box::new(HandlerPanic)));
    let turn = AssertUnwindSafe(|| rig.server.process(late, &mut host));
    assert!(catch_unwind(turn).unwrap_err().is::<HandlerPanic>());
    rig.server.process(late, &mut rig.world);
    assert_eq!(rig.world.gone, [(id, GoneReason::Ended(Reason::HandlerPanic))]);
    client.try_rest().expect_err("its client is reset");
    rig.expect_alive();
}

#[test]
fn a_request_that_the_host_refuses_gets_a_503_and_the_connection_closes() {
    let mut rig = Rig::new(Config::default());
    let (mut client, id) = rig.parked("/later");
    rig.server.respond(id, Instant::now()).expect("it waits").refuse();
    rig.settle();
    let response = client.response();
    assert_eq!((response.status, response.header("Connection")), (503, Some("close")));
    client.expect_end();
    assert_eq!((rig.world.gone.len(), rig.server.stats().errors(503)), (0, 1));
}

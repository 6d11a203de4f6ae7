//! Clients that reset, close their half, close, or fall silent, in every state of a connection and with
//! every close mode: what they get, what the server counts, and that it has everything back.
//!
//! Of all others but the silent, the end is seen without any deadline. Of the silent, the host's clock
//! jumps from one time to the next that the server has asked for.

use std::time::Instant;

use fourway::{CloseMode, GoneReason, Reason, Stats};

use super::raw::{End, Raw};
use super::sleep_through;
use super::states::{self, State, turn_until};
use crate::common::embed::Rig;
use crate::common::get;
use crate::common::own::{descriptors, expect_descriptors, my_turn};

const MODES: [CloseMode; 4] = [CloseMode::Fin, CloseMode::Peer, CloseMode::Rst, CloseMode::Drop];

/// What comes of a connection.
#[derive(Debug, PartialEq, Eq)]
struct Fate {
    reason: Reason,
    /// Whether the client closed first.
    client_first: bool,
    /// The errors that the server has answered by itself, from the beginning.
    errors: Vec<u16>,
    /// What the client has got, if it is still there to get it.
    got: Option<(Vec<u16>, End)>,
}

/// A server with one connection in a state.
struct Scene {
    rig: Rig,
    mode: CloseMode,
    state: State,
    client: Option<Raw>,
}

impl Scene {
    fn set(mode: CloseMode, state: State) -> Scene {
        let mut rig = states::narrow(mode);
        let client = state.reach(&mut rig);
        Scene { rig, mode, state, client: Some(client) }
    }

    /// What was answered before the client did anything.
    fn answered(&self) -> Vec<u16> {
        match self.state {
            State::Idle | State::Lingering => vec![200],
            State::Continue => vec![100],
            State::BehindError => vec![400],
            _ => vec![],
        }
    }

    fn is_at_the_end(&self) -> bool {
        matches!(self.state, State::Lingering | State::BehindError)
    }

    fn errors(&self) -> Vec<u16> {
        if self.state == State::BehindError { vec![400] } else { vec![] }
    }

    /// Of a client that leaves.
    fn fate(&self, reason: Reason, got: Option<(Vec<u16>, End)>) -> Fate {
        let server_first = self.is_at_the_end() && self.mode == CloseMode::Fin;
        Fate { reason, client_first: !server_first, errors: self.errors(), got }
    }

    /// Answers what has waited for it, if anything has.
    fn respond(&mut self) {
        if self.state == State::Deferred {
            let id = self.rig.world.parked[0];
            let responder = self.rig.server.respond(id, Instant::now()).expect("it still waits");
            responder.send(200, "text/plain", b"late");
        }
    }

    /// Turns until the connection has ended, which has to be as expected; then the next is served.
    fn expect(mut self, expected: &Fate) {
        let what = format!("{:?}, {:?}", self.mode, self.state);
        let mut client = self.client.take();
        if let Some(client) = &mut client {
            turn_until(&mut self.rig, client, |_, client| client.end.is_some());
        }
        self.rig.until(&what, |server, _| server.stats().open == 0);
        let stats = self.rig.server.stats();
        let reason = Reason::ALL.into_iter().find(|&reason| stats.closes(reason) == 1);
        let errors = Stats::ERRORS.into_iter().filter(|&status| stats.errors(status) == 1).collect();
        let got = client.as_ref().map(|client| (client.statuses().0, client.end.expect("it has ended")));
        let client_first = stats.closed_by_client_first == 1;
        let found = Fate { reason: reason.expect("one"), client_first, errors, got };
        assert_eq!((stats.closed, &found), (1, expected), "{what}");
        let cut = client.map_or(0, |client| client.statuses().1);
        assert_eq!(cut > 0, found.reason == Reason::WriteTimeout, "{what}: {cut} bytes of an answer");
        self.expect_the_next_is_served(&what);
    }

    /// With the only slot, and with the only exchange.
    fn expect_the_next_is_served(mut self, what: &str) {
        let mut next = Raw::connect(self.rig.address);
        let (request, bytes_in) = (get("/next"), self.rig.server.stats().bytes_in);
        next.send(&request[..10]);
        self.rig.until(what, |server, _| server.stats().bytes_in == bytes_in + 10);
        next.send(&request[10..]);
        if self.mode == CloseMode::Drop {
            self.rig.until(what, |server, _| server.stats().closes(Reason::Dropped) > 0);
        } else {
            turn_until(&mut self.rig, &mut next, |_, next| next.statuses() == (vec![200], 0));
            assert!(next.received.ends_with(b"/next"), "{what}");
        }
    }
}

/// Each close mode with each state that it has; afterwards all descriptors are back.
fn in_every_state(act: impl Fn(Scene)) {
    let _turn = my_turn();
    let before = descriptors();
    let mut scenes = 0;
    for mode in MODES {
        for state in states::ALL.into_iter().filter(|state| state.exists_with(mode)) {
            act(Scene::set(mode, state));
            scenes += 1;
            expect_descriptors(before);
        }
    }
    assert_eq!(scenes, 13 + 13 + 11 + 7);
}

/// Of a client of which the server sees an end of input and nothing else.
fn reason_of_an_end(scene: &Scene) -> Reason {
    match scene.state {
        state if state.is_inside_a_request() => Reason::PeerClosedEarly,
        State::Lingering | State::BehindError => Reason::Answered,
        _ => Reason::PeerClosed,
    }
}

#[test]
fn a_client_that_resets_in_any_state_is_let_go_at_once() {
    in_every_state(|mut scene| {
        scene.client.take().expect("it is there").reset();
        let waiting = scene.rig.world.parked.clone();
        let what = (scene.mode, scene.state);
        scene.rig.until("it is noticed", |server, _| server.stats().open == 0);
        let told = waiting.into_iter().map(|id| (id, GoneReason::Ended(Reason::PeerReset)));
        assert_eq!(scene.rig.world.gone, told.collect::<Vec<_>>(), "{what:?}");
        let expected = scene.fate(Reason::PeerReset, None);
        scene.expect(&expected);
    });
}

#[test]
fn a_client_that_half_closes_in_any_state_gets_all_its_responses() {
    in_every_state(|mut scene| {
        scene.client.as_ref().expect("it is there").finish();
        scene.rig.settle();
        scene.respond();
        let mut statuses = scene.answered();
        if matches!(scene.state, State::Deferred | State::Sending) {
            statuses.push(200);
        }
        let expected = scene.fate(reason_of_an_end(&scene), Some((statuses, End::Fin)));
        scene.expect(&expected);
    });
}

#[test]
fn a_client_that_closes_in_any_state_is_let_go_without_a_deadline() {
    in_every_state(|mut scene| {
        drop(scene.client.take());
        scene.rig.settle();
        // Until something is sent to it, it looks like one that has closed its half.
        assert_eq!(scene.rig.server.stats().deferred, usize::from(scene.state == State::Deferred));
        scene.respond();
        // Its kernel answers by a reset, because there was something that it had not read.
        let is_reset = scene.state == State::Sending;
        let reason = if is_reset { Reason::PeerReset } else { reason_of_an_end(&scene) };
        let expected = scene.fate(reason, None);
        scene.expect(&expected);
    });
}

#[test]
fn a_client_that_falls_silent_in_any_state_is_let_go_by_the_deadlines() {
    in_every_state(|mut scene| {
        let wake_ups = sleep_through(&mut scene.rig);
        let (mut statuses, mut errors) = (scene.answered(), scene.errors());
        let late = match scene.state {
            state if state.is_inside_a_request() => Some(408),
            State::Deferred => Some(503),
            _ => None,
        };
        errors.extend(late);
        statuses.extend(late.filter(|_| scene.mode != CloseMode::Drop));
        let (reason, end) = match (scene.state, scene.mode) {
            (State::New | State::Idle, _) => (Reason::IdleTimeout, End::Fin),
            (State::Sending, _) => (Reason::WriteTimeout, End::Reset),
            (_, CloseMode::Rst) => (Reason::Answered, End::Reset),
            (_, CloseMode::Drop) => (Reason::Dropped, End::Fin),
            _ => (Reason::LingerTimeout, End::Fin),
        };
        let told = scene.rig.world.parked.iter().map(|&id| (id, GoneReason::Timeout));
        assert_eq!(scene.rig.world.gone, told.collect::<Vec<_>>(), "{:?}", scene.mode);
        // The refusal, our FIN where it was not sent yet, the end; and a few where a kernel takes some more.
        assert!(wake_ups <= 3 || scene.state == State::Sending, "{wake_ups} in {:?}", scene.state);
        let fate = Fate { reason, client_first: false, errors, got: Some((statuses, end)) };
        scene.expect(&fate);
    });
}

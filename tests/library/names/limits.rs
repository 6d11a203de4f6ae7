//! What a host can make of names: an idle time for each connection, and a limit for each user.

use std::collections::HashMap;
use std::time::Instant;

use fourway::{Handler, Reason, Reply, Request, Responder};

use super::*;
use crate::common::PATIENCE;

/// A host in which each user may have two connections, and guests lose theirs after a second without a request.
#[derive(Default)]
struct Club {
    now: Option<Instant>,
    members: HashMap<ConnectionId, Member>,
    ended: Vec<Reason>,
}

struct Member {
    user: String,
    seen: Instant,
}

const CONNECTIONS: usize = 2;
const GUEST_IDLE: Duration = Duration::from_secs(1);

impl Club {
    /// Ends the connections of guests that are idle for too long. Each call is one look at a short list.
    fn end_idle(&mut self, server: &mut fourway::Server, now: Instant) {
        for (&connection, member) in &self.members {
            if member.user == "guest" && now.duration_since(member.seen) >= GUEST_IDLE {
                // If it has ended by itself, the next `process` reports it.
                let _ = server.close(connection, CloseMode::Fin, now);
            }
        }
    }
}

impl Handler for Club {
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        let connection = request.connection().expect("the settings ask for names");
        let user =
            request.header("User").map_or("guest".into(), |user| String::from_utf8_lossy(user).into_owned());
        let others = self.members.iter().filter(|&(&id, member)| id != connection && member.user == user);
        if others.count() >= CONNECTIONS {
            return responder.status(429).close_after().send(b"two connections are enough");
        }
        let seen = self.now.expect("the host sets it before each process");
        self.members.insert(connection, Member { user, seen });
        responder.send(200, "text/plain", b"welcome")
    }

    fn closed(&mut self, id: ConnectionId, why: Reason) {
        self.members.remove(&id);
        self.ended.push(why);
    }
}

/// A host whose time is the test's.
struct Scene {
    rig: Rig,
    club: Club,
    now: Instant,
}

impl Scene {
    fn new() -> Scene {
        Scene { rig: rig(), club: Club::default(), now: Instant::now() }
    }

    fn turn(&mut self, wait: Duration) {
        assert_eq!(self.rig.host.gather(&mut self.rig.server, wait), []);
        self.club.now = Some(self.now);
        self.club.end_idle(&mut self.rig.server, self.now);
        self.rig.server.process(self.now, &mut self.club);
    }

    fn until(&mut self, what: &str, is_so: impl Fn(&Scene) -> bool) {
        let start = Instant::now();
        while !is_so(self) {
            assert!(start.elapsed() < PATIENCE, "still not so: {what}");
            self.turn(Duration::from_millis(100));
        }
    }

    /// Sends a request of a user, and returns the status of the response.
    fn ask(&mut self, client: &mut Client, user: &str) -> u16 {
        let before = self.rig.server.stats().requests;
        client.send(format!("GET / HTTP/1.1\r\nHost: test\r\nUser: {user}\r\n\r\n"));
        self.until("it is answered", |scene| scene.rig.server.stats().requests > before);
        client.response().status
    }

    fn client(&self) -> Client {
        Client::connect(self.rig.address)
    }
}

#[test]
fn a_user_who_ends_a_connection_may_have_another() {
    let mut scene = Scene::new();
    let mut clients = [(); 3].map(|()| scene.client());
    assert_eq!(clients.each_mut().map(|client| scene.ask(client, "ann")), [200, 200, 429]);
    let mut other = scene.client();
    assert_eq!(scene.ask(&mut other, "bob"), 200);
    let [first, ..] = clients;
    drop(first);
    scene.until("the end is known", |scene| scene.club.ended.contains(&Reason::PeerClosed));
    let mut next = scene.client();
    assert_eq!(scene.ask(&mut next, "ann"), 200);
}

#[test]
fn only_guests_lose_their_connections_after_a_second() {
    let mut scene = Scene::new();
    let (mut guest, mut member) = (scene.client(), scene.client());
    assert_eq!((scene.ask(&mut guest, "guest"), scene.ask(&mut member, "ann")), (200, 200));
    scene.now += GUEST_IDLE - Duration::from_nanos(1);
    scene.turn(Duration::ZERO);
    assert_eq!(scene.ask(&mut guest, "guest"), 200, "in time, and the second starts anew");
    scene.now += GUEST_IDLE;
    scene.turn(Duration::ZERO);
    guest.expect_end();
    drop(guest);
    scene.until("the end is known", |scene| scene.club.ended == [Reason::ClosedByHost]);
    assert_eq!(scene.ask(&mut member, "ann"), 200);
}

//! Hosts that use a verb in a wrong way. Each mistake shows, costs nobody else anything, and leaves nothing behind.

use std::io::ErrorKind;

use fourway::{
    Config, GoneReason, Handler, IdError, Intake, More, Reason, Reply, Request, RequestId, Responder,
};

use crate::common::embed::Rig;
use crate::common::{Client, get};

/// A host that leaves out, or gets wrong, what the target of the request says.
#[derive(Default)]
struct Careless {
    ids: Vec<RequestId>,
    gone: Vec<GoneReason>,
    /// It implements `more`.
    streams: bool,
}

impl Handler for Careless {
    fn request<'r>(&mut self, request: &Request<'_>, mut responder: Responder<'r>) -> Reply<'r> {
        match request.target() {
            "/stream" => {
                let (id, reply) = responder.status(200).stream(None);
                self.ids.push(id);
                reply
            }
            "/take" => {
                let (id, reply) = responder.status(101).header("Upgrade", "echo").take_over();
                self.ids.push(id);
                reply
            }
            "/take-200" => responder.status(200).take_over().1,
            "/101" => responder.status(101).empty(),
            "/inform" => {
                responder.inform(200, [("X", "1")]);
                responder.send(200, "text/plain", b"never")
            }
            target => responder.send(200, "text/plain", target.as_bytes()),
        }
    }

    fn head<'r>(
        &mut self,
        request: &Request<'_>,
        id: RequestId,
        responder: Responder<'r>,
    ) -> Result<Intake, Reply<'r>> {
        match request.target() {
            "/pieces" => {
                self.ids.push(id);
                Ok(Intake::Pieces)
            }
            "/both" => {
                // It responds, and throws the reply away.
                let _reply = responder.send(401, "text/plain", b"who are you?");
                Ok(Intake::Whole)
            }
            _ => Ok(Intake::Whole),
        }
    }

    fn more(&mut self, id: RequestId, piece: &mut fourway::BodyWriter<'_>) -> More {
        assert!(self.ids.contains(&id));
        if !self.streams {
            // What the default does.
            return <Deaf as Handler>::more(&mut Deaf, id, piece);
        }
        More::Again
    }

    fn gone(&mut self, _: RequestId, why: GoneReason) {
        self.gone.push(why);
    }
}

/// A host that implements nothing but `request`.
struct Deaf;

impl Handler for Deaf {
    fn request<'r>(&mut self, _: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        responder.status(204).empty()
    }
}

fn rig() -> Rig<Careless> {
    Rig::with(Config::default(), Careless::default())
}

fn post(target: &str) -> String {
    format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345")
}

/// Sends a request, and turns until the server has ended the connection.
fn ended(rig: &mut Rig<Careless>, request: String) -> Client {
    let mut client = Client::connect(rig.address);
    client.send(request);
    let closed = rig.server.stats().closed;
    rig.until("the connection has ended", |server, _| server.stats().closed > closed);
    client
}

#[test]
fn a_stream_of_a_handler_without_more_is_reset() {
    let mut rig = rig();
    let mut client = ended(&mut rig, get("/stream"));
    assert_eq!(client.try_rest().unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(rig.server.stats().closes(Reason::StreamAborted), 1);
    assert_eq!(rig.world.gone, []);
}

#[test]
fn a_piece_without_a_byte_waits_for_resume() {
    let mut rig = rig();
    rig.world.streams = true;
    let mut client = Client::connect(rig.address);
    client.send(get("/stream"));
    rig.until("it waits", |server, _| server.stats().streaming == 1);
    let now = std::time::Instant::now();
    let id = rig.world.ids[0];
    assert_eq!(rig.server.resume(id, now), Ok(()));
    rig.settle();
    assert_eq!(rig.server.stats().streaming, 1);
    drop(client);
}

#[test]
fn a_body_in_pieces_of_a_handler_without_piece_gets_500() {
    let mut rig = rig();
    let mut client = Client::connect(rig.address);
    client.send(post("/pieces"));
    rig.until("it is answered", |server, _| server.stats().requests == 1);
    rig.settle();
    assert_eq!(client.response().status, 500);
    assert_eq!(rig.server.resume(rig.world.ids[0], std::time::Instant::now()), Err(IdError::Over));
}

#[test]
fn a_connection_taken_over_by_a_handler_without_taken_is_closed() {
    let mut rig = rig();
    let mut client = ended(&mut rig, get("/take"));
    let all = client.rest();
    assert!(all.starts_with(b"HTTP/1.1 101 "));
    assert_eq!(rig.server.stats().closes(Reason::TakenOver), 1);
}

#[test]
fn a_handover_without_a_101_or_a_tunnel_gets_500() {
    for target in ["/take-200", "/101"] {
        let mut rig = rig();
        let mut client = Client::connect(rig.address);
        client.send(get(target));
        rig.until("it is answered", |server, _| server.stats().handler_errors == 1);
        assert_eq!(client.response().status, 500, "{target}");
    }
}

#[test]
fn an_interim_response_with_a_final_status_gets_500() {
    let mut rig = rig();
    let mut client = Client::connect(rig.address);
    client.send(get("/inform"));
    rig.until("it is answered", |server, _| server.stats().handler_errors == 1);
    assert_eq!(client.response().status, 500);
}

#[test]
fn a_handler_that_responds_and_takes_the_body_has_responded() {
    let mut rig = rig();
    let mut client = Client::connect(rig.address);
    client.send(post("/both") + &get("/next"));
    rig.until("both are answered", |server, _| server.stats().requests == 2);
    assert_eq!((client.response().status, client.response().body), (401, b"/next".to_vec()));
}

#[test]
fn an_id_that_is_over_names_nothing() {
    let mut rig = rig();
    ended(&mut rig, get("/stream"));
    let (id, now) = (rig.world.ids[0], std::time::Instant::now());
    assert_eq!(rig.server.resume(id, now), Err(IdError::Over));
    assert_eq!(rig.server.respond(id, now).map(|_| ()), Err(IdError::Over));
    assert_eq!(rig.server.cancel(id, now), Err(IdError::Over));
    let mut other = self::rig();
    assert_eq!(other.server.resume(id, now), Err(IdError::WrongServer));
}

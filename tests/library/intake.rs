//! What a host does with bodies, as real clients send them: it refuses them before they come, throws them away, or takes
//! them in pieces.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::thread;

use fourway::{CloseMode, Config, GoneReason, Reason};

use crate::common::child::{Child, Ended};
use crate::common::embed::Rig;
use crate::common::streaming::{Streaming, body};
use crate::common::tools::{self, TempFile};
use crate::common::{Client, PATIENCE};

/// More than all the buffers of [`few_buffers`], and than the buffers of both kernels.
const LONG: usize = 20_000_003;

/// A server whose buffers together are smaller than [`LONG`].
fn few_buffers() -> Config {
    let mut config = Config::default();
    config.exchanges = 16;
    config.buffers.heads = 16;
    config.buffers.outs = 16;
    config.buffers.bodies = 1;
    assert!(config.reserved_bytes() < LONG / 4);
    config
}

fn rig() -> Rig<Streaming> {
    Rig::with(few_buffers(), Streaming::default())
}

/// Runs a client beside the server, whose host resumes everything that waits.
fn serve<T: Send + 'static>(
    rig: &mut Rig<Streaming>,
    client: impl FnOnce(SocketAddr) -> T + Send + 'static,
) -> T {
    let address = rig.address;
    rig.serve_while(thread::spawn(move || client(address)), |server, world| world.resume(server))
}

/// The two forms of a body.
#[derive(Debug, Clone, Copy)]
enum Form {
    Length,
    Chunks,
}

const FORMS: [Form; 2] = [Form::Length, Form::Chunks];

/// Returns a request with a body of this length.
fn post(target: &str, headers: &str, len: usize, form: Form) -> Vec<u8> {
    let (framing, body) = match form {
        Form::Length => (format!("Content-Length: {len}"), body(len)),
        Form::Chunks => {
            let chunk = |data: &[u8]| [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat();
            let chunks = body(len).chunks(100_000).flat_map(chunk).chain(*b"0\r\n\r\n").collect();
            ("Transfer-Encoding: chunked".to_owned(), chunks)
        }
    };
    [format!("POST {target} HTTP/1.1\r\nHost: test\r\n{headers}{framing}\r\n\r\n").as_bytes(), &body].concat()
}

// --- a say before the body comes ---

/// Has curl upload a body, and write the status and the number of bytes that it has sent of it.
fn curl(curl: &Path, address: SocketAddr, target: &str, len: usize, form: Form) -> Ended {
    let file = TempFile::with(body(len));
    let mut command = Command::new(curl);
    // It would send the body after this time without an answer.
    command.args(["--silent", "--show-error", "--expect100-timeout", &PATIENCE.as_secs().to_string()]);
    command.args(["--header", "Expect: 100-continue", "--write-out", " %{http_code} %{size_upload}"]);
    if let Form::Chunks = form {
        command.args(["--header", "Transfer-Encoding: chunked"]);
    }
    command.args(["--upload-file", file.path(), &format!("http://{address}{target}")]);
    Child::run(&mut command)
}

#[test]
fn curl_gets_a_401_and_never_sends_the_body() {
    let Some(program) = tools::find(&["curl"]) else { return };
    let mut rig = rig();
    for form in FORMS {
        let program = program.clone();
        let ended = serve(&mut rig, move |address| curl(&program, address, "/refuse/0", 3_000_000, form));
        assert_eq!((ended.stdout.as_str(), ended.code()), (" 401 0", Some(0)), "{form:?}: {}", ended.stderr);
    }
    assert!(rig.server.stats().bytes_in < 2000, "nothing but heads has come");
}

#[test]
fn curl_sends_the_body_when_the_host_wants_it() {
    let Some(program) = tools::find(&["curl"]) else { return };
    let mut rig = rig();
    for target in ["/discard/0", "/pieces/0"] {
        for form in FORMS {
            let program = program.clone();
            let ended = serve(&mut rig, move |address| curl(&program, address, target, 3_000_000, form));
            // It counts the sizes of chunks as well.
            assert!(ended.stdout.starts_with("3000000 true 200 3000"), "{form:?}: {ended:?}");
        }
    }
}

#[test]
fn the_host_is_asked_before_100_continue_is_sent() {
    let mut rig = rig();
    serve(&mut rig, |address| {
        for (target, first) in
            [("/discard/0", 100), ("/pieces/0", 100), ("/some/100", 100), ("/refuse/0", 401)]
        {
            let mut client = Client::connect(address);
            let request = post(target, "Expect: 100-continue\r\n", 1000, Form::Length);
            let (head, body) = request.split_at(request.len() - 1000);
            client.send(head);
            assert_eq!(client.response_head().status, first, "{target}");
            if first == 100 {
                client.send(body);
                assert_eq!(client.response().body, b"1000 true", "{target}");
            }
        }
    });
    assert_eq!(rig.world.heads, 4);
}

#[test]
fn a_client_that_sends_its_body_at_once_still_reads_the_refusal() {
    let mut rig = rig();
    serve(&mut rig, |address| {
        for (target, status) in [("/refuse/0", 401), ("/until/100000", 413)] {
            for form in FORMS {
                let mut client = Client::connect(address);
                let mut writer = client.socket().try_clone().expect("a second handle");
                let sender = thread::spawn(move || writer.write_all(&post(target, "", LONG, form)));
                let response = client.response();
                assert_eq!((response.status, response.header("Connection")), (status, Some("close")));
                // The server reads on for as long as the client sends.
                sender.join().expect("no panic").expect("all is taken");
                client.expect_end();
            }
        }
    });
    assert_eq!(rig.server.stats().closed_by_client_first, 0);
}

// --- bodies that are larger than all buffers ---

/// Sends bodies of many lengths in both forms, each followed by another request.
fn upload(rig: &mut Rig<Streaming>, target: &'static str, lens: &'static [usize]) {
    serve(rig, move |address| {
        let mut client = Client::connect(address);
        for &len in lens {
            for form in FORMS {
                let mut writer = client.socket().try_clone().expect("a second handle");
                let sender = thread::spawn(move || {
                    writer.write_all(&[post(target, "", len, form), post("/discard/0", "", 1, form)].concat())
                });
                let response = client.response();
                assert_eq!(response.body, format!("{len} true").as_bytes(), "{target}, {form:?}");
                assert_eq!(client.response().body, b"1 true");
                sender.join().expect("no panic").expect("all is taken");
            }
        }
    });
    assert_eq!((rig.server.stats().accepted, rig.world.gone.len()), (1, 0));
}

const LENS: [usize; 6] = [1, 1000, 16_384, 30_000, 1 << 20, LONG];

#[test]
fn a_body_larger_than_all_buffers_is_thrown_away() {
    upload(&mut rig(), "/discard/0", &LENS);
}

#[test]
fn a_body_larger_than_all_buffers_is_taken_in_pieces() {
    upload(&mut rig(), "/pieces/0", &LENS);
}

#[test]
fn a_host_that_takes_a_part_gets_the_rest_when_it_resumes() {
    for target in ["/some/1", "/some/999", "/some/20000"] {
        upload(&mut rig(), target, &[1, 1000, 16_384, 30_000]);
    }
}

#[test]
fn while_the_host_takes_nothing_the_server_reads_nothing() {
    let mut rig = rig();
    let client = Client::connect(rig.address);
    client.socket().set_nonblocking(true).expect("non-blocking");
    let request = post("/some/10", "", LONG, Form::Length);
    let sent = client.socket().write(&request).expect("there is room for some of it");
    assert!(sent > 100_000, "{sent} bytes were taken");
    rig.until("it waits for the host", |server, _| server.stats().holding == 1);
    rig.settle();
    let read = rig.server.stats().bytes_in;
    assert!(read <= Config::default().limits.head_bytes as u64 + 4096, "{read} bytes were read");
    rig.settle();
    assert_eq!(rig.server.stats().bytes_in, read);
    client.reset();
    rig.until("it is gone", |_, world| !world.gone.is_empty());
    assert_eq!(rig.world.gone[0].1, GoneReason::Ended(Reason::PeerReset));
}

// --- the end ---

#[test]
fn a_client_that_leaves_in_the_middle_of_a_body_is_reported() {
    let mut rig = rig();
    for form in FORMS {
        let mut client = Client::connect(rig.address);
        client.send(&post("/pieces/0", "", 1 << 20, form)[..500_000]);
        let gone = rig.world.gone.len();
        client.finish();
        rig.until("it is gone", |_, world| world.gone.len() > gone);
        assert_eq!(rig.world.gone[gone].1, GoneReason::Ended(Reason::PeerClosedEarly));
    }
    assert_eq!(rig.server.stats().open, 0);
}

#[test]
fn a_body_is_taken_whole_in_every_close_mode_that_answers() {
    for mode in [CloseMode::Fin, CloseMode::Peer, CloseMode::Rst] {
        for target in ["/discard/0", "/pieces/0"] {
            let mut config = few_buffers();
            config.close = mode;
            let mut rig = Rig::with(config, Streaming::default());
            serve(&mut rig, move |address| {
                let mut client = Client::connect(address);
                client.send(post(target, "Connection: close\r\n", 1 << 20, Form::Chunks));
                assert_eq!(client.response().body, format!("{} true", 1 << 20).as_bytes(), "{mode:?}");
                // The server has reset the connection, or waits for the client's FIN.
                if mode != CloseMode::Rst {
                    client.finish();
                }
            });
            rig.until("it has ended", |server, _| server.stats().open == 0);
            assert_eq!(rig.server.stats().closes(Reason::Answered), 1, "{mode:?}");
        }
    }
}

#[test]
fn in_close_mode_drop_the_host_is_not_asked() {
    let mut config = few_buffers();
    config.close = CloseMode::Drop;
    let mut rig = Rig::with(config, Streaming::default());
    serve(&mut rig, |address| {
        let mut client = Client::connect(address);
        client.send(post("/pieces/0", "", 1000, Form::Length));
        client.expect_end();
    });
    assert_eq!((rig.world.heads, rig.server.stats().closes(Reason::Dropped)), (0, 1));
}

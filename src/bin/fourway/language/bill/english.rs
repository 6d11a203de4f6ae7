//! The sentences of the bills in English.

use super::sentences::{Sentences, grouped};

pub static SENTENCES: Sentences = Sentences {
    bill: "The bill",
    held_by_client: "TIME_WAIT at the client",
    held_by_server: "TIME_WAIT at the server",
    held: |count, seconds| format!("{count}, for {seconds:.1} s more"),
    held_none: "none",
    restart_without: "a restart without SO_REUSEADDR",
    restart_with: "a restart with SO_REUSEADDR",
    restart_works: "ok",
    ports: "which close mode runs out of the client's ports",
    ports_row: |connections, ports| format!("{} connections, {ports} ports", grouped(connections)),
    ports_method: |connections, ports| {
        format!(
            "A client makes {} connections from {ports} ports of its own, one after the other. Each is a request, a \
             response and a close.",
            grouped(connections)
        )
    },
    ports_all: |done| format!("all {}", grouped(done)),
    ports_failed: |number, error| format!("number {}: {error}", grouped(number)),
    ports_result: |done, left| format!("{done}; {left}"),
    left_at_client: |count| format!("{count} TIME_WAIT at the client"),
    left_at_server: |count| format!("{count} TIME_WAIT at the server"),
    left_nowhere: "no TIME_WAIT",
    ports_connect: "connect only",
    ports_few: |done, ports| format!("{done}; it has {ports} ports"),
    ports_run_out: "A client that closes first keeps a port in TIME_WAIT for each connection. This client chooses its \
                    ports by bind, so it fails with EADDRINUSE. ",
    ports_connect_run_out: "In the last row it only calls connect, so its kernel chooses, and the error is \
                            EADDRNOTAVAIL. ",
    ports_again: "If the server closes first, it holds TIME_WAIT, and the client's port is free at once: the kernel \
                  lets a new connection take the place of the old one. ",
    essay: "the 30-line blocking program, and its faults",
    essay_method: "The program listens, accepts, reads once, sends and closes, one client after the other.",
    slow: "One slow client blocks all",
    slow_alone: "a client alone has to wait",
    slow_behind: |silence| format!("behind one that is silent for {silence} ms"),
    slow_kernel: "meanwhile, in the server's kernel",
    slow_unread: |state, bytes| format!("{state}, {} bytes unread", grouped(bytes)),
    unread: "Unread input turns the close into a reset",
    unread_request: |len| format!("a request of {} bytes", grouped(len as u32)),
    unread_reading: |bytes, end| format!("{bytes} bytes, then {end}"),
    restart: "The server closes first, so it cannot restart",
    restart_mended: "the same, if the old server had it too",
    restart_lesson: "SO_REUSEADDR helps only if the old server had set it too, because sockets in TIME_WAIT keep it. \
                     Set it at the first start.",
    picture: "Time goes down. A dotted life line is an end that no program holds. A dashed arrow is a segment that the \
              counters of the whole machine have counted, not those of the connection.",
};

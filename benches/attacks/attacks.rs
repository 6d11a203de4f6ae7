//! The attacks: how many clients, and what each of them sends and reads.

use std::time::Duration;

use crate::swarm::{Plan, Reading};

#[derive(Clone, Copy)]
pub struct Attack {
    pub name: &'static str,
    /// The clients' behaviour, as it stands behind their number.
    pub story: &'static str,
    pub clients: usize,
    pub plan: fn() -> Plan,
    /// Bytes of the page that the server answers, if they are more than a few.
    pub page: Option<usize>,
    /// The attack is over after this time, or earlier if nothing moves.
    pub most: Duration,
    /// The clients have left for this time when the memory is looked at again.
    pub afterwards: Duration,
    /// The C library is told to ask for huge pages.
    pub huge_pages: bool,
    /// Bytes of memory that the server may have.
    pub memory: Option<u64>,
    /// Each client has to be answered 200.
    pub honest: bool,
    /// The table shows the server's CPU time for each byte that the clients send.
    pub cpu: bool,
}

const MIB: usize = 1 << 20;

/// The settings that most of them share.
const ATTACK: Attack = Attack {
    name: "",
    story: "",
    clients: 0,
    plan: silence,
    page: None,
    most: Duration::from_secs(60),
    afterwards: Duration::from_secs(1),
    huge_pages: false,
    memory: None,
    honest: false,
    cpu: false,
};

pub const ATTACKS: [Attack; 11] = [
    Attack {
        name: "pipeline-unread",
        story: "pipeline small requests and read nothing",
        clients: 10,
        plan: pipeline_unread,
        ..ATTACK
    },
    Attack {
        name: "pipeline-read",
        story: "stay 2,048 small requests ahead and read every answer",
        clients: 200,
        plan: pipeline_read,
        most: Duration::from_secs(4),
        ..ATTACK
    },
    Attack {
        name: "uploads-300",
        story: "send 1 MiB but for the last byte",
        clients: 300,
        plan: upload_short_of_a_byte,
        ..ATTACK
    },
    Attack {
        name: "uploads-4096",
        story: "send 1 MiB but for the last byte",
        clients: 4096,
        plan: upload_short_of_a_byte,
        ..ATTACK
    },
    Attack {
        name: "uploads-in-256-mib",
        story: "send 1 MiB to a server that may have 256 MiB, and wait for the answer",
        clients: 300,
        plan: upload,
        memory: Some(256 << 20),
        honest: true,
        ..ATTACK
    },
    Attack {
        name: "one-byte-huge-pages",
        story: "send one byte to a server with glibc.malloc.hugetlb=1",
        clients: 1000,
        plan: one_byte,
        huge_pages: true,
        ..ATTACK
    },
    Attack {
        name: "last-answers-unread",
        story: "ask once for 4 MiB with Connection: close and read nothing",
        clients: 200,
        plan: last_answer_unread,
        page: Some(4 * MIB),
        ..ATTACK
    },
    Attack { name: "silent", story: "connect and say nothing", clients: 5000, plan: silence, ..ATTACK },
    Attack { name: "half-heads", story: "send half a head", clients: 5000, plan: half_heads, ..ATTACK },
    Attack {
        name: "answers-unread",
        story: "ask 16 times for 4 MiB and read nothing",
        clients: 125,
        plan: answers_unread,
        page: Some(4 * MIB),
        ..ATTACK
    },
    Attack {
        name: "chunk-extensions",
        story: "send chunks of one byte with extensions of 240 bytes",
        clients: 64,
        plan: chunk_extensions,
        most: Duration::from_secs(3),
        cpu: true,
        ..ATTACK
    },
];

impl Attack {
    /// The attack with as many clients as the file limit allows, or with a few for a test.
    pub fn of_size(&self, test: bool, file_limit: u64) -> Attack {
        /// Files that are not clients, in this process and in the server.
        const OTHERS: u64 = 200;
        let possible = usize::try_from(file_limit.saturating_sub(OTHERS)).unwrap_or(usize::MAX);
        let mut attack = Attack { clients: self.clients.min(possible), ..*self };
        if attack.clients < self.clients {
            println!("REDUCED {}: the file limit is {file_limit}", self.name);
        }
        if test {
            attack.clients = attack.clients.min(4);
            (attack.most, attack.afterwards) = (Duration::from_millis(300), Duration::from_millis(50));
        }
        attack
    }
}

const SMALL: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Requests and chunks are sent in pieces of about this many bytes.
const PIECE: usize = 64 * 1024;

fn once(opening: impl Into<Vec<u8>>) -> Plan {
    Plan { opening: opening.into(), refrain: Vec::new(), reading: Reading::Nothing }
}

fn again_and_again(opening: &str, refrain: &str) -> Plan {
    let refrain = refrain.repeat(PIECE / refrain.len()).into_bytes();
    Plan { opening: opening.into(), refrain, reading: Reading::Nothing }
}

fn pipeline_unread() -> Plan {
    again_and_again("", SMALL)
}

fn pipeline_read() -> Plan {
    let reading = Reading::Ahead { requests: 2048, request: SMALL.len() };
    Plan { reading, ..again_and_again("", SMALL) }
}

fn upload() -> Plan {
    let head = format!("POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: {MIB}\r\n\r\n");
    Plan { reading: Reading::Answer, ..once([head.into_bytes(), vec![b'u'; MIB]].concat()) }
}

fn upload_short_of_a_byte() -> Plan {
    let mut plan = Plan { reading: Reading::Nothing, ..upload() };
    plan.opening.pop();
    plan
}

fn one_byte() -> Plan {
    once("G")
}

fn last_answer_unread() -> Plan {
    once("GET /page HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
}

fn silence() -> Plan {
    once("")
}

fn half_heads() -> Plan {
    once("GET / HTTP/1.1\r\nHost: localhost\r\nX-Half: ")
}

fn answers_unread() -> Plan {
    once("GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(16))
}

fn chunk_extensions() -> Plan {
    let opening = "POST /upload HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    again_and_again(opening, &format!("1;{}\r\nx\r\n", "e".repeat(240)))
}

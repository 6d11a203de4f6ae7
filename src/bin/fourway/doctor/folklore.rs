//! What is often advised about TIME_WAIT and ports, and what is true.

pub struct Tale {
    pub claim: &'static str,
    pub truth: &'static str,
}

pub const TALES: [Tale; 7] = [
    Tale {
        claim: "tcp_tw_recycle=1 frees TIME_WAIT",
        truth: "It does not exist since Linux 4.12. Before, it broke clients behind NAT.",
    },
    Tale {
        claim: "a lower tcp_fin_timeout shortens TIME_WAIT",
        truth: "It bounds FIN_WAIT2 of sockets that no program holds. TIME_WAIT is 60 s on Linux, and no setting changes it.",
    },
    Tale {
        claim: "a higher tcp_max_tw_buckets frees ports",
        truth: "It is the most sockets that may be in TIME_WAIT. A higher one keeps more of them.",
    },
    Tale {
        claim: "tcp_tw_reuse helps a server",
        truth: "It is about outgoing connections: it lets a client take a port again that it holds in TIME_WAIT.",
    },
    Tale {
        claim: "a server can have only 65,535 connections",
        truth: "All connections of a listener share its port. It is the client that has so many ports, for each pair of addresses.",
    },
    Tale {
        claim: "in a load test the client should close first",
        truth: "Then the client holds TIME_WAIT, and its ports run out. If the server closes first, they do not.",
    },
    Tale {
        claim: "SO_REUSEADDR shortens TIME_WAIT",
        truth: "It lets a server bind its port while old connections are in TIME_WAIT. They stay.",
    },
];

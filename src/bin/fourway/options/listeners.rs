//! The options about the listeners that the program makes itself. An inherited socket keeps what its parent has set.

use clap::{ArgAction, Args};
use fourway::Config;

use super::values::{Time, backlog, on_or_off, size, switch};

/// The most bytes of a socket's buffer. The kernel doubles the number.
const MOST_BUFFER: usize = (i32::MAX / 2) as usize;

/// The longest queue that the kernel takes.
const MOST_QUEUE: usize = i32::MAX as usize;

#[derive(Debug, Args)]
#[command(next_help_heading = "Listeners of --listen")]
pub struct ListenerOptions {
    /// Let the kernel queue at most N connections.
    ///
    /// It is 0 to 4294967295, such as 64k. Linux queues one more, so 0 is a queue of one connection.
    #[arg(long, value_name = "N", env = "FOURWAY_BACKLOG", value_parser = backlog)]
    #[arg(default_value_t = Config::default().backlog)]
    pub backlog: u32,

    /// Let several processes listen on the same port.
    #[arg(long, env = "FOURWAY_REUSE_PORT", value_parser = switch)]
    pub reuse_port: bool,

    /// Take only IPv6 clients on [::]:PORT; off: IPv4 clients too.
    #[arg(long, value_name = "on|off", env = "FOURWAY_IPV6_ONLY", default_value = "on")]
    #[arg(value_parser = on_or_off, action = ArgAction::Set)]
    pub ipv6_only: bool,

    /// Give each TCP connection this send buffer [default: the kernel sizes it]
    ///
    /// It is SO_SNDBUF, in bytes. Linux doubles N, for its own records, and shows the double. It limits N to
    /// net.core.wmem_max.
    #[arg(long, value_name = "N", env = "FOURWAY_SEND_BUFFER", value_parser = size(1..=MOST_BUFFER))]
    pub send_buffer: Option<usize>,

    /// Give each TCP connection this receive buffer [default: the kernel sizes it]
    ///
    /// It is SO_RCVBUF, in bytes. Linux doubles N, for its own records, and shows the double. It limits N to
    /// net.core.rmem_max.
    #[arg(long, value_name = "N", env = "FOURWAY_RECEIVE_BUFFER", value_parser = size(1..=MOST_BUFFER))]
    pub receive_buffer: Option<usize>,

    /// Let each read of a connection poll the network card for at most T.
    ///
    /// It is SO_BUSY_POLL of Linux, in whole microseconds. Some kernels demand CAP_NET_ADMIN for it. It costs CPU time,
    /// and has no effect on the loopback device.
    #[arg(long, value_name = "T", env = "FOURWAY_BUSY_POLL")]
    pub busy_poll: Option<Time>,

    /// Accept a TCP client when its first bytes come, or after about T.
    ///
    /// It is TCP_DEFER_ACCEPT of Linux, in whole seconds. The kernel rounds them up to the times at which it repeats
    /// its SYN-ACK.
    #[arg(long, value_name = "T", env = "FOURWAY_DEFER_ACCEPT")]
    pub defer_accept: Option<Time>,

    /// Take requests that come with the SYN, of at most N clients at a time.
    ///
    /// It is TCP_FASTOPEN of Linux, which the setting net.ipv4.tcp_fastopen has to allow.
    #[arg(long, value_name = "N", env = "FOURWAY_FAST_OPEN", value_parser = size(1..=MOST_QUEUE))]
    pub fast_open: Option<usize>,
}

impl ListenerOptions {
    /// Sets the library's settings.
    pub fn apply(&self, config: &mut Config) {
        config.backlog = self.backlog;
        config.reuse_port = self.reuse_port;
    }

    /// Returns the backlog as `listen` takes it.
    pub fn backlog(&self) -> i32 {
        i32::try_from(self.backlog).unwrap_or(i32::MAX)
    }
}

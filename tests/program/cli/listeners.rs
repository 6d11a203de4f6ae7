//! The options of the listeners, read back from the kernel.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;

use nix::sys::socket::GetSockOpt;
use nix::sys::socket::sockopt::GetUsize;

use crate::common::kernel::{State, ends_at, queue_of};
use crate::common::program::{EXECUTABLE, Program, command, run, tidy};
use crate::common::{Client, borrowed, tools, wait_until};

#[test]
fn the_backlog_is_that_of_the_option() {
    for backlog in [0, 1, 128] {
        let program = Program::start(&["--backlog", &backlog.to_string()]);
        assert_eq!(queue_of(program.address), (0, backlog));
        assert_eq!(program.connect().ask("/path").body, b"xixizi");
    }
}

#[test]
fn a_port_is_shared_only_by_processes_that_both_say_so() {
    let first = Program::start(&["--reuse-port"]);
    assert!(borrowed::listener(&first, first.address).reuse_port().unwrap());
    let second = Program::start_at(first.address, &["--reuse-port"]);
    assert_eq!(second.address, first.address);
    let alone = Program::start(&[]);
    assert!(!borrowed::listener(&alone, alone.address).reuse_port().unwrap());
}

#[test]
fn accepted_connections_have_the_buffers_of_the_options_doubled_by_the_kernel() {
    let program = Program::start(&["--send-buffer", "20k", "--receive-buffer", "30ki"]);
    let listener = borrowed::listener(&program, program.address);
    assert_eq!(listener.send_buffer_size().unwrap(), 2 * 20_000);
    assert_eq!(listener.recv_buffer_size().unwrap(), 2 * 30 * 1024);
    let mut client = program.connect();
    assert_eq!(client.ask("/path").body, b"xixizi");
    let accepted = borrowed::accepted(&program, client.socket().local_addr().unwrap());
    assert_eq!(accepted.send_buffer_size().unwrap(), 2 * 20_000);
    assert_eq!(accepted.recv_buffer_size().unwrap(), 2 * 30 * 1024);
}

#[test]
fn without_options_the_kernel_sizes_the_buffers() {
    let program = Program::start(&[]);
    let default = |file: &str| {
        let sizes = fs::read_to_string(format!("/proc/sys/net/ipv4/{file}")).unwrap();
        sizes.split_ascii_whitespace().nth(1).unwrap().parse::<usize>().unwrap()
    };
    let listener = borrowed::listener(&program, program.address);
    assert_eq!(listener.send_buffer_size().unwrap(), default("tcp_wmem"));
    assert_eq!(listener.recv_buffer_size().unwrap(), default("tcp_rmem"));
}

#[test]
fn a_buffer_that_the_system_cuts_is_a_warning() {
    for (option, setting) in [("--send-buffer", "wmem_max"), ("--receive-buffer", "rmem_max")] {
        let most: u64 =
            fs::read_to_string(format!("/proc/sys/net/core/{setting}")).unwrap().trim().parse().unwrap();
        assert_eq!(Program::start(&[option, &most.to_string()]).end().stderr, "");
        let log = Program::start(&[option, &(most + 1).to_string()]).end().stderr;
        assert_eq!(log.lines().count(), 1, "{log}");
        let sentence = format!("{option} is {}, but net.core.{setting} limits it to {most}", most + 1);
        assert!(log.contains(&sentence), "{log}");
    }
}

#[test]
fn connections_poll_the_network_card_for_the_time_of_the_option() {
    let usual = Program::start(&[]);
    // Older kernels let only a process with CAP_NET_ADMIN raise it.
    if borrowed::listener(&usual, usual.address).set_busy_poll(1).is_err() {
        return tools::skipped("SO_BUSY_POLL needs CAP_NET_ADMIN");
    }
    let program = Program::start(&["--busy-poll", "50us"]);
    assert_eq!(borrowed::listener(&program, program.address).busy_poll().unwrap(), 50);
    let mut client = program.connect();
    assert_eq!(client.ask("/path").body, b"xixizi");
    let accepted = borrowed::accepted(&program, client.socket().local_addr().unwrap());
    assert_eq!(accepted.busy_poll().unwrap(), 50);
}

/// An option of TCP, read by its number.
macro_rules! read_option {
    ($socket:expr, $number:path) => {{
        #[derive(Clone, Copy)]
        struct Number;
        nix::getsockopt_impl!(Number, libc::IPPROTO_TCP, $number, usize, GetUsize);
        Number.get($socket).unwrap()
    }};
}

#[test]
fn a_client_is_accepted_only_when_its_request_comes() {
    let program = Program::start(&["--defer-accept", "30s"]);
    // The kernel counts the times at which it repeats its SYN-ACK: after 1, 3, 7, 15 and 31 seconds.
    assert_eq!(read_option!(&borrowed::listener(&program, program.address), libc::TCP_DEFER_ACCEPT), 31);
    let mut client = program.connect();
    const SYN_RECV: State = State::Other(3);
    wait_until("the end of the server", || ends_at(program.address).contains(&(SYN_RECV, 0)));
    assert!(!ends_at(program.address).iter().any(|end| end.0 == State::Established));
    assert_eq!(client.ask("/path").body, b"xixizi");
    let ended = program.end();
    assert_eq!(ended.number("connections"), 1);

    let usual = Program::start(&[]);
    assert_eq!(read_option!(&borrowed::listener(&usual, usual.address), libc::TCP_DEFER_ACCEPT), 0);
}

#[test]
fn a_queue_for_fast_open_that_the_system_does_not_use_is_a_warning() {
    let setting: u32 = fs::read_to_string("/proc/sys/net/ipv4/tcp_fastopen").unwrap().trim().parse().unwrap();
    let program = Program::start(&["--fast-open", "16"]);
    assert_eq!(read_option!(&borrowed::listener(&program, program.address), libc::TCP_FASTOPEN), 16);
    let log = program.end().stderr;
    if setting & 2 == 0 {
        assert_eq!(log.lines().count(), 1, "{log}");
        let sentence = format!("--fast-open has no effect, because net.ipv4.tcp_fastopen is {setting}: ");
        assert!(log.contains(&sentence), "{log}");
    } else {
        assert_eq!(log, "");
    }
}

#[test]
fn a_request_that_comes_with_the_syn_is_answered() {
    let programs = ["unshare", "nsenter", "ip", "curl"];
    if programs.iter().any(|name| tools::find(&[name]).is_none()) {
        return;
    }
    // A network of its own, whose settings are the test's.
    let may_unshare = Command::new("unshare").args(["-rn", "true"]).output();
    if !may_unshare.is_ok_and(|ended| ended.status.success()) {
        return tools::skipped("unshare -rn is not possible here");
    }
    let script = r#"ip link set lo up && echo 3 >/proc/sys/net/ipv4/tcp_fastopen && exec "$0" "$@""#;
    let mut unshare = Command::new("unshare");
    unshare.args(["-rn", "sh", "-c", script, EXECUTABLE, "--listen", "127.0.0.1:0", "--fast-open", "16"]);
    let program = Program::start_as(tidy(unshare));
    // With the first response comes the cookie that allows it.
    for _ in 0..2 {
        let mut curl = Command::new("nsenter");
        curl.args([
            "--target",
            &program.pid().to_string(),
            "--user",
            "--preserve-credentials",
            "--net",
            "curl",
        ]);
        curl.args(["--silent", "--tcp-fastopen", "--noproxy", "*", &format!("http://{}/", program.address)]);
        assert_eq!(tools::run_to_text(&mut curl).0, "xixizi");
    }
    let netstat = fs::read_to_string(format!("/proc/{}/net/netstat", program.pid())).unwrap();
    let mut lines = netstat.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, numbers) = (lines.next().unwrap().split(' '), lines.next().unwrap().split(' '));
    let passive = names.zip(numbers).find(|(name, _)| *name == "TCPFastOpenPassive");
    assert_eq!(passive.map(|(_, number)| number), Some("1"));
    let log = program.end().stderr;
    assert!(!log.contains("warning"), "{log}");
}

/// The program on all addresses of IPv6, and its port on an address of IPv4.
fn on_all_of_ipv6(options: &[&str]) -> Option<(Program, SocketAddr)> {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        tools::skipped("this machine has no IPv6");
        return None;
    }
    let program = Program::start_as(command(&[options, &["--listen", "[::]:0"]].concat()));
    let ipv4 = SocketAddr::from((Ipv4Addr::LOCALHOST, program.address.port()));
    Some((program, ipv4))
}

#[test]
fn an_ipv6_address_takes_no_ipv4_clients() {
    let Some((program, ipv4)) = on_all_of_ipv6(&[]) else { return };
    assert!(borrowed::listener(&program, program.address).only_v6().unwrap());
    assert_eq!(Client::connect(program.address).ask("/path").body, b"xixizi");
    assert!(TcpStream::connect(ipv4).is_err());
}

#[test]
fn with_ipv6_only_off_it_takes_both() {
    let Some((program, ipv4)) = on_all_of_ipv6(&["--ipv6-only", "off"]) else { return };
    assert!(!borrowed::listener(&program, program.address).only_v6().unwrap());
    for address in [program.address, ipv4] {
        assert_eq!(Client::connect(address).ask("/path").body, b"xixizi");
    }
}

#[test]
fn an_address_that_is_given_for_both_kinds_of_clients_is_not_another_programs() {
    let Some((program, ipv4)) = on_all_of_ipv6(&[]) else { return };
    drop(program);
    let listens = format!("[::]:{0},0.0.0.0:{0}", ipv4.port());
    let ended = run(command(&["--ipv6-only", "off", "--listen", &listens]));
    assert_eq!(ended.code(), Some(1));
    let reason = format!("0.0.0.0:{0}: this server already listens on [::]:{0}", ipv4.port());
    assert!(ended.stderr.contains(&reason), "{}", ended.stderr);
}

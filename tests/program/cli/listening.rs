//! Where the program listens, and its sentences where it cannot.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;

use socket2::{Domain, Socket, Type};

use crate::common::Client;
use crate::common::program::{EXECUTABLE, Ended, Program, command, run, tidy};
use crate::common::tools::{self, TempFile};

/// The program where `/etc/hosts` is another one; `None` where a test may not have its own.
fn command_with_hosts(hosts: &TempFile, arguments: &[&str]) -> Option<Command> {
    let may_unshare = Command::new("unshare").args(["-rm", "true"]).output();
    if !may_unshare.is_ok_and(|ended| ended.status.success()) {
        tools::skipped("unshare -rm is not possible here");
        return None;
    }
    let script = format!(r#"mount --bind {} /etc/hosts && exec "$0" "$@""#, hosts.path());
    let mut unshare = Command::new("unshare");
    unshare.args(["-rm", "sh", "-c", &script, EXECUTABLE]).args(arguments);
    Some(tidy(unshare))
}

/// An address of no machine, as `::1` is where there is no IPv6.
const NOT_HERE: &str = "198.51.100.1";

#[test]
fn localhost_is_bound_where_possible_and_the_rest_is_reported() {
    let hosts = TempFile::with(format!("{NOT_HERE} localhost\n127.0.0.1 localhost\n").as_bytes());
    let Some(command) = command_with_hosts(&hosts, &["--listen", "localhost:0"]) else { return };
    let program = Program::start_as(command);
    let addresses = program.addresses();
    assert_eq!(addresses.iter().map(SocketAddr::ip).collect::<Vec<_>>(), [Ipv4Addr::LOCALHOST]);
    assert_eq!(program.connect().ask("/path").body, b"xixizi");
    let log = program.end().stderr;
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains(&format!("warning: the server does not listen on {NOT_HERE}:")), "{log}");
}

#[test]
fn localhost_that_can_be_listened_on_nowhere_is_an_error_with_every_reason() {
    let hosts = TempFile::with(format!("{NOT_HERE} localhost\n198.51.100.2 localhost\n").as_bytes());
    let Some(command) = command_with_hosts(&hosts, &["--listen", "localhost:0"]) else { return };
    let ended = run(command);
    assert_eq!((ended.code(), ended.stdout.as_str()), (Some(1), ""));
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    for address in [NOT_HERE, "198.51.100.2"] {
        assert!(ended.stderr.contains(&format!("cannot listen on {address}:0: ")), "{}", ended.stderr);
    }
}

#[test]
fn localhost_with_port_0_is_one_port_on_all_its_addresses() {
    let hosts = TempFile::with(b"127.0.0.1 localhost\n127.0.0.2 localhost\n127.0.0.1 localhost\n");
    let Some(command) = command_with_hosts(&hosts, &["--listen", "localhost:0"]) else { return };
    let program = Program::start_as(command);
    let addresses = program.addresses();
    let [first, second] = addresses[..] else { panic!("{}", program.greeting) };
    assert_ne!(first.ip(), second.ip());
    assert_eq!(first.port(), second.port());
    for address in addresses {
        assert_eq!(Client::connect(address).ask("/path").body, b"xixizi");
    }
    assert_eq!(program.end().stderr, "");
}

/// The end of a program that cannot have an address.
fn refused(address: SocketAddr) -> Ended {
    let ended = run(command(&["--listen", &address.to_string()]));
    assert_eq!((ended.code(), ended.stdout.as_str()), (Some(1), ""));
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("cannot listen on {address}: ")), "{}", ended.stderr);
    ended
}

/// The same, if a socket of the kernel's list has the address. The program does not read the list in one piece. So a
/// socket may be missing in it while other tests open and close theirs, and the program is run again.
fn refused_and_explained(address: SocketAddr) -> Ended {
    const ATTEMPTS: usize = 5;
    let mut ended = refused(address);
    for _ in 1..ATTEMPTS {
        if !ended.stderr.contains(NO_SOCKET) {
            break;
        }
        ended = refused(address);
    }
    ended
}

const NO_SOCKET: &str = "the kernel lists no socket that holds it";

/// Both ends of a connection. The first has a port of the kernel's choice. No other test uses its host, or the kernel
/// might give the same port to a connection of theirs.
fn connection() -> (TcpStream, TcpStream) {
    const HOST: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 12);
    let listener = TcpListener::bind((HOST, 0)).unwrap();
    let client = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    client.bind(&SocketAddr::from((HOST, 0)).into()).unwrap();
    client.connect(&listener.local_addr().unwrap().into()).unwrap();
    (client.into(), listener.accept().unwrap().0)
}

#[test]
fn a_port_that_another_program_listens_on_is_named_with_its_address() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let ended = refused_and_explained(address);
    let reason = format!("the port is in use by a program that listens on {address}: stop the program");
    assert!(ended.stderr.contains(&reason), "{}", ended.stderr);
}

#[test]
fn a_port_that_an_outgoing_connection_has_is_explained() {
    let (client, server) = connection();
    let (address, remote) = (client.local_addr().unwrap(), server.local_addr().unwrap());
    let ended = refused_and_explained(address);
    let reason = format!("in use by a connection, {address} to {remote} (ESTABLISHED)");
    assert!(ended.stderr.contains(&reason), "{}", ended.stderr);
    assert!(ended.stderr.contains("net.ipv4.ip_local_port_range ("), "{}", ended.stderr);
    let advice = format!("to keep port {} free, add it to net.ipv4.ip_local_reserved_ports", address.port());
    assert!(ended.stderr.contains(&advice), "{}", ended.stderr);
    assert!(!ended.stderr.contains("stop the program"), "{}", ended.stderr);
}

#[test]
fn a_port_in_time_wait_is_explained() {
    let (client, server) = connection();
    let address = client.local_addr().unwrap();
    drop(client);
    assert_eq!(std::io::Read::read(&mut &server, &mut [0]).unwrap(), 0);
    drop(server);
    let ended = refused_and_explained(address);
    assert!(ended.stderr.contains("a connection that has ended, "), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("(TIME_WAIT)") && ended.stderr.contains("wait a minute"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_port_that_is_bound_without_a_listener_is_not_explained() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let ended = refused(socket.local_addr().unwrap().as_socket().unwrap());
    assert!(ended.stderr.contains(NO_SOCKET), "{}", ended.stderr);
}

#[test]
fn an_address_that_is_given_twice_is_not_another_programs() {
    // No other test has this address.
    let free = TcpListener::bind("127.0.0.9:0").unwrap().local_addr().unwrap();
    let ended = run(command(&["--listen", &format!("{free},0.0.0.0:{}", free.port())]));
    assert_eq!(ended.code(), Some(1));
    let reason = format!("cannot listen on 0.0.0.0:{}: this server already listens on {free}", free.port());
    assert!(ended.stderr.contains(&reason), "{}", ended.stderr);
}

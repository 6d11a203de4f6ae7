//! Where the program listens, and its sentences where it cannot.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

use crate::program::{Client, Scratch, run, start_as, tidy};

/// The program where `/etc/hosts` is another one; `None` where a test may not have its own.
fn command_with_hosts(hosts: &Scratch, arguments: &[&str]) -> Option<Command> {
    let may_unshare = Command::new("unshare").args(["-rm", "true"]).output();
    if !may_unshare.is_ok_and(|ended| ended.status.success()) {
        eprintln!("SKIPPED: unshare -rm is not possible here");
        return None;
    }
    let script = format!(r#"mount --bind {} /etc/hosts && exec "$0" "$@""#, hosts.path());
    let mut unshare = Command::new("unshare");
    unshare.args(["-rm", "sh", "-c", &script, env!("CARGO_BIN_EXE_fourway")]).args(arguments);
    Some(tidy(unshare))
}

/// An address of no machine, as `::1` is where there is no IPv6.
const NOT_HERE: &str = "198.51.100.1";

#[test]
fn localhost_is_listened_on_where_it_can_be_and_the_rest_is_reported() {
    let hosts = Scratch::with("some", format!("{NOT_HERE} localhost\n127.0.0.1 localhost\n").as_bytes());
    let Some(command) = command_with_hosts(&hosts, &["--listen", "localhost:0"]) else { return };
    let program = start_as(command);
    let addresses = program.addresses();
    assert_eq!(addresses.iter().map(SocketAddr::ip).collect::<Vec<_>>(), [Ipv4Addr::LOCALHOST]);
    assert_eq!(program.connect().get().body, b"xixizi");
    let log = program.stop().stderr;
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains(&format!("warning: the server does not listen on {NOT_HERE}:")), "{log}");
}

#[test]
fn localhost_that_can_be_listened_on_nowhere_is_an_error_with_every_reason() {
    let hosts = Scratch::with("none", format!("{NOT_HERE} localhost\n198.51.100.2 localhost\n").as_bytes());
    let Some(command) = command_with_hosts(&hosts, &["--listen", "localhost:0"]) else { return };
    let ended = run(command);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    for address in [NOT_HERE, "198.51.100.2"] {
        assert!(ended.stderr.contains(&format!("cannot listen on {address}:0: ")), "{}", ended.stderr);
    }
}

#[test]
fn localhost_with_port_0_is_one_port_on_all_its_addresses() {
    let hosts = Scratch::with("all", b"127.0.0.1 localhost\n127.0.0.2 localhost\n127.0.0.1 localhost\n");
    let Some(command) = command_with_hosts(&hosts, &["--listen", "localhost:0"]) else { return };
    let program = start_as(command);
    let addresses = program.addresses();
    let [first, second] = addresses[..] else { panic!("{}", program.greeting) };
    assert_ne!(first.ip(), second.ip());
    assert_eq!(first.port(), second.port());
    for address in addresses {
        assert_eq!(Client::to(address).get().body, b"xixizi");
    }
    assert_eq!(program.stop().stderr, "");
}

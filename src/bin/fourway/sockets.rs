//! The listeners of the program: inherited sockets, and the addresses and paths of `--listen`.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{Ipv6Addr, SocketAddr};
#[cfg(unix)]
use std::path::Path;

use fourway::{ListenerId, Server};

use super::console::Console;
use super::holder;
use super::inherited::Inherited;
use super::listener;
use super::options::{Listen, Options};
#[cfg(unix)]
use super::unix_socket::{self, SocketFile};

/// All listeners of the program.
#[derive(Default)]
pub struct Sockets {
    addresses: Vec<SocketAddr>,
    urls: Vec<String>,
    ids: Vec<ListenerId>,
    inherited: Vec<ListenerId>,
    #[cfg(unix)]
    files: Vec<SocketFile>,
}

impl Sockets {
    /// Returns no listeners, which know that these are in use.
    pub fn beside(&self) -> Sockets {
        Sockets { addresses: self.addresses.clone(), ..Sockets::default() }
    }

    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Listens on all inherited sockets.
    pub fn inherit(&mut self, server: &mut Server, inherited: Inherited) -> Result<(), String> {
        for listener in inherited.listeners {
            let added = server.add_listener(listener).map_err(|refused| refused.error);
            let id = added.map_err(|error| format!("cannot listen on an inherited socket: {error}"))?;
            if let Some(address) = server.local_addr(id) {
                self.addresses.push(address);
                self.urls.push(format!("http://{address} (inherited)"));
            }
            self.ids.push(id);
            self.inherited.push(id);
        }
        Ok(())
    }

    /// Listens on one value of `--listen`.
    pub fn listen(
        &mut self,
        server: &mut Server,
        listen: &Listen,
        options: &Options,
        console: &Console,
    ) -> Result<(), String> {
        match listen {
            Listen::Tcp(addresses) => {
                let name = options.name("listen");
                self.listen_on_tcp(&mut Opening { server, options }, addresses, &name, options, console)
            }
            #[cfg(unix)]
            Listen::Unix(path) => self.listen_on_unix(server, path, options.listeners.backlog()),
        }
    }

    /// Listens on one value of `--status-listen`. The options for listeners are about the target's.
    pub fn listen_for_status(
        &mut self,
        server: &mut Server,
        listen: &Listen,
        options: &Options,
        console: &Console,
    ) -> Result<(), String> {
        match listen {
            Listen::Tcp(addresses) => {
                self.listen_on_tcp(server, addresses, &options.name("status_listen"), options, console)
            }
            #[cfg(unix)]
            Listen::Unix(path) => self.listen_on_unix(server, path, 128),
        }
    }

    #[cfg(unix)]
    fn listen_on_unix(&mut self, server: &mut Server, path: &Path, backlog: i32) -> Result<(), String> {
        let url = format!("unix:{}", path.display());
        let opened = unix_socket::open(path, backlog).and_then(|(listener, file)| {
            self.files.push(file);
            server.add_listener(listener).map_err(|refused| refused.to_string())
        });
        self.ids.push(opened.map_err(|why| format!("cannot listen on {url}: {why}"))?);
        self.urls.push(url);
        Ok(())
    }

    /// Listens on an address, or on all addresses of a host name. One address of a host name is enough. If others
    /// fail, this prints a warning. `name` is the option that sets the addresses.
    fn listen_on_tcp(
        &mut self,
        opener: &mut impl Opener<Id = ListenerId>,
        addresses: &[SocketAddr],
        name: &str,
        options: &Options,
        console: &Console,
    ) -> Result<(), String> {
        let Opened { listeners, failed } = open_all(opener, addresses);
        let refusals = failed.iter().map(|(address, error)| self.refusal(*address, error, name, options));
        let refusals: Vec<_> = refusals.collect();
        if listeners.is_empty() {
            let sentences: Vec<_> = refusals.iter().map(Refusal::to_string).collect();
            return Err(sentences.join("; "));
        }
        for Refusal { address, reason, .. } in refusals {
            console.warn(&format!("the server does not listen on {address}: {reason}"));
        }
        for (id, address) in listeners {
            self.ids.push(id);
            self.addresses.push(address);
            self.urls.push(format!("http://{address}"));
        }
        Ok(())
    }

    fn refusal(&self, address: SocketAddr, error: &io::Error, name: &str, options: &Options) -> Refusal {
        let takes_both = |one: SocketAddr| !options.listeners.ipv6_only && one.ip() == Ipv6Addr::UNSPECIFIED;
        let overlap = |own: SocketAddr| {
            holder::overlap(own, address)
                || own.port() == address.port() && (takes_both(own) || takes_both(address))
        };
        let own = self.addresses.iter().find(|&&own| own.port() != 0 && overlap(own));
        let (reason, advice) = match (error.kind(), own) {
            (ErrorKind::AddrInUse, Some(own)) => {
                (format!("this server already listens on {own}"), Some(format!("remove one from {name}")))
            }
            (ErrorKind::AddrInUse, None) => holder::of(address, name),
            (ErrorKind::AddrNotAvailable, _) => (
                "this machine does not have that address".into(),
                Some(format!("choose another with {name}")),
            ),
            (ErrorKind::PermissionDenied, _) => {
                ("permission denied".into(), Some(format!("choose a port of 1024 or more with {name}")))
            }
            _ => (error.to_string(), None),
        };
        Refusal { address, reason, advice }
    }

    /// Returns the names of all listeners.
    pub fn ids(&self) -> &[ListenerId] {
        &self.ids
    }

    /// Leaves the inherited sockets and the clients in their queues to the next process. The sockets stay open,
    /// because the parent holds them.
    pub fn leave_inherited(&mut self, server: &mut Server) {
        for id in self.inherited.drain(..) {
            drop(server.remove_listener(id));
        }
    }

    /// Removes the files of the Unix sockets, before their listeners are closed. Clients that have connected are in
    /// the queues of the listeners.
    #[cfg(unix)]
    pub fn remove_files(&mut self) {
        self.files.clear();
    }

    #[cfg(not(unix))]
    pub fn remove_files(&mut self) {}
}

/// Prints the URLs, with the ports that the system chose.
impl fmt::Display for Sockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.urls.join(", "))
    }
}

/// An address that the server cannot listen on, with the reason and advice.
struct Refusal {
    address: SocketAddr,
    reason: String,
    advice: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen on {}: {}", self.address, self.reason)?;
        self.advice.iter().try_for_each(|advice| write!(f, ": {advice}"))
    }
}

/// Opens listeners. The server does it, or a test.
trait Opener {
    type Id;

    /// Opens a listener. Also returns its address with the port that the system chose.
    fn open(&mut self, address: SocketAddr) -> io::Result<(Self::Id, SocketAddr)>;

    fn close(&mut self, id: Self::Id);
}

/// Opens listeners of the server.
struct Opening<'a> {
    server: &'a mut Server,
    options: &'a Options,
}

impl Opener for Opening<'_> {
    type Id = ListenerId;

    fn open(&mut self, address: SocketAddr) -> io::Result<(ListenerId, SocketAddr)> {
        let id = self.server.add_listener(listener::open(address, self.options)?)?;
        Ok((id, self.server.local_addr(id).unwrap_or(address)))
    }

    fn close(&mut self, id: ListenerId) {
        drop(self.server.remove_listener(id));
    }
}

/// Opens listeners that have none of the options.
impl Opener for Server {
    type Id = ListenerId;

    fn open(&mut self, address: SocketAddr) -> io::Result<(ListenerId, SocketAddr)> {
        let id = self.listen(address)?;
        Ok((id, self.local_addr(id).unwrap_or(address)))
    }

    fn close(&mut self, id: ListenerId) {
        drop(self.remove_listener(id));
    }
}

struct Opened<Id> {
    listeners: Vec<(Id, SocketAddr)>,
    failed: Vec<(SocketAddr, io::Error)>,
}

/// Opens all addresses of one host name. With port 0, all of them get the same port.
///
/// The system chooses a port that is free on the first address. Another program may hold it on the next address.
/// Then this closes the listeners and tries again.
fn open_all<O: Opener>(opener: &mut O, addresses: &[SocketAddr]) -> Opened<O::Id> {
    const TRIES: usize = 16;
    let chooses_port = addresses.iter().any(|address| address.port() == 0);
    for _ in 1..TRIES {
        let opened = open_each(opener, addresses);
        let is_taken = opened.failed.iter().any(|(_, error)| error.kind() == ErrorKind::AddrInUse);
        if !(chooses_port && is_taken) {
            return opened;
        }
        for (id, _) in opened.listeners {
            opener.close(id);
        }
    }
    open_each(opener, addresses)
}

fn open_each<O: Opener>(opener: &mut O, addresses: &[SocketAddr]) -> Opened<O::Id> {
    let mut opened = Opened { listeners: Vec::<(O::Id, SocketAddr)>::new(), failed: Vec::new() };
    for &(mut address) in addresses {
        if let Some((_, first)) = opened.listeners.first() {
            address.set_port(first.port());
        }
        match opener.open(address) {
            Ok(listener) => opened.listeners.push(listener),
            Err(error) => opened.failed.push((address, error)),
        }
    }
    opened
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine that chooses ports in ascending order. Some addresses are taken, some are absent.
    struct Machine {
        next_port: u16,
        taken: Vec<SocketAddr>,
        absent: Vec<SocketAddr>,
        open: Vec<SocketAddr>,
    }

    impl Opener for Machine {
        type Id = SocketAddr;

        fn open(&mut self, mut address: SocketAddr) -> io::Result<(SocketAddr, SocketAddr)> {
            if self.absent.iter().any(|absent| absent.ip() == address.ip()) {
                return Err(ErrorKind::AddrNotAvailable.into());
            }
            if address.port() == 0 {
                address.set_port(self.next_port);
                self.next_port += 1;
            }
            if self.taken.contains(&address) {
                return Err(ErrorKind::AddrInUse.into());
            }
            self.open.push(address);
            Ok((address, address))
        }

        fn close(&mut self, id: SocketAddr) {
            self.open.retain(|&open| open != id);
        }
    }

    fn addresses(list: &str) -> Vec<SocketAddr> {
        list.split_ascii_whitespace().map(|address| address.parse().unwrap()).collect()
    }

    fn machine(taken: &str, absent: &str) -> Machine {
        let (taken, absent) = (addresses(taken), addresses(absent));
        Machine { next_port: 1000, taken, absent, open: Vec::new() }
    }

    #[test]
    fn a_chosen_port_is_the_same_on_all_addresses() {
        let mut machine = machine("127.0.0.1:1000 127.0.0.1:1001", "");
        let opened = open_all(&mut machine, &addresses("[::1]:0 127.0.0.1:0"));
        assert!(opened.failed.is_empty());
        assert_eq!(machine.open, addresses("[::1]:1002 127.0.0.1:1002"));
    }

    #[test]
    fn a_port_that_is_never_free_on_all_addresses_is_opened_on_some() {
        let taken: String = (1000..1100).map(|port| format!("127.0.0.1:{port} ")).collect();
        let mut machine = machine(&taken, "");
        let opened = open_all(&mut machine, &addresses("[::1]:0 127.0.0.1:0"));
        assert_eq!((opened.listeners.len(), opened.failed.len(), machine.open.len()), (1, 1, 1));
    }

    #[test]
    fn an_absent_address_does_not_prevent_the_others() {
        let mut machine = machine("", "[::1]:0");
        let opened = open_all(&mut machine, &addresses("[::1]:0 127.0.0.1:0 127.0.0.2:0"));
        assert_eq!(opened.failed[0].0, "[::1]:0".parse().unwrap());
        assert_eq!(machine.open, addresses("127.0.0.1:1000 127.0.0.2:1000"));
    }

    #[test]
    fn a_given_port_is_tried_once() {
        let mut machine = machine("127.0.0.1:80", "");
        let opened = open_all(&mut machine, &addresses("[::1]:80 127.0.0.1:80"));
        assert_eq!((opened.listeners.len(), opened.failed.len()), (1, 1));
        assert_eq!(machine.open, addresses("[::1]:80"));
    }
}

//! Where the program listens: on the sockets that it inherits, and on the addresses that were asked for.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use fourway::{ListenerId, Server};

use super::console::Console;
use super::holder;
use super::inherited::Inherited;

/// All that the program listens on.
#[derive(Default)]
pub struct Sockets {
    addresses: Vec<SocketAddr>,
    urls: Vec<String>,
    inherited: Vec<ListenerId>,
}

impl Sockets {
    /// Listens on all sockets that were inherited.
    pub fn inherit(&mut self, server: &mut Server, inherited: Inherited) -> Result<(), String> {
        for listener in inherited.listeners {
            let added = server.add_listener(listener).map_err(|refused| refused.error);
            let id = added.map_err(|error| format!("cannot accept from an inherited socket: {error}"))?;
            if let Some(address) = server.local_addr(id) {
                self.addresses.push(address);
                self.urls.push(format!("http://{address} (inherited)"));
            }
            self.inherited.push(id);
        }
        Ok(())
    }

    /// Listens on an address, or on all addresses of a name. One address of a name is enough: if others
    /// cannot be had, a warning says so.
    pub fn listen(
        &mut self,
        server: &mut Server,
        addresses: &[SocketAddr],
        console: &Console,
    ) -> Result<(), String> {
        let Opened { listeners, failed } = open_all(server, addresses);
        let refusals = failed.iter().map(|(address, error)| self.refusal(*address, error));
        let refusals: Vec<_> = refusals.collect();
        if listeners.is_empty() {
            let sentences: Vec<_> = refusals.iter().map(Refusal::to_string).collect();
            return Err(sentences.join("; "));
        }
        for Refusal { address, reason, .. } in refusals {
            console.warn(&format!("the server does not listen on {address}: {reason}"));
        }
        for (_, address) in listeners {
            self.addresses.push(address);
            self.urls.push(format!("http://{address}"));
        }
        Ok(())
    }

    fn refusal(&self, address: SocketAddr, error: &io::Error) -> Refusal {
        let own = self.addresses.iter().find(|&&own| own.port() != 0 && holder::overlap(own, address));
        let (reason, advice) = match (error.kind(), own) {
            (ErrorKind::AddrInUse, Some(own)) => {
                (format!("this server listens on {own} already"), Some("give it once".into()))
            }
            (ErrorKind::AddrInUse, None) => holder::of(address),
            (ErrorKind::AddrNotAvailable, _) => {
                ("this machine does not have that address".into(), Some("choose one that it has".into()))
            }
            (ErrorKind::PermissionDenied, _) => {
                ("permission denied".into(), Some("choose a port from 1024 up".into()))
            }
            _ => (error.to_string(), None),
        };
        Refusal { address, reason, advice }
    }

    /// Leaves the inherited sockets to the next process, with the clients in their queues. They stay open,
    /// because the parent has kept them.
    pub fn leave_inherited(&mut self, server: &mut Server) {
        for id in self.inherited.drain(..) {
            drop(server.remove_listener(id));
        }
    }
}

/// The URLs, with the ports that the system chose.
impl fmt::Display for Sockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.urls.join(", "))
    }
}

/// An address that the server cannot listen on, and what to do about it.
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

/// What opens listeners: the server, or a test.
trait Opener {
    type Id;

    /// Returns also the address with the port that the system chose.
    fn open(&mut self, address: SocketAddr) -> io::Result<(Self::Id, SocketAddr)>;

    fn close(&mut self, id: Self::Id);
}

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

/// Opens the addresses of one name. If the system is to choose the port, it chooses one for all of them. It
/// looks at one address only, so another program may have that port on the next address; then all begins
/// again.
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

    /// A machine with one free port after the other, some of which are taken elsewhere.
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
    fn a_port_that_is_never_free_everywhere_is_opened_where_it_is() {
        let taken: String = (1000..1100).map(|port| format!("127.0.0.1:{port} ")).collect();
        let mut machine = machine(&taken, "");
        let opened = open_all(&mut machine, &addresses("[::1]:0 127.0.0.1:0"));
        assert_eq!((opened.listeners.len(), opened.failed.len(), machine.open.len()), (1, 1, 1));
    }

    #[test]
    fn an_address_that_is_absent_leaves_the_others() {
        let mut machine = machine("", "[::1]:0");
        let opened = open_all(&mut machine, &addresses("[::1]:0 127.0.0.1:0 127.0.0.2:0"));
        assert_eq!(opened.failed[0].0, "[::1]:0".parse().unwrap());
        assert_eq!(machine.open, addresses("127.0.0.1:1000 127.0.0.2:1000"));
    }

    #[test]
    fn a_port_that_was_asked_for_is_tried_once() {
        let mut machine = machine("127.0.0.1:80", "");
        let opened = open_all(&mut machine, &addresses("[::1]:80 127.0.0.1:80"));
        assert_eq!((opened.listeners.len(), opened.failed.len()), (1, 1));
        assert_eq!(machine.open, addresses("[::1]:80"));
    }
}

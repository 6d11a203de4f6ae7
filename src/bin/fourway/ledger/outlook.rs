//! How long the ports of the busiest pair of addresses last.

use std::net::{IpAddr, SocketAddr};

use fourway::CloseMode;

use super::super::machine::time_wait::Hold;
use super::count::Pair;

/// What a pair of addresses has ahead.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlook {
    pub client: IpAddr,
    pub server: SocketAddr,
    /// The ports that the pair can have: the range, without those that are reserved or have a listener.
    pub ports: u64,
    /// The ports that it has and cannot have again now.
    pub taken: u64,
    pub left: u64,
    /// The connections a second that end in TIME_WAIT at the client.
    pub rate: f64,
    pub lasting: Lasting,
    /// The close mode that keeps the ports from running out, if they do in the present one.
    pub remedy: Option<CloseMode>,
}

/// How long the ports last at the present rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Lasting {
    /// As many become free as are taken.
    Forever,
    /// The seconds until a connect fails with EADDRNOTAVAIL.
    Seconds(f64),
}

impl Outlook {
    /// Returns the outlook of a pair that can have so many ports, each of which TIME_WAIT holds for some time.
    pub fn of(pair: &Pair, ports: u64, hold: Hold) -> Self {
        let (taken, rate) = (pair.taken(), pair.rate());
        let left = ports.saturating_sub(taken);
        // The number of ports in TIME_WAIT stops growing when the first of them are free again.
        let at_the_end = pair.live as f64 + rate * hold.seconds();
        let lasting =
            if at_the_end <= ports as f64 { Lasting::Forever } else { Lasting::Seconds(left as f64 / rate) };
        // A server that closes first holds TIME_WAIT itself, where it costs no port.
        let remedy = (lasting != Lasting::Forever).then_some(CloseMode::Fin);
        Outlook { client: pair.client, server: pair.server, ports, taken, left, rate, lasting, remedy }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn outlook(live: u64, keeping: u64, rate: u64, hold: Hold) -> Outlook {
        let (client, server) = ("127.0.0.1".parse().unwrap(), "127.0.0.1:80".parse().unwrap());
        let oldest = Duration::from_secs(9);
        let pair = Pair { client, server, live, time_wait: keeping, keeping, recent: rate * 5, oldest };
        Outlook::of(&pair, 28_232, hold)
    }

    #[test]
    fn ports_run_out_if_more_are_taken_than_become_free() {
        let outlook = outlook(0, 9000, 1000, Hold::Whole);
        assert_eq!((outlook.taken, outlook.left, outlook.rate), (9000, 19_232, 1000.0));
        assert_eq!((outlook.lasting, outlook.remedy), (Lasting::Seconds(19.232), Some(CloseMode::Fin)));
    }

    #[test]
    fn ports_last_if_as_many_become_free() {
        for outlook in [
            outlook(0, 9000, 470, Hold::Whole),
            outlook(0, 1000, 28_000, Hold::Reused { milliseconds: 1000 }),
            outlook(100, 0, 0, Hold::Whole),
        ] {
            assert_eq!((outlook.lasting, outlook.remedy), (Lasting::Forever, None), "{outlook:?}");
        }
    }

    #[test]
    fn live_connections_leave_fewer_ports() {
        assert_eq!(outlook(20_000, 0, 137, Hold::Whole).lasting, Lasting::Forever);
        assert_eq!(outlook(20_000, 0, 138, Hold::Whole).lasting, Lasting::Seconds(8232.0 / 138.0));
    }

    #[test]
    fn no_ports_are_left_if_more_are_taken_than_there_are() {
        let outlook = outlook(28_232, 10, 1000, Hold::Whole);
        assert_eq!((outlook.left, outlook.lasting), (0, Lasting::Seconds(0.0)));
    }
}

//! Addresses that no earlier run has used, so that no TIME_WAIT of another run is counted, or keeps a port.

use std::net::Ipv4Addr;

/// Returns a fresh address of the loopback. Systems that give it only one address get that.
pub fn fresh() -> Ipv4Addr {
    if cfg!(any(target_os = "linux", target_os = "android", windows)) {
        Ipv4Addr::new(127, fastrand::u8(1..255), fastrand::u8(..), fastrand::u8(1..255))
    } else {
        Ipv4Addr::LOCALHOST
    }
}

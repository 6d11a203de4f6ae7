//! SIGTERM and SIGINT as events of the loop. Elsewhere than on Unix there are none, and the system
//! ends the program its own way.

use std::io;

use fourway::mio::{Registry, Token};

#[cfg(unix)]
pub struct Signals(signal_hook_mio::v1_0::Signals);

#[cfg(unix)]
impl Signals {
    pub fn register(registry: &Registry, token: Token) -> io::Result<Self> {
        use fourway::mio::Interest;
        use signal_hook::consts::{SIGINT, SIGTERM};

        let mut signals = signal_hook_mio::v1_0::Signals::new([SIGTERM, SIGINT])?;
        registry.register(&mut signals, token, Interest::READABLE)?;
        Ok(Signals(signals))
    }

    /// How many have come since the last time; two of the same kind may count as one.
    pub fn take(&mut self) -> usize {
        self.0.pending().count()
    }
}

#[cfg(not(unix))]
pub struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub fn register(_: &Registry, _: Token) -> io::Result<Self> {
        Ok(Signals)
    }

    pub fn take(&mut self) -> usize {
        0
    }
}

//! TIME_WAIT: how long it lasts, and how long it keeps a port from a client.

use super::{Reader, sysctl};

/// The length of TIME_WAIT in seconds: `TCP_TIMEWAIT_LEN` in the sources of Linux. No setting changes it.
pub const SECONDS: u64 = 60;

/// The time after which a client can have a port again that TIME_WAIT holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// The whole TIME_WAIT.
    Whole,
    /// The kernel takes the port for a new connection to the same server after these milliseconds, because timestamps
    /// tell old segments from new ones.
    Reused { milliseconds: u64 },
}

impl Hold {
    pub fn seconds(self) -> f64 {
        match self {
            Hold::Whole => SECONDS as f64,
            // The kernel counts in milliseconds, and a port is not taken twice in one of them.
            Hold::Reused { milliseconds } => milliseconds.max(1) as f64 / 1000.0,
        }
    }
}

/// The settings about the reuse of ports (`man 7 tcp`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reuse {
    /// `net.ipv4.tcp_tw_reuse`: 0 is never, 1 is always, 2 is over loopback only.
    pub setting: Option<u64>,
    /// In milliseconds. Older kernels do not have the setting, and wait a second.
    delay: Option<u64>,
    timestamps: Option<u64>,
}

impl Reuse {
    pub fn read(read: Reader<'_>) -> Self {
        Reuse {
            setting: sysctl::number(read, "net.ipv4.tcp_tw_reuse"),
            delay: sysctl::number(read, "net.ipv4.tcp_tw_reuse_delay"),
            timestamps: sysctl::number(read, "net.ipv4.tcp_timestamps"),
        }
    }

    /// Returns the time for a client whose connections use the loopback device, or another.
    pub fn hold(self, is_loopback: bool) -> Option<Hold> {
        let reuses = match self.setting? {
            1 => true,
            2 => is_loopback,
            _ => false,
        };
        let reuses = reuses && self.timestamps? != 0;
        Some(if reuses { Hold::Reused { milliseconds: self.delay.unwrap_or(1000) } } else { Hold::Whole })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(setting: u64, timestamps: u64, is_loopback: bool) -> f64 {
        let reuse = Reuse { setting: Some(setting), delay: None, timestamps: Some(timestamps) };
        reuse.hold(is_loopback).unwrap().seconds()
    }

    #[test]
    fn a_port_is_reused_only_where_the_setting_says_so() {
        assert_eq!([hold(0, 1, true), hold(1, 1, true), hold(2, 1, true)], [60.0, 1.0, 1.0]);
        assert_eq!([hold(0, 1, false), hold(1, 1, false), hold(2, 1, false)], [60.0, 1.0, 60.0]);
        assert_eq!(hold(1, 0, true), 60.0, "timestamps are off");
    }

    #[test]
    fn settings_that_cannot_be_read_are_unknown() {
        assert_eq!(Reuse::default().hold(true), None);
    }
}

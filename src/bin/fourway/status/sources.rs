//! Where the figures come from: the target, the meter and the kernel.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::figures::{Figures, Kernel};
use super::observed::Observed;
use crate::machine::accept_queue::AcceptQueues;
use crate::machine::netstat::listen_overflows;
use crate::machine::{sockstat, this};

/// Reads figures.
pub struct Sources {
    listeners: Vec<SocketAddr>,
    queues: Option<AcceptQueues>,
    /// The kernel's count when the program started.
    overflows_at_start: Option<u64>,
    kernel: Kernel,
    /// The kernel's counts are read again from this time on.
    kernel_until: Option<Instant>,
}

/// The kernel puts its counts together from those of all processors, so they are read at most once in this time.
const KERNEL_INTERVAL: Duration = Duration::from_millis(250);

impl Sources {
    pub fn start(listeners: Vec<SocketAddr>) -> Self {
        Sources {
            listeners,
            queues: None,
            overflows_at_start: listen_overflows(),
            kernel: Kernel::default(),
            kernel_until: None,
        }
    }

    /// Makes the figures contain the accept queues. Call this when all listeners are open.
    pub fn watch_queues(&mut self) {
        self.queues = AcceptQueues::open();
    }

    /// Returns the figures of this moment.
    pub fn figures<'a>(&mut self, observed: &Observed<'a>, now: Instant) -> Figures<'a> {
        if self.kernel_until.is_none_or(|until| now >= until) {
            self.kernel_until = Some(now + KERNEL_INTERVAL);
            self.kernel = self.read_kernel();
        }
        let queue = |&address| (address, self.queues.as_ref().and_then(|queues| queues.of(address)));
        Figures {
            listeners: self.listeners.iter().map(queue).collect(),
            kernel: self.kernel,
            ..Figures::new(observed, now)
        }
    }

    fn read_kernel(&self) -> Kernel {
        let overflows = listen_overflows().zip(self.overflows_at_start);
        Kernel {
            listen_overflows: overflows.map(|(now, then)| now.saturating_sub(then)),
            time_wait: sockstat::read(&this).map(|counts| counts.time_wait),
        }
    }
}

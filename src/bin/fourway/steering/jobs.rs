//! The responses that the program goes on with: those that are delayed, streamed, or followed by something.
//!
//! A connection has one at most, so each is found by its connection's slot. Everything is reserved at the start.

use std::time::Instant;

use fourway::{ConnectionId, RequestId};
use slab::Slab;

use super::plan::Plan;
use super::timers::{self, Timers};

/// What the program knows of a response that it goes on with.
#[derive(Debug)]
pub struct Job {
    pub plan: Plan,
    pub step: Step,
    /// The request, until its response has ended.
    pub request: Option<RequestId>,
    pub connection: Option<ConnectionId>,
    /// The bytes of the body that were given, and the number at which it ends.
    pub given: u64,
    pub end: u64,
    /// The body if it shows the request.
    pub shown: Option<Vec<u8>>,
}

impl Job {
    fn shown_len(&self) -> usize {
        self.shown.as_ref().map_or(0, Vec::len)
    }
}

/// What a job waits for. The steps of a response, of which each may be left out, are in this order:
///
/// ```text
/// Intake -> Response -> (Piece <-> Gap) -> Pause -> End -> Idle
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// More of the request's body. The server responds after this number of bytes.
    Intake { left: u64 },
    /// The time of the response, or nothing if there will be none.
    Response,
    /// The server, which asks for the next piece.
    Piece,
    /// The time of the next piece.
    Gap,
    /// The end of the pause after the last byte.
    Pause,
    /// The server, which asks for the end.
    End,
    /// The next request on the connection.
    Idle,
}

#[derive(Debug)]
pub struct Jobs {
    /// The key of each slot's job, or [`NONE`].
    by_slot: Vec<u32>,
    jobs: Slab<(usize, Job)>,
    pub timers: Timers,
    /// The bytes of requests that are being shown, and the maximum.
    shown: usize,
    most_shown: usize,
}

const NONE: u32 = u32::MAX;

/// The bytes that a job takes, with its timer.
pub const PER_JOB: usize =
    size_of::<(usize, Job)>() + size_of::<usize>() + size_of::<u32>() + timers::PER_TIMER;

impl Jobs {
    /// Reserves memory for this number of connections. The requests that are shown at once take at most `most_shown` bytes.
    pub fn with_capacity(connections: usize, most_shown: usize) -> Self {
        Jobs {
            by_slot: Vec::with_capacity(connections),
            jobs: Slab::with_capacity(connections),
            timers: Timers::with_capacity(connections),
            shown: 0,
            most_shown,
        }
    }

    /// Returns how many bytes of further requests can be shown.
    pub fn room_to_show(&self) -> usize {
        self.most_shown - self.shown
    }

    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Adds a job for the connection in a slot. A job that was there is over.
    pub fn add(&mut self, slot: usize, job: Job) -> usize {
        if let Some(old) = self.at(slot) {
            self.remove(old);
        }
        if self.by_slot.len() <= slot {
            self.by_slot.resize(slot + 1, NONE);
        }
        self.shown += job.shown_len();
        let key = self.jobs.insert((slot, job));
        self.by_slot[slot] = key as u32;
        key
    }

    /// Removes a job with its timer.
    pub fn remove(&mut self, key: usize) -> Job {
        let (slot, job) = self.jobs.remove(key);
        self.by_slot[slot] = NONE;
        self.shown -= job.shown_len();
        self.timers.disarm(key);
        job
    }

    pub fn get_mut(&mut self, key: usize) -> &mut Job {
        &mut self.jobs[key].1
    }

    pub fn arm(&mut self, key: usize, step: Step, deadline: Instant) {
        self.jobs[key].1.step = step;
        self.timers.arm(key, deadline);
    }

    /// Returns the key of a request's job.
    pub fn of_request(&self, id: RequestId) -> Option<usize> {
        self.at(id.slot()).filter(|&key| self.jobs[key].1.request == Some(id))
    }

    /// Returns the key of a connection's job.
    pub fn of_connection(&self, id: ConnectionId) -> Option<usize> {
        self.at(id.slot()).filter(|&key| self.jobs[key].1.connection == Some(id))
    }

    fn at(&self, slot: usize) -> Option<usize> {
        self.by_slot.get(slot).filter(|&&key| key != NONE).map(|&key| key as usize)
    }
}

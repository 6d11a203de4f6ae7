//! Gives a body piece by piece, when the server asks for the next one.

use std::time::{Duration, Instant};

use fastrand::Rng;
use fourway::{BodyWriter, More, RequestId};

use super::Steering;
use super::jobs::{Job, Step};

/// The length of pieces that have a gap between them, if no letter sets it.
const USUAL_PIECE: u64 = 1024;

/// A chunk of one byte takes at most this much of a piece.
const ONE_BYTE_CHUNK: usize = 8;

/// The space that the first and the last chunk of a piece need besides.
const AROUND_CHUNKS: usize = 64;

impl Steering {
    /// Gives the next piece of a body.
    pub fn more(&mut self, id: RequestId, piece: &mut BodyWriter<'_>) -> More {
        let Some(key) = self.jobs.of_request(id) else { return More::Abort };
        let Steering { jobs, rng, settings, pattern, .. } = self;
        let job = jobs.get_mut(key);
        match job.step {
            Step::Piece => {}
            Step::End => return self.finish(key),
            _ => return More::Later,
        }
        if job.given == job.end {
            return self.after_body(key);
        }
        let len = length(job, piece, rng);
        let page = match (&job.shown, job.plan.size) {
            (Some(shown), _) => shown,
            (None, Some(_)) => &pattern[..],
            (None, None) => settings.body,
        };
        if job.plan.is_random && job.shown.is_none() {
            write_random(job, len, piece, rng);
        } else {
            write_page(job, len, page, piece);
        }
        job.given += len;
        if job.given == job.end {
            if job.plan.waits_after_body() {
                // The server asks again when the kernel has taken this piece.
                return More::Again;
            }
            return self.finish(key);
        }
        let gap = job.plan.gap.map_or(0, |gap| gap.draw(rng));
        match u64::try_from(gap) {
            Ok(gap @ 1..) => {
                jobs.arm(key, Step::Gap, Instant::now() + Duration::from_millis(gap));
                More::Later
            }
            _ => More::Again,
        }
    }

    /// Goes on when the kernel has taken the last byte.
    fn after_body(&mut self, key: usize) -> More {
        let job = self.jobs.get_mut(key);
        let pause = job.plan.pause;
        if pause.is_zero() {
            return self.finish(key);
        }
        self.jobs.arm(key, Step::Pause, Instant::now() + pause);
        More::Later
    }

    /// Ends the response, as `x` says if `n` cuts it.
    fn finish(&mut self, key: usize) -> More {
        let Job { plan, .. } = self.jobs.get_mut(key);
        if plan.cut.is_none() {
            self.end(key);
            return More::End;
        }
        let mode = plan.close.unwrap_or(self.settings.close);
        self.jobs.remove(key);
        More::Cut(mode)
    }
}

/// Returns the length of the next piece.
fn length(job: &Job, piece: &BodyWriter<'_>, rng: &mut Rng) -> u64 {
    let room = match job.plan.one_byte_chunks {
        true => piece.room_left().saturating_sub(AROUND_CHUNKS) / ONE_BYTE_CHUNK,
        false => piece.room_left(),
    };
    let usual = if job.plan.gap.is_some() { USUAL_PIECE } else { u64::MAX };
    let most = match job.plan.piece {
        Some(amount) => u64::try_from(amount.draw(rng)).unwrap_or_default().max(1),
        None => usual,
    };
    most.min(room as u64).min(job.end - job.given).max(1)
}

/// Writes the next bytes of a page that repeats.
fn write_page(job: &Job, len: u64, page: &[u8], piece: &mut BodyWriter<'_>) {
    let mut left = len as usize;
    let mut at = (job.given % page.len() as u64) as usize;
    while left > 0 {
        let part = &page[at..page.len().min(at + left)];
        write(job, part, piece);
        left -= part.len();
        at = 0;
    }
}

fn write_random(job: &Job, len: u64, piece: &mut BodyWriter<'_>, rng: &mut Rng) {
    let mut bytes = [0; 4096];
    let mut left = len as usize;
    while left > 0 {
        let part = left.min(bytes.len());
        rng.fill(&mut bytes[..part]);
        write(job, &bytes[..part], piece);
        left -= part;
    }
}

/// Writes bytes of the body. There is space for them.
fn write(job: &Job, bytes: &[u8], piece: &mut BodyWriter<'_>) {
    if !job.plan.one_byte_chunks {
        let _ = piece.write_all(bytes);
        return;
    }
    for byte in bytes {
        let _ = piece.write_all(std::slice::from_ref(byte));
        piece.end_chunk();
    }
}

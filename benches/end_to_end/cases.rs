//! The kinds of load, and the rounds in which they are measured.

use std::io;
use std::time::Duration;

use crate::browser;
use crate::client::{Client, Life, Until, Work};
use crate::machine;
use crate::options::Options;
use crate::report::Series;
use crate::server::{Kind, Page, Server, Stage};

/// Connections under load at a time.
pub const ACTIVE: usize = 64;

struct Case {
    name: &'static str,
    unit: &'static str,
    life: Life,
    depth: usize,
    headers: &'static str,
    slots: usize,
    /// Of the body; none is the small one.
    kib: Option<usize>,
    /// Connections that are open beside and say nothing.
    idle: usize,
}

const KEEP_ALIVE: Case = Case {
    name: "keep-alive",
    unit: "request",
    life: Life::Kept,
    depth: 1,
    headers: "",
    slots: ACTIVE,
    kib: None,
    idle: 0,
};

/// 1 MiB to 64 clients at a time would be more than the kernel has buffers for.
const CASES: [Case; 7] = [
    KEEP_ALIVE,
    Case { name: "one-shot", unit: "connection", life: Life::OneShot, ..KEEP_ALIVE },
    Case { name: "pipelined", depth: 16, ..KEEP_ALIVE },
    Case { name: "browser", headers: browser::HEADERS, ..KEEP_ALIVE },
    Case { name: "body-64k", unit: "KiB", kib: Some(64), slots: 16, ..KEEP_ALIVE },
    Case { name: "body-1m", unit: "KiB", kib: Some(1024), slots: 4, ..KEEP_ALIVE },
    Case { name: "idle-beside", idle: 10_000, ..KEEP_ALIVE },
];

/// Every case in every round, so that what the machine does meanwhile meets them all.
pub fn run(options: &Options, stage: &Stage) -> io::Result<Vec<Series>> {
    let mut measured = Vec::new();
    for case in CASES.iter().filter(|case| options.wants(case.name)) {
        let wanted = if options.test { case.idle.min(500) } else { case.idle };
        let case = Case { idle: machine::connections_possible(wanted)?, ..*case };
        let page = case.kib.map_or(Ok(Page::small()), |kib| Page::of_length(kib * 1024))?;
        let name = match case.idle {
            0 => case.name.into(),
            idle => format!("{} ({idle})", case.name),
        };
        let series = Series::new(name, case.unit);
        measured.push((case, page, series));
    }
    for round in 0..options.rounds {
        for (case, page, series) in &mut measured {
            case.measure_in_turn(round, options, stage, page, series)?;
        }
    }
    Ok(measured.into_iter().map(|(.., series)| series).collect())
}

impl Case {
    /// One figure of each. Who is first takes turns, lest being first be what is measured.
    fn measure_in_turn(
        &self,
        round: usize,
        options: &Options,
        stage: &Stage,
        page: &Page,
        series: &mut Series,
    ) -> io::Result<()> {
        let mut order = vec![(Kind::Floor, self.idle), (Kind::Fourway, self.idle)];
        if self.idle > 0 {
            order.push((Kind::Fourway, 0));
        }
        let count = order.len();
        order.rotate_left(round % count);
        for (kind, idle) in order {
            let cost = self.measure(kind, idle, options.time, stage, page);
            let cost =
                cost.map_err(|error| io::Error::other(format!("{} of {kind:?}: {error}", self.name)))?;
            match kind {
                Kind::Floor => series.floor.push(cost),
                Kind::Fourway if idle == self.idle => series.fourway.push(cost),
                Kind::Fourway => series.alone.push(cost),
            }
        }
        Ok(())
    }

    /// Starts a server, loads it, and takes what it cost per unit, in nanoseconds. Each time it is
    /// another process: where its memory happens to lie is chance as well.
    fn measure(
        &self,
        kind: Kind,
        idle: usize,
        time: Duration,
        stage: &Stage,
        page: &Page,
    ) -> io::Result<f64> {
        let server = stage.start(kind, page)?;
        let mut client = Client::new(server.address, self.slots)?;
        client.hold(idle, &page.body)?;
        let work = Work::new(self.life, self.headers, self.depth, &page.body);
        let (requests, cost) = cost(&server, &mut client, &work, time)?;
        let answered = client.answered;
        // A server that is told to end may wait for the clients' ends.
        drop(client);
        expect_count(answered, server.end()?.requests)?;
        Ok(cost / (requests * self.kib.unwrap_or(1) as u64) as f64)
    }
}

/// How many requests were answered in the time, and what they cost the server together, in
/// nanoseconds. The first fifth is not counted: caches and branches get to know the load.
pub fn cost(server: &Server, client: &mut Client, work: &Work, time: Duration) -> io::Result<(u64, f64)> {
    client.run(work, Until::Elapsed(time / 5))?;
    let before = server.cpu()?;
    let requests = client.run(work, Until::Elapsed(time))?;
    let cost = server.cpu()? - before;
    Ok((requests, cost.as_nanos() as f64))
}

/// The client has checked every answer; that there were no more requests only the server knows.
pub fn expect_count(answered: u64, served: u64) -> io::Result<()> {
    if served == answered {
        return Ok(());
    }
    Err(io::Error::other(format!("{answered} requests were answered, the server counts {served}")))
}

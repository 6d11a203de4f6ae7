//! What a server costs per request the more connections it holds, and how long its longest turn is.
//!
//! A server that looked at every connection, in a turn or for a timeout, would show it here: its
//! costs would grow with the connections. What grows anyway is the price of memory that is in no
//! cache any more. So there are two kinds of requests: on a few connections beside those that are
//! held, and on the held ones in turn, where each is met cold, by the kernel too. The floor says
//! what of that is the kernel's.
//!
//! Of those held there may be fewer than are asked at a time otherwise, and then every request wakes
//! the server; compare from a thousand up. And no machine need have room for what both servers
//! hold, so that one comes after the other here, and the noise of minutes stays in the ratios.
//!
//! A turn is measured by the clock on the wall. On the server's own core the client's time would be
//! in it, so here the client has another core if there is one.

use std::io;
use std::time::Instant;

use crate::cases::{ACTIVE, cost, expect_count};
use crate::client::{Client, Life, Work};
use crate::machine;
use crate::options::Options;
use crate::report::{Series, microseconds};
use crate::server::{Kind, Page, Stage};

const LOADS: [(&str, &str, Life); 3] = [
    ("keep-alive", "request", Life::Kept),
    ("held in turn", "request", Life::Held),
    ("one-shot", "connection", Life::OneShot),
];

/// One line for each number of connections, as soon as it is known.
pub fn run(options: &Options, stage: &Stage, counts: &[usize]) -> io::Result<Vec<Series>> {
    println!("CPU per request or connection: floor, fourway, and the median of their ratios");
    print!("{:>9}", "held");
    LOADS.iter().for_each(|(name, unit, _)| print!("  {:>26}", format!("{name}, per {unit}")));
    println!("  {:>12}", "longest turn");
    let mut all = Vec::new();
    for &count in counts {
        let count = machine::connections_possible(count)?;
        let mut series = LOADS.map(|(name, unit, _)| Series::new(name.into(), unit));
        let [_, longest_turn] =
            [Kind::Floor, Kind::Fourway].map(|kind| measure(kind, count, options, stage, &mut series));
        let longest_turn = longest_turn?;
        print!("{count:>9}");
        for series in &mut series {
            series.held = Some(count);
            series.longest_turn.clone_from(&longest_turn);
            let [floor, fourway] = [&series.floor, &series.fourway].map(|costs| microseconds(costs));
            print!("  {floor:>9} {fourway:>9} {:>6.2}", series.ratio().median);
        }
        println!("  {:>12}", longest_turn.as_deref().unwrap_or("-"));
        all.extend(series);
    }
    Ok(all)
}

/// All loads on one server, in rounds; its longest turn from its start to its end.
fn measure(
    kind: Kind,
    count: usize,
    options: &Options,
    stage: &Stage,
    series: &mut [Series],
) -> io::Result<Option<String>> {
    let page = Page::small();
    let server = stage.start(kind, &page)?;
    let mut client = Client::new(server.address, ACTIVE)?;
    let begin = Instant::now();
    client.hold(count, &page.body)?;
    // A million take their time, above all in a virtual machine.
    eprintln!("{kind:?} holds {count} after {:.1?}", begin.elapsed());
    for _ in 0..options.rounds {
        for ((.., life), series) in LOADS.iter().zip(&mut *series) {
            let work = Work::new(*life, "", 1, &page.body);
            let (requests, cost) = cost(&server, &mut client, &work, options.time)?;
            let costs = if kind == Kind::Floor { &mut series.floor } else { &mut series.fourway };
            costs.push(cost / requests as f64);
        }
    }
    // The client is still there: had it gone first, the longest turn would be that of its leaving.
    let ended = server.end()?;
    expect_count(client.answered, ended.requests)?;
    Ok(ended.longest_turn)
}

//! The table.

use std::fmt::Write;
use std::io;

/// The effect of an attack on a server.
pub struct Outcome {
    /// Bytes of growth; nothing if the server was not alive.
    pub standing: Option<i64>,
    pub left: Option<i64>,
    /// It could not be measured on this machine.
    pub is_missing: bool,
    pub notes: Vec<String>,
}

pub struct Row {
    pub name: &'static str,
    pub clients: usize,
    pub fourway: Outcome,
    /// Nothing where nginx is not installed.
    pub nginx: Option<Outcome>,
}

impl Outcome {
    pub fn missing(why: String) -> Self {
        Outcome { standing: None, left: None, is_missing: true, notes: vec![why] }
    }
}

/// One line for each attack; `version` is that of nginx.
pub fn table(rows: &[Row], version: Option<&str>) -> String {
    let mut text = String::new();
    let beside = version.unwrap_or("no nginx");
    let _ = writeln!(text, "{:<28}  {:^21}  {:^21}", "", "fourway", beside);
    let names = [["standing", "left"].map(String::from), ["standing", "left"].map(String::from)];
    let _ = writeln!(text, "{}", line("attack", "clients", &names));
    for row in rows {
        let cells = [figures(Some(&row.fourway)), figures(row.nginx.as_ref())];
        let _ = writeln!(text, "{}", line(row.name, &row.clients.to_string(), &cells));
        for (server, outcome) in [("fourway", Some(&row.fourway)), (beside, row.nginx.as_ref())] {
            if let Some(outcome) = outcome.filter(|outcome| !outcome.notes.is_empty()) {
                let _ = writeln!(text, "    {server}: {}", outcome.notes.join("; "));
            }
        }
    }
    text + "\
standing: growth of resident memory over the idle server, largest sample during the attack
left: the same, one second after all clients have left
nginx writes the bodies of uploads to files in its folder, which are in neither column
"
}

fn line(name: &str, clients: &str, cells: &[[String; 2]; 2]) -> String {
    let [[standing, left], [standing_beside, left_beside]] = cells;
    format!("{name:<20} {clients:>7}  {standing:>10} {left:>10}  {standing_beside:>10} {left_beside:>10}")
}

fn figures(outcome: Option<&Outcome>) -> [String; 2] {
    match outcome {
        None => ["-".into(), "-".into()],
        Some(outcome) if outcome.is_missing => ["-".into(), "-".into()],
        Some(outcome) => [outcome.standing, outcome.left].map(|bytes| bytes.map_or("dead".into(), size)),
    }
}

fn size(bytes: i64) -> String {
    const KIB: f64 = 1024.0;
    match bytes as f64 / KIB {
        kib if kib.abs() < KIB => format!("{kib:.0} KiB"),
        kib if kib.abs() < 10.0 * KIB => format!("{:.1} MiB", kib / KIB),
        kib => format!("{:.0} MiB", kib / KIB),
    }
}

/// Fails if a figure or a line is missing.
pub fn expect_whole(rows: &[Row], table: &str) -> io::Result<()> {
    for row in rows {
        let outcomes = [Some(&row.fourway), row.nginx.as_ref()];
        let has_figures = |outcome: &Outcome| outcome.standing.is_some() && outcome.left.is_some();
        let is_whole = |outcome: &Outcome| outcome.is_missing || has_figures(outcome);
        if !outcomes.into_iter().flatten().all(is_whole)
            || !table.lines().any(|line| line.starts_with(row.name))
        {
            return Err(io::Error::other(format!("{} has no figures", row.name)));
        }
    }
    Ok(())
}

//! docs/STATUS.md describes the fields of `/stats.json`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{start, stats};
use crate::common::Client;
use crate::common::json::Json;

/// The names that the documentation writes for a part of a path that has many names, each with its table.
const NAMES: [(&str, &str); 2] = [("STATE", "state"), ("REASON", "reason")];

pub fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/STATUS.md")).unwrap()
}

/// The names in the first column of the table with this heading.
pub fn names(page: &str, heading: &str) -> Vec<String> {
    let rows = page.lines().skip_while(|line| !line.starts_with(&format!("| {heading} |")));
    let rows = rows.skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.split('`').nth(1).expect("a name in each row").to_owned()).collect()
}

/// The documented paths, with each name in the place of `STATE` and the like.
fn documented(page: &str) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for field in names(page, "field") {
        if let Some(second) = field.strip_suffix('…') {
            let fields = names(page, "field").into_iter();
            let fields = fields.filter_map(|field| Some(field.strip_prefix("busy.last_second.")?.to_owned()));
            paths.extend(fields.map(|field| format!("{second}{field}")));
            continue;
        }
        let name = NAMES.iter().find(|(name, _)| field.contains(name));
        match name {
            Some((name, heading)) => {
                paths.extend(names(page, heading).into_iter().map(|each| field.replace(name, &each)));
            }
            None => drop(paths.insert(field.replace("[]", ".[]"))),
        }
    }
    paths
}

/// The paths of a document. Statuses, classes and letters have one name in the documentation.
fn written(stats: &Json) -> BTreeSet<String> {
    let general = |path: String| match path.rsplit_once('.') {
        Some(("errors.answered", _)) => "errors.answered.STATUS".to_owned(),
        Some(("responses", _)) => "responses.CLASS".to_owned(),
        Some(("steering.letters", _)) => "steering.letters.LETTER".to_owned(),
        _ => path,
    };
    stats.paths().into_iter().map(general).collect()
}

#[test]
fn every_field_of_stats_json_is_documented_and_every_documented_field_is_there() {
    let (_program, address) = start(&[]);
    let stats = stats(&mut Client::connect(address));
    let (written, documented) = (written(&stats), documented(&page()));
    let missing: Vec<_> = written.difference(&documented).collect();
    let surplus: Vec<_> = documented.difference(&written).collect();
    assert!(missing.is_empty() && surplus.is_empty(), "not documented: {missing:?}; not there: {surplus:?}");
    let version = format!("| `version` | {} |", stats.count("version"));
    assert!(page().contains(&version), "{version}");
    let classes = stats.members("responses").keys();
    let row = page().lines().find(|line| line.contains("`responses.CLASS`")).unwrap().to_owned();
    assert!(classes.into_iter().all(|class| row.contains(&format!("`{class}`"))), "{row}");
}

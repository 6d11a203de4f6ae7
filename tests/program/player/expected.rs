//! What a trace says about the server after each step, recomputed from its records.

use std::collections::BTreeMap;

use crate::common::json::Json;

/// What the page has to show: each field, and what it says.
pub type Shown = BTreeMap<String, String>;

const BUFFERS: [&str; 4] = ["record", "head", "out", "body"];
const ENDS: [&str; 5] = ["server_unread", "client_got", "server_state", "client_state", "client_room"];

#[derive(Default)]
struct Connection {
    state: String,
    ends: BTreeMap<String, String>,
}

#[derive(Default)]
struct Model {
    connections: BTreeMap<u64, Connection>,
    focus: Option<u64>,
    time: String,
    ready: Vec<u64>,
    lists: BTreeMap<String, Vec<u64>>,
    lent: BTreeMap<String, String>,
    calls: u64,
}

/// The members of an object.
pub fn members(object: &Json) -> &BTreeMap<String, Json> {
    match object {
        Json::Object(members) => members,
        other => panic!("{other:?} is no object"),
    }
}

/// A record's member as the page has it. A member that is missing is empty.
fn member(record: &Json, name: &str) -> String {
    match members(record).get(name) {
        Some(Json::Number(text) | Json::Text(text)) => text.clone(),
        Some(Json::Bool(value)) => value.to_string(),
        _ => String::new(),
    }
}

/// Returns what the page shows after each step of a trace. A step is a record with the `ends` that follow it.
pub fn steps(trace: &str) -> Vec<Shown> {
    let mut model = Model::default();
    let mut steps: Vec<Shown> = Vec::new();
    let mut first = Json::Null;
    for line in trace.lines().skip(1) {
        let record = Json::parse(line);
        let kind = member(&record, "kind");
        let follows = matches!(kind.as_str(), "ends" | "end") && !steps.is_empty();
        let arrow = model.apply(&kind, &record);
        if follows {
            let last = steps.pop().expect("a step before it");
            let arrow = if arrow.is_empty() { last["arrow"].clone() } else { arrow };
            steps.push(model.shown(&first, steps.len(), arrow));
        } else {
            first = record;
            steps.push(model.shown(&first, steps.len(), arrow));
        }
    }
    steps
}

impl Model {
    /// Applies a record, and returns the arrow of the diagram that it takes.
    fn apply(&mut self, kind: &str, record: &Json) -> String {
        self.time = member(record, "t");
        let text = |name| member(record, name);
        let number = text("connection").parse::<u64>().ok();
        if kind == "call" {
            self.calls += 1;
        }
        if matches!(kind, "lent" | "returned") {
            self.lent.insert(text("buffer"), text("lent"));
        }
        let Some(number) = number else { return String::new() };
        self.focus = Some(number);
        let connection = self
            .connections
            .entry(number)
            .or_insert_with(|| Connection { state: "accept".into(), ..Connection::default() });
        let mut take = |from: String, to: &str| {
            to.clone_into(&mut connection.state);
            format!("{from}>{to}")
        };
        match kind {
            "accepted" => return take("accept".into(), "Idle"),
            "state" => return take(text("from"), &text("to")),
            "closed" => {
                let to = if text("reason") == "TakenOver" { "host" } else { "gone" };
                return take(text("from"), to);
            }
            "ends" => {
                let all = ENDS.iter().chain(&["held_back"]);
                connection.ends = all.map(|name| ((*name).to_owned(), text(name))).collect();
            }
            "queued" => self.ready.push(number),
            "dequeued" => self.ready.retain(|&it| it != number),
            "armed" | "cancelled" => {
                self.lists.values_mut().for_each(|waiting| waiting.retain(|&it| it != number));
                if kind == "armed" {
                    self.lists.entry(text("list")).or_default().push(number);
                }
            }
            _ => {}
        }
        String::new()
    }

    fn shown(&self, first: &Json, at: usize, arrow: String) -> Shown {
        let mut shown = Shown::new();
        let mut show = |name: &str, value: String| {
            shown.insert(name.to_owned(), value);
        };
        show("step", (at + 1).to_string());
        show("turn", member(first, "turn"));
        show("time", self.time.clone());
        show("at", member(first, "at"));
        show("ready", self.ready.len().to_string());
        show("queue", joined(&self.ready));
        show("calls", self.calls.to_string());
        for kind in BUFFERS {
            show(&format!("lent_{kind}"), self.lent.get(kind).cloned().unwrap_or_else(|| "0".into()));
        }
        let focused = self.focus.and_then(|number| self.connections.get(&number));
        let end = |name: &str| focused.and_then(|it| it.ends.get(name)).cloned().unwrap_or_default();
        for name in ENDS {
            show(name, end(name));
        }
        let held = end("held_back");
        show("held_back", if held.is_empty() { "0".into() } else { held });
        show("state", focused.map(|it| it.state.clone()).unwrap_or_default());
        show("arrow", arrow);
        for (list, waiting) in self.lists.iter().filter(|(_, waiting)| !waiting.is_empty()) {
            show(&format!("list {list}"), joined(waiting));
        }
        let mut there: BTreeMap<&str, usize> = BTreeMap::new();
        for connection in self.connections.values() {
            *there.entry(&connection.state).or_default() += 1;
        }
        for (state, count) in there {
            show(&format!("in {state}"), count.to_string());
        }
        shown
    }
}

fn joined(numbers: &[u64]) -> String {
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(",")
}


// --- The model: what the records of a trace say about the server, up to a step ---

const OF_A_STEP = new Set(["ends", "end"]);     // records that belong to the step before them
const KEPT_CALLS = 40;
const TAKEN_OVER = "TakenOver";                 // the reason of an end that is none
const CHECKPOINT = 256;                         // the fewest steps from one kept model to the next
const KEPT_MODELS = 128;

const tableOfTransitions = JSON.parse(byId("transitions").textContent);
const FIRST_STATE = tableOfTransitions.rows.find((row) => row.from === "accept").to;
const BUFFERS = ["record", "head", "out", "body"];

// Returns the header, the records and the number of lines that are no JSON.
function readTrace(text) {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  let [header, bad] = [{}, 0];
  const records = [];
  for (const line of lines) {
    let record = null;
    try {
      record = JSON.parse(line);
    } catch {
      // It is counted below.
    }
    if (record === null || typeof record !== "object") bad += 1;
    else if ("fourway_trace" in record) header = record;
    else records.push(record);
  }
  return { header, records, bad };
}

// Returns the steps: each is a record, and those after it that belong to it.
function stepsOf(records) {
  const steps = [];
  for (const record of records) {
    if (OF_A_STEP.has(record.kind) && steps.length > 0) steps.at(-1).push(record);
    else steps.push([record]);
  }
  return steps;
}

function emptyModel() {
  return {
    time: 0, turn: 0, inTurn: false, lost: 0, calls: 0, focus: null,
    connections: new Map(),
    ready: [],
    lists: new Map(),
    lent: Object.fromEntries(BUFFERS.map((kind) => [kind, 0])),
    lastCalls: [],
  };
}

// Returns a connection that this step may change: a copy, because kept models have the one before.
function connectionOf(model, number) {
  const before = model.connections.get(number) ?? { number, slot: null, state: "accept", taken: [], held: {}, ends: null };
  const connection = { ...before };
  model.connections.set(number, connection);
  return connection;
}

// Returns a copy of a model. It shares what is never changed, but replaced.
function copyOf(model) {
  return { ...model, connections: new Map(model.connections), lists: new Map(model.lists), lent: { ...model.lent } };
}

function leaveLists(model, number) {
  for (const [name, waiting] of model.lists) {
    model.lists.set(name, waiting.filter((it) => it.number !== number));
  }
}

function enterState(connection, to) {
  const arrow = connection.state + ">" + to;
  if (!connection.taken.includes(arrow)) connection.taken = [...connection.taken, arrow];
  connection.state = to;
}

const APPLY = {
  turn(model, record) { model.inTurn = record.step === "begins"; },
  gap(model, record) { model.lost += record.lost ?? 0; },
  end(model, record) { model.lost = Math.max(model.lost, record.lost ?? 0); },
  accepted(model, record, connection) { if (connection) enterState(connection, FIRST_STATE); },
  state(model, record, connection) {
    if (!connection) return;
    connection.state = record.from;
    enterState(connection, record.to);
  },
  closed(model, record, connection) {
    if (!connection) return;
    enterState(connection, record.reason === TAKEN_OVER ? "host" : "gone");
  },
  armed(model, record, connection) {
    if (!connection) return;
    leaveLists(model, connection.number);
    const waiting = model.lists.get(record.list) ?? [];
    model.lists.set(record.list, [...waiting, { number: connection.number, until: record.t + record.in_ms * 1000, of: record.in_ms * 1000 }]);
  },
  cancelled(model, record, connection) { if (connection) leaveLists(model, connection.number); },
  queued(model, record, connection) { if (connection && !model.ready.includes(connection.number)) model.ready = [...model.ready, connection.number]; },
  dequeued(model, record, connection) { if (connection) model.ready = model.ready.filter((number) => number !== connection.number); },
  lent(model, record, connection) {
    model.lent[record.buffer] = record.lent;
    if (connection) connection.held = { ...connection.held, [record.buffer]: true };
  },
  returned(model, record, connection) {
    model.lent[record.buffer] = record.lent;
    if (connection) connection.held = { ...connection.held, [record.buffer]: false };
  },
  call(model, record) {
    model.calls += 1;
    model.lastCalls = [...model.lastCalls, record].slice(-KEPT_CALLS);
  },
  ends(model, record, connection) { if (connection) connection.ends = record; },
};

function applyStep(model, step) {
  for (const record of step) {
    model.time = record.t ?? model.time;
    model.turn = record.turn ?? model.turn;
    const connection = Number.isInteger(record.connection) ? connectionOf(model, record.connection) : null;
    if (connection) {
      if (record.slot !== undefined) connection.slot = record.slot;
      model.focus = connection.number;
    }
    APPLY[record.kind]?.(model, record, connection);
  }
}

// The models after each step. It keeps one now and then, and makes the others from those.
class Player {
  constructor(steps) {
    this.steps = steps;
    this.pace = Math.max(CHECKPOINT, Math.ceil(steps.length / KEPT_MODELS));
    this.kept = [];
    this.last = null;
  }

  at(index) {
    let [from, model] = [0, emptyModel()];
    if (this.last && this.last.index <= index) {
      [from, model] = [this.last.index + 1, this.last.model];
    } else {
      const kept = this.kept[Math.floor((index + 1) / this.pace) - 1];
      if (kept) [from, model] = [kept.index + 1, copyOf(kept.model)];
    }
    for (let at = from; at <= index; at += 1) {
      applyStep(model, this.steps[at]);
      const place = (at + 1) / this.pace - 1;
      if (Number.isInteger(place) && !this.kept[place]) this.kept[place] = { index: at, model: copyOf(model) };
    }
    this.last = { index, model };
    return model;
  }
}

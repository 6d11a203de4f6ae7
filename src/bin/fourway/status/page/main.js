
// --- Each second the page reads /stats.json and shows it. It writes nothing but text. ---

const INTERVAL = 1000;          // milliseconds between two polls
const PATIENCE = 5000;          // the longest wait for one
const LEDGER_AGE = 10e6;        // microseconds after which a look at the kernel's sockets is old

let before = null;
let past = [];

// The numbers a second between two documents. Arrows that have no counter of their own are put together from those that do.
function ratesOf(stats, earlier) {
  const seconds = (stats.uptime_us - earlier.uptime_us) / 1e6;
  const rate = (count) => Math.max(0, count(stats) - count(earlier)) / seconds;
  const closes = (document, reason) => sum(document.connections.closes[reason]);
  const lingered = (document) => closes(document, "answered") + closes(document, "linger_timeout") + closes(document, "linger_limit");
  const last = rate((document) => lingered(document) + document.connections.states.closing);
  const taken = rate((document) => closes(document, "taken_over"));
  return {
    accepted: rate((document) => document.connections.accepted),
    requests: rate((document) => document.requests),
    kept: Math.max(0, rate((document) => sum(document.responses)) - last - taken),
    last,
    lingered: rate(lingered),
    others: rate((document) => document.connections.closed - lingered(document)),
    bytes: rate((document) => document.bytes.sent + document.bytes.received),
    busy: stats.busy.running_us === null ? null
      : Math.min(100, rate((document) => document.busy.running_us + document.busy.waiting_us) / 1e4),
  };
}

function showFields(stats) {
  for (const element of document.querySelectorAll("[data-field]")) {
    const value = at(stats, element.dataset.field);
    const isKnown = value !== null && value !== undefined;
    element.dataset.value = isKnown ? value : "";
    setText(element, isKnown ? FORMATS[element.dataset.unit ?? "count"](value) : "unknown");
  }
}

function showBadge(id, word) {
  byId(id).dataset.word = word;
  setText(byId(id), word);
}

const reasonText = (name) => name.replaceAll("_", " ");

// Keeps a row for each name whose numbers are not all zero.
function showRows(body, rows, nothing) {
  const wanted = rows.filter(([, ...counts]) => counts.some((count) => count > 0));
  const names = wanted.map(([name]) => name);
  const columns = rows[0].length;
  if (body.dataset.names !== names.join()) {
    body.dataset.names = names.join();
    body.replaceChildren();
    for (const name of names) {
      const row = add(body, "tr");
      add(row, "th", { scope: "row" }, reasonText(name));
      for (let column = 1; column < columns; column += 1) add(row, "td", { "data-name": name });
    }
    if (names.length === 0) add(add(body, "tr"), "td", { colspan: columns, class: "words" }, nothing);
  }
  wanted.forEach(([, ...counts], index) => counts.forEach((count, column) => {
    const cell = body.children[index].children[column + 1];
    cell.dataset.value = count;
    setText(cell, whole.format(count));
  }));
}

function showTables(stats) {
  const closes = Object.entries(stats.connections.closes).map(([name, sides]) => [name, sides.client, sides.server]);
  showRows(byId("closes"), closes, "no connection has closed");
  const { answered, ...others } = stats.errors;
  const errors = [...Object.entries(answered).map(([status, count]) => ["status " + status, count]), ...Object.entries(others)];
  showRows(byId("errors"), errors, "no errors");
}

function lastingOf({ ports_left: left, time_left_us: lasts }) {
  if (left === null) return "unknown";
  return lasts === null ? "they last" : time(lasts);
}

function outlookOf({ ports_left: left, time_left_us: lasts, remedy, age_us: age }) {
  if (age === null) return "No look at the kernel's sockets has ended yet.";
  if (left === null) return "No client on this machine holds a port.";
  if (lasts === null) return "At this rate the ports last: as many become free as are taken.";
  const end = `At this rate connects of the busiest pair fail with EADDRNOTAVAIL in ${time(lasts)}.`;
  return remedy ? `${end} --close ${remedy} avoids that.` : end;
}

function show(stats) {
  const isSameRun = before !== null && stats.uptime_us > before.uptime_us;
  const rates = isSameRun ? ratesOf(stats, before) : null;
  if (!isSameRun) past = [];
  if (rates) {
    const { requests, accepted: connections, bytes: sent, busy } = rates;
    const seconds = stats.uptime_us / 1e6;
    past.push({ seconds, requests, connections, bytes: sent, busy });
    past = past.filter((point) => point.seconds > seconds - HISTORY);
  }
  before = stats;
  showFields(stats);
  showBadge("phase", stats.phase);
  showBadge("limit", stats.verdict.limit);
  setText(byId("sentence"), stats.verdict.sentence);
  setText(byId("uptime"), time(stats.uptime_us));
  setText(byId("addresses"), stats.listeners.map((listener) => listener.address).join(", "));
  setText(byId("lasting"), lastingOf(stats.ledger));
  setText(byId("outlook"), outlookOf(stats.ledger));
  showFlow(stats, rates);
  showPlots();
  showBoard(stats);
  showTables(stats);
}

let timer = 0;
let polls = 0;
let isPaused = false;
let isPolling = false;

async function poll() {
  if (isPolling || isPaused || document.hidden) return;
  isPolling = true;
  polls += 1;
  const begin = performance.now();
  const stats = await ask();
  isPolling = false;
  clearTimeout(timer);
  timer = setTimeout(poll, Math.max(100, INTERVAL - (performance.now() - begin)));
  byId("problem").hidden = stats !== null;
  if (stats) show(stats);
  else setText(byId("problem"), "The server does not answer. These figures are old.");
}

// Returns null if the server does not answer.
async function ask() {
  const age = before?.ledger.age_us ?? LEDGER_AGE;
  const query = age >= LEDGER_AGE ? "?ledger" : "";
  try {
    const response = await fetch("stats.json" + query, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

byId("pause").addEventListener("click", () => {
  isPaused = !isPaused;
  byId("pause").setAttribute("aria-pressed", isPaused);
  poll();
});
document.addEventListener("visibilitychange", poll);
setInterval(moveDots, 400);
window.addEventListener("resize", () => before && showBoard(before));
poll();

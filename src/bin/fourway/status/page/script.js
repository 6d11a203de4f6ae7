
"use strict";

// Each second the page reads /stats.json and shows it. It writes nothing but text.

const INTERVAL = 1000;          // milliseconds between two polls
const PATIENCE = 5000;          // the longest wait for one
const LEDGER_EVERY = 10;        // every tenth poll begins a look at the kernel's sockets
const HISTORY = 300;            // seconds in the plots
const SQUARES = 2000;           // the maximum number of squares

// Name in /stats.json, name here, what it waits for, and the place in the diagram.
const STATES = [
  ["idle", "Idle", "the next request", 12, 66],
  ["reading_head", "Head", "the rest of a head", 12, 108],
  ["awaiting_buffer", "AwaitingBuffer", "a buffer for a body", 12, 150],
  ["reading_body", "Body", "the rest of a body", 12, 192],
  ["holding", "Holding", "the program, to take a piece", 12, 234],
  ["sending", "Sending", "the client, to read", 216, 66],
  ["deferred", "Deferred", "the program's response", 216, 108],
  ["streaming", "Streaming", "the program's next piece", 216, 150],
  ["closing", "Closing", "the client's FIN", 216, 230],
];

const [WIDTH, HEIGHT] = [112, 37];

const PLOTS = [
  { name: "Requests", field: "requests", format: (n) => short(n) + "/s" },
  { name: "Connections", field: "connections", format: (n) => short(n) + "/s" },
  { name: "Bytes sent and received", field: "bytes", format: (n) => bytes(n) + "/s" },
  { name: "Busy share of the loop", field: "busy", format: (n) => n.toFixed(0) + " %", top: 100 },
];

const byId = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat("en");
const at = (stats, path) => path.split(".").reduce((value, name) => value?.[name], stats);
const sum = (object) => Object.values(object).reduce((total, count) => total + count, 0);

function scaled(number, step, units) {
  let unit = 0;
  while (number >= step * 0.9995 && unit < units.length - 1) {
    number /= step;
    unit += 1;
  }
  const digits = number >= 99.95 || Number.isInteger(number) ? 0 : 1;
  return number.toFixed(digits) + units[unit];
}

function short(number) {
  return number < 9999.5 ? whole.format(Math.round(number)) : scaled(number, 1000, ["", "k", "M", "G", "T"]);
}

function bytes(number) {
  return scaled(Math.round(number), 1000, [" B", " kB", " MB", " GB", " TB"]);
}

function time(micros) {
  const seconds = micros / 1e6;
  if (seconds < 1e-3) return Math.round(micros) + " µs";
  if (seconds < 1) return scaled(micros / 1e3, 1e9, [" ms"]);
  if (seconds < 60) return scaled(Math.round(seconds * 10) / 10, 1e9, [" s"]);
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const first = parts.findIndex(([length]) => seconds >= length);
  let rest = Math.floor(seconds);
  return parts.slice(first, first + 2).map(([length, unit]) => {
    const count = Math.floor(rest / length);
    rest -= count * length;
    return count + " " + unit;
  }).join(" ");
}

const FORMATS = {
  short, bytes, time,
  text: String,
  count: (number) => whole.format(number),
  percent: (number) => number.toFixed(1) + " %",
};

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function add(parent, name, attributes = {}, text = "") {
  const isSvg = parent.namespaceURI.endsWith("svg") || name === "svg";
  const element = isSvg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  parent.append(element);
  return element;
}

// --- What the page consists of ---

const shares = {};
for (const [state, name, waitsFor, x, y] of STATES) {
  const node = add(byId("nodes"), "g", { class: "node" });
  node.style.setProperty("--state", `var(--${state})`);
  add(node, "rect", { x, y, width: WIDTH, height: HEIGHT, rx: 5 });
  shares[state] = add(node, "rect", { x, y, width: 0, height: HEIGHT, rx: 5, class: "share" });
  add(node, "rect", { x, y, width: 5, height: HEIGHT, rx: 2, class: "mark" });
  add(node, "text", { x: x + 11, y: y + 16 }, name);
  const count = { x: x + WIDTH - 7, y: y + 30, class: "end count", "data-field": "connections.states." + state, "data-unit": "short" };
  add(node, "text", count, "–");

  const row = add(byId("states"), "tr");
  const heading = add(row, "th", { scope: "row" });
  add(heading, "span", { class: "swatch" }).style.background = `var(--${state})`;
  heading.append(name);
  add(row, "td", { "data-field": "connections.states." + state }, "–");
  add(row, "td", { class: "words" }, waitsFor);
}

for (const line of [...byId("arrows").children]) {
  line.classList.add("line");
  const dots = add(byId("arrows"), "path", { d: line.getAttribute("d"), class: "dots still" });
  dots.dataset.dots = line.dataset.flow;
}

for (const plot of PLOTS) {
  const figure = add(byId("plots"), "figure");
  const caption = add(figure, "figcaption", {}, plot.name);
  plot.now = add(caption, "b", {}, "–");
  plot.svg = add(figure, "svg", { viewBox: "0 0 600 100", preserveAspectRatio: "none", role: "img", "aria-label": plot.name });
  plot.area = add(plot.svg, "path", { class: "area" });
  plot.curve = add(plot.svg, "path", { class: "curve" });
  plot.range = add(caption, "span", { class: "range" }, "no figures yet");
}

// --- What changes ---

let before = null;
let history = [];

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

function showFlow(stats, rates) {
  const live = Math.max(1, stats.connections.live);
  for (const [state] of STATES) shares[state].setAttribute("width", WIDTH * stats.connections.states[state] / live);
  for (const element of document.querySelectorAll("[data-rate]")) setText(element, rates ? short(rates[element.dataset.rate]) : "–");
  if (rates) {
    const names = { accepted: "accepted", requests: "requests", kept: "kept alive", last: "last responses", lingered: "ended after their last response", others: "ended from any state" };
    setText(byId("d-flow"), "In a second: " + Object.entries(names).map(([name, text]) => `${short(rates[name])} ${text}`).join(", ") + ". The table of slots has the states.");
  }
  for (const dots of document.querySelectorAll("[data-dots]")) {
    const rate = rates?.[dots.dataset.dots] ?? 0;
    dots.classList.toggle("still", rate === 0);
    // One step for each factor of ten: an animation that changes its speed jumps.
    const step = Math.min(6, Math.max(0, Math.floor(Math.log10(Math.max(1, rate)))));
    dots.style.animationDuration = [1.6, 1.1, .8, .55, .4, .28, .2][step] + "s";
  }
}

function showPlots() {
  const newest = history.at(-1);
  const minutes = newest ? Math.min(HISTORY / 60, Math.floor((newest.seconds - history[0].seconds) / 60) + 1) : 1;
  setText(byId("span"), minutes + " min ago");
  for (const plot of PLOTS) {
    const points = history.filter((point) => point[plot.field] !== null);
    if (points.length === 0) {
      setText(plot.range, newest ? "unknown on this system" : "no figures yet");
      continue;
    }
    const values = points.map((point) => point[plot.field]);
    const most = Math.max(...values);
    const top = plot.top ?? nice(most);
    // A gap, such as a pause, begins a new piece.
    let [curve, area, begin, previous] = ["", "", 0, null];
    for (const [index, point] of points.entries()) {
      const x = (600 - 10 * (newest.seconds - point.seconds) / minutes).toFixed(1);
      const y = (100 - 98 * values[index] / top).toFixed(1);
      if (previous === null || point.seconds - previous.seconds > 5) {
        if (previous !== null) area += `V100H${begin}Z`;
        curve += `M${x} ${y}`;
        area += `M${x} 100V${y}`;
        begin = x;
      } else {
        curve += `L${x} ${y}`;
        area += `L${x} ${y}`;
      }
      previous = point;
    }
    plot.curve.setAttribute("d", curve);
    plot.area.setAttribute("d", area + `V100H${begin}Z`);
    setText(plot.now, plot.format(values.at(-1)));
    const text = `least ${plot.format(Math.min(...values))}, most ${plot.format(most)}; scale to ${plot.format(top)}`;
    setText(plot.range, text);
    plot.svg.setAttribute("aria-label", `${plot.name}: now ${plot.format(values.at(-1))}, ${text}`);
  }
}

// Returns 1, 2 or 5 times a power of ten, not less than the number.
function nice(number) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, number)));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= number);
}

let boardRows = 4;

function showBoard(stats) {
  const { live, states } = stats.connections;
  let each = 1;
  for (let step = 0; live / each > SQUARES; step += 1) each = [2, 5, 10][step % 3] * 10 ** Math.floor(step / 3);
  setText(byId("scale"), each === 1 ? "Each square is one connection." : `Each square is ${whole.format(each)} connections.`);
  const board = byId("board");
  const [pitch, size, width] = [8, 7, board.clientWidth];
  const columns = Math.max(1, Math.floor(width / pitch));
  const squares = STATES.flatMap(([state]) => Array(Math.ceil(states[state] / each)).fill(state));
  boardRows = Math.max(boardRows, Math.ceil(squares.length / columns));
  const scale = window.devicePixelRatio || 1;
  board.style.height = boardRows * pitch + "px";
  board.width = width * scale;
  board.height = boardRows * pitch * scale;
  const context = board.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  const colors = Object.fromEntries(["line", ...STATES.map(([state]) => state)].map((name) => [name, style.getPropertyValue("--" + name)]));
  context.scale(scale, scale);
  for (let index = 0; index < columns * boardRows; index += 1) {
    const [x, y] = [index % columns * pitch, Math.floor(index / columns) * pitch];
    const state = squares[index];
    context.globalAlpha = state ? 1 : 0.45;
    context.fillStyle = colors[state ?? "line"];
    context.fillRect(x, y, size, size);
  }
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
  if (!isSameRun) history = [];
  if (rates) {
    const { requests, accepted: connections, bytes: sent, busy } = rates;
    const seconds = stats.uptime_us / 1e6;
    history.push({ seconds, requests, connections, bytes: sent, busy });
    history = history.filter((point) => point.seconds > seconds - HISTORY);
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

// --- When ---

let timer = 0;
let polls = 0;
let isPaused = false;
let isPolling = false;

async function poll() {
  if (isPolling || isPaused || document.hidden) return;
  isPolling = true;
  const begin = performance.now();
  try {
    const query = polls++ % LEDGER_EVERY === 0 ? "?ledger" : "";
    const response = await fetch("stats.json" + query, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    if (!response.ok) throw new Error("status " + response.status);
    show(await response.json());
    byId("problem").hidden = true;
  } catch (error) {
    byId("problem").hidden = false;
    setText(byId("problem"), "The server does not answer. These figures are old.");
  }
  isPolling = false;
  clearTimeout(timer);
  timer = setTimeout(poll, Math.max(100, INTERVAL - (performance.now() - begin)));
}

byId("pause").addEventListener("click", () => {
  isPaused = !isPaused;
  byId("pause").setAttribute("aria-pressed", isPaused);
  poll();
});
document.addEventListener("visibilitychange", poll);
window.addEventListener("resize", () => before && showBoard(before));
poll();

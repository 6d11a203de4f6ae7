
// --- Drawings: the diagram, the plots and the squares of the slots ---

const HISTORY = 300;            // seconds in the plots
const SQUARES = 2000;           // the maximum number of squares
const DOTS = 14;                // the space from dot to dot, as in the style sheet
const [WIDTH, HEIGHT] = [112, 37];  // of a node
const prefersRest = matchMedia("(prefers-reduced-motion: reduce)");

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

const PLOTS = [
  { name: "Requests", field: "requests", format: (n) => short(n) + "/s" },
  { name: "Connections", field: "connections", format: (n) => short(n) + "/s" },
  { name: "Bytes sent and received", field: "bytes", format: (n) => bytes(n) + "/s" },
  { name: "Busy share of the loop", field: "busy", format: (n) => n.toFixed(0) + " %", top: 100 },
];

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

// An arrow without a flow has no count of its own: the counts of its transitions are in those of other arrows.
for (const line of [...byId("arrows").children]) {
  line.classList.add("line");
  if (!line.dataset.flow) continue;
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
    dots.dataset.step = Math.min(6, 1 + Math.log10(Math.max(1, rate)));
  }
}

// Moves the dots along the arrows. This draws seldom, because a browser on the machine of a load test takes the processor from
// it: an animation of the style sheet draws 60 times a second, and took half of one.
function moveDots() {
  if (isPaused || document.hidden || prefersRest.matches) return;
  for (const dots of document.querySelectorAll(".dots:not(.still)")) {
    const offset = Number.parseFloat(dots.style.strokeDashoffset || "0") - Number(dots.dataset.step);
    dots.style.strokeDashoffset = (offset % DOTS).toFixed(1);
  }
}

function showPlots() {
  const newest = past.at(-1);
  const minutes = newest ? Math.min(HISTORY / 60, Math.floor((newest.seconds - past[0].seconds) / 60) + 1) : 1;
  setText(byId("span"), minutes + " min ago");
  for (const plot of PLOTS) {
    const points = past.filter((point) => point[plot.field] !== null);
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

// The board does not shrink, so what stands below it does not jump.
const drawn = { columns: 0, rows: 0 };

function showBoard(stats) {
  const { live, states } = stats.connections;
  let each = 1;
  for (let step = 0; live / each > SQUARES; step += 1) each = [2, 5, 10][step % 3] * 10 ** Math.floor(step / 3);
  setText(byId("scale"), each === 1 ? "Each square is one connection." : `Each square is ${whole.format(each)} connections.`);
  const board = byId("board");
  const [pitch, size, width] = [8, 7, board.clientWidth];
  const columns = Math.max(1, Math.floor(width / pitch));
  const squares = STATES.flatMap(([state]) => Array(Math.ceil(states[state] / each)).fill(state));
  const least = drawn.columns === columns ? drawn.rows : 4;
  const rows = Math.max(least, Math.ceil(squares.length / columns));
  Object.assign(drawn, { columns, rows });
  const scale = window.devicePixelRatio || 1;
  board.style.height = rows * pitch + "px";
  board.width = width * scale;
  board.height = rows * pitch * scale;
  const context = board.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  const colors = Object.fromEntries(["line", ...STATES.map(([state]) => state)].map((name) => [name, style.getPropertyValue("--" + name)]));
  context.scale(scale, scale);
  for (let index = 0; index < columns * rows; index += 1) {
    const [x, y] = [index % columns * pitch, Math.floor(index / columns) * pitch];
    const state = squares[index];
    context.globalAlpha = state ? 1 : 0.45;
    context.fillStyle = colors[state ?? "line"];
    context.fillRect(x, y, size, size);
  }
}

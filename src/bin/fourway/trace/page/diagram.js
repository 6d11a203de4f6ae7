
// --- The diagram of the states: its arrows are the rows of the table of transitions, and nothing else ---

const NODE = { width: 118, height: 34 };
const COLUMNS = { reading: 38, responding: 224, closing: 224 };
// The top of the first node of each group.
const TOPS = { reading: 62, responding: 62, closing: 246 };
const PITCH = 46;

const places = {};
for (const [group, states] of Object.entries(tableOfTransitions.groups)) {
  states.forEach((state, index) => {
    places[state] = { x: COLUMNS[group], y: TOPS[group] + index * PITCH, ...NODE, group };
  });
}
places.accept = { x: 57, y: 4, width: 80, height: 24, group: "outside" };
places.gone = { x: 38, y: 396, width: 200, height: 32, group: "outside" };
places.host = { x: 258, y: 396, width: 84, height: 32, group: "outside" };

const COLORS = {
  Idle: "idle", Received: "received", Head: "reading_head", AwaitingBuffer: "awaiting_buffer", Body: "reading_body",
  Holding: "holding", Sending: "sending", Deferred: "deferred", Streaming: "streaming", Closing: "closing",
};

// Returns the path of an arrow from one place to another.
function arrowPath(from, to) {
  const [a, b] = [places[from], places[to]];
  const middle = (place) => place.y + place.height / 2;
  if (from === to) {
    const [x, y] = [a.x + a.width, middle(a)];
    return `M${x} ${y - 7}c20 -8 20 22 2 14`;
  }
  if (from === "accept") return `M${a.x + a.width / 2} ${a.y + a.height}V${b.y - 2}`;
  if (to === "gone" && a.group === "reading") return `M${a.x} ${middle(a) + 6}H16V${b.y + 16}H${b.x - 2}`;
  if (to === "gone" && a.group === "closing") return `M${a.x + 20} ${a.y + a.height}C${a.x + 20} 340 ${b.x + 150} 340 ${b.x + 150} ${b.y - 2}`;
  if (to === "gone") return `M${a.x + a.width} ${middle(a) + 6}H356V376H${b.x + 176}V${b.y - 2}`;
  if (to === "host") return `M${a.x + a.width} ${middle(a) - 6}H368V${b.y + 16}H${b.x + b.width + 2}`;
  if (a.x === b.x) {
    // In one column: downwards on the left, upwards on the right.
    const isDown = b.y > a.y;
    const gap = Math.abs(b.y - a.y) / PITCH;
    const bow = 7 + 4.5 * gap;
    const [x, sign] = isDown ? [a.x, -1] : [a.x + a.width, 1];
    const [y1, y2] = [middle(a) + (isDown ? 9 : -9), middle(b) + (isDown ? -9 : 9)];
    return `M${x} ${y1}C${x + sign * bow} ${y1} ${x + sign * bow} ${y2} ${x + sign * 2} ${y2}`;
  }
  const isRight = b.x > a.x;
  const [x1, x2] = isRight ? [a.x + a.width, b.x - 2] : [a.x, b.x + b.width + 2];
  const [y1, y2] = [middle(a) + (isRight ? -4 : 4), middle(b) + (isRight ? -4 : 4)];
  const half = (x1 + x2) / 2;
  return `M${x1} ${y1}C${half} ${y1} ${half} ${y2} ${x2} ${y2}`;
}

const nodes = {};
const arrows = {};

function drawDiagram() {
  const svg = byId("diagram");
  const lines = add(svg, "g", { class: "lines" });
  for (const { from, to } of tableOfTransitions.rows) {
    arrows[from + ">" + to] = add(lines, "path", { d: arrowPath(from, to), "data-from": from, "data-to": to });
  }
  for (const [name, { x, y, width, height, group }] of Object.entries(places)) {
    const node = add(svg, "g", { class: "node " + group, "data-state": name });
    if (COLORS[name]) node.style.setProperty("--state", `var(--${COLORS[name]})`);
    add(node, "rect", { x, y, width, height, rx: 6 });
    if (COLORS[name]) add(node, "rect", { x, y, width: 5, height, rx: 2, class: "mark" });
    const label = add(node, "text", { x: x + 12, y: y + height / 2 + 4, class: "label" }, name);
    const who = add(node, "text", { x: x + width - 7, y: y + height / 2 + 4, class: "end who-is-there" }, "");
    nodes[name] = { node, label, who };
  }
}

// Shows where the connections are, and the arrow that this step has taken.
function showDiagram(model, step, focus, sentences) {
  const there = Object.create(null);
  for (const connection of model.connections.values()) (there[connection.state] ??= []).push(connection.number);
  const own = model.connections.get(focus);
  for (const [name, { node, label, who }] of Object.entries(nodes)) {
    node.classList.toggle("now", own?.state === name);
    if (!COLORS[name]) setText(label, sentences[name]);
    const numbers = there[name] ?? [];
    const isWide = name === "gone";
    const most = isWide ? 8 : name.length > 9 ? 1 : 3;
    const shown = numbers.slice(-most).map((number) => "#" + number).join(" ");
    setText(who, numbers.length > most ? `${numbers.length}×` : shown);
    node.dataset.count = numbers.length;
  }
  const changes = step.filter((record) => record.connection === focus && ["accepted", "state", "closed"].includes(record.kind));
  const now = changes.length > 0 ? own.taken.at(-1) : null;
  const last = changes.at(-1);
  const current = !last ? now : last.kind === "state" ? `${last.from}>${last.to}` : last.kind === "accepted" ? "accept>" + FIRST_STATE : `${last.from}>${own.state}`;
  for (const [name, line] of Object.entries(arrows)) {
    const isNow = name === current;
    line.setAttribute("class", isNow ? "now" : own?.taken.includes(name) ? "taken" : "");
    line.setAttribute("marker-end", isNow ? "url(#tip-now)" : own?.taken.includes(name) ? "url(#tip)" : "");
    if (isNow && line.nextSibling) line.parentNode.append(line);
  }
  const text = own ? fill(sentences.diagram_says, { c: own.number, state: own.state }) : sentences.nobody_yet;
  setText(byId("d-states"), text);
}


// --- The view: it shows a model, and writes nothing but text ---

const ROWS_AROUND = 14;         // steps shown before and after the current one
let words = languages[document.documentElement.lang] ?? languages.en;

function setField(name, value, text = String(value)) {
  for (const element of document.querySelectorAll(`[data-field="${name}"]`)) {
    element.dataset.value = value;
    setText(element, text);
  }
}

// Returns a chip that names a connection, in the color of its state.
function chip(parent, model, number, more = "") {
  const state = model.connections.get(number)?.state;
  const element = add(parent, "li", { class: "chip" + (number === focusOf(model) ? " own" : ""), "data-connection": number }, "#" + number);
  if (COLORS[state]) element.style.setProperty("--state", `var(--${COLORS[state]})`);
  if (more) add(element, "span", { class: "more" }, more);
  return element;
}

function showKernels(model, connection) {
  const ends = connection?.ends ?? null;
  byId("wire").classList.toggle("unknown", ends === null);
  byId("unseen").hidden = trace.header.source !== "server";
  const value = (name) => ends?.[name] ?? null;
  for (const name of ["server_unread", "client_got"]) {
    const count = value(name);
    setField(name, count ?? "", count === null ? "?" : whole.format(count));
  }
  for (const name of ["server_state", "client_state"]) setField(name, value(name) ?? "", value(name) ?? "?");
  const room = value("client_room");
  setField("client_room", room ?? "", room === null ? words.no_limit : whole.format(room));
  byId("room-line").hidden = ends === null;
  setField("held_back", value("held_back") ?? 0, whole.format(value("held_back") ?? 0));
  byId("held-line").hidden = !value("held_back");
  const share = (count) => (count ? Math.min(100, 12 + 16 * Math.log10(count)) : 0) + "%";
  byId("fill-up").style.width = share(value("server_unread"));
  byId("fill-down").style.width = share(value("client_got"));
}

function showQueue(model) {
  setField("ready", model.ready.length);
  const list = byId("ready");
  list.replaceChildren();
  for (const number of model.ready) chip(list, model, number);
  if (model.ready.length === 0) add(list, "li", { class: "unit" }, words.empty);
}

function showLists(model) {
  for (const row of byId("lists").rows) {
    const waiting = model.lists.get(row.dataset.list) ?? [];
    row.dataset.value = waiting.map((it) => it.number).join();
    const cell = row.cells[2].firstChild;
    cell.replaceChildren();
    for (const { number, until, of } of waiting.slice(0, 6)) {
      const left = until - model.time;
      const element = chip(cell, model, number, left <= 0 ? "0" : time(left));
      element.style.setProperty("--left", Math.max(0, Math.min(100, 100 * left / of)) + "%");
      element.classList.add("timed");
    }
    if (waiting.length > 6) add(cell, "li", { class: "unit" }, "+" + (waiting.length - 6));
    row.classList.toggle("none", waiting.length === 0);
  }
}

function showBuffers(model) {
  for (const kind of BUFFERS) {
    setField("lent_" + kind, model.lent[kind]);
    const holders = [...model.connections.values()].filter((connection) => connection.held[kind]);
    const list = byId("holders-" + kind);
    list.replaceChildren();
    for (const { number } of holders.slice(0, 6)) chip(list, model, number);
    if (holders.length > 6) add(list, "li", { class: "unit" }, "+" + (holders.length - 6));
  }
}

function callText(record) {
  const result = record.error ?? (record.bytes === undefined ? "0" : String(record.bytes));
  const asked = record.of === undefined ? "" : `, ${record.of}`;
  return `${record.call}(${record.connection === undefined ? "listener" : "#" + record.connection}${asked}) = ${result}`;
}

function showCalls(model, step) {
  setField("calls", model.calls);
  const list = byId("calls");
  list.replaceChildren();
  for (const record of model.lastCalls.slice(-10)) {
    const kind = record.error === "WouldBlock" ? "blocks" : record.error ? "fails" : "";
    add(list, "li", { class: `${kind} ${step.includes(record) ? "now" : ""}` }, callText(record));
  }
  list.scrollTop = list.scrollHeight;
}

function showAll(index) {
  const list = byId("all");
  const [from, to] = [Math.max(0, index - ROWS_AROUND), Math.min(trace.steps.length, index + ROWS_AROUND + 1)];
  list.replaceChildren();
  list.start = from + 1;
  for (let at = from; at < to; at += 1) {
    const record = trace.steps[at][0];
    const item = add(list, "li", { class: (at === index ? "now " : "") + "kind-" + (/^\w+$/.test(record.kind) ? record.kind : "other") });
    const button = add(item, "button", { type: "button", "data-step": at, tabindex: "-1" }, say(record, words));
    if (at === index) button.setAttribute("aria-current", "step");
  }
  const now = list.querySelector(".now");
  if (now) list.scrollTop = now.offsetTop - list.offsetTop - list.clientHeight / 2;
}

function showConnections(model) {
  const box = byId("connections");
  box.replaceChildren();
  const all = [...model.connections.values()];
  const own = focusOf(model);
  const live = all.filter(({ state, number }) => number === own || !["gone", "host"].includes(state)).slice(-20);
  for (const { number, state } of live) {
    const button = add(box, "button", { type: "button", class: "chip" + (number === own ? " own" : ""), "data-pick": number, "aria-pressed": number === own }, "#" + number);
    if (COLORS[state]) button.style.setProperty("--state", `var(--${COLORS[state]})`);
  }
  if (all.length === 0) add(box, "span", { class: "unit" }, words.nobody_yet);
}

// Returns bytes that a client has sent, with the ends of their lines to be seen.
function visible(text) {
  return text.replaceAll("\r", "␍").replaceAll("\n", "␊\n").replace(/\n$/, "");
}

// Shows the line of source that made the step, or the bytes that a client has sent.
function showSource(record) {
  setText(byId("at"), record.at ?? "");
  byId("at").parentNode.style.visibility = record.at ? "visible" : "hidden";
  const lines = sources[record.at];
  const code = byId("code");
  code.replaceChildren();
  code.classList.toggle("sent", typeof record.text === "string");
  code.hidden = !lines && typeof record.text !== "string";
  if (typeof record.text === "string") setText(code, visible(record.text));
  for (const [number, text] of lines ?? []) {
    const isIt = record.at.endsWith(":" + number);
    add(code, "span", { class: isIt ? "now" : "" }, `${String(number).padStart(4)} ${text}`);
  }
}

function showStep(index) {
  const step = trace.steps[index];
  const model = player.at(index);
  const focus = focusOf(model);
  const connection = model.connections.get(focus);
  const record = step[0];
  setField("step", index + 1);
  setField("turn", record.turn ?? "");
  setField("time", model.time, time(model.time));
  setText(byId("say"), say(record, words));
  setText(byId("mean"), mean(record, words));
  document.querySelector(".step").dataset.kind = record.kind;
  showSource(record);
  setText(byId("focus"), connection ? fill(words.connection, { c: connection.number }) : "");
  showConnections(model);
  showDiagram(model, step, focus, words);
  showKernels(model, connection);
  showQueue(model);
  showLists(model);
  showBuffers(model);
  showCalls(model, step);
  showAll(index);
  setText(byId("problem"), problems(model).join(" "));
  byId("problem").hidden = byId("problem").textContent === "";
}

function problems(model) {
  const found = [];
  if (trace.bad > 0) found.push(fill(words.bad_lines, { count: trace.bad }));
  if (model.lost > 0) found.push(fill(words.lost_records, { lost: model.lost }));
  if (!trace.isWhole) found.push(words.cut_off);
  return found;
}

// Writes all that does not change from step to step.
function showLanguage(tag) {
  words = languages[tag];
  document.documentElement.lang = tag === "zh" ? "zh-CN" : tag;
  for (const element of document.querySelectorAll("[data-say]")) setText(element, words[element.dataset.say]);
  for (const id of ["first", "back", "forward", "last", "slider"]) byId(id).setAttribute("aria-label", words[id]);
  byId("controls").setAttribute("aria-label", words.all);
  byId("pace").setAttribute("aria-label", words.pace);
  byId("connections").setAttribute("aria-label", words.states);
  const [title, story] = [words.title ?? trace.header.title ?? "", words.story ?? trace.header.story ?? ""];
  for (const row of byId("lists").rows) {
    const timeout = (trace.header.timeouts_ms ?? {})[row.dataset.list];
    setText(row.cells[1], timeout === undefined ? "–" : wait(timeout, words));
  }
  setText(byId("title"), title.replace(/^fourway /, ""));
  document.title = title ? `${title} · fourway trace` : "fourway trace";
  setText(byId("story"), story);
  byId("story").hidden = story === "";
  setText(byId("language"), words.other_language);
  byId("language").lang = tag === "zh" ? "en" : "zh-CN";
  byId("language").dataset.tag = tag;
}

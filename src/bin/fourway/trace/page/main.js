
// --- The player: which step is shown, and who is looked at ---

const sources = JSON.parse(byId("sources").textContent);
const trace = readTrace(byId("trace").textContent);
trace.steps = stepsOf(trace.records);
trace.isWhole = trace.records.at(-1)?.kind === "end";
const player = new Player(trace.steps);

let current = 0;
let picked = null;              // the connection that the reader has chosen to look at
let timer = 0;

// The connection that is looked at: the chosen one, else the one of the last step that has any.
function focusOf(model) {
  return picked !== null && model.connections.has(picked) ? picked : model.focus;
}

function goTo(index) {
  if (trace.steps.length === 0) return;
  current = Math.max(0, Math.min(trace.steps.length - 1, index));
  byId("slider").value = current;
  byId("slider").setAttribute("aria-valuetext", `${current + 1} / ${trace.steps.length}`);
  showStep(current);
  if (timer && current === trace.steps.length - 1) pause();
}

// Goes to the begin of the next turn of the loop, or of the one before.
function goToTurn(direction) {
  const begins = (step) => step[0].kind === "turn" && step[0].step === "begins";
  let at = current + direction;
  while (trace.steps[at] && !begins(trace.steps[at])) at += direction;
  goTo(at);
}

function pause() {
  clearInterval(timer);
  timer = 0;
  showPlaying();
}

function play() {
  if (current === trace.steps.length - 1) goTo(0);
  timer = setInterval(() => goTo(current + 1), Number(byId("pace").value));
  showPlaying();
}

function showPlaying() {
  setText(byId("play"), timer ? words.pause : words.play);
  byId("play").setAttribute("aria-pressed", Boolean(timer));
  document.querySelector(".said").setAttribute("aria-live", timer ? "off" : "polite");
}

const KEYS = {
  ArrowRight: () => goTo(current + 1),
  ArrowLeft: () => goTo(current - 1),
  PageDown: () => goToTurn(1),
  PageUp: () => goToTurn(-1),
  Home: () => goTo(0),
  End: () => goTo(trace.steps.length - 1),
  " ": () => (timer ? pause() : play()),
};

function onKey(event) {
  const isOnControl = event.key === " " && event.target.closest("button, select, a");
  if (!KEYS[event.key] || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || isOnControl || event.target.closest("select")) return;
  event.preventDefault();
  KEYS[event.key]();
}

function begin() {
  drawDiagram();
  setText(byId("steps"), whole.format(trace.steps.length));
  for (const state of Object.keys(COLORS).filter((name) => name !== "Received")) {
    const row = add(byId("lists"), "tr", { "data-list": state });
    const heading = add(row, "th", { scope: "row" });
    add(heading, "span", { class: "swatch" }).style.background = `var(--${COLORS[state]})`;
    heading.append(state);
    add(row, "td", {}, "–");
    add(add(row, "td", { class: "words" }), "ul", { class: "chips" });
  }
  for (const kind of BUFFERS) {
    const box = add(byId("buffers"), "div", { class: "buffer" });
    const name = add(box, "span", { class: "name", "data-say": kind });
    name.textContent = kind;
    add(box, "b", { "data-field": "lent_" + kind }, "0");
    add(box, "ul", { class: "chips", id: "holders-" + kind });
  }
  showLanguage(document.documentElement.lang.startsWith("zh") ? "zh" : "en");
  byId("slider").max = Math.max(0, trace.steps.length - 1);
  byId("slider").addEventListener("input", () => goTo(Number(byId("slider").value)));
  for (const [id, key] of [["first", "Home"], ["back", "ArrowLeft"], ["play", " "], ["forward", "ArrowRight"], ["last", "End"]]) {
    byId(id).addEventListener("click", KEYS[key]);
  }
  byId("pace").addEventListener("change", () => timer && (pause(), play()));
  byId("language").addEventListener("click", () => {
    showLanguage(byId("language").dataset.tag === "zh" ? "en" : "zh");
    showPlaying();
    goTo(current);
  });
  byId("all").addEventListener("click", (event) => {
    const button = event.target.closest("[data-step]");
    if (button) goTo(Number(button.dataset.step));
  });
  byId("connections").addEventListener("click", (event) => {
    const number = Number(event.target.closest("[data-pick]")?.dataset.pick);
    if (!Number.isInteger(number)) return;
    picked = picked === number ? null : number;
    goTo(current);
  });
  document.addEventListener("keydown", onKey);
  showPlaying();
  if (trace.steps.length === 0) {
    setText(byId("problem"), words.no_steps);
    byId("problem").hidden = false;
  }
  // A link may name a step: page.html#12.
  goTo((Number.parseInt(location.hash.slice(1), 10) || 1) - 1);
}

begin();

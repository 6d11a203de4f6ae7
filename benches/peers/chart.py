#!/usr/bin/env python3
"""The comparison with other servers: a chart, and the table of docs/PERFORMANCE.md, both made of results.json.

    chart.py import PEERS.json --date 2026-11-25 --machine "two cores of ..." --kernel "Linux 6.18"
             --command "./peers ..." --version fourway=0.1.0 --version nginx=1.22.1 ...
    chart.py draw               writes chart.svg
    chart.py table [--write]    prints the table, or writes it to docs/PERFORMANCE.md and the chart's line to README.md,
                                each between the markers there
    chart.py --check            fails unless chart.svg, docs/PERFORMANCE.md and README.md are what results.json gives

PEERS.json is what the measuring script, `peers --json`, has saved. Versions are those of the programs
that were measured:

    nginx -v; haproxy -v; h2o --version; lighttpd -v; fourway --version
    cargo pkgid --offline --manifest-path PEER/Cargo.toml hyper    (actix-web, ntex, tiny_http, may_minihttp)
    git -C libreactor rev-parse --short HEAD, and AC_INIT in its configure.ac
"""
import argparse
import json
import math
import os
import pathlib
import statistics
import sys
from html import escape

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RESULTS, CHART = HERE / "results.json", HERE / "chart.svg"
README, PERFORMANCE = ROOT / "README.md", ROOT / "docs" / "PERFORMANCE.md"
BEGIN, END = "<!-- peers: by benches/peers/chart.py -->", "<!-- /peers -->"

# Our names of the figures and servers, and those that `peers` saves them under.
FIGURES = {"us/conn1": "us_conn1", "us/conn": "us_conn", "us/req1": "us_req1", "us/pipe": "us_pipe",
           "B/idle": "idle_bytes", "sc/conn": "sc_conn", "sc/req": "sc_req"}
OURS = {"mine": "fourway", "may": "may_minihttp"}
SHOWN = {"floor": "raw epoll (floor)"}
IDLE, QUIET = 15000, 0.15  # what `peers` asks for, or remarks on
REMARKS = {"noclose": "leaves the close to the client, in the columns of one-shot connections too",
           "noidle": "not measured with idle connections", "noka": "no keep-alive", "nopipe": "no pipelining",
           "disturbed": f"something else took more than {QUIET:.0%} of a core in at least one measurement"}


def fail(why):
    sys.exit(f"chart.py: {why}")


def notes(peer):
    """What `peers` would remark on beside its own table."""
    rounds, once = peer["rounds"], peer["once"]
    for key, what in ("churn_err", "connection"), ("ka_err", "request"), ("pipe_err", "pipelining"):
        if worst := max((r.get(key) or 0 for r in rounds), default=0):
            yield f"up to {worst:.0f} {what} errors in a round"
    if once.get("idle_up", IDLE) < IDLE:
        yield f"only {once['idle_up']:,} idle connections held"
    if once.get("idle_lost"):
        yield f"{once['idle_lost']:.0f} idle connections lost"
    if max([r.get("foreign") or 0 for r in rounds] + [once.get("idle_foreign") or 0]) > QUIET:
        yield "disturbed"
    yield from peer["flags"]
    if lost := len(peer["failed"]):
        yield f"the client ended without a result in {lost} of {len(rounds) + lost} rounds, which are left out"


def convert(peers, versions, about):
    peers = {OURS.get(name, name): peer for name, peer in peers.items()}
    if peers.keys() - {"floor"} != versions.keys():
        fail(f"give the --version of each of: {', '.join(peers.keys() - {'floor'})}")
    servers = {}
    for name, peer in peers.items():
        servers[name] = {"version": versions.get(name, "")}
        for figure, key in FIGURES.items():
            values = [round(r[key], 3) for r in [*peer["rounds"], peer["once"]] if r.get(key) is not None]
            servers[name][figure] = {"median": statistics.median(values), "rounds": values} if values else None
        servers[name]["notes"] = list(notes(peer))
    return about | {"servers": servers}


def dump(value, depth=0):
    """JSON with a line for each figure."""
    if depth == 3 or not isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    pad = "  " * depth
    lines = (f"{pad}  {json.dumps(key)}: {dump(inner, depth + 1)}" for key, inner in value.items())
    return "{\n" + ",\n".join(lines) + f"\n{pad}}}"


class Results:
    def __init__(self, saved):
        self.command, self.servers = saved["command"], saved["servers"]
        self.where = "{date}, {machine}, {kernel}".format(**saved)
        for name, figure in ((n, f) for n, s in self.servers.items() for f in FIGURES if s[f]):
            if self.get(name, figure) != statistics.median(self.servers[name][figure]["rounds"]):
                fail(f"{name}'s {figure} is not the median of its rounds")
        if None in [self.get(name, f) for name in ("floor", "fourway") for f in ("us/conn1", "B/idle")]:
            fail("nothing to show without the cost per connection and bytes of floor and fourway")
        cost = lambda name: self.get(name, "us/conn1")
        self.names = sorted(self.servers, key=lambda name: cost(name) or math.inf)
        self.rounds = len(self.servers["floor"]["us/conn1"]["rounds"])
        self.summary = (f"fourway takes {cost('fourway') / cost('floor'):.2f} times the CPU of a raw epoll server per "
                        f"one-shot connection, and {count(self.get('fourway', 'B/idle'))} bytes per idle connection.")

    def get(self, name, figure):
        """The median, or None."""
        got = self.servers[name][figure]
        return got and got["median"]


def count(value):
    return f"{max(0, value):,.0f}"


def table(results):
    def cell(name, figure, form="{:.2f}".format):
        value = results.get(name, figure)
        return "–" if value is None else form(value)

    def timed(name, figure):
        return cell(name, figure, lambda value: f"{value:.2f} ({value / results.get('floor', figure):.2f})")

    remarks = list(dict.fromkeys(note for name in results.names for note in results.servers[name]["notes"]))
    rows = [["server", "version", "one-shot connection", "the same, client on another core", "keep-alive request",
             "16 pipelined, per request, client on another core", "bytes per idle connection",
             "system calls per connection / request"],
            ["---"] * 2 + ["---:"] * 6]
    for name in results.names:
        marks = "".join(f" <sup>{remarks.index(note) + 1}</sup>" for note in results.servers[name]["notes"])
        rows.append([({"fourway": "**fourway**"} | SHOWN).get(name, name) + marks,
                     results.servers[name]["version"] or "–",
                     *(timed(name, figure) for figure in ("us/conn1", "us/conn", "us/req1", "us/pipe")),
                     cell(name, "B/idle", count), f"{cell(name, 'sc/conn')} / {cell(name, 'sc/req')}"])
    return "\n".join([
        "CPU in µs, and as a ratio to that of a raw epoll server in C that parses nothing and times nothing out: "
        f"medians of {results.rounds} rounds or as many as gave a result; memory and system calls were measured once "
        f"({results.where}).", "",
        *(f"| {' | '.join(row)} |" for row in rows), "",
        *(f"<sup>{n}</sup> {REMARKS.get(note, note)}  " for n, note in enumerate(remarks, 1)), *[""] * bool(remarks),
        "Measured by", "", f"    {results.command}"])


def pages(results):
    """The pages that show results, each with its text."""
    def filled(page, *parts):
        text = page.read_text()
        if text.count(BEGIN) != 1 or text.count(END) != 1:
            fail(f"{page.name} needs these two lines, once each: {BEGIN} and {END}")
        before, rest = text.split(BEGIN)
        chart = f"![{results.summary}]({pathlib.Path(os.path.relpath(CHART, page.parent)).as_posix()})"
        return "\n\n".join([before + BEGIN, chart, *parts, END + rest.split(END)[1]])

    return {PERFORMANCE: filled(PERFORMANCE, table(results)), README: filled(README)}


# The image follows the system's scheme, and the page perhaps its own: each colour can be read on both backgrounds.
STYLE = """
text { font: 12px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #59636e }
.small { font-size: 11px } .head { font-size: 14px } .head, .ours { font-weight: 600 }
.end { text-anchor: end } .middle { text-anchor: middle }
rect { fill: #848d97; fill-opacity: .6 } line { stroke: #59636e } .floor { stroke-dasharray: 3 3 }
rect.ours { fill: #0969da; fill-opacity: .85 } text.ours { fill: #0969da }
@media (prefers-color-scheme: dark) {
  text { fill: #8b949e } line { stroke: #8b949e } rect.ours, text.ours { fill: #4493f8 }
}"""
WIDTH, TOP, ROW, BAR = 800, 56, 24, 14
NAMES, CPU, CPU_WIDTH, MEMORY, MEMORY_WIDTH = 132, 140, 200, 484, 250


def draw(results):
    out, bottom = [], TOP + ROW * len(results.names)

    def text(x, y, content, kind=""):
        out.append(f'<text x="{x:.1f}" y="{y}" class="{kind}">{escape(content)}</text>')

    def line(x1, y1, x2, y2, kind=""):
        out.append(f'<line x1="{x1:.1f}" y1="{y1}" x2="{x2:.1f}" y2="{y2}" class="{kind}"/>')

    def panel(x, title, below, ticks):
        text(x, 18, title, "head")
        text(x, 36, below, "small")
        line(x, TOP, x, bottom)
        for at, tick in ticks:
            line(at, bottom, at, bottom + 4)
            text(at, bottom + 16, tick, "small middle")

    floor = results.get("floor", "us/conn1")
    longest = max(max(s["us/conn1"]["rounds"]) for s in results.servers.values() if s["us/conn1"])
    cpu = lambda value: CPU + value / longest * CPU_WIDTH
    panel(CPU, "CPU per one-shot connection", f"and times the floor’s; medians and ranges of {results.rounds} rounds",
          [(cpu(n * floor), f"{n}×" if n else "0") for n in range(math.floor(longest / floor) + 1)])

    held = [value for name in results.names if (value := results.get(name, "B/idle") or 0) >= 1]
    low, high = math.floor(math.log10(min(held))), math.log10(max(held))
    memory = lambda value: MEMORY + (math.log10(max(value, 10 ** low)) - low) / (high - low) * MEMORY_WIDTH
    panel(MEMORY, "Memory per idle connection", "bytes of the process’s own, on a logarithmic scale",
          [(memory(10 ** n), f"{10 ** n:,}") for n in range(low, math.floor(high) + 1)])

    for row, name in enumerate(results.names):
        middle = TOP + ROW * row + ROW // 2
        ours = "ours" if name == "fourway" else ""

        def bar(start, end, words, beyond=0):
            width, y = f"{end - start:.1f}", middle - BAR // 2
            out.append(f'<rect x="{start}" y="{y}" width="{width}" height="{BAR}" class="{ours}"/>')
            text(max(end, beyond) + 6, middle + 4, words, ours)

        star = "*" * ("noclose" in results.servers[name]["notes"])
        text(NAMES, middle + 4, SHOWN.get(name, name) + star, f"end {ours}")
        if cost := results.servers[name]["us/conn1"]:
            least, most = cpu(min(cost["rounds"])), cpu(max(cost["rounds"]))
            words = f"{cost['median']:.2f} µs · {cost['median'] / floor:.2f}×"
            bar(CPU, cpu(cost["median"]), words, max(most, cpu(floor)))
            line(least, middle, most, middle)
        if (value := results.get(name, "B/idle")) is not None:
            bar(MEMORY, memory(value), count(value))
        for x, figure in (CPU, "us/conn1"), (MEMORY, "B/idle"):
            if results.get(name, figure) is None:
                text(x + 6, middle + 4, "not measured", "small")
    line(cpu(floor), TOP, cpu(floor), bottom, "floor")

    starred = any("noclose" in server["notes"] for server in results.servers.values())
    text(WIDTH / 2, bottom + 40, results.where + "; * leaves the close to the client" * starred, "small middle")
    height = bottom + 50
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'role="img" aria-labelledby="title desc">',
        '<title id="title">What a connection costs: fourway and other servers</title>',
        f'<desc id="desc">{escape(results.summary)} docs/PERFORMANCE.md has every figure in a table.</desc>',
        f"<style>{STYLE}\n</style>", *out, "</svg>\n"])


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--check", action="store_true")
    verbs = ap.add_subparsers(dest="verb")
    verb = verbs.add_parser("import")
    verb.add_argument("peers", type=pathlib.Path, metavar="PEERS.json")
    for option in "--date", "--machine", "--kernel", "--command":
        verb.add_argument(option, required=True)
    verb.add_argument("--version", action="append", default=[], metavar="NAME=VERSION")
    verbs.add_parser("draw")
    verbs.add_parser("table").add_argument("--write", action="store_true")
    args = ap.parse_args()

    if args.verb == "import":
        about = {key: getattr(args, key) for key in ("date", "machine", "kernel", "command")}
        saved = convert(json.loads(args.peers.read_text()), dict(v.split("=", 1) for v in args.version), about)
        return RESULTS.write_text(dump(saved) + "\n")
    results = Results(json.loads(RESULTS.read_text()))
    if args.check:
        made = {CHART: draw(results)} | pages(results)
        if stale := [file.name for file, want in made.items() if not file.exists() or file.read_text() != want]:
            fail(f"not what results.json gives: {', '.join(stale)}; run chart.py draw, and chart.py table --write")
    elif args.verb == "draw":
        CHART.write_text(draw(results))
    elif args.verb == "table" and args.write:
        for page, text in pages(results).items():
            page.write_text(text)
    else:
        print(table(results))


if __name__ == "__main__":
    main()

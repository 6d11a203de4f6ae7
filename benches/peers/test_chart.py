"""What chart.py makes of results that were made up: python3 benches/peers/test_chart.py"""
import contextlib
import io
import json
import pathlib
import re
import sys
import tempfile
import unittest
from unittest import mock
from xml.etree import ElementTree

sys.dont_write_bytecode = True
import chart


def peer(cost, idle, *flags, **once):
    """As `peers` saves it: three rounds, disturbed when so asked."""
    rounds = [{"us_conn1": cost * f, "us_conn": cost * 2, "us_req1": 2, "us_pipe": 1} for f in (1, 1.5, 0.9)]
    once |= {"sc_conn": 5.05, "sc_req": 2.02} | ({} if idle is None else {"idle_bytes": idle})
    return {"rounds": rounds, "once": once, "flags": list(flags), "failed": []}


PEERS = {"floor": peer(10, 0.2), "slow<&>": peer(25, None, "noidle"), "mine": peer(9, 54),
         "may": peer(12, 20567, "noclose")}
IMPORT = ["import", "--date", "day", "--machine", "a & b", "--kernel", "k", "--command", "./peers",
          "--version", "fourway=1", "--version", "may_minihttp=2=3", "--version", "slow<&>=4"]


class Chart(unittest.TestCase):
    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.root = pathlib.Path(folder)
        (self.root / "docs").mkdir()
        for name, file in (("RESULTS", "results.json"), ("CHART", "chart.svg"), ("README", "README.md"),
                           ("PERFORMANCE", "docs/PERFORMANCE.md")):
            self.enterContext(mock.patch.object(chart, name, self.root / file))
        for page in chart.README, chart.PERFORMANCE:
            page.write_text(f"before\n\n{chart.BEGIN}\nold\n{chart.END}\n\nafter\n")
        (self.root / "peers.json").write_text(json.dumps(PEERS))
        self.run_chart(*IMPORT, self.root / "peers.json")

    def run_chart(self, *args):
        with mock.patch.object(sys, "argv", ["chart.py", *map(str, args)]):
            with contextlib.redirect_stdout(io.StringIO()) as out:
                chart.main()
        return out.getvalue()

    def fails(self, *args):
        with self.assertRaises(SystemExit) as end:
            self.run_chart(*args)
        return str(end.exception)

    def test_results_keep_every_round(self):
        saved = json.loads(chart.RESULTS.read_text())["servers"]
        self.assertEqual(saved["fourway"]["us/conn1"], {"median": 9, "rounds": [9, 13.5, 8.1]})
        self.assertEqual((saved["may_minihttp"]["version"], saved["may_minihttp"]["notes"]), ("2=3", ["noclose"]))
        self.assertIsNone(saved["slow<&>"]["B/idle"])

    def test_rounds_without_a_result_are_counted_in_a_note(self):
        lost = PEERS["may"] | {"failed": ["round 2: the client said nothing"]}
        self.assertEqual(list(chart.notes(lost)), [
            "noclose", "the client ended without a result in 1 of 4 rounds, which are left out"])

    def test_versions_are_those_of_the_servers(self):
        self.assertIn("fourway", self.fails(*IMPORT[:9], self.root / "peers.json"))

    def test_table_is_sorted_by_cost_and_relative_to_the_floor(self):
        rows = [line.split(" | ") for line in self.run_chart("table").splitlines() if line.startswith("| ")][2:]
        self.assertEqual([row[0] for row in rows], ["| **fourway**", "| raw epoll (floor)",
                                                    "| may_minihttp <sup>1</sup>", "| slow<&> <sup>2</sup>"])
        self.assertEqual(rows[0][2:], ["9.00 (0.90)", "18.00 (0.90)", "2.00 (1.00)", "1.00 (1.00)", "54",
                                       "5.05 / 2.02 |"])
        self.assertEqual([row[6] for row in rows[1:]], ["0", "20,567", "–"])

    def test_check_holds_until_something_changes(self):
        self.assertIn("chart.svg, PERFORMANCE.md, README.md", self.fails("--check"))
        self.run_chart("draw")
        self.run_chart("table", "--write")
        self.run_chart("--check")
        for page in chart.README, chart.PERFORMANCE:
            self.assertTrue(page.read_text().startswith("before\n\n"))
            self.assertTrue(page.read_text().endswith("\n\nafter\n"))
        results = chart.RESULTS.read_text()
        chart.RESULTS.write_text(results.replace("20567", "20568"))
        self.assertIn("chart.svg, PERFORMANCE.md;", self.fails("--check"))
        chart.RESULTS.write_text(results.replace("54", "55"))
        self.assertIn("chart.svg, PERFORMANCE.md, README.md", self.fails("--check"))

    def test_both_pages_show_the_chart_and_one_has_the_table(self):
        self.run_chart("table", "--write")
        for page, path in (chart.README, "chart.svg"), (chart.PERFORMANCE, "../chart.svg"):
            self.assertIn(f"per idle connection.]({path})\n", page.read_text())
        self.assertEqual(["| server |" in page.read_text() for page in (chart.README, chart.PERFORMANCE)], [False, True])

    def test_medians_are_those_of_the_rounds(self):
        chart.RESULTS.write_text(chart.RESULTS.read_text().replace('"median": 9, ', '"median": 8, ', 1))
        self.assertIn("fourway's us/conn1", self.fails("draw"))

    def test_no_words_of_a_row_overlap(self):
        self.run_chart("draw")
        rows = {}
        for word in ElementTree.parse(chart.CHART).iter("{http://www.w3.org/2000/svg}text"):
            kind = word.get("class").split()
            width = len(word.text) * {"small": 6.2, "head": 8.8}.get((kind or [""])[0], 7)  # of a wide font
            start = float(word.get("x")) - width * ("end" in kind) - width / 2 * ("middle" in kind)
            rows.setdefault(word.get("y"), []).append((start, start + width))
        for spans in rows.values():
            edges = [0, *(edge for span in sorted(spans) for edge in span), chart.WIDTH]
            self.assertEqual(edges, sorted(edges))

    def test_colours_can_be_read_on_light_and_on_dark(self):
        def luminance(colour):
            parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
            linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
            return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

        for colour in set(re.findall("#[0-9a-f]{6}", chart.STYLE)):
            for page in "#ffffff", "#0d1117":
                dark, light = sorted(map(luminance, (colour, page)))
                self.assertGreaterEqual((light + 0.05) / (dark + 0.05), 3, f"{colour} on {page}")


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks `vknorm report`: what it writes, and with --chromium what the page then shows in a browser without a window."""
import argparse
import collections
import html
import html.parser
import json
import os
import re
import statistics
import subprocess
import tempfile
import unittest

import sample_results

VKNORM = None
CHROMIUM = None
PHONE = 360  # pixels

# Runs before the page's own script, and asks after it. It writes down what it finds where the dump begins, for a page in
# a frame in the document around it.
PROBE = """<script>
'use strict';
const faults = [];
window.addEventListener('error', event => faults.push(event.message));
document.addEventListener('securitypolicyviolation', event => faults.push(event.violatedDirective));
window.addEventListener('load', () => {
    const root = document.documentElement;
    const note = parent.document.documentElement.dataset;
    const rows = () => [...document.querySelectorAll('#rows tbody tr')].filter(row => !row.hidden);
    const column = title => [...document.querySelectorAll('#rows thead th')].findIndex(th => th.textContent === title);
    const texts = title => rows().map(row => row.cells[column(title)].textContent);
    const sort = title => {
        document.querySelectorAll('#rows thead button')[column(title)].click();
        return texts(title);
    };
    const drawn = [...document.querySelectorAll('svg[role=img]')];
    const described = svg => svg.getAttribute('aria-labelledby').split(' ').every(id => document.getElementById(id).textContent);
    note.charts = drawn.length;
    note.described = drawn.filter(described).length;
    note.points = drawn.map(svg => svg.querySelectorAll('.point').length).reduce((sum, count) => sum + count, 0);
    note.rows = rows().length;
    note.view = root.clientWidth;
    note.width = root.scrollWidth;
    note.svgs = Math.max(0, ...[...document.querySelectorAll('svg')].map(svg => svg.getBoundingClientRect().right));
    note.medians = JSON.stringify([sort('median ms'), sort('median ms')]);
    note.names = JSON.stringify([sort('name'), sort('name')]);
    const filter = document.getElementById('filter');
    filter.value = 'BF16 backward';
    filter.dispatchEvent(new Event('input'));
    note.filtered = JSON.stringify(rows().map(row => row.textContent));
    note.said = document.querySelector('output').textContent;
    filter.value = '';
    filter.dispatchEvent(new Event('input'));
    note.done = root.dataset.ready;
    note.faults = JSON.stringify(faults);
});
</script>"""


class Dom(html.parser.HTMLParser):
    """Counts elements, by name and by name.class; keeps texts, by the element's name, and the root's attributes."""

    def __init__(self, text):
        super().__init__()
        self.counts = collections.Counter()
        self.texts = collections.defaultdict(list)
        self.root = {}
        self.last = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.root = attrs if tag == "html" and not self.root else self.root
        self.counts.update([tag] + [f"{tag}.{kind}" for kind in (attrs.get("class") or "").split()])
        self.last = tag

    def handle_data(self, data):
        self.texts[self.last].append(data)


class Report(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def run_report(self, *arguments, code=0):
        done = subprocess.run([VKNORM, "report", *arguments], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr + done.stdout

    def report(self, *files):
        """The page of these contents of files."""
        paths = []
        for place, contents in enumerate(files):
            paths.append(self.path(f"{place}.json"))
            sample_results.save(paths[-1], contents)
        self.assertEqual(self.run_report(*paths, "-o", self.path("report.html")), "")
        with open(self.path("report.html"), encoding="utf-8") as stream:
            return stream.read()


HOSTILE = """</script><script>document.documentElement.dataset.hacked = 'yes'</script><!-- "quoted' & \u2028 <b>bold</b>"""


def hostile():
    made = sample_results.ours()
    made.update(source=HOSTILE, date=HOSTILE, method=HOSTILE, left_out=[HOSTILE, {"suite": HOSTILE}])
    made["device"] = {"name": HOSTILE, "driver": HOSTILE, "threads": 2}
    for row in made["results"][:2]:
        row.update(suite=HOSTILE, name=HOSTILE)
    made["__proto__"] = {"hacked": True}
    return made


class Files(Report):
    def test_one_file_that_needs_no_other(self):
        page = self.report(sample_results.ours(), sample_results.torch())
        self.assertTrue(page.startswith("<!-- SPDX-License-Identifier: MIT -->\n<!DOCTYPE html>\n"))
        self.assertIn("default-src 'none'", page)
        self.assertEqual(set(re.findall(r"\w+://[^'\"\s<]*", page)), {"http://www.w3.org/2000/svg"})
        self.assertNotRegex(page, r"@[\w.]+@")
        self.assertNotIn(self.folder, page)
        self.assertEqual(re.findall(r"<script[^>]*>", page), ['<script type="application/json" id="data">', "<script>"])

    def data_of(self, page):
        return json.loads(page.split('id="data">')[1].split("</script>")[0])

    def test_data(self):
        files = [sample_results.ours(), sample_results.torch(), hostile()]
        data = self.data_of(self.report(*files))
        self.assertEqual([file.pop("name") for file in data["files"]], ["0.json", "1.json", "2.json"])
        works = [[row.pop("work") for row in file["results"]] for file in data["files"]]
        self.assertEqual(works[0], works[1])
        self.assertEqual(len(set(works[0])), len(works[0]))
        self.assertEqual(data["files"], files)

    def test_hostile_texts_are_data(self):
        page = self.report(hostile())
        self.assertEqual((page.count("<script"), page.count("</script"), page.count("<!--")), (2, 2, 1))

    def test_failures_leave_the_page(self):
        good, bad, page = self.path("good.json"), self.path("bad.json"), self.path("report.html")
        sample_results.save(good, sample_results.ours())
        sample_results.save(bad, {})
        with open(page, "w", encoding="utf-8") as stream:
            stream.write("before")
        self.assertIn("bad.json: source is missing", self.run_report(good, bad, "-o", page, code=1))
        self.assertIn("missing.json: No such file", self.run_report("missing.json", f"-o={page}", code=1))
        with open(page, encoding="utf-8") as stream:
            self.assertEqual(stream.read(), "before")
        self.assertIn("vknorm: /nonexistent/a.html: ", self.run_report(good, "-o", "/nonexistent/a.html", code=1))
        self.assertIn(f"vknorm: {self.folder}: ", self.run_report(good, "--output", self.folder, code=1))
        self.assertEqual(sorted(os.listdir(self.folder)), ["bad.json", "good.json", "report.html"])
        self.run_report(good, "-o", page)
        with open(page, encoding="utf-8") as stream:
            self.assertIn("made up", stream.read())

    def test_usage(self):
        usage = "usage: vknorm report A.json [B.json ...] -o REPORT.html"
        for arguments, message in ((["-o", "a"], "no file of timings given"), (["a"], "-o is missing"),
                                   (["a", "-o"], "-o needs a value"), (["a", "-x"], "unknown option -x"),
                                   (list("abcdefghi"), '"i" is one argument too many, 8 wanted')):
            said = self.run_report(*arguments, code=2)
            self.assertIn(f"vknorm report: {message}\n{usage}\n", said)
        self.assertIn(usage, self.run_report("--help"))


class Page(Report):
    def dom(self, page, width=1240):
        """The page as a browser has made it. A browser's window is never as narrow as a phone, a frame can be."""
        probed = page.replace("<head>", "<head>" + PROBE)
        self.assertNotEqual(probed, page)
        if width < 500:
            probed = f'<!DOCTYPE html><iframe srcdoc="{html.escape(probed)}" width="{width}" height="800" ' \
                     'style="border: 0"></iframe>'
        path = self.path("probed.html")
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(probed)
        done = subprocess.run(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=5000",
             f"--user-data-dir={self.path('browser')}", f"--window-size={max(width, 500)},900", "--dump-dom",
             f"file://{path}"], capture_output=True, text=True, check=False, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        dom = Dom(done.stdout)
        self.assertEqual(dom.root.get("data-done"), "true", done.stderr)
        self.assertEqual(dom.root["data-faults"], "[]")
        self.assertNotIn("data-hacked", dom.root)
        self.assertEqual(int(dom.root["data-view"]), width)
        self.assertEqual(int(dom.root["data-width"]), width)
        self.assertLessEqual(float(dom.root["data-svgs"]), width)
        return dom

    def check_counts(self, *files, width=1240):
        """What stands on the page is as many as the files have."""
        dom = self.dom(self.report(*files), width)
        rows = [[json.dumps([row[key] for key in ("suite", "name", "pass", "dtype")]) for row in file["results"]]
                for file in files]
        facets = [collections.Counter((row["suite"], row["pass"], row["dtype"]) for row in file["results"])
                  for file in files]
        shared = [key for key in rows[0] if any(key in other for other in rows[1:])]
        measured = [suite for file, found in zip(files, facets) for suite, *_ in found
                    if file["copy_gbps"] or suite == "scaling"]
        beside = {(key[0], *key[2:]) for key in map(json.loads, shared)}
        if width >= 500:  # else these are in the frame
            bars = sum(row["suite"] != "scaling" for file in files if file["copy_gbps"] for row in file["results"])
            self.assertEqual(dom.counts["rect.track"], bars)
            self.assertEqual(dom.counts["rect.bar"], bars + sum(key in other for key in shared for other in rows))
            self.assertEqual(dom.counts["section.card"], len(files))
        self.assertEqual(int(dom.root["data-charts"]), len(measured) + len(beside))
        self.assertEqual(dom.root["data-described"], dom.root["data-charts"])
        self.assertEqual(int(dom.root["data-points"]),
                         sum(row["suite"] == "scaling" for file in files for row in file["results"]))
        self.assertEqual(int(dom.root["data-rows"]), sum(map(len, rows)))
        return dom

    def test_one_file(self):
        dom = self.check_counts(sample_results.ours())
        self.assertIn("llvmpipe (made up), 2 threads", dom.texts["dd"])
        self.assertIn("11.9 GB/s", dom.texts["dd"])
        self.assertIn("copy 11.9 GB/s", dom.texts["text"])

    def test_peers(self):
        dom = self.check_counts(sample_results.ours(), sample_results.torch(), sample_results.ncnn())
        self.assertIn("not measured", dom.texts["dd"])
        self.assertIn("f16: ncnn has no such layer (made up)", dom.texts["li"])
        self.assertIn("Method: nine layers less one (made up)", dom.texts["p"])
        ours, torch = (file()["results"] for file in (sample_results.ours, sample_results.torch))
        ratios = [b["median_s"] / a["median_s"] for a, b in zip(ours, torch)]
        self.assertIn(f"{statistics.geometric_mean(ratios):.2f}×", dom.texts["b"])

    def test_a_file_of_peers_alone(self):
        self.check_counts(sample_results.ncnn())

    def test_as_many_files_as_there_may_be(self):
        self.check_counts(*[sample_results.ours()] * 8)

    def test_phone(self):
        self.check_counts(sample_results.ours(), sample_results.torch(), sample_results.ncnn(), width=PHONE)

    def test_sort_and_filter(self):
        file = sample_results.ours()
        dom = self.dom(self.report(file))
        medians = sorted(1e3 * row["median_s"] for row in file["results"])
        slowest, fastest = ([float(text.replace(",", "")) for text in texts]
                            for texts in json.loads(dom.root["data-medians"]))
        for shown, wanted in ((fastest, medians), (slowest, medians[::-1])):
            self.assertEqual(len(shown), len(wanted))
            for one, other in zip(shown, wanted):
                self.assertAlmostEqual(one, other, delta=6e-4 * other)
        forth, back = json.loads(dom.root["data-names"])
        self.assertEqual(collections.Counter(forth), collections.Counter(row["name"] for row in file["results"]))
        self.assertEqual(list(dict.fromkeys(forth)), list(dict.fromkeys(back))[::-1])
        self.assertLess(forth.index("layer 4096x1024"), forth.index("layer 10000x1024"))
        filtered = json.loads(dom.root["data-filtered"])
        self.assertEqual(len(filtered), len(sample_results.WORKS))
        self.assertTrue(all("backward" in text and "bf16" in text for text in filtered))
        self.assertEqual(dom.root["data-said"], f"{len(filtered)} of {len(file['results'])} rows")

    def test_hostile_texts(self):
        self.dom(self.report(hostile(), sample_results.torch()), PHONE)
        dom = self.dom(self.report(hostile(), sample_results.torch()))
        self.assertEqual(dom.counts["script"], 3)
        for element in ("h2", "dd", "p", "td", "th", "a"):
            self.assertTrue(any("<b>bold</b>" in text for text in dom.texts[element]), element)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vknorm", help="the command")
    parser.add_argument("--chromium", help="the browser; without it only what is written is checked")
    arguments = parser.parse_args()
    VKNORM, CHROMIUM = arguments.vknorm, arguments.chromium
    unittest.main(argv=["check_report", "Page" if CHROMIUM else "Files"])

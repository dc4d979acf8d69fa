#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks `vknorm compare`: its figures against Python's, its text, and what it says of files that are wrong."""
import argparse
import copy
import json
import math
import os
import subprocess
import tempfile
import unittest

import sample_results

VKNORM = None
KEYS = ("suite", "name", "norm", "groups", "pass", "mode", "dtype", "layout", "shape")


def work(row):
    return json.dumps([row.get(key) for key in KEYS])


def geometric_mean(values):
    return math.exp(math.fsum(math.log(value) for value in values) / len(values))


def set_row(place, **values):
    """A change of one row; None as a value takes the key away."""
    def change(contents):
        for key, value in values.items():
            if value is None:
                del contents["results"][place][key]
            else:
                contents["results"][place][key] = value
    return change


def set_head(**values):
    return lambda contents: contents.update(values)


def drop(key):
    return lambda contents: contents.pop(key)


ROW = "row number 1 (batch 32x64x112x112): "
SIZE = "but must be an integer from 1 to 9007199254740992"
LINE = "but must be a text that is not empty, without control characters"
POSITIVE = "but must be a number greater than 0"
# A change of the sample, and what is said after the file's name.
WRONG = [
    (drop("source"), "source is missing"),
    (set_head(source=7), f"source is 7, {LINE}"),
    (set_head(source=""), f'source is "", {LINE}'),
    (set_head(source="\x1b[2J"), f'source is "\\u001B[2J", {LINE}'),
    (drop("date"), "date is missing"),
    (set_head(timer="sundial"), 'timer is "sundial", but must be timestamps or wall'),
    (drop("timer"), "timer is missing"),
    (drop("copy_gbps"), "copy_gbps is missing"),
    (set_head(copy_gbps=0), "copy_gbps is 0, but must be a number greater than 0, or null"),
    (set_head(copy_gbps=None), ROW + "efficiency is 0.8"),
    (set_head(device="llvmpipe"), "device: must be an object"),
    (drop("device"), "device: must be an object"),
    (set_head(device={}), "device: name is missing"),
    (set_head(device={"name": "a\nb"}), f'device: name is "a\\nb", {LINE}'),
    (set_head(device={"name": "a", "threads": 0}), f"device: threads is 0, {SIZE}"),
    (drop("results"), "results must be an array of at least one row"),
    (set_head(results=[]), "results must be an array of at least one row"),
    (set_head(results={"a": 1}), "results must be an array of at least one row"),
    (set_head(results=[3]), "row number 1: must be an object"),
    (set_head(results=[{}]), "row number 1: suite is missing"),
    (set_row(0, name=""), f'row number 1 (): name is "", {LINE}'),
    (set_row(0, norm="max"), ROW + 'norm is "max", but must be batch, instance, group, layer or rms'),
    (set_row(0, **{"pass": "both"}), ROW + 'pass is "both", but must be forward or backward'),
    (set_row(0, mode="test"), ROW + 'mode is "test", but must be train or eval'),
    (set_row(0, dtype="F32"), ROW + 'dtype is "F32", but must be f32, f16 or bf16'),
    (set_row(0, layout="NHWC"), ROW + 'layout is "NHWC", but must be channels_first or channels_last'),
    (set_row(0, shape=[]), ROW + "shape is [], but must be an array of 1 to 6 integers greater than 0"),
    (set_row(0, shape=[1] * 7), ROW + "shape is [1,1,1,1,1,1,1], but must be an array of 1 to 6"),
    (set_row(0, shape=[4, 0]), ROW + "shape is [4,0], but must be an array of 1 to 6"),
    (set_row(0, shape=[4, 1.5]), ROW + "shape is [4,1.5], but must be an array of 1 to 6"),
    (set_row(0, groups=2), ROW + "groups is 2, but norm is batch, not group"),
    (set_row(10, groups=None), "row number 11 (group32 4x320x64x64): groups is missing, and norm is group"),
    (set_row(0, median_s=None), ROW + "median_s is missing"),
    (set_row(0, median_s=0), ROW + f"median_s is 0, {POSITIVE}"),
    (set_row(0, median_s="1"), ROW + f'median_s is "1", {POSITIVE}'),
    (set_row(0, min_s=-1), ROW + f"min_s is -1, {POSITIVE}"),
    (set_row(0, median_s=1, min_s=2, max_s=3), ROW + "median_s is 1, but min_s is 2 and max_s is 3"),
    (set_row(0, median_s=4, min_s=2, max_s=3), ROW + "median_s is 4, but min_s is 2 and max_s is 3"),
    (set_row(0, repeats=0), ROW + f"repeats is 0, {SIZE}"),
    (set_row(0, repeats=2.5), ROW + f"repeats is 2.5, {SIZE}"),
    (set_row(0, floor_bytes="1"), ROW + f'floor_bytes is "1", {SIZE}'),
    (set_row(0, gbps=True), ROW + f"gbps is true, {POSITIVE}"),
    (set_row(0, efficiency=None), ROW + "efficiency is missing"),
    (set_row(0, efficiency="90 %"), ROW + 'efficiency is "90 %", but must be a number greater than 0, or null'),
    (set_row(0, record_s=0), ROW + f"record_s is 0, {POSITIVE}"),
    (set_row(0, calls=0), ROW + f"calls is 0, {SIZE}"),
    (set_row(0, cached=1), ROW + "cached is 1, but must be true or false"),
    (lambda contents: contents["results"].append(contents["results"][1]),
     "row number 41 (batch 32x64x112x112): it is the same work as row number 2"),
]


class Compare(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name

    def save(self, name, contents):
        path = os.path.join(self.folder, name)
        sample_results.save(path, contents)
        return path

    def run_compare(self, *arguments, code=0):
        done = subprocess.run([VKNORM, "compare", *arguments], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr if code else done.stdout

    def compare(self, a, b, *options):
        return self.run_compare(self.save("a.json", a), self.save("b.json", b), *options)

    def check_figures(self, a, b):
        said = json.loads(self.compare(a, b, "--json"))
        times = [{work(row): row["median_s"] for row in contents["results"]} for contents in (a, b)]
        both = [key for key in times[0] if key in times[1]]
        self.assertEqual(sorted(work(row) for row in said["rows"]), sorted(both))
        suites = {}
        for row in said["rows"]:
            times_of_row = [each[work(row)] for each in times]
            self.assertEqual([row["a_s"], row["b_s"]], times_of_row)
            self.assertAlmostEqual(row["ratio"], times_of_row[1] / times_of_row[0], delta=1e-12 * row["ratio"])
            suites.setdefault(row["suite"], []).append(row["ratio"])
        self.assertEqual([(suite["suite"], suite["rows"]) for suite in said["suites"]],
                         [(name, len(ratios)) for name, ratios in suites.items()])
        for suite in said["suites"]:
            self.assertAlmostEqual(suite["geometric_mean"], geometric_mean(suites[suite["suite"]]), delta=1e-9)
        self.assertAlmostEqual(said["geometric_mean"], geometric_mean(sum(suites.values(), [])), delta=1e-9)
        for side, mine, other in (("only_in_a", times[0], times[1]), ("only_in_b", times[1], times[0])):
            self.assertEqual([work(row) for row in said[side]], [key for key in mine if key not in other])
        return said

    def test_figures(self):
        said = self.check_figures(sample_results.ours(), sample_results.torch())
        self.assertFalse(said["same_device"])
        self.assertEqual(said["b"]["source"], "torch (made up)")
        said = self.check_figures(sample_results.ours(), sample_results.ncnn())
        self.assertTrue(said["same_device"])
        self.assertEqual((len(said["rows"]), len(said["only_in_a"]), len(said["only_in_b"])), (9, 31, 1))

    def test_each_part_of_the_work(self):
        """A row is another one as soon as one part of its work is, and is not where only other keys differ."""
        ours = sample_results.ours()
        group = next(i for i, row in enumerate(ours["results"]) if row["norm"] == "group")
        changes = {"suite": "other", "name": "other", "groups": 16, "pass": "backward", "mode": "eval", "dtype": "f16",
                   "layout": "channels_last", "shape": [4, 320, 4096]}
        for key, value in changes.items():
            other = copy.deepcopy(ours)
            other["results"] = other["results"][group:group + 1]
            first = dict(ours, results=other["results"] + ours["results"][:2])
            other = copy.deepcopy(dict(ours, results=first["results"]))
            other["results"][0][key] = value
            with self.subTest(key=key):
                self.assertEqual(len(self.check_figures(first, other)["rows"]), 2)
        same = copy.deepcopy(ours)
        for row in same["results"]:
            row.update(repeats=7, note="another key")
        self.assertEqual(len(self.check_figures(ours, same)["rows"]), len(ours["results"]))

    def test_suites_stand_together(self):
        mixed = sample_results.ours()
        mixed["results"] = mixed["results"][::3] + mixed["results"][1::3] + mixed["results"][2::3]
        self.check_figures(mixed, sample_results.torch())
        self.assertEqual(self.compare(mixed, sample_results.torch()).count("\nresnet50\n"), 1)

    def test_table(self):
        text = self.compare(sample_results.ours(), sample_results.ncnn())
        lines = text.splitlines()
        self.assertRegex(lines[0], r"^A  vknorm \(made up\) on llvmpipe \(made up\), .*, 2026-11-21T08:00:00Z, copy 11.9 GB/s")
        self.assertNotIn("The devices differ", text)
        row = next(line.split() for line in lines if "rms 4096x1024" in line)
        self.assertEqual(row[:4], ["rms", "4096x1024", "forward", "f32"])
        self.assertEqual(len(row), 7)
        self.assertAlmostEqual(float(row[5]) / float(row[4]), float(row[6]), delta=0.01)
        self.assertIn("geometric mean of 9 rows: A's speed over B's", text)
        self.assertIn("31 rows only in A (--all lists them)", text)
        self.assertIn("1 row only in B (--all lists them)", text)
        self.assertNotIn("4x640x32x32", text)
        text = self.compare(sample_results.ours(), sample_results.ncnn(), "--all")
        self.assertRegex(text, r"1 row only in B:\n  unet  group32 4x640x32x32  forward  f32  [0-9.]+ ms")
        self.assertEqual(text.split("31 rows only in A:")[1].count(" ms\n"), 32)
        text = self.compare(sample_results.ours(), sample_results.torch())
        self.assertIn("The devices differ: A ran on llvmpipe (made up), B on a processor (made up).", text)
        self.assertNotIn("only in", text)

    def test_nothing_in_common(self):
        other = sample_results.torch()
        for row in other["results"]:
            row["suite"] += " of others"
        text = self.run_compare(self.save("a.json", sample_results.ours()), self.save("b.json", other), code=1)
        self.assertIn("vknorm: no row in common: ", text)
        self.assertIn("a.json (40 rows)", text)

    def test_wrong_files(self):
        good = self.save("good.json", sample_results.ours())
        for change, message in WRONG:
            contents = sample_results.ours()
            change(contents)
            bad = self.save("bad.json", contents)
            with self.subTest(message=message):
                for order in ((bad, good), (good, bad)):
                    said = self.run_compare(*order, code=1)
                    self.assertIn(message, said)
                    self.assertIn("bad.json: ", said)

    def test_no_json(self):
        path = os.path.join(self.folder, "bad.json")
        for text, message in (("", "line 1: "), ('{"source": "a", "source": "b"}', "duplicate object key"),
                              ("[]", "must be an object"), ('{"source": "a"', "line 1: ")):
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(text)
            self.assertIn(message, self.run_compare(path, path, code=1))
        self.assertIn("/nonexistent.json: No such file", self.run_compare("/nonexistent.json", path, code=1))

    def test_usage(self):
        for arguments in ((), ("a",), ("a", "b", "c"), ("a", "b", "--frob"), ("a", "b", "--all=1")):
            self.assertIn("usage: vknorm compare A.json B.json", self.run_compare(*arguments, code=2))
        self.assertIn("--all", self.run_compare("--help"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vknorm", help="the command")
    VKNORM = parser.parse_args().vknorm
    unittest.main(argv=["check_compare"])

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks what the peers' scripts do without a peer: reading rows, choosing among them, and writing results."""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import options
import results
import rows

HERE = os.path.dirname(os.path.abspath(__file__))
GROUP = {"suite": "unet", "name": "group2 3x4x5", "norm": "group", "pass": "forward", "mode": "train", "dtype": "f32",
         "layout": "channels_first", "shape": [3, 4, 5], "groups": 2, "floor_bytes": 480}
LAYER = {"suite": "transformer", "name": "layer 6x8", "norm": "layer", "pass": "backward", "mode": "train",
         "dtype": "bf16", "layout": "channels_first", "shape": [6, 8], "floor_bytes": 288}
NETWORK = {"suite": "small", "name": "net", "norm": "batch", "pass": "forward", "mode": "train", "dtype": "f16",
           "layout": "channels_last", "shape": [2, 3, 4, 4], "calls": 3, "floor_bytes": 1000,
           "layers": [{"shape": [2, 6, 4, 4], "count": 2}, {"shape": [2, 5, 2, 2], "count": 1}]}
ALL = [GROUP, LAYER, NETWORK]

# A row, what is changed in it, and a part of the message.
WRONG = [
    (GROUP, {"suite": ""}, 'rows[0] (group2 3x4x5): suite is "", not a text'),
    (GROUP, {"name": 3}, "name is 3, not a text"),
    (GROUP, {"norm": "local"}, 'norm is "local", not one of batch, instance, group, layer, rms'),
    (GROUP, {"pass": "both"}, 'pass is "both"'),
    (GROUP, {"mode": "test"}, 'mode is "test"'),
    (GROUP, {"dtype": "f64"}, 'dtype is "f64"'),
    (GROUP, {"layout": "rows"}, 'layout is "rows"'),
    (GROUP, {"shape": [3]}, "shape is [3], not two or more positive numbers"),
    (GROUP, {"shape": [3, 0]}, "shape is [3, 0]"),
    (GROUP, {"shape": [3, True]}, "shape is [3, true]"),
    (GROUP, {"groups": 3}, "4 channels are not divisible by groups 3"),
    (GROUP, {"groups": "2"}, 'groups is "2", not a positive number'),
    (GROUP, {"norm": "batch"}, "groups is for group norm, and needed there; norm is batch"),
    (GROUP, {"floor_bytes": 1.5}, "floor_bytes is 1.5, not a positive number"),
    (LAYER, {"norm": "group"}, "groups is for group norm, and needed there; norm is group"),
    (LAYER, {"shape": [2, 6, 8]}, "shape is [2, 6, 8], but a layer norm's is [rows, features]"),
    (NETWORK, {"calls": -1}, "calls is -1"),
    (NETWORK, {"layers": []}, "layers is [], not a list of {shape, count}"),
    (NETWORK, {"layers": [{"shape": [2, 6]}]}, 'layers is [{"shape": [2, 6]}]'),
    (NETWORK, {"layers": [{"shape": [2], "count": 1}]}, "layers is"),
    (NETWORK, {"layers": [{"shape": [2, 6], "count": 0}]}, "layers is"),
]


class Rows(unittest.TestCase):
    def refuse(self, text, message):
        with self.assertRaises(ValueError) as caught:
            rows.parse_rows(text, "rows.json")
        self.assertIn(message, str(caught.exception))
        self.assertIn("rows.json", str(caught.exception))

    def test_good_rows_come_back(self):
        self.assertEqual(rows.parse_rows(json.dumps({"rows": ALL}), ""), ALL)

    def test_what_is_no_list_of_rows_is_refused(self):
        self.refuse("{", "is not JSON")
        for text in ("[]", "{}", '{"rows": {}}'):
            self.refuse(text, 'has no list "rows"')
        self.refuse('{"rows": [7]}', "rows[0] is 7, not an object")
        self.refuse(json.dumps({"rows": [GROUP, LAYER, GROUP]}), "rows[2] is named as rows[0]")

    def test_wrong_rows_are_refused(self):
        for row, change, message in WRONG:
            with self.subTest(change=change):
                self.refuse(json.dumps({"rows": [{**row, **change}]}), message)

    def test_a_row_without_a_key_is_refused(self):
        for key in rows.IDENTITY + ("floor_bytes",):
            self.refuse(json.dumps({"rows": [{name: GROUP[name] for name in GROUP if name != key}]}),
                        f"rows[0] has no {key}")

    def test_selection(self):
        self.assertEqual(rows.select(ALL, [], "", ["bf16", "f32"]), [LAYER, GROUP])
        self.assertEqual(rows.select(ALL, ["unet", "small"], "", ["f32", "f16"]), [GROUP, NETWORK])
        self.assertEqual(rows.select(ALL, ["all"], "", ["f32"]), [GROUP])
        self.assertEqual(rows.select(ALL, [], "r 6", ["f32", "f16", "bf16"]), [LAYER])
        for arguments, message in (((["style"], "", ["f32"]), "--suite style: the rows are of small, transformer"),
                                   (([], "rms", ["f32"]), "none of 3 rows is of dtype f32 with 'rms'")):
            with self.assertRaises(ValueError) as caught:
                rows.select(ALL, *arguments)
            self.assertIn(message, str(caught.exception))

    def test_sizes(self):
        self.assertEqual([rows.tensor_bytes(row) for row in ALL], [240, 96, 2 * (2 * 192 + 40)])
        self.assertEqual(rows.shapes(NETWORK), [[2, 6, 4, 4], [2, 6, 4, 4], [2, 5, 2, 2]])


class Results(unittest.TestCase):
    def make(self, budget=60.0):
        return results.Results({"source": "peer 1.0", "device": {"name": "a device", "threads": 2}, "timer": "wall",
                                "method": "none"}, budget)

    def publish(self, found, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "peer.json")
            chosen = options.make_parser("").parse_args(["--rows", "-", "--output", path, *arguments])
            printed = os.path.join(folder, "printed")
            with open(printed, "w", encoding="utf-8") as sys.stdout:
                try:
                    results.publish(chosen, found)
                finally:
                    sys.stdout.close()
                    sys.stdout = sys.__stdout__
            with open(path, encoding="utf-8") as file, open(printed, encoding="utf-8") as output:
                self.assertEqual(sorted(os.listdir(folder)), ["peer.json", "printed"])
                return file.read(), output.read()

    def timed(self):
        found = self.make()
        for gbps in (4.0, 8.0, 6.0):
            found.add_copy(gbps)
        times = {"group2 3x4x5": ([3e-6, 1e-6, 2e-6], {"cached": True}), "layer 6x8": "no kernel",
                 "net": ([1e-3], {"record_s": 1e-6})}
        results.time_rows(found, ALL, lambda row: times[row["name"]])
        return found

    def test_document(self):
        document = json.loads(self.publish(self.timed())[0])
        self.assertEqual({key: document[key] for key in ("source", "timer", "method", "copy_gbps")},
                         {"source": "peer 1.0", "timer": "wall", "method": "none", "copy_gbps": 8.0})
        self.assertRegex(document["date"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        group, network = document["results"]
        gbps = group.pop("gbps")
        self.assertAlmostEqual(gbps, 0.24)
        self.assertAlmostEqual(group.pop("efficiency"), gbps / 8.0)
        self.assertAlmostEqual(group.pop("spread_s"), 1e-6)
        self.assertEqual(group, {**GROUP, "median_s": 2e-6, "min_s": 1e-6, "max_s": 3e-6, "repeats": 3, "cached": True})
        self.assertEqual({key: network[key] for key in NETWORK}, NETWORK)
        self.assertEqual((network["record_s"], network["median_s"], network["spread_s"]), (1e-6, 1e-3, 0.0))
        self.assertEqual(document["left_out"], [{**{key: LAYER[key] for key in rows.IDENTITY}, "reason": "no kernel"}])

    def test_output(self):
        text, table = self.publish(self.timed())
        for part in ("peer 1.0 on a device, 2 threads", "plain copy 8.0 GB/s", "group2 3x4x5", "0.0020",
                     "left out: 1 rows: no kernel"):
            self.assertIn(part, table)
        self.assertEqual(self.publish(self.timed(), "--json")[1], text)

    def test_without_a_copy_there_is_no_efficiency(self):
        found = self.make()
        results.time_rows(found, [GROUP], lambda row: ([1e-6], {}))
        document = json.loads(self.publish(found)[0])
        self.assertEqual((document["copy_gbps"], document["results"][0]["efficiency"]), (None, None))

    def test_after_the_budget_rows_are_left_out(self):
        found = self.make(budget=0.0)
        results.time_rows(found, ALL, lambda row: self.fail("a row was begun"))
        self.assertEqual([row["reason"] for row in found.left_out], ["the time was up"] * 3)
        with self.assertRaisesRegex(ValueError, "no row could be timed: the time was up"):
            self.publish(found)


class Scripts(unittest.TestCase):
    vknorm = None

    def call(self, script, *arguments):
        # Without the packages of the site, so that no peer is found.
        return subprocess.run([sys.executable, "-S", "-E", os.path.join(HERE, script), *arguments],
                              capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    def test_usage(self):
        for script in ("torch_bench.py", "ncnn_bench.py"):
            done = self.call(script, "--help")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("--min-time SECONDS", done.stdout)
            for arguments in ([], ["--rows", "a", "--vknorm", "b"], ["--rows", "a", "--dtype", "f64"],
                              ["--rows", "a", "--min-time", "0"], ["--rows", "a", "--threads", "0"],
                              ["--rows", "a", "--suite", "unet,"], ["--rows", "a", "--unknown"]):
                with self.subTest(script=script, arguments=arguments):
                    self.assertEqual(self.call(script, *arguments).returncode, 2)

    def test_failures(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "rows.json")
            with open(path, "w", encoding="utf-8") as file:
                json.dump({"rows": ALL}, file)
            for script, package in (("torch_bench.py", "torch"), ("ncnn_bench.py", "ncnn")):
                for arguments, message in (
                        (["--rows", path], f"No module named '{package}' (pip install"),
                        (["--rows", path + ".not"], "No such file"),
                        (["--rows", path, "--suite", "style"], "--suite style"),
                        (["--vknorm", self.vknorm, "--suite", "nonesuch"], "bench --rows")):
                    done = self.call(script, *arguments)
                    self.assertEqual(done.returncode, 1)
                    self.assertIn(f"{script}: ", done.stderr)
                    self.assertIn(message, done.stderr)

    def test_rows_of_vknorm(self):
        """Every row that the command has is one that these scripts know, and it reads what they write."""
        chosen = options.make_parser("").parse_args(
            ["--vknorm", self.vknorm, "--dtype", "all", "--suite", "all"])
        found = rows.read_rows(chosen)
        self.assertEqual({row["dtype"] for row in found}, set(chosen.dtype))
        self.assertEqual({row["norm"] for row in found}, set(rows.VALUES["norm"]))
        for row in found:
            # Two at least, and at most five elements moved for each one of x; a network's backward runs forward too.
            self.assertTrue(2 <= row["floor_bytes"] / rows.tensor_bytes(row) <= (8 if "layers" in row else 5), row)
        written = results.Results({"source": "peer", "device": {"name": "d"}, "timer": "wall", "method": ""}, 60.0)
        results.time_rows(written, found, lambda row: ([1e-3], {}))
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "peer.json")
            with open(path, "w", encoding="utf-8") as file:
                file.write(results.to_json(written.document()))
            done = subprocess.run([self.vknorm, "compare", path, path, "--json"], capture_output=True, text=True,
                                  check=False, stdin=subprocess.DEVNULL)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(len(json.loads(done.stdout)["rows"]), len(found))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vknorm", help="the command")
    Scripts.vknorm = parser.parse_args().vknorm
    unittest.main(argv=sys.argv[:1])

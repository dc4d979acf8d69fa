#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs `vknorm run` on cases of all kinds, passes, modes, layouts, dtypes and options, and compares with float64.

Of the cases it takes a sample: with each norm, pass and mode together every layout, dtype, kind of data, optional
tensor and value of an option, but not each of these with every other one, and every shape only with each norm.
With --all it takes all, which on a CPU is minutes.

Prints for each dtype, kind and pass the worst error as part of what judgement.py allows, and for each dtype the worst
in units of its last place at the output's scale (the largest value of the reference's tensor)."""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

import case_sample
import dtypes
import judgement
import reference
import run_cases
import safetensors_file

# One case each that must fail: the case, its tensors (a shape, or a shape and a dtype), and a part of the message.
BATCH = {"name": "bad", "norm": "batch"}
BACKWARD = {**BATCH, "pass": "backward"}
LAYER = {**BATCH, "norm": "layer"}
WRONG = [
    (BATCH, {}, "case bad: the input file has no tensor bad.x"),
    (BACKWARD, {"x": [4, 3]}, "case bad: the input file has no tensor bad.dy"),
    ({**BATCH, "residual_before": True}, {"x": [4, 3]},
     "case bad: the input file has no tensor bad.residual, and residual_before is true"),
    (BATCH, {"x": [1, 64]}, "case bad: Expected more than 1 value per channel when training, got input size [1, 64]"),
    ({**BATCH, "norm": "instance"}, {"x": [2, 64, 1]},
     "case bad: Expected more than 1 spatial element when training, got input size [2, 64, 1]"),
    ({**BATCH, "norm": "group", "groups": 3}, {"x": [2, 8, 4]},
     "case bad: Expected number of channels in input to be divisible by num_groups"),
    (BATCH, {"x": [4, 3], "running_mean": [4], "running_var": [3]},
     "case bad: running_mean should contain 3 elements not 4"),
    (BATCH, {"x": [4, 3], "running_mean": [3]}, "case bad: running_"),
    (BATCH, {"x": [4, 3], "running_mean": [4, 3], "running_var": [3]}, "case bad: running_mean"),
    (BATCH, {"x": [4, 3], "weight": [1, 3]}, "case bad: weight has shape [1, 3], but must have [3] or [4, 3]"),
    (BATCH, {"x": [4, 3], "weight": [12]}, "case bad: weight has shape [12], but must have [3] or [4, 3]"),
    (BATCH, {"x": [4, 3], "bias": [3, 4]}, "case bad: bias has shape [3, 4], but must have [3] or [4, 3]"),
    (BATCH, {"x": [4, 3], "weight": [4]}, "case bad: weight"),
    (BATCH, {"x": [4, 3], "weight": [4, 3], "bias": [3]}, "case bad: bias"),
    (BATCH, {"x": [4, 3], "weight": ([3], "F16")}, "case bad: weight"),
    (BATCH, {"x": ([4, 3], "F16"), "weight": ([3], "BF16")}, "case bad: weight"),
    (BATCH, {"x": ([4, 3], "F16"), "weight": ([3], "F16"), "bias": [3]}, "case bad: bias"),
    (BATCH, {"x": ([4, 3], "I64")}, "case bad: x"),
    (BATCH, {"x": ([4, 3], "F64")}, "case bad: x has dtype F64, not F32, F16, BF16 or I64"),
    (BACKWARD, {"x": [4, 3], "dy": [3, 4]}, "case bad: dy"),
    (BACKWARD, {"x": [4, 3], "dy": ([4, 3], "BF16")}, "case bad: dy"),
    (BATCH, {"x": [4, 3], "residual": [3, 4]}, "case bad: residual"),
    (BATCH, {"x": [4, 3], "residual": ([4, 3], "F16")}, "case bad: residual"),
    ({**BACKWARD, "residual_before": True}, {"x": [4, 3], "dy": [4, 3], "residual": [4, 3], "dh": [3, 4]},
     "case bad: dh"),
    (BACKWARD, {"x": [4, 3], "dy": [4, 3], "dh": [4, 3]},
     "tensor bad.dh: it needs residual_before, which is false"),
    ({**LAYER, "normalized_rank": 2}, {"x": [8]}, "case bad: "),
    ({**LAYER, "normalized_rank": 2}, {"x": [2, 4, 6], "bias": [6, 4]},
     "case bad: bias has shape [6, 4], but must have [4, 6] or [2, 4, 6]"),
    (LAYER, {"x": [2, 4, 6], "weight": [4, 6]}, "case bad: weight"),
    ({**LAYER, "normalized_rank": 2}, {"x": [4, 6], "weight": [6, 4]},
     "case bad: weight has shape [6, 4], but must have [4, 6]\n"),
    ({**BATCH, "norm": "rms"}, {"x": [4, 8], "bias": [8]}, "case bad: "),
    (BATCH, {"x": [2] * 7}, "case bad: "),
]


class Runner:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, cases, tensors, device=None):
        """Returns the exit code and what was printed."""
        with open(self.path("cases.json"), "w", encoding="utf-8") as file:
            json.dump(cases, file)
        safetensors_file.save(self.path("in.safetensors"), tensors)
        files = ("cases.json", "in.safetensors", "out.safetensors")
        command = [self.options.vknorm, "run"] + [self.path(file) for file in files]
        device = device or self.options.device
        command += ["--device", device] if device else []
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        sys.stderr.write(done.stdout)  # the command prints nothing there: messages of the validation layer
        return done.returncode, done.stdout + done.stderr


def compare(case, tensors, dtype, data, given):
    """Yields (tensor, its dtype, error) of each output."""
    with np.errstate(invalid="ignore"):
        norm = reference.Norm(case, tensors)
    wanted = norm.outputs
    for name in sorted(set(wanted) ^ set(given)):
        yield f"{name} is {'missing' if name in wanted else 'not expected'}", "F32", judgement.WRONG
    for name in sorted(set(wanted) & set(given)):
        if name == "num_batches_tracked":
            same = given[name].dtype == np.int64 and np.array_equal(given[name], wanted[name])
            yield name, "F32", judgement.Error(0.0, 0.0) if same else judgement.WRONG
        elif data not in ("a NaN", "an infinity") or name == "y":
            limit = judgement.bound(name, wanted[name], dtype, scale=0.0 if name == "h" else None,
                                    cost=norm.cost_of_dz() if name == "dx" else 0.0)
            yield name, limit.dtype, judgement.judge(given[name], wanted[name], limit)


def run_good(runner, made):
    """The outputs of each case by the case's name, and what went wrong. One run for each dtype: a driver's pipelines
    live as long as a run, and take memory."""
    outputs, failures = {}, []
    for dtype in dtypes.DTYPES:
        chosen = [(case, arrays) for case, arrays, of, _ in made if of == dtype]
        code, printed = runner.run([case for case, _ in chosen], {
            f"{case['name']}.{name}": array for case, arrays in chosen for name, array in arrays.items()})
        if code != 0:
            failures.append(f"{dtype}: exit code {code}: {printed.strip()}")
            continue
        outputs.update((case["name"], {}) for case, _ in chosen)
        for name, array in safetensors_file.load(runner.path("out.safetensors")).items():
            outputs[name.rpartition(".")[0]][name.rpartition(".")[2]] = array
    return outputs, failures


def check_good(runner, made):
    """Returns the rows of the table, and the lines about what failed."""
    outputs, failures = run_good(runner, made)
    rows = {}
    for case, arrays, dtype, data in (one for one in made if one[0]["name"] in outputs):
        row = rows.setdefault((dtype, case["norm"], case["pass"]), {
            "cases": 0, "units": 0.0, "where": "-", "places": 0.0, "place_where": "-"})
        row["cases"] += 1
        for name, of, error in compare(case, arrays, dtype, data, outputs[case["name"]]):
            where = f"{name} {list(arrays['x'].shape)}, {data}"
            if not error.passed:
                failures.append(f"{case} {dtype} {where}: {error.units:.1f} of {judgement.LIMIT:.0f} units")
            if error.units > row["units"]:
                row.update(units=error.units, where=where)
            if of == dtype and error.places > row["places"]:
                row.update(places=error.places, place_where=where)
    return [{**dict(zip(("dtype", "norm", "pass"), key)), **row} for key, row in rows.items()], failures


def tensor_of(wanted):
    """Ones of a shape, F32 or of the dtype beside it."""
    shape, dtype = wanted if isinstance(wanted, tuple) else (wanted, "F32")
    if dtype in dtypes.DTYPES:
        return dtypes.rounded(np.ones(shape), dtype)
    return np.ones(shape, safetensors_file.STORED[dtype])


def check_wrong(runner):
    """Each must fail with its message, and leave what stood at OUT."""
    failures = []
    for case, wanted, message in WRONG:
        with open(runner.path("out.safetensors"), "wb") as file:
            file.write(b"kept")
        code, printed = runner.run([case], {f"{case['name']}.{name}": tensor_of(of) for name, of in wanted.items()})
        if code != 1 or message not in printed:
            failures.append(f"{case} {wanted}: exit code {code}, not 1 with \"{message}\": {printed.strip()}")
        with open(runner.path("out.safetensors"), "rb") as file:
            if file.read() != b"kept" or len(os.listdir(runner.folder)) != 3:
                failures.append(f"{case} {wanted}: the output was touched, or there is more: "
                                f"{os.listdir(runner.folder)}")
    code, printed = runner.run([BATCH], {"bad.x": np.ones([4, 3], np.float32)}, device="no such device")
    if code != 1 or "no such device" not in printed:
        failures.append(f"--device \"no such device\": exit code {code}, not 1 with the name: {printed.strip()}")
    return failures


def summary(rows):
    """For each dtype the number of cases, and its worst error in its last places."""
    found = []
    for name, dtype in dtypes.DTYPES.items():
        of = [row for row in rows if row["dtype"] == name]
        worst = max(of, key=lambda row: row["places"], default={"places": 0.0, "place_where": "-"})
        found.append({"dtype": name, "cases": sum(row["cases"] for row in of), "unit": f"2^-{dtype.digits}",
                      "worst": worst["places"], "where": worst["place_where"]})
    return found


def print_result(rows, failures, existing):
    for row in rows:
        print(f"{row['dtype']:5}{row['norm']:9}{row['pass']:9}{row['cases']:5} cases{row['units']:7.2f} of "
              f"{judgement.LIMIT:.0f} x 2^-23 x scale beyond rounding: {row['where']}")
    for row in summary(rows):
        print(f"{row['dtype']:5}{row['cases']:5} cases, worst error {row['worst']:.2f} units of the last place "
              f"({row['unit']} x the output's scale): {row['where']}")
    print(f"{sum(row['cases'] for row in rows)} of {existing} cases and {len(WRONG)} wrong ones, "
          f"{len(failures)} failures")
    for failure in failures[:40]:
        print("FAILED", failure)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vknorm", help="the command's executable")
    parser.add_argument("--device")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--all", action="store_true", help="all cases, not a sample of them")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only one in N of the cases")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    options = parser.parse_args()
    made = list(run_cases.make_cases(options.seed))
    chosen = (made if options.all else case_sample.sample(made, options.seed))[::options.every]
    with tempfile.TemporaryDirectory(prefix="vknorm-run-") as folder:
        runner = Runner(options, folder)
        rows, failures = check_good(runner, chosen)
        failures += check_wrong(runner)
    if options.json:
        print(json.dumps({"limit": judgement.LIMIT, "cases": len(chosen), "of": len(made), "dtypes": summary(rows),
                          "rows": rows, "failures": failures}, indent=2))
    else:
        print_result(rows, failures, len(made))
    return 1 if failures or not rows else 0


if __name__ == "__main__":
    sys.exit(main())

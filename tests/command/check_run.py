#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs `vknorm run` on cases of all kinds, passes, modes and layouts, and compares with float64.

Prints per kind, pass, mode and layout the largest error in units of 2^-23 x the output's scale (the largest value of
the reference's tensor). x of mean 1e4 and deviation 1 is judged by what rounding the mean to float32 costs."""
import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

import reference
import safetensors_file

LIMIT = 64.0  # units of 2^-23 x scale
ROUNDED_MEAN = 0.5 * float(np.spacing(np.float32(1e4)))  # x rstd: the absolute error that a float32 mean costs y

# Stored channels first; every statistic group has 8 elements or more, since dx of a few cancels to nothing.
SHAPES = {
    "batch": [[16, 3], [64, 130], [2, 3, 7], [4, 5, 3, 6], [2, 3, 2, 5, 3], [2, 2, 2, 3, 2, 3], [1, 3, 70],
              [300, 9], [8, 16, 17, 19], [2, 2, 20011]],
    "instance": [[2, 3, 9], [2, 4, 5, 6], [2, 3, 2, 5, 3], [2, 2, 2, 3, 2, 3], [1, 1, 300], [3, 67, 16],
                 [2, 5, 33, 31], [1, 2, 30011]],
    "group": [[4, 16], [2, 8, 5], [2, 6, 4, 5], [2, 4, 2, 3, 2], [2, 4, 2, 3, 2, 2], [3, 32, 8, 9], [1, 4, 20011]],
    "layer": [[40], [5, 9], [2, 3, 8], [3, 2, 4, 5], [2, 3, 2, 4, 3], [2, 2, 3, 2, 2, 8], [1100, 12], [64, 768],
              [3, 5003], [2, 30011]],
}
SHAPES["rms"] = SHAPES["layer"]
EMPTY = {"batch": [0, 3, 4], "instance": [0, 3, 9], "group": [0, 4, 5], "layer": [0, 8], "rms": [0, 8]}
SHIFTED = {"batch": [[32, 5], [4, 3, 16, 16]], "instance": [[2, 3, 16, 16], [1, 2, 9001]],
           "group": [[2, 8, 8, 8], [1, 4, 9001]], "layer": [[64, 768], [2, 9001], [300, 100]]}
AFFINE = [(), ("weight", "bias"), ("weight",), ("bias",)]
RUNNING = [None, {}, {"num_batches_tracked": 0, "momentum": 0.3}, {"num_batches_tracked": 4, "momentum": "cumulative"},
           {"num_batches_tracked": 0, "momentum": "cumulative"}]


def sizes_of(kind, shape):
    """Values of the key that only this kind has."""
    if kind == "group":
        return [{"groups": g} for g in (1, 2, shape[1]) if shape[1] % g == 0 and np.prod(shape[1:]) // g >= 8]
    if kind in ("layer", "rms"):
        return [{"normalized_rank": r} for r in range(1, len(shape) + 1) if np.prod(shape[len(shape) - r:]) >= 8]
    return [{}]


def channels_of(case, shape):
    return shape[-1] if case.get("layout") == "channels_last" else shape[1]


def draw_tensors(rng, case, shape, affine, running, shift=0.0):
    def normal(size, mean, deviation):
        return (rng.standard_normal(size) * deviation + mean).astype(np.float32)

    # Not around zero: where there is one group, its mean alone is the scale that its error is measured by.
    tensors = {"x": normal(shape, shift if shift else 1.0, 1.0 if shift else 1.5)}
    layer = case["norm"] in ("layer", "rms")
    features = shape[len(shape) - case.get("normalized_rank", 1):] if layer else [channels_of(case, shape)]
    for name in affine:
        tensors[name] = normal(features, {"weight": 1.0, "bias": 0.0}[name], 0.5)
    if running is not None:
        tensors["running_mean"] = normal(features, 0.8, 0.2)
        tensors["running_var"] = rng.uniform(0.5, 2.0, features).astype(np.float32)
    if running and "num_batches_tracked" in running:
        tensors["num_batches_tracked"] = np.array(running["num_batches_tracked"], np.int64)
    if case["pass"] == "backward":
        tensors["dy"] = normal(shape, 0.1, 1.0)
    return tensors


def stored_shape(shape, layout, kind):
    if layout == "channels_first" or len(shape) < 2 or kind in ("layer", "rms"):
        return shape
    return [shape[0]] + shape[2:] + [shape[1]]


def make_cases(seed):
    """All (case, tensors) whose errors count in units of the output's scale or of a rounded mean."""
    rng = np.random.default_rng(seed)
    made = []

    def add(case, shape, **options):
        case = {"name": f"c{len(made)}", **case}
        stored = stored_shape(shape, case["layout"], case["norm"])
        made.append((case, draw_tensors(rng, case, stored, **options), "shift" in options))

    turn = itertools.count()
    for kind, layout in itertools.product(SHAPES, ("channels_first", "channels_last")):
        affines = [a for a in AFFINE if kind != "rms" or "bias" not in a]
        runnings = RUNNING if kind in ("batch", "instance") else [None]
        for direction, mode in itertools.product(("forward", "backward"), ("train", "eval")):
            base = {"norm": kind, "pass": direction, "mode": mode, "layout": layout}
            for shape in SHAPES[kind]:
                for sizes, repeat in itertools.product(sizes_of(kind, shape), range(2)):
                    running = runnings[next(turn) % len(runnings)]
                    extra = {"momentum": running["momentum"]} if running else {}
                    eps = {"eps": 1e-3} if repeat else {}
                    affine = affines[next(turn) // 2 % len(affines)]
                    add({**base, **sizes, **extra, **eps}, shape, affine=affine, running=running)
            sizes = {"groups": 2} if kind == "group" else {}
            add({**base, **sizes}, EMPTY[kind], affine=affines[1], running=None)
        for shape in SHIFTED.get(kind, []):
            sizes = {"groups": 2} if kind == "group" else {}
            add({"norm": kind, "pass": "forward", "mode": "train", "layout": layout, **sizes}, shape, affine=(),
                running=None, shift=1e4)
    return made


# One case each that must fail: the case, the shapes of its tensors, and a part of the message.
BATCH = {"name": "bad", "norm": "batch"}
WRONG = [
    (BATCH, {}, "case bad: the input file has no tensor bad.x"),
    ({**BATCH, "pass": "backward"}, {"x": [4, 3]}, "case bad: the input file has no tensor bad.dy"),
    (BATCH, {"x": [1, 64]}, "case bad: Expected more than 1 value per channel when training, got input size [1, 64]"),
    ({**BATCH, "norm": "instance"}, {"x": [2, 64, 1]},
     "case bad: Expected more than 1 spatial element when training, got input size [2, 64, 1]"),
    ({**BATCH, "norm": "group", "groups": 3}, {"x": [2, 8, 4]},
     "case bad: Expected number of channels in input to be divisible by num_groups"),
    (BATCH, {"x": [4, 3], "running_mean": [4], "running_var": [3]},
     "case bad: running_mean should contain 3 elements not 4"),
    (BATCH, {"x": [4, 3], "running_mean": [3]}, "case bad: running_"),
    (BATCH, {"x": [4, 3], "weight": [1, 3]}, "case bad: weight has shape [1, 3], but must have [3]"),
    (BATCH, {"x": [4, 3], "weight": [4]}, "case bad: weight"),
    ({**BATCH, "pass": "backward"}, {"x": [4, 3], "dy": [3, 4]}, "case bad: dy"),
    ({**BATCH, "norm": "layer", "normalized_rank": 2}, {"x": [8]}, "case bad: "),
    ({**BATCH, "norm": "layer", "normalized_rank": 2}, {"x": [2, 4, 6], "bias": [6, 4]},
     "case bad: bias has shape [6, 4], but must have [4, 6]"),
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


def compare(case, tensors, outputs, shifted):
    """Yields (tensor, error, limit) of each output; an error of infinity is a wrong set, shape or dtype."""
    wanted = reference.run(case, tensors)
    given = {name.rpartition(".")[2]: array for name, array in outputs.items()}
    for name in sorted(set(wanted) ^ set(given)):
        yield f"{name} is {'missing' if name in wanted else 'not expected'}", float("inf"), LIMIT
    for name in sorted(set(wanted) & set(given)):
        out, ref = given[name], np.asarray(wanted[name])
        if out.shape != ref.shape or out.dtype != (np.int64 if name == "num_batches_tracked" else np.float32):
            yield f"{name} of {out.dtype} {out.shape} for {ref.shape}", float("inf"), LIMIT
        elif name == "num_batches_tracked":
            yield name, 0.0 if np.array_equal(out, ref) else float("inf"), LIMIT
        elif out.size:
            largest = float(np.abs(out - ref).max())
            scale = float(np.abs(ref).max()) * 2.0 ** -23
            error = 0.0 if largest == 0.0 else largest / scale if scale else float("inf")
            limit = LIMIT
            if shifted and name == "y":
                limit = ROUNDED_MEAN * float(wanted["rstd"].max()) / scale
            yield name, error if np.isfinite(out).all() else float("inf"), limit


def check_good(runner, seed):
    """Runs all cases at once; returns the rows of the table and the lines about what failed."""
    made = make_cases(seed)
    tensors = {f"{case['name']}.{name}": array for case, arrays, _ in made for name, array in arrays.items()}
    code, printed = runner.run([case for case, _, _ in made], tensors)
    if code != 0:
        return [], [f"exit code {code}: {printed.strip()}"]
    outputs = {}
    for name, array in safetensors_file.load(runner.path("out.safetensors")).items():
        outputs.setdefault(name.rpartition(".")[0], {})[name] = array
    rows, failures = {}, []

    def row_of(case, data):
        key = (case["norm"], case["pass"], case["mode"], case["layout"], data)
        return rows.setdefault(key, {"cases": 0, "error": 0.0, "limit": LIMIT, "of_limit": 0.0, "where": "-"})

    for case, arrays, shifted in made:
        row_of(case, "mean 1e4" if shifted else "ordinary")["cases"] += 1
        for name, error, limit in compare(case, arrays, outputs.get(case["name"], {}), shifted):
            where = f"{name} {list(arrays['x'].shape)}"
            if not error < limit:
                failures.append(f"{case} {where}: error {error:.1f}, limit {limit:.1f}")
            # Only y is judged by the rounded mean.
            row = row_of(case, "mean 1e4" if shifted and name == "y" else "ordinary")
            if error / limit > row["of_limit"]:
                row.update(error=error, limit=limit, of_limit=error / limit, where=where)
    names = ("norm", "pass", "mode", "layout", "data")
    return [{**dict(zip(names, key)), **row} for key, row in rows.items()], failures


def check_wrong(runner):
    """Each must fail with its message, and leave what stood at OUT."""
    failures = []
    for case, shapes, message in WRONG:
        with open(runner.path("out.safetensors"), "wb") as file:
            file.write(b"kept")
        tensors = {f"{case['name']}.{name}": np.ones(shape, np.float32) for name, shape in shapes.items()}
        code, printed = runner.run([case], tensors)
        if code != 1 or message not in printed:
            failures.append(f"{case} {shapes}: exit code {code}, not 1 with \"{message}\": {printed.strip()}")
        with open(runner.path("out.safetensors"), "rb") as file:
            if file.read() != b"kept" or len(os.listdir(runner.folder)) != 3:
                failures.append(f"{case} {shapes}: the output was touched, or there is more: "
                                f"{os.listdir(runner.folder)}")
    code, printed = runner.run([BATCH], {"bad.x": np.ones([4, 3], np.float32)}, device="no such device")
    if code != 1 or "no such device" not in printed:
        failures.append(f"--device \"no such device\": exit code {code}, not 1 with the name: {printed.strip()}")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vknorm", help="the command's executable")
    parser.add_argument("--device")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vknorm-run-") as folder:
        runner = Runner(options, folder)
        rows, failures = check_good(runner, options.seed)
        failures += check_wrong(runner)
    if options.json:
        print(json.dumps({"limit": LIMIT, "rows": rows, "failures": failures}, indent=2))
    else:
        for row in rows:
            print(f"{row['norm']:9}{row['pass']:9}{row['mode']:6}{row['layout']:15}{row['data']:9}"
                  f"{row['cases']:5} cases{row['error']:9.2f} of {row['limit']:8.1f}  {row['where']}")
        print(f"{sum(row['cases'] for row in rows)} cases and {len(WRONG)} wrong ones, {len(failures)} failures; "
              "errors in units of 2^-23 x the output's scale")
        for failure in failures[:40]:
            print("FAILED", failure)
    return 1 if failures or not rows else 0


if __name__ == "__main__":
    sys.exit(main())

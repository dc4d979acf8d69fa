#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `vknorm bench` says: its rows against their definition, its errors, and what it measures in tiny runs.

Usage: check_bench.py VKNORM rows|run    (rows needs no device)
"""
import json
import math
import os
import subprocess
import sys
import tempfile

SUITES = ["resnet50", "transformer", "unet", "style", "small", "scaling"]
BYTES = {"f32": 4, "f16": 2, "bf16": 2}
ROW_KEYS = {"suite", "name", "norm", "pass", "mode", "dtype", "layout", "shape", "floor_bytes"}
ROW_EXTRA = {"groups", "count", "calls", "layers"}
TIME_KEYS = {"median_s", "min_s", "max_s", "repeats", "gbps", "efficiency", "wall_s", "record_s"}
TIME_EXTRA = {"cached", "copy_beside_gbps"}
ON_CHIP = 16384
MEBIBYTE = 1 << 20

failures = []


def check(true, *what):
    if not true:
        failures.append(" ".join(str(part) for part in what))


def run(command, *arguments):
    return subprocess.run([command, "bench", *arguments], capture_output=True, text=True)


# ---- The definition ------------------------------------------------------------------------------------------------
def group_size(norm, shape, groups):
    """Elements that share statistics."""
    space = math.prod(shape[2:])
    return {"batch": shape[0] * space, "instance": space, "group": shape[1] // groups * space,
            "layer": shape[-1], "rms": shape[-1]}[norm]


def moved(row, shape, direction):
    """Elements that an ideal kernel reads and writes for each element of x."""
    once = (row["mode"] == "eval" or row["norm"] in ("layer", "rms")
            or group_size(row["norm"], shape, row.get("groups", 1)) <= ON_CHIP)
    return {"forward": 2 if once else 3, "backward": 3 if once else 5}[direction]


def floor_bytes(row):
    elements = 0
    for layer in row.get("layers", [{"shape": row["shape"], "count": 1}]):
        directions = ["forward", "backward"] if "layers" in row and row["pass"] == "backward" else [row["pass"]]
        elements += layer["count"] * math.prod(layer["shape"]) * sum(moved(row, layer["shape"], d) for d in directions)
    return elements * BYTES[row["dtype"]]


def resnet50(images, size):
    """The shapes of ResNet-50's batch norms in the order of the network (He et al. 2015, table 1)."""
    side = size // 2
    shapes = [(images, 64, side, side)]
    side //= 2
    for width, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(blocks):
            shapes.append((images, width, side, side))
            side //= 2 if block == 0 and width > 64 else 1
            shapes.append((images, width, side, side))
            shapes += [(images, 4 * width, side, side)] * (2 if block == 0 else 1)
    return shapes


def check_row(row):
    check(ROW_KEYS <= set(row) <= ROW_KEYS | ROW_EXTRA | TIME_KEYS | TIME_EXTRA, row["name"], "keys", sorted(row))
    check(row["floor_bytes"] == floor_bytes(row), row, "floor_bytes should be", floor_bytes(row))
    check(("groups" in row) == (row["norm"] == "group"), row["name"], "groups")
    check("x".join(map(str, row["shape"])) in row["name"], row["name"], "does not tell the shape", row["shape"])
    check(row["norm"] in row["name"], row["name"], "does not tell the norm", row["norm"])
    check(("eval" in row["name"]) == (row["mode"] == "eval"), row["name"], "mode", row["mode"])
    check(("channels_last" in row["name"]) == (row["layout"] == "channels_last"), row["name"], row["layout"])


def counted(layers):
    return {tuple(layer["shape"]): layer["count"] for layer in layers}


# ---- Rows ----------------------------------------------------------------------------------------------------------
def rows_of(command, *arguments):
    done = run(command, "--rows", *arguments)
    check(done.returncode == 0 and not done.stderr, arguments, "exit code", done.returncode, done.stderr)
    result = json.loads(done.stdout)
    check(list(result) == ["rows"], "keys", list(result))
    return result["rows"]


def check_network(rows):
    wanted = {shape: resnet50(32, 224).count(shape) for shape in resnet50(32, 224)}
    small = {shape: resnet50(2, 32).count(shape) for shape in resnet50(2, 32)}
    for direction in ("forward", "backward"):
        for mode in ("train", "eval"):
            found = [row for row in rows if row["suite"] == "resnet50" and row["dtype"] == "f32" and "count" in row
                     and row["pass"] == direction and row["mode"] == mode]
            check(counted(found) == wanted, direction, mode, "layers", counted(found))
        sequence = [row for row in rows if row["suite"] == "small" and row["pass"] == direction]
        check(len(sequence) == 3 and all(counted(row["layers"]) == small for row in sequence), direction, sequence)
        check(all(row["calls"] == {"forward": 53, "backward": 106}[direction] for row in sequence), direction, "calls")


def check_rows(command):
    rows = rows_of(command, "--suite", "all", "--dtype", "all")
    for row in rows:
        check_row(row)
    names = [(row["suite"], row["name"], row["pass"], row["dtype"]) for row in rows]
    check(len(set(names)) == len(names), "names repeat")
    check_network(rows)
    plain = [row for row in rows if row["dtype"] == "f32"]
    check(len(rows) == 3 * len(plain), "rows of each dtype")
    check({row["suite"] for row in plain} == set(SUITES), "suites")
    check(rows_of(command) == [row for row in plain if row["suite"] != "scaling"], "the default selection")
    check(rows_of(command, "--suite=unet,style", "--dtype=bf16,f16", "--filter", "256x256", "--pass", "backward")
          == [row for row in rows if row["suite"] in ("unet", "style") and row["dtype"] in ("bf16", "f16")
              and "256x256" in row["name"] and row["pass"] == "backward"], "a selection")
    for features in (768, 1024, 4096, 8192):
        check({row["norm"] for row in plain if row["shape"] == [4096, features]} == {"layer", "rms"}, features)
    for norm in ("batch", "layer", "group"):
        sizes = [math.prod(row["shape"]) for row in plain if row["suite"] == "scaling" and row["norm"] == norm]
        check(min(sizes) < 2e5 and max(sizes) > 1e9, norm, "scaling", sizes)
    extremes = [(math.prod(row["shape"]), group_size(row["norm"], row["shape"], row.get("groups", 1)))
                for row in plain if row["suite"] == "scaling"]
    check((10**8, 10**8) in extremes and (10**8, 10) in extremes, "extremes", extremes)


# ---- Errors --------------------------------------------------------------------------------------------------------
USAGE = [
    (["extra"], '"extra" is one argument too many'),
    (["--suite"], "--suite needs a value"),
    (["--suite", "resnet"], '--suite: "resnet" is none of resnet50, transformer, unet, style, small, scaling, all'),
    (["--suite", "unet,"], '--suite: "" is none of'),
    (["--dtype", "f32,f64"], '--dtype: "f64" is none of f32, f16, bf16, all'),
    (["--pass", "both"], '--pass: "both" is none of forward, backward, all'),
    (["--min-time", "0"], '--min-time: "0" is not a number of seconds above 0'),
    (["--min-time", "1s"], '--min-time: "1s" is not'),
    (["--min-time", "nan"], '--min-time: "nan" is not'),
    (["--min-time="], '--min-time: "" is not'),
    (["--max-bytes", "-1"], '--max-bytes: "-1" is not a number of bytes from 1 to 2^64 - 1'),
    (["--max-bytes", "0"], '--max-bytes: "0" is not'),
    (["--max-bytes", "18446744073709551616"], '--max-bytes: "18446744073709551616" is not'),
    (["--filter", "nothing has this name"], '--filter "nothing has this name" is a part of no name'),
    (["--json=1"], "--json takes no value"),
    (["--frob"], "unknown option --frob"),
]


def check_errors(command):
    for arguments, message in USAGE:
        done = run(command, *arguments)
        check(done.returncode == 2 and message in done.stderr and not done.stdout, arguments, done)
    with tempfile.TemporaryDirectory(prefix="vknorm-bench-") as folder:
        done = run(command, "--output", os.path.join(folder, "missing", "out.json"))
        check(done.returncode == 1 and "No such file or directory" in done.stderr, done)
        done = run(command, "--device", "no such device", "--output", os.path.join(folder, "out.json"))
        check(done.returncode == 1 and os.listdir(folder) == [], done, os.listdir(folder))
    done = run(command, "--help")
    check(done.returncode == 0 and all(suite in done.stdout for suite in SUITES), done)


# ---- Runs ----------------------------------------------------------------------------------------------------------
def close(a, b):
    return math.isclose(a, b, rel_tol=1e-6)


def check_times(row, result):
    check(set(row) >= TIME_KEYS, row["name"], "keys", sorted(row))
    check(0 < row["min_s"] <= row["median_s"] <= row["max_s"], row["name"], "times", row)
    check(row["repeats"] >= 5 and row["wall_s"] > 0 and row["record_s"] > 0, row["name"], row)
    check(close(row["gbps"], row["floor_bytes"] / row["median_s"] / 1e9), row["name"], "gbps", row)
    if result["copy_gbps"] is None:
        check(row["efficiency"] is None, row["name"], "efficiency", row["efficiency"])
        check("copy_beside_gbps" not in row, row["name"], row)
    else:
        check(close(row["efficiency"], row["gbps"] / result["copy_gbps"]), row["name"], "efficiency", row)
        check(row["copy_beside_gbps"] > 0, row["name"], "the copy beside it", row)


def check_head(result, wants_copy, wall):
    check(set(result) == {"source", "date", "device", "timer", "copy_gbps", "copies", "results", "left_out"},
          "keys", sorted(result))
    check(result["source"].startswith("vknorm ") and result["timer"] in ("timestamps", "wall"), result["source"])
    check(not wall or result["timer"] == "wall", "timer", result["timer"])
    check(len(result["date"]) == len("2026-01-01T00:00:00Z"), result["date"])
    check({"name", "type", "api_version", "vendor_id", "device_id", "driver_version"} <= set(result["device"]),
          result["device"])
    copies = result["copies"]
    check((result["copy_gbps"] is not None) == wants_copy == bool(copies), "copy", copies)
    for copy in copies:
        check(copy["gbps"] == max(copy["first_gbps"], copy["last_gbps"]) and copy["gbps"] > 0, copy)
    if copies:
        shapes = {(copy["workgroup"], copy["words"], copy["order"], copy["texels"]) for copy in copies}
        check(len(shapes) == len(copies) >= 10 and (64, 4, "row", False) in shapes, "copies", shapes)
        check(close(result["copy_gbps"], max(copy["gbps"] for copy in copies)), "the best copy", copies)


# Every suite, norm, pass, mode, layout and dtype, in rows that are small or hold few groups.
RUNS = [
    (["--suite", "resnet50", "--filter", "2048x7x7", "--no-copy"], False),
    (["--suite", "transformer", "--filter", "x768", "--no-copy", "--wall"], False),
    (["--suite", "unet", "--filter", "1280x16x16", "--dtype", "all"], True),
    (["--suite", "style", "--filter", " 1x64x", "--no-copy"], False),
    (["--suite", "small", "--no-copy"], False),
    (["--suite", "scaling", "--filter", " 1x64x40x40", "--no-copy"], False),
]


def check_run(command, arguments, wants_copy):
    done = run(command, "--json", "--min-time", "0.001", "--max-bytes", str(64 * MEBIBYTE), *arguments)
    check(done.returncode == 0, arguments, "exit code", done.returncode, done.stderr)
    result = json.loads(done.stdout)
    check_head(result, wants_copy, "--wall" in arguments)
    check(result["left_out"] == [], "left out", result["left_out"])
    for row in result["results"]:
        check_row(row)
        check_times(row, result)
    wanted = rows_of(command, *arguments)
    check([{key: row[key] for key in row if key in ROW_KEYS | ROW_EXTRA} for row in result["results"]] == wanted,
          arguments, "rows", result["results"])
    return result


def check_limit(command, folder):
    """Rows without room are left out, the others are run; a table beside a file."""
    path = os.path.join(folder, "out.json")
    done = run(command, "--suite", "scaling", "--filter", "layer 10", "--pass", "forward", "--min-time", "0.001",
               "--max-bytes", "2000000", "--output", path)
    print(done.stdout, done.stderr)
    check(done.returncode == 0 and "layer 100x1024" in done.stdout and "left out: needs" in done.stdout, done)
    check(all(word in done.stdout for word in ("GB/s", "efficiency", "beside")), done.stdout)
    with open(path, encoding="utf-8") as stream:
        result = json.load(stream)
    check_head(result, True, False)
    check([row["name"] for row in result["results"]] == ["layer 100x1024"], result["results"])
    check(all(row["cached"] for row in result["results"]), "800 KiB are cached")
    lost = result["left_out"]
    check("layer 1000x1024" in [row["name"] for row in lost] and "layer 10000000x10" in [row["name"] for row in lost],
          lost)
    check(all(set(row) == {"suite", "name", "pass", "dtype", "reason"} and "the limit is 2000000" in row["reason"]
              for row in lost), lost)
    check(os.listdir(folder) == ["out.json"], os.listdir(folder))
    done = run(command, "--suite", "unet", "--max-bytes", "1000")
    check(done.returncode == 1 and "the limit of 1000 bytes leaves no room" in done.stderr, done)


def main():
    if len(sys.argv) != 3 or sys.argv[2] not in ("rows", "run"):
        sys.exit(__doc__)
    command = sys.argv[1]
    if sys.argv[2] == "rows":
        check_rows(command)
        check_errors(command)
    else:
        for arguments, wants_copy in RUNS:
            check_run(command, arguments, wants_copy)
        with tempfile.TemporaryDirectory(prefix="vknorm-bench-") as folder:
            check_limit(command, folder)
    for failure in failures:
        print("FAILED", failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

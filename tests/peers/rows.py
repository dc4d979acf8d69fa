# SPDX-License-Identifier: MIT
"""The rows of work that `vknorm bench --rows` prints: the suites are written down there and nowhere else."""
import json
import math
import subprocess

VALUES = {
    "norm": ("batch", "instance", "group", "layer", "rms"),
    "pass": ("forward", "backward"),
    "mode": ("train", "eval"),
    "dtype": ("f32", "f16", "bf16"),
    "layout": ("channels_first", "channels_last"),
}
IDENTITY = ("suite", "name", "norm", "pass", "mode", "dtype", "layout", "shape")  # equal in two files: the same work
COPIED = IDENTITY + ("groups", "count", "calls", "layers", "floor_bytes")  # into the results, where a row has them
DTYPE_SIZE = {"f32": 4, "f16": 2, "bf16": 2}


def is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def is_shape(value):
    return isinstance(value, list) and len(value) >= 2 and all(map(is_count, value))


def is_layer(value):
    return isinstance(value, dict) and set(value) == {"shape", "count"} and is_shape(value["shape"]) \
        and is_count(value["count"])


def check_row(row, where):
    if not isinstance(row, dict):
        raise ValueError(f"{where} is {json.dumps(row)}, not an object")
    for key in IDENTITY + ("floor_bytes",):
        if key not in row:
            raise ValueError(f"{where} has no {key}")
    where = f"{where} ({row['name']})"
    for key in ("suite", "name"):
        if not isinstance(row[key], str) or not row[key]:
            raise ValueError(f"{where}: {key} is {json.dumps(row[key])}, not a text")
    for key, values in VALUES.items():
        if row[key] not in values:
            raise ValueError(f"{where}: {key} is {json.dumps(row[key])}, not one of {', '.join(values)}")
    shape = row["shape"]
    if not is_shape(shape):
        raise ValueError(f"{where}: shape is {json.dumps(shape)}, not two or more positive numbers")
    if row["norm"] in ("layer", "rms") and len(shape) != 2:
        raise ValueError(f"{where}: shape is {json.dumps(shape)}, but a {row['norm']} norm's is [rows, features]")
    if (row["norm"] == "group") != ("groups" in row):
        raise ValueError(f"{where}: groups is for group norm, and needed there; norm is {row['norm']}")
    for key in ("groups", "count", "calls", "floor_bytes"):
        if key in row and not is_count(row[key]):
            raise ValueError(f"{where}: {key} is {json.dumps(row[key])}, not a positive number")
    if "groups" in row and shape[1] % row["groups"]:
        raise ValueError(f"{where}: {shape[1]} channels are not divisible by groups {row['groups']}")
    layers = row.get("layers", [{"shape": shape, "count": 1}])
    if not isinstance(layers, list) or not layers or not all(map(is_layer, layers)):
        raise ValueError(f"{where}: layers is {json.dumps(layers)}, not a list of {{shape, count}}")


def parse_rows(text, source):
    """The rows of a document {"rows": [...]}. source: its name in the text of a ValueError."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{source} is not JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("rows"), list):
        raise ValueError(f'{source} has no list "rows": it is not what `vknorm bench --rows` prints')
    seen = {}
    for index, row in enumerate(document["rows"]):
        check_row(row, f"{source}: rows[{index}]")
        key = row["suite"], row["name"], row["pass"], row["mode"], row["dtype"]
        if key in seen:
            raise ValueError(f"{source}: rows[{index}] is named as rows[{seen[key]}]: {', '.join(key)}")
        seen[key] = index
    return document["rows"]


def read_rows(options):
    """options: those of options.py."""
    if options.rows:
        with open(options.rows, encoding="utf-8") as file:
            return parse_rows(file.read(), options.rows)
    command = [options.vknorm, "bench", "--rows", "--dtype", ",".join(options.dtype)]
    command += ["--suite", ",".join(options.suite)] if options.suite else []
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise ValueError(f"{' '.join(command)}: exit code {done.returncode}: {done.stderr.strip()}")
    return parse_rows(done.stdout, " ".join(command))


def select(rows, suites, text, dtypes):
    """Those of the suites (none or "all": of each) whose names contain the text, by dtype in the order given."""
    known = {row["suite"] for row in rows}
    suites = [] if suites == ["all"] else suites
    for suite in suites:
        if suite not in known:
            raise ValueError(f"--suite {suite}: the rows are of {', '.join(sorted(known))}")
    selected = [row for dtype in dtypes for row in rows
                if row["dtype"] == dtype and text in row["name"] and (not suites or row["suite"] in suites)]
    if not selected:
        raise ValueError(f"none of {len(rows)} rows is of dtype {','.join(dtypes)} with {text!r} in its name")
    return selected


def shapes(row):
    """Those of the tensors that a row's calls read: one, or one for each norm of a network."""
    layers = row.get("layers", [{"shape": row["shape"], "count": 1}])
    return [layer["shape"] for layer in layers for _ in range(layer["count"])]


def element_count(row):
    return sum(map(math.prod, shapes(row)))


def tensor_bytes(row):
    return element_count(row) * DTYPE_SIZE[row["dtype"]]

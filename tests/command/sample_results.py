#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Files of timings to test `vknorm compare` and `vknorm report` with: made up, as their names say."""
import json

LAVAPIPE = {"name": "llvmpipe (made up)", "driver": "llvmpipe Mesa (made up)", "type": "CPU", "api_version": "1.3.230",
            "threads": 2}
HOST = {"name": "a processor (made up)", "threads": 2}

# suite, name, norm, groups, layout, shape; elements moved per element forward and backward.
WORKS = [
    ("resnet50", "batch 32x64x112x112", "batch", 0, "channels_first", [32, 64, 112, 112], 3, 5),
    ("resnet50", "batch 32x256x14x14", "batch", 0, "channels_first", [32, 256, 14, 14], 2, 3),
    ("resnet50", "batch 32x256x14x14 channels_last", "batch", 0, "channels_last", [32, 256, 14, 14], 2, 3),
    ("transformer", "layer 4096x1024", "layer", 0, "channels_first", [4096, 1024], 2, 3),
    ("transformer", "rms 4096x1024", "rms", 0, "channels_first", [4096, 1024], 2, 3),
    ("unet", "group32 4x320x64x64", "group", 32, "channels_first", [4, 320, 64, 64], 3, 5),
    ("scaling", "layer 100x1024", "layer", 0, "channels_first", [100, 1024], 2, 3),
    ("scaling", "layer 10000x1024", "layer", 0, "channels_first", [10000, 1024], 2, 3),
    ("scaling", "layer 1000000x1024", "layer", 0, "channels_first", [1000000, 1024], 2, 3),
    ("scaling", "batch 1x1x10000x10000", "batch", 0, "channels_first", [1, 1, 10000, 10000], 3, 5),
]
BYTES = {"f32": 4, "f16": 2, "bf16": 2}


def row(work, backward, dtype, gbps, copy, tilt):
    """A row that reaches `gbps`, or less: on which shapes depends on `tilt`."""
    suite, name, norm, groups, layout, shape, *moved = work
    elements = 1
    for size in shape:
        elements *= size
    floor = elements * moved[backward] * BYTES[dtype]
    gbps *= 0.8 + 0.2 * (tilt * len(name) % 5) / 4
    median = floor / gbps / 1e9
    made = {"suite": suite, "name": name, "norm": norm, "pass": "backward" if backward else "forward", "mode": "train",
            "dtype": dtype, "layout": layout, "shape": shape, "median_s": median, "min_s": 0.97 * median,
            "max_s": 1.1 * median, "repeats": 31, "floor_bytes": floor, "gbps": gbps,
            "efficiency": gbps / copy if copy else None}
    if groups:
        made["groups"] = groups
    if elements < 1000000:
        made["cached"] = True
    return made


def results(source, device, gbps, tilt, copy=None, dtypes=("f32", "bf16"), passes=(False, True), works=WORKS):
    """The contents of a file."""
    return {"source": source, "date": "2026-11-21T08:00:00Z", "device": device,
            "timer": "timestamps" if copy else "wall", "copy_gbps": copy,
            "results": [row(work, backward, dtype, gbps, copy, tilt)
                        for dtype in dtypes for work in works for backward in passes]}


def ours():
    return results("vknorm (made up)", LAVAPIPE, 10.5, 1, copy=11.9)


def torch():
    """Another device, all works."""
    return results("torch (made up)", HOST, 6.25, 2)


def ncnn():
    """The same device, forward in f32, not channels last; and a row of its own."""
    works = [work for work in WORKS if work[4] == "channels_first"]
    extra = ("unet", "group32 4x640x32x32", "group", 32, "channels_first", [4, 640, 32, 32], 3, 5)
    made = results("ncnn (made up)", LAVAPIPE, 1.5, 3, dtypes=("f32",), passes=(False,), works=works + [extra])
    made["left_out"] = ["f16: ncnn has no such layer (made up)"]
    made["method"] = "nine layers less one (made up)"
    return made


def save(path, contents):
    with open(path, "w", encoding="utf-8") as stream:
        json.dump(contents, stream)

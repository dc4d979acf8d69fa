# SPDX-License-Identifier: MIT
"""A row as ncnn's layer, and nets of such layers on Vulkan."""
import math
import os
import tempfile
import time

import ncnn
import numpy as np

EPS = 1e-5
# What ncnn is told beside Vulkan: its own choice would be f16.
STORAGE = {"f32": (), "f16": ("use_fp16_packed", "use_fp16_storage"), "bf16": ("use_bf16_packed", "use_bf16_storage")}
ALL_STORAGE = STORAGE["f16"] + STORAGE["bf16"] + ("use_fp16_arithmetic",)
# How far a result may be from the definition.
TOLERANCE = {"f32": 1e-4, "f16": 1e-2, "bf16": 1e-1}


class Layer:
    """A row as an ncnn layer over one sample: samples become channels, with the parameters of each written again."""

    def __init__(self, row):
        samples, channels = row["shape"][:2]
        random = np.random.default_rng(1)
        self.norm, self.dtype, self.groups = row["norm"], row["dtype"], samples * row.get("groups", 1)

        def parameter(low, high, times):
            return np.tile(random.uniform(low, high, channels).astype("f4"), times)
        if self.norm in ("layer", "rms"):
            self.shape, samples = tuple(row["shape"]), 1
        else:
            spatial = row["shape"][2:] or [1]
            self.shape = (samples * channels, math.prod(spatial[:-1]), spatial[-1])
        self.x = random.standard_normal(self.shape, "f4")
        self.weight, self.bias = parameter(0.5, 1.5, samples), parameter(-1.0, 1.0, samples)
        self.mean, self.variance = parameter(-0.1, 0.1, samples), parameter(0.9, 1.1, samples)

    def text(self):
        """The type and the parameters of a .param file's line, and the numbers of the .bin file."""
        width = len(self.weight)
        return {
            "layer": (f"LayerNorm {{}} 0={width} 1={EPS} 2=1", [self.weight, self.bias]),
            "rms": (f"RMSNorm {{}} 0={width} 1={EPS} 2=1", [self.weight]),
            "group": (f"GroupNorm {{}} 0={self.groups} 1={width} 2={EPS} 3=1", [self.weight, self.bias]),
            "instance": (f"InstanceNorm {{}} 0={width} 1={EPS} 2=1", [self.weight, self.bias]),
            "batch": (f"BatchNorm {{}} 0={width} 1={EPS}", [self.weight, self.mean, self.variance, self.bias]),
        }[self.norm]

    def expected(self):
        """y by the definition, in float64."""
        x = self.x.reshape(self.groups if self.norm == "group" else self.shape[0], -1).astype("f8")
        mean = 0.0 if self.norm == "rms" else x.mean(1, keepdims=True)
        variance = ((x - mean) ** 2).mean(1, keepdims=True)
        if self.norm == "batch":
            mean, variance = self.mean[:, None], self.variance[:, None]
        y = ((x - mean) / np.sqrt(variance + EPS)).reshape(self.shape)
        along = (-1,) if self.norm in ("layer", "rms") else (-1, 1, 1)
        return y * self.weight.reshape(along) + (0.0 if self.norm == "rms" else self.bias.reshape(along))


class Net:
    """`count` equal layers one after another, on Vulkan."""

    def __init__(self, layer, count, threads):
        line, numbers = layer.text()
        lines = [f"7767517\n{count + 1} {count + 1}\nInput input 0 1 b0"]
        lines += [line.replace("{}", f"l{i} 1 1 b{i} b{i + 1}", 1) for i in range(count)]
        self.net, self.last = ncnn.Net(), f"b{count}"
        self.net.opt.use_vulkan_compute, self.net.opt.num_threads = True, threads
        for name in ALL_STORAGE:
            setattr(self.net.opt, name, name in STORAGE[layer.dtype])
        with tempfile.TemporaryDirectory() as folder:
            param, data = os.path.join(folder, "net.param"), os.path.join(folder, "net.bin")
            with open(param, "w", encoding="ascii") as file:
                file.write("\n".join(lines) + "\n")
            np.concatenate(numbers * count).tofile(data)
            if self.net.load_param(param) or self.net.load_model(data):
                raise ValueError("ncnn could not load the net")
        if not all(one.support_vulkan for one in self.net.layers()):
            raise ValueError("ncnn has no Vulkan form of this layer")
        # A clone has its channels where ncnn expects them; what wraps an array has not.
        self.layer, self.input = layer, ncnn.Mat(layer.x).clone()

    def run(self):
        """The output, and the seconds from data of the host to data of the host."""
        start = time.perf_counter()
        extractor = self.net.create_extractor()
        extractor.input("b0", self.input)
        code, y = extractor.extract(self.last)
        seconds = time.perf_counter() - start
        if code:
            raise ValueError(f"ncnn could not run the net: code {code}")
        return y, seconds

    def check(self):
        """What is timed must be the row's work, on data of the row's dtype."""
        y, dtype = np.array(self.run()[0]), self.layer.dtype
        error = np.abs(y - self.layer.expected()).max()
        if not error <= TOLERANCE[dtype]:
            raise ValueError(f"ncnn's result is off by {error:.2g}")
        narrow = {"f32": lambda: y, "f16": lambda: y.astype("f2").astype("f4"),
                  "bf16": lambda: (y.view("u4") >> 16 << 16).view("f4")}[dtype]()
        if not np.array_equal(narrow, y):
            raise ValueError(f"ncnn does not store {dtype} on this device")

# SPDX-License-Identifier: MIT
"""The cases, as data. A new option is a field of Case with its default, and rows of SWEEPS that vary it."""
import dataclasses
import itertools
import math
import random
import zlib

CHANNELED = ("batch", "instance", "group")  # the norms whose channels have an axis of their own
TRACKING = ("batch", "instance")

FORWARD, BACKWARD = "forward", "backward"
TRAIN, EVAL = "train", "eval"
SINGLE = tuple(((direction, mode),) for direction in (FORWARD, BACKWARD) for mode in (TRAIN, EVAL))
TRAINING = SINGLE[0::2]
# As a module goes: trains, is evaluated, trains on, is frozen and fine-tuned.
LIFE = (((FORWARD, TRAIN), (BACKWARD, TRAIN), (FORWARD, EVAL), (BACKWARD, TRAIN), (BACKWARD, EVAL)),)

AFFINE = ((), ("weight", "bias"), ("weight",), ("bias",))
MOST = (("weight", "bias"), ("weight",), ())  # the second for rms norm, which has no bias
EPS = (1e-5, 1e-3, 0.0)
LAYOUTS = ("channels_first", "channels_last")
SIXTEEN = ("F16", "BF16")
ALL = ("F32",) + SIXTEEN

# Shapes are written channels first, whatever the layout in memory.
RANKS = {  # one of each rank, 1 to 6
    "batch": [(8,), (16, 3), (2, 3, 7), (4, 5, 3, 6), (2, 3, 2, 5, 3), (2, 2, 2, 3, 2, 3)],
    "instance": [(8,), (4, 6), (2, 3, 9), (2, 4, 5, 6), (2, 3, 2, 5, 3), (2, 2, 2, 3, 2, 3), (1, 3, 9), (1, 3, 4, 5),
                 (1, 3, 2, 4, 5)],
    "group": [(8,), (4, 12), (2, 8, 5), (2, 6, 4, 5), (2, 4, 2, 3, 2), (2, 4, 2, 3, 2, 2)],
    "layer": [(40,), (5, 9), (2, 3, 8), (3, 2, 4, 5), (2, 3, 2, 4, 3), (2, 2, 3, 2, 2, 8)],
}
MIDDLE = {
    "batch": [(33, 5), (257, 16), (4, 3, 16, 16), (2, 70, 65)],
    "instance": [(2, 3, 16, 16), (3, 17, 65), (1, 2, 2003)],
    "group": [(2, 8, 8, 8), (1, 4, 1003), (3, 32, 33)],
    "layer": [(64, 96), (2, 2003), (300, 20), (3, 5, 7, 11)],
}
LARGE = {
    "batch": [(64, 130), (300, 9), (8, 16, 17, 19), (2, 2, 20011), (1, 3, 70), (5, 1, 40), (16, 64, 7, 7), (2, 1030)],
    "instance": [(1, 1, 300), (3, 67, 16), (2, 5, 33, 31), (1, 2, 20011), (16, 64, 7, 7), (2, 3, 9, 8, 7)],
    "group": [(3, 32, 8, 9), (1, 4, 9001), (2, 24, 16, 15), (2, 60, 7), (64, 32), (1, 1, 50)],
    "layer": [(1100, 12), (64, 768), (3, 5003), (2, 20011), (2, 7, 33, 31), (4, 16, 1024), (1, 4097)],
}
# Of LARGE and like it, those whose kernels a driver compiles fast: a row of some hundred elements is unrolled.
STREAMED = {
    "batch": [(64, 130), (257, 16), (2, 2, 20011), (16, 64, 7, 7), (2, 1030)],
    "instance": [(3, 67, 16), (1, 2, 20011), (16, 64, 7, 7)],
    "group": [(1, 4, 9001), (64, 32), (2, 60, 2)],
    "layer": [(1100, 12), (300, 20), (2, 20011), (2, 31, 2, 9)],
}
STATE = {
    "batch": [(16, 3), (2, 3, 7), (4, 5, 6, 6), (2, 3, 2, 5, 3)],
    "instance": [(2, 3, 9), (3, 5, 6, 6), (2, 3, 2, 5, 3)],
}
EMPTY = {"batch": [(0, 3, 4)], "instance": [(0, 3, 9)], "group": [(0, 4, 5)], "layer": [(0, 8)]}
for shapes in (RANKS, MIDDLE, LARGE, STREAMED, EMPTY):
    shapes["rms"] = shapes["layer"]


@dataclasses.dataclass(frozen=True)
class Case:
    norm: str
    shape: tuple
    layout: str
    steps: tuple  # of (pass, mode); what a step leaves in the running statistics is the next one's
    groups: int = 0
    normalized_rank: int = 0
    affine: tuple = MOST[0]
    eps: float = 1e-5
    running: str = "none"  # given: as after some batches; fresh: as a new module's
    momentum: object = 0.1
    data: str = "normal"
    dtype: str = "F32"
    activation: str = "none"
    residual: str = "none"  # after, before; before and dh: with a gradient that reaches h from elsewhere
    weight_offset: float = 0.0
    per_sample: bool = False  # weight and bias have N in front
    parameter: str = "F32"  # the dtype of weight and bias
    biased_running_var: bool = False

    @property
    def moves_channels(self):
        """Whether the channels stand last in memory, and elsewhere than in PyTorch's shape."""
        return self.layout == "channels_last" and self.norm in CHANNELED and len(self.shape) > 2

    @property
    def stored_shape(self):
        return self.shape[:1] + self.shape[2:] + self.shape[1:2] if self.moves_channels else self.shape

    @property
    def feature_shape(self):
        """The shape of weight and bias that all samples share."""
        return self.shape[len(self.shape) - self.normalized_rank:] if self.normalized_rank else self.shape[1:2]

    @property
    def residual_before(self):
        return self.residual.startswith("before")

    @property
    def options(self):
        """What it has beyond a plain norm, in words."""
        named = {f"activation {self.activation}": self.activation != "none",
                 f"residual {self.residual}": self.residual != "none",
                 f"weight_offset {self.weight_offset:g}": self.weight_offset != 0.0, "per sample": self.per_sample,
                 f"weight and bias {self.parameter}": self.parameter != "F32",
                 "biased_running_var": self.biased_running_var}
        return [name for name, has in named.items() if has]

    @property
    def name(self):
        """All that tells it from others, for --filter, for messages and as its data's seed."""
        parts = [self.norm, "x".join(map(str, self.shape)), self.layout,
                 ",".join(f"{direction}-{mode}" for direction, mode in self.steps)]
        parts += [f"groups={self.groups}"] if self.groups else []
        parts += [f"normalized_rank={self.normalized_rank}"] if self.normalized_rank else []
        parts += ["+".join(self.affine) or "plain", f"eps={self.eps:g}"]
        parts += [f"running={self.running}", f"momentum={self.momentum}"] if self.running != "none" else []
        return " ".join(parts + [self.data, self.dtype] + self.options)

    @property
    def number(self):
        """The same for all cases whose groups have the same shape, which share most of their pipelines."""
        return zlib.crc32(repr((self.norm, self.shape, self.groups, self.normalized_rank)).encode())

    def keys(self, step):
        """A step as `vknorm run` reads it, but for its name."""
        direction, mode = self.steps[step]
        keys = {"norm": self.norm, "pass": direction, "mode": mode, "layout": self.layout, "eps": self.eps}
        given = {"groups": self.groups, "normalized_rank": self.normalized_rank,
                 "activation": self.activation if self.activation != "none" else None,
                 "residual_before": self.residual_before, "weight_offset": self.weight_offset,
                 "biased_running_var": self.biased_running_var}
        keys.update({key: value for key, value in given.items() if value})
        return {**keys, "momentum": self.momentum} if self.running != "none" else keys


# Activation and residual make other pipelines, whose compilation takes most of the time: these sets, with all of the
# rest. Each dtype of 16 bits has two of them.
FUSED = ({"activation": "relu", "residual": "after"}, {"activation": "silu", "residual": "before and dh"},
         {"activation": "silu", "residual": "after"}, {"residual": "before"}, {"activation": "relu"}, {})
FUSED_OF = {"F32": FUSED, "F16": FUSED[:2], "BF16": FUSED[2:4]}
AROUND = {"affine": MOST, "weight_offset": (0.0, 1.0), "per_sample": (False, True)}
# Each row is multiplied out. What a row does not name has Case's default. `one_of`: of about so many cases one is
# taken, the same in every run.
SWEEPS = [
    {"shapes": RANKS, "steps": SINGLE, "affine": AFFINE, "eps": EPS, "running": ("none", "given")},
    {"shapes": MIDDLE, "steps": TRAINING, "affine": MOST[:2], "eps": (1e-5, 0.0),
     "data": ("mean 1e4", "outlier", "outlier first", "tiny", "large")},
    {"shapes": LARGE, "steps": SINGLE, "affine": MOST, "running": ("none", "given")},
    {"shapes": STATE, "steps": LIFE, "affine": MOST, "running": ("fresh",),
     "momentum": (0.1, 0.3, 1.0, "cumulative")},
    {"shapes": EMPTY, "steps": SINGLE, "affine": MOST},
    # Two values of 16 bits may be equal, so that only wide groups go with eps 0.
    {"shapes": RANKS, "steps": SINGLE, "affine": MOST, "eps": EPS[:2], "running": ("none", "given"),
     "parameter": ("F32", "as x"), "dtype": SIXTEEN, "one_of": 16},
    {"shapes": MIDDLE, "steps": TRAINING, "affine": MOST[:2], "eps": (1e-5, 0.0), "dtype": ("F16",),
     "data": ("mean 1e4, deviation 100", "outlier", "outlier first", "near 65504"), "one_of": 8},
    {"shapes": MIDDLE, "steps": TRAINING, "affine": MOST[:2], "eps": (1e-5, 0.0), "dtype": ("BF16",),
     "data": ("mean 1e4, deviation 100", "outlier", "outlier first", "tiny", "large"), "one_of": 8},
    {"shapes": LARGE, "steps": TRAINING, "affine": MOST[:1], "dtype": SIXTEEN, "one_of": 8},
    {"shapes": STREAMED, "steps": SINGLE, "affine": MOST, "running": ("none", "given"), "parameter": ("F32", "as x"),
     "dtype": SIXTEEN, "one_of": 8},
    {"shapes": STATE, "steps": LIFE, "affine": MOST, "running": ("fresh",), "momentum": (0.1, 0.3, 1.0, "cumulative"),
     "dtype": SIXTEEN, "one_of": 2},
    {"shapes": STATE, "steps": LIFE, "affine": MOST[:1], "running": ("fresh",), "dtype": ALL,
     "momentum": (0.1, 0.3, 1.0, "cumulative"), "biased_running_var": (True,)},
    {"shapes": RANKS, "steps": TRAINING, "running": ("given",), "dtype": ALL, "biased_running_var": (True,)},
    {"shapes": EMPTY, "steps": SINGLE, "dtype": SIXTEEN},
    {"shapes": EMPTY, "steps": SINGLE, "fused": FUSED, **AROUND, "one_of": 10},
] + [
    {"shapes": shapes, "steps": SINGLE, "running": ("none", "given"), "dtype": (dtype,), "fused": fused, **AROUND,
     "one_of": 40}
    for shapes in (RANKS, STREAMED) for dtype, fused in FUSED_OF.items()
]


def sizes_of(norm, shape):
    """Every value of the field that only this norm has. A statistic group has two elements or more."""
    if norm == "group" and len(shape) > 1:
        return [{"groups": groups} for groups in range(1, shape[1] + 1)
                if shape[1] % groups == 0 and math.prod(shape[1:]) // groups > 1]
    if norm in ("layer", "rms"):
        return [{"normalized_rank": rank} for rank in range(1, len(shape) + 1) if math.prod(shape[-rank:]) > 1]
    return [{}]


def makes_sense(case):
    """Whether it has what its options are about, so that no other case is the same."""
    return ((case.running == "none" or case.norm in TRACKING)
            and (not case.per_sample or (case.affine and len(case.feature_shape) < len(case.shape)))
            and (not case.weight_offset or "weight" in case.affine)
            and (case.parameter == "F32" or case.affine)
            and (case.residual != "before and dh" or case.steps[0][0] == BACKWARD))


def multiplied(sweep):
    options = {key: values for key, values in sweep.items() if key not in ("shapes", "one_of")}
    taken = random.Random(0)
    for norm, shapes in sweep["shapes"].items():
        rows = [dict(zip(options, values)) for values in itertools.product(*options.values())]
        for shape, layout, row, sizes in ((shape, layout, row, sizes) for shape in shapes for layout in LAYOUTS
                                          for row in rows for sizes in sizes_of(norm, shape)):
            if taken.randrange(sweep.get("one_of", 1)):
                continue
            row = {key: row["dtype"] if value == "as x" else value for key, value in row.items()}
            case = Case(norm, shape, layout, **row.pop("fused", {}), **row, **sizes)
            if makes_sense(case):
                yield case


def make_cases():
    """Each once. Those that share pipelines follow one another, since a pipeline lives as long as one run of the
    command."""
    cases = {case.name: case for sweep in SWEEPS for case in multiplied(sweep)}
    return sorted(cases.values(), key=lambda case: (case.dtype, case.activation, case.residual, case.parameter))

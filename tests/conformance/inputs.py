# SPDX-License-Identifier: MIT
"""The tensors that a case is given, drawn from its name."""
import typing
import zlib

import numpy as np


class Dtype(typing.NamedTuple):
    storage: type
    unit: float  # of errors, relative to the output's scale


# Of x, y, dy, dx; all else is F32.
DTYPES = {"F32": Dtype(np.float32, 2.0 ** -23)}
IN_DTYPE = ("y", "dx")


def normal(rng, shape, mean=1.0, deviation=1.5):
    return rng.standard_normal(shape) * deviation + mean


def outlier(rng, shape, first=False):
    x = rng.standard_normal(shape)
    x.flat[0 if first else int(rng.integers(x.size))] = 1e4
    return x


# x. Not around zero: where there is one group, its mean alone is the scale that its error is measured by.
DATA = {
    "normal": normal,
    "mean 1e4": lambda rng, shape: normal(rng, shape, 1e4, 1.0),
    "outlier": outlier,
    "outlier first": lambda rng, shape: outlier(rng, shape, True),
    "tiny": lambda rng, shape: normal(rng, shape) * 1e-12,
    "large": lambda rng, shape: normal(rng, shape) * 1e12,
}


def parameters(rng, case):
    tensors = {}
    for name, mean in (("weight", 1.0), ("bias", 0.0)):
        values = normal(rng, case.feature_shape, mean, 0.5).astype(np.float32)
        if name in case.affine:
            tensors[name] = values
    return tensors


def running(rng, case):
    """As a new module has them, or as some batches left them."""
    if case.running == "none":
        return {}
    channels = case.feature_shape
    if case.running == "fresh":
        return {"running_mean": np.zeros(channels, np.float32), "running_var": np.ones(channels, np.float32),
                "num_batches_tracked": np.array(0, np.int64)}
    return {"running_mean": normal(rng, channels, 0.8, 0.2).astype(np.float32),
            "running_var": rng.uniform(0.5, 2.0, channels).astype(np.float32),
            "num_batches_tracked": np.array(3, np.int64)}


def dtype_of(case, tensor):
    return DTYPES[case.dtype if tensor in IN_DTYPE else "F32"]


def draw(case, seed):
    """The inputs of each step; the running statistics only of the first."""
    rng = np.random.default_rng([seed, zlib.crc32(case.name.encode())])
    kept = parameters(rng, case)
    first = running(rng, case)
    steps = []
    for direction, _ in case.steps:
        tensors = {"x": DATA[case.data](rng, case.stored_shape).astype(DTYPES[case.dtype].storage), **kept}
        if direction == "backward":
            tensors["dy"] = normal(rng, case.stored_shape, 0.1, 1.0).astype(DTYPES[case.dtype].storage)
        steps.append(tensors)
    steps[0].update(first)
    return steps

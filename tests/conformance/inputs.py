# SPDX-License-Identifier: MIT
"""The tensors that a case is given, drawn from its name."""
import zlib

import numpy as np

import dtypes
import reference


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
    "mean 1e4, deviation 100": lambda rng, shape: normal(rng, shape, 1e4, 100.0),  # 16 bits are that coarse there
    "outlier": outlier,
    "outlier first": lambda rng, shape: outlier(rng, shape, True),
    "tiny": lambda rng, shape: normal(rng, shape) * 1e-12,
    "large": lambda rng, shape: normal(rng, shape) * 1e12,
    "near 65504": lambda rng, shape: rng.choice([65504.0, 65440.0, 30000.0, -65504.0], shape),
}


def parameters(rng, case):
    tensors = {}
    shape = case.shape[:1] * case.per_sample + case.feature_shape
    for name, mean in (("weight", 1.0), ("bias", 0.0)):
        values = normal(rng, shape, mean, 0.5)
        if name in case.affine:
            tensors[name] = dtypes.rounded(values, case.parameter)
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


def keep_off_the_kink(case, index, tensors):
    """dy is 0 where relu's argument is so near 0 that its float32 may stand on the other side."""
    near = np.abs(reference.Norm(case.keys(index), tensors).z) < 1e-3
    tensors["dy"].reshape(-1)[near] = np.zeros((), tensors["dy"].dtype)


def as_x(rng, case, mean, deviation):
    return dtypes.rounded(normal(rng, case.stored_shape, mean, deviation), case.dtype)


def draw(case, seed):
    """The inputs of each step; the running statistics only of the first."""
    rng = np.random.default_rng([seed, zlib.crc32(case.name.encode())])
    kept = parameters(rng, case)
    first = running(rng, case)
    steps = []
    for index, (direction, _) in enumerate(case.steps):
        tensors = {"x": dtypes.rounded(DATA[case.data](rng, case.stored_shape), case.dtype), **kept}
        if direction == "backward":
            tensors["dy"] = as_x(rng, case, 0.1, 1.0)
        if case.residual != "none":
            tensors["residual"] = as_x(rng, case, 0.3, 1.0)
        if case.residual == "before and dh" and direction == "backward":
            tensors["dh"] = as_x(rng, case, -0.2, 1.0)
        tensors.update({} if steps else first)
        if case.activation == "relu" and direction == "backward":
            keep_off_the_kink(case, index, tensors)
        steps.append(tensors)
    return steps

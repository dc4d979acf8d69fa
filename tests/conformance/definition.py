# SPDX-License-Identifier: MIT
"""What a case must give by definition, in float64, and how far each output may be from the truth."""
import numpy as np

import inputs
import reference

LIMIT = 64.0
RUNNING = ("running_mean", "running_var", "num_batches_tracked")
FEW = 4  # in statistic groups of so few elements, dx's formula cancels almost all of its terms


def run(case, steps):
    """The outputs of each step."""
    outputs, carried = [], {}
    for index, tensors in enumerate(steps):
        outputs.append(reference.run(case.keys(index), {**tensors, **carried}))
        carried = {name: outputs[-1][name] for name in RUNNING if name in outputs[-1]}
    return outputs


def largest(array):
    return float(np.abs(array).max(initial=0.0))


def mean_costs(keys, tensors, outputs):
    """What it costs dx and dweight at most that the mean which forward saves is one float32: xhat is off by delta."""
    if "mean" not in outputs or "dx" not in outputs or not tensors["x"].size:
        return {}
    mean, rstd = outputs["mean"].ravel(), outputs["rstd"].ravel()
    delta = 0.5 * np.spacing(np.abs(mean).astype(np.float32)).astype(np.float64) * rstd
    members, feature = reference.statistic_groups(keys, list(tensors["x"].shape))
    dy = tensors["dy"].astype(np.float64).ravel()
    weight = tensors["weight"].astype(np.float64).ravel()[feature] if "weight" in tensors else np.ones(dy.size)
    xhat = (tensors["x"].astype(np.float64).ravel()[members] - mean[:, None]) * rstd[:, None]
    g = (dy * weight)[members]
    g_mean, gx_mean = np.abs(g.mean(1)), np.abs((g * xhat).mean(1))
    costs = {"dx": largest(rstd * delta * (gx_mean + (np.abs(xhat).max(1) + delta) * g_mean))}
    if "dweight" in outputs:
        features = outputs["dweight"].size
        unit = feature[members] + features * np.arange(len(members))[:, None]
        sums = np.bincount(unit.ravel(), dy[members].ravel(), features * len(members)).reshape(-1, features)
        costs["dweight"] = largest((np.abs(sums) * delta[:, None]).sum(0))
    return costs


def scales(keys, tensors, outputs):
    """The largest value of each output; for dx of few elements, of its terms."""
    found = {name: largest(array) for name, array in outputs.items()}
    members, _ = reference.statistic_groups(keys, list(tensors["x"].shape))
    if "dx" in outputs and "rstd" in outputs and members.shape[1] <= FEW:
        terms = largest(outputs["rstd"]) * largest(tensors["dy"]) * largest(tensors.get("weight", np.ones(1)))
        found["dx"] = max(found["dx"], terms)
    return found


def bounds(case, index, tensors, outputs):
    """(unit, limit in units) of each output of a step: 64, and what a rounded mean may cost beside."""
    keys = case.keys(index)
    costs = mean_costs(keys, tensors, outputs)
    found = {}
    for name, scale in scales(keys, tensors, outputs).items():
        unit = scale * inputs.dtype_of(case, name).unit
        found[name] = unit, LIMIT + (costs.get(name, 0.0) / unit if unit else 0.0)
    return found

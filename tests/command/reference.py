# SPDX-License-Identifier: MIT
"""Every normalization from its definition, in float64: forward, running statistics, backward."""
import numpy as np


def statistic_groups(case, shape):
    """Two index arrays over a tensor as stored: the flat places of each statistic group's elements, one row a group,
    and for each flat place the element of weight and bias that belongs to it."""
    places = np.arange(int(np.prod(shape))).reshape(shape)
    if case["norm"] in ("layer", "rms"):
        features = int(np.prod(shape[len(shape) - case.get("normalized_rank", 1):]))
        rows = int(np.prod(shape[:len(shape) - case.get("normalized_rank", 1)]))
        members = places.reshape(rows, features)
        return members, np.arange(places.size) % max(features, 1)
    if case.get("layout") == "channels_last":
        places = np.moveaxis(places, -1, 1)
    samples, channels = places.shape[:2]
    places = places.reshape(samples, channels, int(np.prod(places.shape[2:])))
    feature = np.empty(places.size, dtype=np.int64)
    feature[places] = np.arange(channels)[None, :, None]
    if case["norm"] == "batch":
        return places.transpose(1, 0, 2).reshape(channels, -1 if places.size else 0), feature
    groups = {"instance": channels, "group": case.get("groups")}[case["norm"]]
    per_group = places.shape[2] * (channels // groups)
    return places.reshape(samples * groups, per_group), feature


def statistic_shape(case, shape):
    """The shape of mean and rstd."""
    if case["norm"] in ("layer", "rms"):
        return shape[:len(shape) - case.get("normalized_rank", 1)]
    channels = shape[-1] if case.get("layout") == "channels_last" else shape[1]
    shapes = {"batch": [channels], "instance": [shape[0], channels], "group": [shape[0], case.get("groups")]}
    return shapes[case["norm"]]


def updated_running(case, tensors, mean, var, count):
    """(1 - m) running + m batch with the unbiased variance; instance norm averages over the samples."""
    tracked = int(tensors.get("num_batches_tracked", np.int64(0)).item())
    momentum = case.get("momentum", 0.1)
    momentum = 1 / (tracked + 1) if momentum == "cumulative" else float(np.float32(momentum))
    channels = tensors["running_mean"].size
    new_mean = mean.reshape(-1, channels).mean(0)
    new_var = (var * count / (count - 1)).reshape(-1, channels).mean(0)
    out = {"running_mean": (1 - momentum) * tensors["running_mean"].astype(np.float64) + momentum * new_mean,
           "running_var": (1 - momentum) * tensors["running_var"].astype(np.float64) + momentum * new_var}
    if "num_batches_tracked" in tensors:
        out["num_batches_tracked"] = tensors["num_batches_tracked"] + 1
    return out


def run(case, tensors):
    """The outputs of a case, by name, in float64 and as they are stored."""
    x = tensors["x"].astype(np.float64)
    members, feature = statistic_groups(case, list(x.shape))
    training = case.get("mode", "train") == "train"
    tracks = "running_mean" in tensors
    rows = x.ravel()[members]
    count = members.shape[1]
    out = {name: tensors[name] for name in ("running_mean", "running_var", "num_batches_tracked") if name in tensors}
    frozen = tracks and not training
    if frozen:
        channel = feature[members[:, 0]] if members.size else np.zeros(0, dtype=np.int64)
        mean = tensors["running_mean"].astype(np.float64)[channel]
        var = tensors["running_var"].astype(np.float64)[channel]
    elif x.size:
        mean = np.zeros(len(rows)) if case["norm"] == "rms" else rows.mean(1)
        var = ((rows - mean[:, None]) ** 2).mean(1)
    else:
        mean = var = np.zeros(len(rows))
    rstd = 1 / np.sqrt(var + float(np.float32(case.get("eps", 1e-5))))
    if not frozen and x.size:
        shape = statistic_shape(case, list(x.shape))
        out["rstd"] = rstd.reshape(shape)
        if case["norm"] != "rms":
            out["mean"] = mean.reshape(shape)
    if training and tracks:
        out.update(updated_running(case, tensors, mean, var, count))

    xhat = np.zeros(x.size)
    xhat[members] = (rows - mean[:, None]) * rstd[:, None]
    weight = tensors["weight"].astype(np.float64).ravel()[feature] if "weight" in tensors else 1.0
    bias = tensors["bias"].astype(np.float64).ravel()[feature] if "bias" in tensors else 0.0
    out["y"] = (xhat * weight + bias).reshape(x.shape)
    if case.get("pass", "forward") == "backward":
        out.update(run_backward(case, tensors, members, feature, xhat, rstd, weight, frozen))
    return out


def run_backward(case, tensors, members, feature, xhat, rstd, weight, frozen):
    dy = tensors["dy"].astype(np.float64).ravel()
    g = (dy * weight)[members]
    h = xhat[members]
    if not frozen and dy.size:
        g_mean = 0.0 if case["norm"] == "rms" else g.mean(1, keepdims=True)
        g = g - g_mean - h * (g * h).mean(1, keepdims=True)
    dx = np.zeros(dy.size)
    dx[members] = g * rstd[:, None]
    out = {"dx": dx.reshape(tensors["dy"].shape)}
    for name, terms in (("weight", dy * xhat), ("bias", dy)):
        if name in tensors:
            shape = tensors[name].shape
            out["d" + name] = np.bincount(feature, terms, tensors[name].size).reshape(shape)
    return out

# SPDX-License-Identifier: MIT
"""Every normalization from its definition, in float64: forward, running statistics, backward."""
import numpy as np

import dtypes


def statistic_groups(case, shape):
    """Two index arrays over a tensor as stored: the flat places of each statistic group's elements, one row a group,
    and for each flat place the element of weight and bias that belongs to it where all samples share them."""
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


def sigmoid(z):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-z))


# The function, and its derivative.
ACTIVATIONS = {
    "none": (lambda z: z, np.ones_like),
    "relu": (lambda z: np.maximum(z, 0.0), lambda z: (z > 0.0).astype(np.float64)),
    "silu": (lambda z: z * sigmoid(z), lambda z: sigmoid(z) * (1 + z * (1 - sigmoid(z)))),
}


class Norm:
    """One case. `outputs`: by name, in float64 and as they are stored. The other arrays are flat, in the order of x."""

    def __init__(self, case, tensors):
        self.case, self.dtype = case, dtypes.name_of(tensors["x"])
        self.tensors = {name: dtypes.double(array) for name, array in tensors.items() if name != "num_batches_tracked"}
        self.shape = tensors["x"].shape
        self.tracked = tensors.get("num_batches_tracked")
        self.before = case.get("residual_before", False)
        self.act, self.derivative = ACTIVATIONS[case.get("activation", "none")]
        self.members, self.feature = statistic_groups(case, list(self.shape))
        self.outputs = {name: tensors[name] for name in ("running_mean", "running_var", "num_batches_tracked")
                        if name in tensors}
        self.forward()
        if case.get("pass", "forward") == "backward":
            self.backward()

    def places(self, name):
        """For each place of x the element of weight or bias: one for all samples, or with N in front one for each."""
        case, features = self.case, self.tensors[name]
        shared = case.get("normalized_rank", 1) if case["norm"] in ("layer", "rms") else 1
        if features.ndim == shared:
            return self.feature
        return np.arange(self.feature.size) // max(self.feature.size // max(self.shape[0], 1), 1) * (
            features.size // max(self.shape[0], 1)) + self.feature

    def flat(self, name, absent=0.0):
        """A tensor that is as x, or one of parameters spread to x's places."""
        if name not in self.tensors:
            return absent
        array = self.tensors[name].ravel()
        return array[self.places(name)] if name in ("weight", "bias") else array

    def statistics(self, rows):
        """Mean and variance of each group, and whether they are the running ones."""
        case = self.case
        if "running_mean" in self.tensors and case.get("mode", "train") == "eval":
            channel = self.feature[self.members[:, 0]] if self.members.size else np.zeros(0, np.int64)
            return self.tensors["running_mean"][channel], self.tensors["running_var"][channel], True
        if not rows.size:
            return np.zeros(len(rows)), np.zeros(len(rows)), False
        mean = np.zeros(len(rows)) if case["norm"] == "rms" else rows.mean(1)
        return mean, ((rows - mean[:, None]) ** 2).mean(1), False

    def forward(self):
        case, out = self.case, self.outputs
        x = self.tensors["x"]
        if self.before:
            x = out["h"] = dtypes.double(dtypes.rounded(x + self.tensors["residual"], self.dtype))
        rows = x.ravel()[self.members]
        mean, var, self.frozen = self.statistics(rows)
        rstd = 1 / np.sqrt(var + float(np.float32(case.get("eps", 1e-5))))
        if not self.frozen and rows.size and case.get("save_statistics", True):
            shape = statistic_shape(case, list(self.shape))
            out["rstd"] = rstd.reshape(shape)
            if case["norm"] != "rms":
                out["mean"] = mean.reshape(shape)
        if "running_mean" in self.tensors and case.get("mode", "train") == "train":
            out.update(self.updated_running(mean, var))
        self.xhat, self.rstd = np.zeros(x.size), np.zeros(x.size)
        self.xhat[self.members] = (rows - mean[:, None]) * rstd[:, None]
        self.rstd[self.members] = rstd[:, None]
        self.weight = self.flat("weight") + float(np.float32(case.get("weight_offset", 0.0))) \
            if "weight" in self.tensors else np.ones(x.size)
        self.z = self.xhat * self.weight + self.flat("bias") + (0.0 if self.before else self.flat("residual"))
        out["y"] = self.act(self.z).reshape(self.shape)

    def updated_running(self, mean, var):
        """(1 - m) running + m batch, the variance unbiased or as it is; instance norm averages over the samples."""
        case, tracked, tensors = self.case, self.tracked, self.tensors
        momentum = case.get("momentum", 0.1)
        momentum = 1 / (int(tracked.item()) + 1) if momentum == "cumulative" else float(np.float32(momentum))
        count = self.members.shape[1]
        batch = {"running_mean": mean,
                 "running_var": var if case.get("biased_running_var") else var * count / (count - 1)}
        out = {name: (1 - momentum) * tensors[name] + momentum * values.reshape(-1, tensors[name].size).mean(0)
               for name, values in batch.items()}
        return out if tracked is None else {**out, "num_batches_tracked": tracked + 1}

    def backward(self):
        out, tensors = self.outputs, self.tensors
        self.dz = self.flat("dy") * self.derivative(self.z)
        g, xhat = (self.dz * self.weight)[self.members], self.xhat[self.members]
        if not self.frozen and g.size:
            g_mean = 0.0 if self.case["norm"] == "rms" else g.mean(1, keepdims=True)
            g = g - g_mean - xhat * (g * xhat).mean(1, keepdims=True)
        dx = np.zeros(self.dz.size)
        dx[self.members] = g
        out["dx"] = (dx * self.rstd + self.flat("dh")).reshape(self.shape)
        if "residual" in tensors:
            out["dresidual"] = out["dx"] if self.before else self.dz.reshape(self.shape)
        for name, terms in (("weight", self.dz * self.xhat), ("bias", self.dz)):
            if name in tensors:
                out["d" + name] = np.bincount(self.places(name), terms, tensors[name].size).reshape(tensors[name].shape)

    def cost_of_dz(self):
        """What dx may be off where dresidual is stored in 16 bits, for dx and its sums may then come from the stored
        dz: rstd * (a + s(a) / n + |xhat| * s(a * |xhat|) / n), where g may be off by a."""
        if self.dtype == "F32" or self.before or "dresidual" not in self.outputs or \
                self.case.get("activation", "none") == "none":
            return 0.0
        off = 0.5 * dtypes.last_place(self.dz, self.dtype) * np.abs(self.weight)
        if not self.frozen and off.size:
            a, xhat = off[self.members], np.abs(self.xhat[self.members])
            off[self.members] = a + a.mean(1, keepdims=True) + xhat * (a * xhat).mean(1, keepdims=True)
        return (off * self.rstd).reshape(self.shape)


def run(case, tensors):
    """The outputs of a case."""
    return Norm(case, tensors).outputs

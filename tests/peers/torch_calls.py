# SPDX-License-Identifier: MIT
"""A row as the call that a user of PyTorch makes."""
import torch
import torch.nn.functional as F

import rows

DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
EPS, MOMENTUM = 1e-5, 0.1


def make_forward(row):
    """A function from a list of (x, weight, bias, running_mean, running_var) to a list of y."""
    training = row["mode"] == "train"
    calls = {
        "batch": lambda x, weight, bias, mean, var: F.batch_norm(x, mean, var, weight, bias, training, MOMENTUM, EPS),
        "instance": lambda x, weight, bias, *_: F.instance_norm(x, None, None, weight, bias, True, MOMENTUM, EPS),
        "group": lambda x, weight, bias, *_: F.group_norm(x, row["groups"], weight, bias, EPS),
        "layer": lambda x, weight, bias, *_: F.layer_norm(x, x.shape[1:], weight, bias, EPS),
        "rms": lambda x, weight, *_: F.rms_norm(x, x.shape[1:], weight, EPS),
    }
    call = calls[row["norm"]]
    return lambda layers: [call(*layer) for layer in layers]


class Call:
    """A row's tensors, and `run`, which makes its call on them and returns what it has written."""

    def __init__(self, row, device, forward):
        self.row, self.device, self.forward = row, device, forward
        # Without a graph nothing is saved for backward.
        self.records = row["pass"] == "backward" or row["mode"] == "train"
        self.layers = [self.make_layer(shape) for shape in rows.shapes(row)]
        self.dy, self.y = None, None
        if row["pass"] == "backward":
            self.wanted = [tensor for layer in self.layers for tensor in layer
                           if tensor is not None and tensor.requires_grad]
            self.dy = [self.random(layer[0].shape) for layer in self.layers]
            if "layers" not in row:
                self.y = forward(self.layers)

    def random(self, shape):
        """Of N(0, 1), and with channels last in memory where the row says so."""
        shape, last = list(shape), self.row["layout"] == "channels_last"
        if last:
            shape.append(shape.pop(1))
        x = torch.empty(shape, dtype=DTYPES[self.row["dtype"]], device=self.device).normal_()
        return x.movedim(-1, 1) if last else x

    def make_layer(self, shape):
        # Parameters as torch.nn's modules have them after .to(dtype), but f32 for batch and instance norm as under
        # autocast: cuDNN wants them so.
        norm = self.row["norm"]
        dtype = torch.float32 if norm in ("batch", "instance") else DTYPES[self.row["dtype"]]

        def uniform(low, high):
            return torch.empty(shape[1], dtype=dtype, device=self.device).uniform_(low, high)
        weight = uniform(0.5, 1.5).requires_grad_(self.records)
        bias = None if norm == "rms" else uniform(-1.0, 1.0).requires_grad_(self.records)
        running = (uniform(-0.1, 0.1), uniform(0.9, 1.1)) if norm == "batch" else (None, None)
        return self.random(shape).requires_grad_(self.records), weight, bias, *running

    def run(self):
        if self.dy is None:
            with torch.set_grad_enabled(self.records):
                return self.forward(self.layers)
        if self.y is None:
            return torch.autograd.grad(self.forward(self.layers), self.wanted, self.dy)
        return torch.autograd.grad(self.y, self.wanted, self.dy, retain_graph=True)

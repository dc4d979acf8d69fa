# SPDX-License-Identifier: MIT
"""PyTorch's own results in double precision, gradients by autograd, from tensors in the memory order of the case."""
import numpy as np
import torch
from torch import nn
from torch.nn import functional

import dtypes

NAME = f"PyTorch {torch.__version__}"

# (test, reason): what PyTorch cannot be asked.
NOT_APPLICABLE = [
    (lambda case: case.norm in ("batch", "group") and len(case.shape) < 2,
     "rank 1: there is no channel dimension, both refuse it"),
    (lambda case: case.norm == "instance" and len(case.shape) < 3,
     "rank below 3: there is no space to normalize over, both refuse it"),
    (lambda case: case.norm == "rms" and "bias" in case.affine, "rms_norm has no bias, neither has vknorm's"),
    (lambda case: case.norm == "batch" and case.eps == 0.0 and (case.running == "none" or case.steps[0][1] == "train"),
     "batch_norm refuses eps 0 in training; vknorm takes it"),
    (lambda case: case.norm == "instance" and case.momentum == "cumulative",
     "InstanceNorm takes momentum None as 0 and never counts batches; vknorm counts"),
]
MODULES = {
    ("batch", 2): nn.BatchNorm1d, ("batch", 3): nn.BatchNorm1d, ("batch", 4): nn.BatchNorm2d,
    ("batch", 5): nn.BatchNorm3d, ("instance", 3): nn.InstanceNorm1d, ("instance", 4): nn.InstanceNorm2d,
    ("instance", 5): nn.InstanceNorm3d,
}


DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
ACTIVATIONS = {"none": lambda z: z, "relu": functional.relu, "silu": functional.silu}


def not_applicable(case):
    return next((reason for test, reason in NOT_APPLICABLE if test(case)), None)


def double(array):
    return torch.from_numpy(np.array(dtypes.double(array)))


class Functional:
    """torch.nn.functional, with the parameters and running statistics it is given."""

    def __init__(self, case, first):
        self.case = case
        self.weight, self.bias = (double(first[name]).requires_grad_() if name in first else None
                                  for name in ("weight", "bias"))
        self.running_mean, self.running_var = (double(first[name]) if name in first else None
                                               for name in ("running_mean", "running_var"))
        # It knows no counter: what it is given is counted by the module around it.
        self.num_batches_tracked = None

    def keep_running_var(self, running_var):
        self.running_var = running_var

    def __call__(self, x, training):
        case = self.case
        affine = {"weight": self.weight, "bias": self.bias, "eps": case.eps}
        if case.norm == "batch":
            training = training or self.running_mean is None
            return functional.batch_norm(x, self.running_mean, self.running_var, training=training,
                                         momentum=case.momentum, **affine)
        if case.norm == "instance":
            training = training or self.running_mean is None
            return functional.instance_norm(x, self.running_mean, self.running_var, use_input_stats=training,
                                            momentum=case.momentum, **affine)
        if case.norm == "group":
            return functional.group_norm(x, case.groups, **affine)
        if case.norm == "layer":
            return functional.layer_norm(x, case.feature_shape, **affine)
        return functional.rms_norm(x, case.feature_shape, self.weight, case.eps)


class Module:
    """torch.nn's modules, with their own running statistics, counter and modes."""

    def __init__(self, case, first):
        self.module = MODULES[case.norm, len(case.shape)](
            case.feature_shape[0], case.eps, None if case.momentum == "cumulative" else case.momentum,
            affine=bool(case.affine), track_running_stats=True).double()
        for name in ("weight", "bias"):
            setattr(self.module, name, nn.Parameter(double(first[name])) if name in first else None)
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            getattr(self.module, name).copy_(torch.from_numpy(np.array(first[name])))
        self.counts = case.norm == "batch"

    def __getattr__(self, name):
        if name == "num_batches_tracked" and not self.counts:
            return None  # InstanceNorm has the buffer and leaves it at 0
        return getattr(self.module, name)

    def keep_running_var(self, running_var):
        self.module.running_var = running_var

    def __call__(self, x, training):
        return self.module.train(training)(x)


def statistics(case, x):
    """The mean and rstd that PyTorch's own forward saves."""
    if case.norm == "batch":
        found = torch.native_batch_norm(x, None, None, None, None, True, 0.0, case.eps)[1:]
        shape = case.shape[1:2]
    elif case.norm == "instance":
        units = x.reshape(1, case.shape[0] * case.shape[1], *case.shape[2:])
        found = torch.native_batch_norm(units, None, None, None, None, True, 0.0, case.eps)[1:]
        shape = case.shape[:2]
    elif case.norm == "group":
        samples, channels = case.shape[:2]
        space = int(np.prod(case.shape[2:]))
        found = torch.native_group_norm(x.contiguous(), None, None, samples, channels, space, case.groups, case.eps)[1:]
        shape = samples, case.groups
    else:
        shape = case.shape[:len(case.shape) - case.normalized_rank]
        if case.norm == "rms":
            rstd = torch.ops.aten._fused_rms_norm(x, list(case.feature_shape), None, case.eps)[1]
            return {"rstd": rstd.reshape(shape)}
        found = torch.native_layer_norm(x, case.feature_shape, None, None, case.eps)[1:]
    return dict(zip(("mean", "rstd"), (array.reshape(shape) for array in found)))


class Layer:
    """PyTorch's norm, and around it what PyTorch has no norm with: in its own functions, as its users write it."""

    def __init__(self, case, first):
        self.case = case
        self.outside = case.per_sample or case.weight_offset != 0.0
        given = {name: array for name, array in first.items() if not (self.outside and name in ("weight", "bias"))}
        kind = Module if case.running != "none" and (case.norm, len(case.shape)) in MODULES else Functional
        self.norm = kind(case, given)
        self.parameters = {name: double(first[name]).requires_grad_() if self.outside else getattr(self.norm, name)
                           for name in ("weight", "bias") if name in first}

    def __call__(self, x, residual, training):
        """h, which is what was normalized, and y."""
        h = rounded_sum(self.case, x, residual) if self.case.residual_before else x
        was = self.norm.running_var.clone() if self.case.biased_running_var else None
        y = self.norm(h, training)
        if was is not None and training:
            self.keep_biased(h.detach(), was)
        if self.outside and "weight" in self.parameters:
            y = y * (self.case.weight_offset + self.spread("weight"))
        if self.outside and "bias" in self.parameters:
            y = y + self.spread("bias")
        if self.case.residual == "after":
            y = y + residual
        return h, ACTIVATIONS[self.case.activation](y)

    def spread(self, name):
        """A parameter, with the dimensions that it lacks beside x."""
        parameter, shared = self.parameters[name], self.case.feature_shape
        lead = tuple(parameter.shape[:parameter.ndim - len(shared)]) or (1,)
        missing = (1,) * (len(self.case.shape) - len(shared) - 1)
        if self.case.normalized_rank:
            return parameter.reshape(lead + missing + shared) if len(self.case.shape) > len(shared) else parameter
        return parameter.reshape(lead + shared + missing)

    def keep_biased(self, h, was):
        """running_var by PyTorch's var without correction, since its norms know only the unbiased one."""
        case, counted = self.case, self.norm.num_batches_tracked
        momentum = 1 / int(counted) if case.momentum == "cumulative" else case.momentum
        space = list(range(2, h.ndim))
        var = h.var([0] + space, correction=0) if case.norm == "batch" else h.var(space, correction=0).mean(0)
        self.norm.keep_running_var((1 - momentum) * was + momentum * var)


def rounded_sum(case, x, residual):
    """x + residual as PyTorch adds tensors of their dtype; its gradient is that of the sum."""
    exact = x + residual
    dtype = DTYPES[case.dtype]
    return exact + ((x.detach().to(dtype) + residual.detach().to(dtype)).double() - exact.detach())


def run_step(case, layer, step, tensors):
    direction, mode = step
    stored = {name: double(tensors[name]) for name in ("x", "residual", "dy", "dh") if name in tensors}
    leaves = {name: stored[name].requires_grad_() for name in ("x", "residual") if name in stored}
    moved = {name: array.movedim(-1, 1) if case.moves_channels else array for name, array in stored.items()}
    norm = layer.norm
    frozen = mode == "eval" and norm.running_mean is not None
    h, y = layer(moved["x"], moved.get("residual"), mode == "train")
    as_x = {"y": y, "h": h} if case.residual_before else {"y": y}
    outputs = {name: array.movedim(1, -1) if case.moves_channels else array for name, array in as_x.items()}
    if not frozen and h.numel():
        with torch.no_grad():
            outputs.update(statistics(case, h))
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        if getattr(norm, name) is not None:
            outputs[name] = getattr(norm, name).clone()
    if direction == "backward":
        wanted = {f"d{name}": tensor for name, tensor in {**leaves, **layer.parameters}.items()
                  if (case.norm, name) != ("rms", "bias")}
        ends = [(y, moved["dy"])] + ([(h, moved["dh"])] if "dh" in moved else [])
        gradients = torch.autograd.grad([end for end, _ in ends], list(wanted.values()), [d for _, d in ends])
        outputs.update(zip(wanted, gradients))
    return {name: tensor.detach().numpy() for name, tensor in outputs.items()}


def run(case, steps):
    """The outputs of each step, as they are stored."""
    layer = Layer(case, steps[0])
    return [run_step(case, layer, step, tensors) for step, tensors in zip(case.steps, steps)]

# SPDX-License-Identifier: MIT
"""PyTorch's own results in double precision, its gradients by autograd, from tensors in the memory order of the case."""
import numpy as np
import torch
from torch import nn
from torch.nn import functional

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


def not_applicable(case):
    return next((reason for test, reason in NOT_APPLICABLE if test(case)), None)


def double(array):
    return torch.from_numpy(np.array(array, np.float64))


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


def run_step(case, norm, step, tensors):
    direction, mode = step
    stored = double(tensors["x"]).requires_grad_()
    x = stored.movedim(-1, 1) if case.moves_channels else stored
    frozen = mode == "eval" and norm.running_mean is not None
    y = norm(x, mode == "train")
    outputs = {"y": y.movedim(1, -1) if case.moves_channels else y}
    if not frozen and x.numel():
        with torch.no_grad():
            outputs.update(statistics(case, x))
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        if getattr(norm, name) is not None:
            outputs[name] = getattr(norm, name).clone()
    if direction == "backward":
        dy = double(tensors["dy"])
        wanted = {"dx": stored, "dweight": norm.weight, "dbias": norm.bias if case.norm != "rms" else None}
        wanted = {name: tensor for name, tensor in wanted.items() if tensor is not None}
        gradients = torch.autograd.grad(y, tuple(wanted.values()), dy.movedim(-1, 1) if case.moves_channels else dy)
        outputs.update(zip(wanted, gradients))
    return {name: tensor.detach().numpy() for name, tensor in outputs.items()}


def run(case, steps):
    """The outputs of each step, as they are stored."""
    kind = Module if case.running != "none" and (case.norm, len(case.shape)) in MODULES else Functional
    norm = kind(case, steps[0])
    return [run_step(case, norm, step, tensors) for step, tensors in zip(case.steps, steps)]

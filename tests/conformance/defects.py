# SPDX-License-Identifier: MIT
"""Where PyTorch itself is wrong. Such a case is compared with the definition; each defect is proven here."""
import dataclasses
import typing

import numpy as np
import torch
from torch.nn import functional

import definition
import inputs
import judgement
import torch_truth
from grid import Case


def proof_one_sample():
    """dx of the definition agrees with differences of PyTorch's own forward; PyTorch's gradient does not."""
    case = Case("instance", (1, 3, 4, 5), "channels_last", (("backward", "train"),), affine=())
    tensors = inputs.draw(case, 0)[0]
    wanted = definition.run(case, [tensors])[0].outputs["dx"]
    given = torch_truth.run(case, [tensors])[0]["dx"]
    stored = torch_truth.double(tensors["x"])
    dy = torch_truth.double(tensors["dy"])

    def objective(x):
        return float((functional.instance_norm(x.movedim(-1, 1), eps=case.eps) * dy.movedim(-1, 1)).sum())

    differences, step = np.zeros(wanted.size), 1e-5
    for index in range(wanted.size):
        moved = [stored.clone(), stored.clone()]
        for x, sign in zip(moved, (1, -1)):
            x.view(-1)[index] += sign * step
        differences[index] = (objective(moved[0]) - objective(moved[1])) / (2 * step)
    x = stored.clone().requires_grad_()
    functional.instance_norm(x.movedim(-1, 1), eps=case.eps).backward(dy.movedim(-1, 1).contiguous())
    found = [judgement.largest(array - wanted) / judgement.largest(wanted)
             for array in (given, x.grad.numpy(), differences.reshape(wanted.shape))]
    text = ("x [1, 3, 4, 5], error of dx against the definition, as part of dx's largest value: autograd "
            f"{found[0]:.2f}; autograd with the same gradient stored channels first {found[1]:.0e}; "
            f"central differences of PyTorch's own forward {found[2]:.0e}")
    return found[0] > 0.1 and max(found[1:]) < 1e-6, text


def proof_group_bias():
    """Without a weight it raises; with a weight of ones, which changes nothing, it gives the definition's dx."""
    case = Case("group", (2, 6, 4, 5), "channels_first", (("backward", "train"),), groups=2, affine=("bias",))
    tensors = inputs.draw(case, 0)[0]
    raised = torch_raises(case, tensors)
    wanted = definition.run(case, [tensors])[0].outputs["dx"]
    given = torch_truth.run(case, [{**tensors, "weight": np.ones(6, np.float32)}])[0]["dx"]
    error = judgement.largest(given - wanted) / judgement.largest(wanted)
    return bool(raised) and error < 1e-6, (f"x [2, 6, 4, 5] in 2 groups, bias alone: `{raised}`; with a weight of ones "
                                           f"beside it dx is the definition's within {error:.0e}")


def proof_no_samples():
    """batch_norm takes the same tensor."""
    case = Case("instance", (0, 3, 9), "channels_first", (("forward", "train"),))
    raised = torch_raises(case, inputs.draw(case, 0)[0])
    taken = functional.batch_norm(torch.zeros(0, 3, 9), None, None, torch.ones(3), training=True).shape == (0, 3, 9)
    return bool(raised) and taken, f"x [0, 3, 9]: `{raised}`; batch_norm returns the empty tensor"


def torch_raises(case, tensors):
    """What PyTorch says to a case, or nothing."""
    try:
        torch_truth.run(case, [tensors])
    except (RuntimeError, IndexError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


@dataclasses.dataclass(frozen=True)
class Defect:
    title: str
    test: typing.Callable
    tensors: tuple  # that are wrong; none: it raises
    raises: str
    proof: typing.Callable


DEFECTS = [
    Defect("instance norm's backward with one sample and a channels-last gradient of rank 4 or 5 is wrong",
           lambda case: (case.norm == "instance" and case.shape[0] == 1 and case.moves_channels
                         and len(case.shape) in (4, 5) and ("backward" in {step[0] for step in case.steps})),
           ("dx", "dresidual", "dweight", "dbias"), "", proof_one_sample),
    Defect("group norm's backward with a bias but no weight raises",
           lambda case: (case.norm == "group" and case.affine == ("bias",)
                         and ("backward" in {step[0] for step in case.steps})),
           (), "tensor does not have a device", proof_group_bias),
    Defect("instance norm of no samples raises where it has a weight or a bias",
           lambda case: case.norm == "instance" and case.shape[0] == 0 and case.affine,
           (), "index 0 out of range for tensor of size [0]", proof_no_samples),
]


def find(case):
    return next((defect for defect in DEFECTS if defect.test(case)), None)

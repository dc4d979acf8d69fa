# SPDX-License-Identifier: MIT
"""Mistakes, and what PyTorch and vknorm say to each."""
import dataclasses
import re
import typing

import numpy as np
from torch import ones
from torch.nn import functional


@dataclasses.dataclass(frozen=True)
class Mistake:
    title: str
    torch: typing.Callable
    keys: dict
    shapes: dict
    same: bool = True  # whether vknorm must say it in PyTorch's words


MISTAKES = [
    Mistake("one value per channel", lambda: functional.batch_norm(ones(1, 64), None, None, training=True),
            {"norm": "batch"}, {"x": [1, 64]}),
    Mistake("one spatial element", lambda: functional.instance_norm(ones(2, 64, 1)),
            {"norm": "instance"}, {"x": [2, 64, 1]}),
    Mistake("no spatial dimension", lambda: functional.instance_norm(ones(2, 64)),
            {"norm": "instance"}, {"x": [2, 64]}),
    Mistake("channels not divisible by groups", lambda: functional.group_norm(ones(2, 8, 4), 3),
            {"norm": "group", "groups": 3}, {"x": [2, 8, 4]}),
    Mistake("size of running_mean", lambda: functional.batch_norm(ones(4, 3), ones(4), ones(3), training=True),
            {"norm": "batch"}, {"x": [4, 3], "running_mean": [4], "running_var": [3]}),
    Mistake("size of running_var", lambda: functional.batch_norm(ones(4, 3), ones(3), ones(4), training=True),
            {"norm": "batch"}, {"x": [4, 3], "running_mean": [3], "running_var": [4]}),
    Mistake("evaluation without running_var", lambda: functional.batch_norm(ones(4, 3), ones(3), None),
            {"norm": "batch", "mode": "eval"}, {"x": [4, 3], "running_mean": [3]}),
    Mistake("evaluation without running_mean", lambda: functional.batch_norm(ones(4, 3), None, ones(3)),
            {"norm": "batch", "mode": "eval"}, {"x": [4, 3], "running_var": [3]}),
    Mistake("size of weight, batch norm",
            lambda: functional.batch_norm(ones(4, 3), None, None, ones(4), training=True),
            {"norm": "batch"}, {"x": [4, 3], "weight": [4]}, same=False),
    Mistake("size of weight, group norm", lambda: functional.group_norm(ones(2, 8, 4), 2, ones(7)),
            {"norm": "group", "groups": 2}, {"x": [2, 8, 4], "weight": [7]}, same=False),
    Mistake("shape of weight, layer norm", lambda: functional.layer_norm(ones(2, 4, 6), (4, 6), ones(6, 4)),
            {"norm": "layer", "normalized_rank": 2}, {"x": [2, 4, 6], "weight": [6, 4]}, same=False),
    Mistake("shape of weight, rms norm", lambda: functional.rms_norm(ones(2, 8), (8,), ones(7)),
            {"norm": "rms"}, {"x": [2, 8], "weight": [7]}, same=False),
    Mistake("more normalized dimensions than there are", lambda: functional.layer_norm(ones(8), (2, 8)),
            {"norm": "layer", "normalized_rank": 2}, {"x": [8]}, same=False),
    Mistake("no channel dimension, group norm", lambda: functional.group_norm(ones(4), 2),
            {"norm": "group", "groups": 2}, {"x": [4]}, same=False),
    Mistake("no channel dimension, batch norm", lambda: functional.batch_norm(ones(8), None, None, training=True),
            {"norm": "batch"}, {"x": [8]}, same=False),
    Mistake("no channel dimension, instance norm", lambda: functional.instance_norm(ones(8)),
            {"norm": "instance"}, {"x": [8]}, same=False),
]


def torch_text(mistake):
    try:
        mistake.torch()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "(no error)"


def words(text):
    """The message alone, with shapes as vknorm writes them."""
    return re.sub(r"torch\.Size\((\[.*?\])\)", r"\1", text.partition(": ")[2])


def check(mistake, command):
    """The row of the table, and whether vknorm said what it must."""
    case = {"name": "bad", **mistake.keys}
    tensors = {f"bad.{name}": np.ones(shape, np.float32) for name, shape in mistake.shapes.items()}
    code, printed, _ = command.run([case], tensors)
    given = printed.strip().partition("case bad: ")[2] or printed.strip() or "(no error)"
    theirs = torch_text(mistake)
    same = given == words(theirs)
    passed = code == 1 and theirs != "(no error)" and (same or not mistake.same)
    return {"mistake": mistake.title, "torch": theirs, "vknorm": given, "same": same, "passed": passed}

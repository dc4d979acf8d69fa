# SPDX-License-Identifier: MIT
"""What each truth says about a case, and whether the command's outputs are near enough."""
import numpy as np

import defects
import definition
import inputs
import onnx_truth
import torch_truth

TRUTHS = {truth.NAME: truth for truth in (torch_truth, onnx_truth)}
AGREE = 8.0  # units; the definition rounds eps and momentum to float32, as vknorm must


class Prepared:
    """A case with its inputs and with every truth about it, of each step."""

    def __init__(self, case, seed):
        self.case = case
        self.reasons = {name: truth.not_applicable(case) for name, truth in TRUTHS.items()}
        self.truths, self.troubles, self.defect = {}, {}, None
        if all(self.reasons.values()):
            return
        self.steps = inputs.draw(case, seed)
        self.wanted = definition.run(case, self.steps)
        self.bounds = [definition.bounds(case, index, tensors, outputs)
                       for index, (tensors, outputs) in enumerate(zip(self.steps, self.wanted))]
        for name, truth in TRUTHS.items():
            if not self.reasons[name]:
                self.ask(name, truth)

    def ask(self, name, truth):
        known = defects.find(self.case) if truth is torch_truth else None
        try:
            outputs = truth.run(self.case, self.steps)
        except Exception as error:
            if known and known.raises and known.raises in str(error):
                self.defect, self.truths[name] = known, self.wanted
            else:
                self.truths[name], self.troubles[name] = [], f"{name} raises {type(error).__name__}: {error}"
            return
        wrong = set(self.disagreements(outputs))
        if known and wrong and wrong <= set(known.tensors):
            self.defect = known
            outputs = [{key: wanted[key] if key in wrong else array for key, array in given.items()}
                       for given, wanted in zip(outputs, self.wanted)]
        elif wrong:
            self.troubles[name] = f"{name} and the definition disagree about {', '.join(sorted(wrong))}"
        self.truths[name] = outputs

    def disagreements(self, outputs):
        """The names of a truth's outputs that are not the definition's."""
        for given, wanted, bounds in zip(outputs, self.wanted, self.bounds):
            for name, array in given.items():
                if name not in wanted or np.shape(array) != np.shape(wanted[name]):
                    yield name
                elif not definition.largest(array - wanted[name]) <= AGREE * bounds[name][0]:
                    yield name


def error_of(case, tensor, out, truth, unit):
    """In units of the output's scale; infinite where shape, dtype or a value cannot be compared. A count is exact."""
    counts = tensor == "num_batches_tracked"
    dtype = np.int64 if counts else inputs.dtype_of(case, tensor).storage
    if out.shape != np.shape(truth) or out.dtype != dtype or not np.isfinite(out).all():
        return float("inf")
    largest = definition.largest(out - truth)
    if largest == 0.0:
        return 0.0
    return largest / unit if unit and not counts else float("inf")


def judge(prepared, name, given):
    """Yields (step, tensor, error, limit) of each output that the truth `name` has, and of each that vknorm lacks or
    has too many."""
    for index, (wanted, bounds, outputs) in enumerate(zip(prepared.wanted, prepared.bounds, given)):
        for tensor in sorted(set(wanted) ^ set(outputs)):
            yield index, f"{tensor} is {'missing' if tensor in wanted else 'not expected'}", float("inf"), 0.0
        truth = prepared.truths[name][index]
        if name == torch_truth.NAME:  # the definition has what PyTorch keeps to itself
            truth = {**wanted, **truth}
        for tensor in sorted(set(truth) & set(outputs)):
            unit, limit = bounds[tensor]
            yield index, tensor, error_of(prepared.case, tensor, outputs[tensor], truth[tensor], unit), limit

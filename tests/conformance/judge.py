# SPDX-License-Identifier: MIT
"""What each truth says about a case, and whether the command's outputs are near enough."""
import numpy as np

import defects
import definition
import inputs
import judgement
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
        norms = definition.run(case, self.steps)
        self.wanted = [norm.outputs for norm in norms]
        self.bounds = [definition.bounds(case, norm) for norm in norms]
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
                elif not judgement.largest(array - wanted[name]) <= AGREE * bounds[name].unit:
                    yield name


def error_of(tensor, out, truth, limit):
    """A count is exact."""
    if tensor == "num_batches_tracked":
        same = out.dtype == np.int64 and np.array_equal(out, truth)
        return judgement.Error(0.0, 0.0) if same else judgement.WRONG
    return judgement.judge(out, truth, limit)


def judge(prepared, name, given):
    """Yields (step, tensor, its dtype, error) of each output that the truth `name` has, and of each that vknorm lacks
    or has too many."""
    for index, (wanted, bounds, outputs) in enumerate(zip(prepared.wanted, prepared.bounds, given)):
        for tensor in sorted(set(wanted) ^ set(outputs)):
            yield index, f"{tensor} is {'missing' if tensor in wanted else 'not expected'}", "F32", judgement.WRONG
        truth = prepared.truths[name][index]
        if name == torch_truth.NAME:  # the definition has what PyTorch keeps to itself
            truth = {**wanted, **truth}
        for tensor in sorted(set(truth) & set(outputs)):
            limit = bounds[tensor]
            yield index, tensor, limit.dtype, error_of(tensor, outputs[tensor], truth[tensor], limit)

# SPDX-License-Identifier: MIT
"""What a case must give by definition, in float64, and how far each output may be from the truth."""
import numpy as np

import judgement
import reference

RUNNING = ("running_mean", "running_var", "num_batches_tracked")
FEW = 4  # in statistic groups of so few elements, dx's formula cancels almost all of its terms


def run(case, steps):
    """A reference.Norm for each step."""
    norms, carried = [], {}
    for index, tensors in enumerate(steps):
        norms.append(reference.Norm(case.keys(index), {**tensors, **carried}))
        carried = {name: norms[-1].outputs[name] for name in RUNNING if name in norms[-1].outputs}
    return norms


def scale_of(norm, name):
    """The largest value of an output; for dx of few elements, of its terms; for a lone dweight or dbias, which may
    cancel by chance, what such a sum has on average. h is exact: a sum, rounded."""
    if name == "h":
        return 0.0
    found = judgement.largest(norm.outputs[name])
    of_x = not norm.frozen and norm.members.shape[1] <= FEW
    if of_x and (name == "dx" or (name == "dresidual" and norm.before)):
        terms = judgement.largest(norm.rstd) * judgement.largest(norm.dz) * judgement.largest(norm.weight)
        found = max(found, terms)
    if name in ("dweight", "dbias") and norm.outputs[name].size == 1:
        found = max(found, float(np.linalg.norm(norm.dz * norm.xhat if name == "dweight" else norm.dz)))
    return found


def bounds(case, norm):
    """That of each output of a step."""
    return {name: judgement.bound(name, array, case.dtype, scale_of(norm, name),
                                  norm.cost_of_dz() if name == "dx" else 0.0)
            for name, array in norm.outputs.items()}

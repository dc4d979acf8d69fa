# SPDX-License-Identifier: MIT
"""A sample of the cases of run_cases.py."""
import heapq

import numpy as np

SETTING = ("norm", "pass", "mode")
OPTIONAL = ("weight", "bias", "residual", "dh", "running_mean", "num_batches_tracked")


def traits(case, tensors, dtype, data):
    """What a sample must have: with each norm, pass and mode together each layout, option's value, dtype, kind of
    data, tensor and its absence, and kind of weights that the cases have there; with each norm each shape of x."""
    options = {key: value for key, value in case.items() if key not in ("name", *SETTING)}
    options.update({"has " + name: name in tensors for name in OPTIONAL}, dtype=dtype, data=data)
    for name in ("weight", "bias"):
        if name in tensors:
            per_sample = tensors[name].ndim > case.get("normalized_rank", 1)
            options["stored " + name] = tensors[name].dtype == tensors["x"].dtype, per_sample
    setting = tuple(case[key] for key in SETTING)
    return {(*setting, *option) for option in options.items()} | {(case["norm"], tensors["x"].shape)}


def sample(made, seed):
    """Some of the cases, in their order: always the one that adds most, and of equals one by the seed."""
    found = [traits(*one) for one in made]
    missing = set().union(*found)
    places = np.random.default_rng(seed).permutation(len(made))
    queue = [(-len(of), place, index) for index, (of, place) in enumerate(zip(found, places))]
    heapq.heapify(queue)
    chosen = set()
    while missing:
        promised, place, index = heapq.heappop(queue)
        adds = len(found[index] & missing)
        if adds < -promised:  # what came before has had some of it
            heapq.heappush(queue, (-adds, place, index))
            continue
        chosen.add(index)
        missing -= found[index]
    return [one for index, one in enumerate(made) if index in chosen]

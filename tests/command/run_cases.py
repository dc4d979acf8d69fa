# SPDX-License-Identifier: MIT
"""The cases of check_run.py, with their tensors."""
import itertools

import numpy as np

import dtypes
import reference

# Stored channels first; every statistic group has 8 elements or more, since dx of a few cancels to nothing.
SHAPES = {
    "batch": [[16, 3], [64, 130], [2, 3, 7], [4, 5, 3, 6], [2, 3, 2, 5, 3], [2, 2, 2, 3, 2, 3], [1, 3, 70],
              [300, 9], [8, 16, 17, 19], [2, 2, 20011]],
    "instance": [[2, 3, 9], [2, 4, 5, 6], [2, 3, 2, 5, 3], [2, 2, 2, 3, 2, 3], [1, 1, 300], [3, 67, 16],
                 [2, 5, 33, 31], [1, 2, 30011]],
    "group": [[4, 16], [2, 8, 5], [2, 6, 4, 5], [2, 4, 2, 3, 2], [2, 4, 2, 3, 2, 2], [3, 32, 8, 9], [1, 4, 20011]],
    "layer": [[40], [5, 9], [2, 3, 8], [3, 2, 4, 5], [2, 3, 2, 4, 3], [2, 2, 3, 2, 2, 8], [1100, 12], [64, 768],
              [3, 5003], [2, 30011]],
}
SHAPES["rms"] = SHAPES["layer"]
SPECIAL = {"batch": [[32, 5], [4, 3, 16, 17]], "instance": [[2, 3, 16, 17], [1, 2, 9001]],
           "group": [[2, 8, 8, 9], [1, 4, 9001]], "layer": [[64, 40], [2, 9001], [300, 101]],
           "rms": [[64, 40], [2, 9001], [300, 101]]}
EMPTY = {"batch": [[0, 3, 4], [2, 3, 0]], "instance": [[0, 3, 9], [2, 3, 0]], "group": [[0, 4, 5], [2, 4, 0]],
         "layer": [[0, 8], [0, 3, 4]], "rms": [[0, 8], [0, 3, 4]]}
AFFINE = [(), ("weight", "bias"), ("weight", "bias"), ("weight",), ("bias",)]
# Activation, residual, dtype of weight and bias: what makes another pipeline, and so takes most of the time.
FUSED = [("none", "none", "F32"), ("relu", "after", "as x"), ("silu", "before", "F32"), ("silu", "after", "F32"),
         ("none", "before", "as x")]
RUNNING = [None, {}, {"num_batches_tracked": 0, "momentum": 0.3}, {"num_batches_tracked": 4, "momentum": "cumulative"},
           {"num_batches_tracked": 0, "momentum": "cumulative"}]


def normal(rng, size, mean=1.0, deviation=1.5):
    return rng.standard_normal(size) * deviation + mean


def with_one(value):
    def draw(rng, size):
        x = normal(rng, size)
        x.flat[int(rng.integers(x.size))] = value
        return x
    return draw


# x. Not around zero: where there is one group, its mean alone is the scale that its error is measured by.
DATA = {
    "normal": normal,
    "mean 1e4": lambda rng, size: normal(rng, size, 1e4, 1.0),
    "mean 1e4, deviation 100": lambda rng, size: normal(rng, size, 1e4, 100.0),
    "outlier": with_one(1e4),
    "near 65504": lambda rng, size: rng.choice([65504.0, 65440.0, 30000.0, -65504.0], size),
    "constant": lambda rng, size: np.full(size, 3.0),
    "a NaN": with_one(np.nan),
    "an infinity": with_one(np.inf),
}
# Of the special shapes: data, dtypes, passes, options. Around 1e4, numbers of 16 bits are 8 and 64 apart.
SPECIAL_DATA = [
    ("mean 1e4", ("F32",), ("forward", "backward"), {}),
    ("mean 1e4, deviation 100", ("F16", "BF16"), ("forward", "backward"), {}),
    ("outlier", ("F32", "F16", "BF16"), ("forward", "backward"), {}),
    ("near 65504", ("F16",), ("forward", "backward"), {}),
    ("near 65504", ("F16",), ("forward",), {"scale": 1e5}),  # y overflows
    ("constant", ("F32", "F16", "BF16"), ("backward",), {"activation": "relu"}),  # whose gradient at 0 is 0
    ("a NaN", ("F32", "F16", "BF16"), ("forward",), {}),
    ("a NaN", ("F32", "F16", "BF16"), ("forward",), {"activation": "relu"}),
    ("an infinity", ("F32", "F16", "BF16"), ("forward",), {"activation": "silu"}),
]


def sizes_of(kind, shape):
    """Values of the key that only this kind has."""
    if kind == "group":
        return [{"groups": g} for g in (1, 2, shape[1]) if shape[1] % g == 0 and np.prod(shape[1:]) // g >= 8]
    if kind in ("layer", "rms"):
        return [{"normalized_rank": r} for r in range(1, len(shape) + 1) if np.prod(shape[len(shape) - r:]) >= 8]
    return [{}]


def stored_shape(shape, layout, kind):
    if layout == "channels_first" or len(shape) < 2 or kind in ("layer", "rms"):
        return shape
    return [shape[0]] + shape[2:] + [shape[1]]


def draw_options(rng, case, shape, dtype):
    """Adds keys to the case; returns what else is drawn: which tensors there are, and of what dtype and shape."""
    place = list(SHAPES).index(case["norm"]) + list(dtypes.DTYPES).index(dtype)
    # All kinds and dtypes together have all sets, and each two of them; its large kernels have one.
    chosen = place if np.prod(shape) > 4000 or rng.random() < 0.5 else place + 2
    activation, residual, parameter = FUSED[chosen % len(FUSED)]
    options = {"affine": AFFINE[rng.integers(len(AFFINE))], "running": None, "residual": residual != "none",
               "dh": rng.random() < 0.5, "parameter": dtype if parameter == "as x" else parameter,
               "per_sample": rng.random() < 0.3}
    if case["norm"] == "rms":
        options["affine"] = tuple(name for name in options["affine"] if name != "bias")
    if case["norm"] in ("batch", "instance"):
        options["running"] = RUNNING[rng.integers(len(RUNNING))]
        case.update({key: value for key, value in (options["running"] or {}).items() if key == "momentum"})
        case["biased_running_var"] = bool(rng.random() < 0.3)
    case["activation"], case["residual_before"] = activation, residual == "before"
    case["weight_offset"] = float(rng.choice([0.0, 0.0, 1.0, -0.25]))
    case["save_statistics"] = bool(rng.random() < 0.7)
    case["eps"] = float(rng.choice([1e-5, 1e-3]))
    return options


def draw_tensors(rng, case, shape, dtype, draw=normal, scale=1.0, options=None):
    options = options or {"affine": ("weight",), "running": None, "residual": False, "dh": False, "parameter": "F32",
                          "per_sample": False}
    layer = case["norm"] in ("layer", "rms")
    shared = shape[len(shape) - case.get("normalized_rank", 1):] if layer else \
        [shape[-1] if case["layout"] == "channels_last" else shape[1]]
    tensors = {"x": dtypes.rounded(draw(rng, shape), dtype)}
    features = [shape[0], *shared] if options["per_sample"] and (not layer or len(shared) < len(shape)) else shared
    for name in options["affine"]:
        values = normal(rng, features, {"weight": 1.0, "bias": 0.0}[name], 0.5)
        tensors[name] = dtypes.rounded(values * scale, options["parameter"])
    running = options["running"]
    if running is not None:
        tensors["running_mean"] = dtypes.rounded(normal(rng, shared, 0.8, 0.2), "F32")
        tensors["running_var"] = dtypes.rounded(rng.uniform(0.5, 2.0, shared), "F32")
    if running and "num_batches_tracked" in running:
        tensors["num_batches_tracked"] = np.array(running["num_batches_tracked"], np.int64)
    if options["residual"]:
        tensors["residual"] = dtypes.rounded(normal(rng, shape, 0.3, 1.0), dtype)
    if case["pass"] == "backward":
        tensors["dy"] = dtypes.rounded(normal(rng, shape, 0.1, 1.0), dtype)
        if options["dh"] and case["residual_before"]:
            tensors["dh"] = dtypes.rounded(normal(rng, shape, -0.2, 1.0), dtype)
        if case.get("activation") == "relu" and draw is normal:
            keep_off_the_kink(case, tensors)
    return tensors


def keep_off_the_kink(case, tensors):
    """dy is 0 where relu's argument is so near 0 that its float32 may stand on the other side."""
    near = np.abs(reference.Norm(case, tensors).z) < 1e-3
    tensors["dy"].reshape(-1)[near] = np.zeros((), tensors["dy"].dtype)


def make_cases(seed):
    """All (case, tensors, dtype, data)."""
    rng = np.random.default_rng(seed)
    number = itertools.count()

    def made(case, shape, dtype, data="normal", scale=1.0, options=None):
        case["name"] = f"c{next(number)}"
        stored = stored_shape(shape, case["layout"], case["norm"])
        return case, draw_tensors(rng, case, stored, dtype, DATA[data], scale, options), dtype, data

    for kind, layout, dtype in itertools.product(SHAPES, ("channels_first", "channels_last"), dtypes.DTYPES):
        base, two_groups = {"norm": kind, "layout": layout}, {"groups": 2} if kind == "group" else {}
        # Each dtype of 16 bits takes every other shape.
        shapes = SHAPES[kind][("BF16", "F16").index(dtype)::2] if dtype != "F32" else SHAPES[kind]
        for direction, mode in itertools.product(("forward", "backward"), ("train", "eval")):
            for shape in shapes:
                for sizes, _ in itertools.product(sizes_of(kind, shape), range(2)):
                    case = {**base, "pass": direction, "mode": mode, **sizes}
                    yield made(case, shape, dtype, options=draw_options(rng, case, shape, dtype))
            for shape in EMPTY[kind]:
                case = {**base, "pass": direction, "mode": mode, **two_groups}
                yield made(case, shape, dtype, options={**draw_options(rng, case, shape, dtype), "running": None})
        for data, taken, directions, special in SPECIAL_DATA:
            for shape, direction in itertools.product(SPECIAL[kind], directions if dtype in taken else ()):
                case = {**base, "pass": direction, "mode": "train", **two_groups,
                        **{key: value for key, value in special.items() if key != "scale"}}
                yield made(case, shape, dtype, data, special.get("scale", 1.0))

# SPDX-License-Identifier: MIT
"""The floating-point dtypes of a tensor file: how they are stored, rounded, and how coarse they are."""
import typing

import numpy as np

BITS = np.dtype([("bf16", "<u2")])  # bf16 as its bits, since numpy has no such number


class Dtype(typing.NamedTuple):
    storage: np.dtype
    digits: int  # binary, after the point
    lowest: int  # exponent of the smallest number above zero
    largest: float


DTYPES = {
    "F32": Dtype(np.dtype("<f4"), 23, -149, float(np.finfo(np.float32).max)),
    "F16": Dtype(np.dtype("<f2"), 10, -24, 65504.0),
    "BF16": Dtype(BITS, 7, -133, (2.0 - 2.0 ** -7) * 2.0 ** 127),
}
AS_X = ("x", "y", "residual", "h", "dy", "dh", "dx", "dresidual")  # the tensors that have x's dtype


def name_of(array):
    return next(name for name, dtype in DTYPES.items() if dtype.storage == array.dtype)


def double(array):
    """The numbers of an array of any dtype."""
    if array.dtype == BITS:
        return (array["bf16"].astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    return array.astype(np.float64)


def last_place(values, name):
    """The distance of neighbouring numbers of a dtype, at each value."""
    dtype = DTYPES[name]
    _, exponents = np.frexp(np.minimum(np.abs(values), dtype.largest))
    return np.ldexp(1.0, np.where(values == 0.0, dtype.lowest, np.maximum(exponents - 1 - dtype.digits, dtype.lowest)))


def rounded(values, name):
    """float64 to the nearest number of a dtype, to even where two are as near; too large becomes infinite."""
    values = np.asarray(values, np.float64)
    if DTYPES[name].storage != BITS:
        with np.errstate(over="ignore"):
            return values.astype(DTYPES[name].storage)
    unit = last_place(values, name)
    with np.errstate(over="ignore", invalid="ignore"):
        nearest = np.where(np.isfinite(values), np.rint(values / unit) * unit, values).astype(np.float32)
    out = np.empty(values.shape, BITS)
    out["bf16"] = nearest.view(np.uint32) >> 16
    return out

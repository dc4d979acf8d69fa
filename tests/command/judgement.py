# SPDX-License-Identifier: MIT
"""How far an output may be from the truth, and how far it is.

The bound of a tensor is 64 units of 2^-23 x its scale, the largest value of the truth. Where it is stored in 16 bits,
each value may also be off by half a unit in its last place, and where dx is computed from a dz that was stored in 16
bits, by what that rounding costs."""
import typing

import numpy as np

import dtypes

LIMIT = 64.0  # units of 2^-23 x scale


class Bound(typing.NamedTuple):
    dtype: str
    unit: float  # 2^-23 x scale: errors of arithmetic count in it
    cost: object  # what a value may be off beside, absolute: a number, or one for each value

    @property
    def place(self):
        """A unit in the last place of the dtype, at the scale."""
        digits = dtypes.DTYPES[self.dtype].digits
        return max(self.unit * 2.0 ** (23 - digits), 2.0 ** dtypes.DTYPES[self.dtype].lowest)


class Error(typing.NamedTuple):
    units: float  # 2^-23 x scale; what rounding to 16 bits and `cost` allow is left out
    places: float  # the same difference, all of it, in last places of the dtype

    @property
    def passed(self):
        return self.units < LIMIT


WRONG = Error(float("inf"), float("inf"))  # a value, the shape or the dtype cannot be compared


def largest(array):
    return float(np.abs(array).max(initial=0.0))


def dtype_of(tensor, dtype):
    """The dtype of an output, where x has `dtype`."""
    return dtype if tensor in dtypes.AS_X else "F32"


def bound(tensor, truth, dtype, scale=None, cost=0.0):
    """truth: the output in float64."""
    finite = np.where(np.isfinite(truth), truth, 0.0)
    return Bound(dtype_of(tensor, dtype), (largest(finite) if scale is None else scale) * 2.0 ** -23, cost)


def rounding(truth, limit):
    """Half a unit in the last place of values stored in 16 bits; the arithmetic may have moved them to the next power
    of two."""
    if limit.dtype == "F32":
        return 0.0
    return 0.5 * dtypes.last_place(np.abs(truth) + LIMIT * limit.unit, limit.dtype)


def overflowed(out, truth, limit):
    """The truth, infinite where what is beyond the dtype's largest number must be, or may be and is."""
    largest_number = dtypes.DTYPES[limit.dtype].largest
    first_infinite = largest_number + 0.5 * float(dtypes.last_place(np.float64(largest_number), limit.dtype))
    arithmetic = LIMIT * limit.unit + limit.cost
    infinite = np.abs(truth) - arithmetic >= first_infinite
    infinite |= np.isinf(out) & (np.sign(out) == np.sign(truth)) & (np.abs(truth) + arithmetic >= first_infinite)
    return np.where(infinite, np.copysign(np.inf, truth), truth)


def judge(out, truth, limit):
    """out: as the file has it."""
    truth = np.asarray(truth, np.float64)
    if out.shape != truth.shape or out.dtype != dtypes.DTYPES[limit.dtype].storage:
        return WRONG
    out = dtypes.double(out)
    allowed = rounding(truth, limit) + limit.cost
    truth = overflowed(out, truth, limit)
    same = (out == truth) | (np.isnan(out) & np.isnan(truth))
    with np.errstate(invalid="ignore"):
        difference = np.where(same, 0.0, np.abs(out - truth))
    if not np.isfinite(difference).all():
        return WRONG
    excess, off = largest(np.maximum(difference - allowed, 0.0)), largest(difference)
    if limit.unit == 0.0 and excess > 0.0:
        return WRONG
    return Error(excess / limit.unit if excess else 0.0, off / limit.place if off else 0.0)

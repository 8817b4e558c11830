"""Factors for each element, given or learned for each channel: everywhere, or below zero alone."""

from __future__ import annotations

import numpy as np

from costcalc.execute.functions import Elementwise
from costcalc.execute.work import Floats, Work, along, kernel


def _below_zero(work: Work, factor: Floats | float) -> Floats:
    """X where it is not below zero, elsewhere the factor times x."""
    product = Elementwise(work, work.x.copy()).multiply(factor).y
    y = work.x if work.own else work.x.copy()
    np.copyto(y, product, where=y < 0)
    work.count("comparisons", y.size)
    return y


@kernel("leaky_relu")
def leaky_relu(work: Work) -> Floats:
    """max(x, 0) + slope * min(x, 0)."""
    return _below_zero(work, float(work["slope"]))


@kernel("prelu")
def prelu(work: Work) -> Floats:
    """The same with a slope that is learned, for each channel or for all."""
    if work["shared"]:
        return _below_zero(work, work.make("weights", 1))
    axis = work.inputs[0].channels
    return _below_zero(work, along(work.make("weights", work.x.shape[axis]), axis, work.x.ndim))


@kernel("scale")
def scale(work: Work) -> Floats:
    """Factor * x + addend, channel by channel."""
    axis, channels = work.inputs[0].channels, work.x.shape[work.inputs[0].channels]
    steps = Elementwise(work, work.x if work.own else work.x.copy())
    y = steps.multiply(along(work.make("weights", channels), axis, work.x.ndim)).y
    if work["bias"]:
        y += along(work.make("biases", channels), axis, work.x.ndim)
        work.count("bias_adds", y.size)
    return y

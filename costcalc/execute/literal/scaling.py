"""Factors for each element, one element at a time."""

from __future__ import annotations

import numpy as np

from costcalc.execute.literal.scalars import Scalars
from costcalc.execute.literal.work import LiteralWork, literal


@literal("leaky_relu")
def leaky_relu(work: LiteralWork) -> Scalars:
    """x, or the slope times x where that is below zero."""
    y = work.target()
    for at in np.ndindex(y.shape):
        y[at] = work.at(*at).unless_below_zero(work.at(*at) * float(work["slope"]))
    return y


@literal("prelu")
def prelu(work: LiteralWork) -> Scalars:
    """x, or the slope of its channel times x where that is below zero."""
    axis = work.inputs[0].channels
    slopes = work.weights(1 if work["shared"] else work.x.shape[axis])
    y = work.target()
    for at in np.ndindex(y.shape):
        slope = slopes[0 if work["shared"] else at[axis]]
        y[at] = work.at(*at).unless_below_zero(work.at(*at) * slope.copy())
    return y


@literal("scale")
def scale(work: LiteralWork) -> Scalars:
    """The factor of its channel times x, and the addend."""
    axis = work.inputs[0].channels
    factors = work.weights(work.x.shape[axis])
    addends = work.biases(work.x.shape[axis]) if work["bias"] else None
    y = work.target()
    for at in np.ndindex(y.shape):
        product = work.at(*at) * factors[at[axis]].copy()
        y[at] = product if addends is None else product + addends[at[axis]]
    return y

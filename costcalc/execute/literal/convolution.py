"""Convolutions, one product at a time."""

from __future__ import annotations

from itertools import product

import numpy as np

from costcalc.execute.literal.scalars import Scalars
from costcalc.execute.literal.window import Axis, axes_of, outputs_of, windows
from costcalc.execute.literal.work import LiteralWork, literal


def axes_of_window(work: LiteralWork) -> list[Axis]:
    """Where the whole window looks, axis by axis."""
    return axes_of(work.x.shape[2:], work["kernel"], work["stride"], work["padding"], work["dilation"])


def _taps(axes: list[Axis]) -> int:
    """How many taps a window has."""
    return int(np.prod([len(axis.looks[0]) for axis in axes]))


@literal("conv")
def conv(work: LiteralWork) -> Scalars:
    """Output channel o of group g sums over the input channels of g and over all taps."""
    samples, channels = work.x.shape[:2]
    axes, out, groups = axes_of_window(work), work["out"], work["groups"]
    seen, made = channels // groups, out // groups  # by each output channel, in each group
    weights = work.weights(out, seen, _taps(axes))
    outside = work.outside(0.0)
    y = np.empty((samples, out, *outputs_of(axes)), object)
    for place, window in windows(axes):
        for n, o in product(range(samples), range(out)):
            total = work.zero()
            for c in range(seen):
                channel = o // made * seen + c
                for tap, (element, _) in enumerate(window):
                    value = outside if element is None else work.at(n, channel, *element)
                    total = total + value * weights[o, c, tap]
            y[(n, o, *place)] = total
    return work.biased(y)


def _depthwise(work: LiteralWork) -> Scalars:
    """Output channel c * multiplier + i sums over the taps of filter i on input channel c."""
    samples, channels = work.x.shape[:2]
    axes, multiplier = axes_of_window(work), work["multiplier"]
    weights = work.weights(channels, multiplier, _taps(axes))
    outside = work.outside(0.0)
    y = np.empty((samples, channels * multiplier, *outputs_of(axes)), object)
    for place, window in windows(axes):
        for n, c, i in product(range(samples), range(channels), range(multiplier)):
            total = work.zero()
            for tap, (element, _) in enumerate(window):
                value = outside if element is None else work.at(n, c, *element)
                total = total + value * weights[c, i, tap]
            y[(n, c * multiplier + i, *place)] = total
    return y


@literal("depthwise")
def depthwise(work: LiteralWork) -> Scalars:
    """Each channel by itself."""
    return work.biased(_depthwise(work))


@literal("separable")
def separable(work: LiteralWork) -> Scalars:
    """Each channel by itself, then at each position a weighted sum of all of them."""
    middle = _depthwise(work)
    work.workspace = 4 * middle.size
    samples, channels, *sizes = middle.shape
    weights = work.weights(work["out"], channels)
    y = np.empty((samples, work["out"], *sizes), object)
    for n, o, *place in np.ndindex(y.shape):
        total = work.zero()
        for c in range(channels):
            total = total + middle[(n, c, *place)] * weights[o, c]
        y[(n, o, *place)] = total
    return work.biased(y)

"""Transposed convolutions, one product at a time."""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np

from costcalc.execute.literal.scalars import Padding, Scalars
from costcalc.execute.literal.window import around, per_axis
from costcalc.execute.literal.work import LiteralWork, literal


def _axis(work: LiteralWork, axis: int, size: int, rank: int) -> tuple[int, int]:
    """What is cut off before an axis, and its output size; of `same`, TensorFlow cuts max(cover - stride, 0)."""
    taps, stride, gap, more = (
        per_axis(work[name], axis) for name in ("kernel", "stride", "dilation", "output_padding")
    )
    cover = (taps - 1) * gap + 1
    cut = around(work["padding"], axis, rank)
    if cut is None:
        return max(cover - stride, 0) // 2, stride * size
    last = stride * (size - 1) + cover - 1  # the furthest place that anything is added to
    return cut[0], last + 1 + more - cut[0] - cut[1]


@literal("conv_transpose")
def conv_transpose(work: LiteralWork) -> Scalars:
    """Each input element times each weight of its group is added at its place; some places are cut off in the end.

    Sums that are cut off are made all the same; what goes into them is as good as padding.
    """
    samples, channels, *sizes = work.x.shape
    rank, out, groups = len(sizes), work["out"], work["groups"]
    cuts, outputs = zip(*(_axis(work, i, size, rank) for i, size in enumerate(sizes)), strict=True)
    kernel = [per_axis(work["kernel"], axis) for axis in range(rank)]
    weights = work.weights(channels, out // groups, prod(kernel))
    y = np.empty((samples, out, *outputs), object)
    for at in np.ndindex(y.shape):
        y[at] = work.zero()
    for n, c, *place in np.ndindex(work.x.shape):
        group = c // (channels // groups)
        for tap, where in enumerate(product(*map(range, kernel))):
            target = [
                p * per_axis(work["stride"], i) + t * per_axis(work["dilation"], i) - cuts[i]
                for i, (p, t) in enumerate(zip(place, where, strict=True))
            ]
            kept = all(0 <= t < o for t, o in zip(target, outputs, strict=True))
            value = work.at(n, c, *place)
            for o in range(out // groups):
                if kept:
                    at = (n, group * (out // groups) + o, *target)
                    y[at] = y[at] + value * weights[c, o, tap]
                else:
                    work.zero() + Padding(value.value, work.tally) * weights[c, o, tap]
    return work.biased(y)

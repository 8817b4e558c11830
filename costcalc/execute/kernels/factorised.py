"""Convolutions in factors: one axis at a time, dense ones as matrix products, those of single channels tap by tap."""

from __future__ import annotations

import numpy as np

from costcalc.execute.sliding import each_axis, fitting, margins, padded, tap
from costcalc.execute.work import Floats, Work, kernel


def seen_along(work: Work, x: Floats, axis: int) -> list[Floats]:
    """What each tap along one axis sees, at all positions that it leaves; the axes before it are done already."""
    rank = x.ndim - 2
    taps, stride, gap = (each_axis(work[name], rank)[axis] for name in ("kernel", "stride", "dilation"))
    reach = (taps - 1) * gap + 1
    pair = margins(work["padding"], x.shape[2:], [reach] * rank, [stride] * rank)[axis]
    x = padded(x, [pair if i == axis else (0, 0) for i in range(rank)])
    outputs, steps = list(x.shape[2:]), [1] * rank
    outputs[axis], steps[axis] = fitting(outputs[axis], reach, stride), stride
    return [tap(x, tuple(t * gap if i == axis else 0 for i in range(rank)), outputs, steps) for t in range(taps)]


def ones_along(work: Work, x: Floats, axis: int) -> list[Floats]:
    """What each tap would see of one channel of ones: 0 on padding."""
    return seen_along(work, np.ones((1, 1, *x.shape[2:]), np.float32), axis)


def dense_along(work: Work, x: Floats, axis: int, out: int) -> Floats:
    """A convolution along one axis to `out` channels, without biases."""
    taps = seen_along(work, x, axis)
    weights = work.make("weights", out, x.shape[1] * len(taps))
    n, channels, *outputs = taps[0].shape
    columns = np.stack(taps, axis=2).reshape(n, channels * len(taps), -1)
    for ones in ones_along(work, x, axis):
        work.count_valid(ones, n * channels * out)
    return work.matmul(weights, columns).reshape(n, out, *outputs)


def single_along(work: Work, x: Floats, axis: int, filters: int = 1) -> Floats:
    """Each channel by itself along one axis, with so many filters of its own."""
    taps = seen_along(work, x, axis)
    n, channels, *outputs = taps[0].shape
    weights = work.make("weights", len(taps), channels, filters)
    y = np.zeros((n, channels, filters, *outputs), np.float32)
    for weight, seen, ones in zip(weights, taps, ones_along(work, x, axis), strict=True):
        y += seen[:, :, None] * weight.reshape(channels, filters, *([1] * len(outputs)))
        work.count("macs", y.size)
        work.count_valid(ones, n * channels * filters)
    return y.reshape(n, channels * filters, *outputs)


def pointwise(work: Work, x: Floats, out: int) -> Floats:
    """At each position a matrix product over its channels."""
    n, channels, *sizes = x.shape
    y = work.matmul(work.make("weights", out, channels), x.reshape(n, channels, -1))
    work.count("valid_macs", y.size * channels)
    return y.reshape(n, out, *sizes)


class Chain:
    """Maps that are made one of the other; the workspace is the most that two in a row take."""

    def __init__(self, work: Work) -> None:
        self.work, self.last = work, 0

    def keep(self, y: Floats) -> Floats:
        """Notes a map between input and output."""
        self.work.workspace = max(self.work.workspace, self.last + y.nbytes)
        self.last = y.nbytes
        return y


@kernel("spatial_separable")
def spatial_separable(work: Work) -> Floats:
    """The rows, to as many channels as its rank, then the columns, to all."""
    chain = Chain(work)
    middle = chain.keep(dense_along(work, work.x, 0, work["rank"]))
    return work.add_bias(dense_along(work, middle, 1, work["out"]))


@kernel("separable_basis")
def separable_basis(work: Work) -> Floats:
    """Each channel by all filters of its basis, axis after axis, then their weighted sums."""
    chain = Chain(work)
    y = chain.keep(single_along(work, work.x, 0, work["basis"]))
    for axis in range(1, work.x.ndim - 2):
        y = chain.keep(single_along(work, y, axis))
    return work.add_bias(pointwise(work, y, work["out"]))

"""Convolutions: dense and grouped ones as matrix products over chunks of rows, depthwise ones tap by tap."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from costcalc.execute.sliding import each_axis, fitting, margins, padded, tap
from costcalc.execute.work import Floats, Work, kernel

CHUNK = 2**20  # elements of gathered windows at a time, 4 MiB
FEW = 2**17  # elements of a depthwise output at a time, 512 KiB


@kernel("conv")
def conv(work: Work) -> Floats:
    """Every output is the sum over the taps and the input channels of its group."""
    groups, channels, out = work["groups"], work.x.shape[1], work["out"]
    kernels = each_axis(work["kernel"], work.x.ndim - 2)
    weights = work.make("weights", groups, out // groups, channels // groups * int(np.prod(kernels)))
    windows = _Columns(work, kernels)
    y = np.empty((len(work.x), out, *windows.outputs), np.float32)
    for rows in windows.chunks():
        # not named, so that the columns of one piece are gone before the next ones are gathered
        block = work.matmul(weights, windows.columns(rows, groups))  # (N, groups, out channels of a group, positions)
        work.count_valid(windows.real(rows), len(y) * channels // groups * out)
        y[:, :, rows] = block.reshape(len(y), out, rows.stop - rows.start, *windows.outputs[1:])
    return work.add_bias(y)


class _Columns:
    """The windows of a convolution's input, gathered a few rows at a time so that memory stays bounded."""

    def __init__(self, work: Work, kernels: list[int]) -> None:
        rank = len(kernels)
        self.strides, self.gaps = each_axis(work["stride"], rank), each_axis(work["dilation"], rank)
        reach = [(k - 1) * gap + 1 for k, gap in zip(kernels, self.gaps, strict=True)]
        sizes = work.x.shape[2:]
        pairs = margins(work["padding"], sizes, reach, self.strides)
        self.x = padded(work.x, pairs) if any(map(any, pairs)) else work.x
        self.ones = padded(np.ones((1, 1, *sizes), np.float32), pairs)
        self.outputs = [fitting(*s) for s in zip(self.x.shape[2:], reach, self.strides, strict=True)]
        self.taps = list(product(*map(range, kernels)))

    def chunks(self) -> list[slice]:
        """The rows of the output in pieces."""
        row = len(self.x) * self.x.shape[1] * len(self.taps) * int(np.prod(self.outputs[1:]))
        step = max(1, CHUNK // row)
        return [slice(start, min(start + step, self.outputs[0])) for start in range(0, self.outputs[0], step)]

    def gather(self, x: Floats, rows: slice) -> Floats:
        """What each tap sees of x in these rows: (N, C, taps, *outputs). A single tap sees x itself, not a copy."""
        outputs = [rows.stop - rows.start, *self.outputs[1:]]
        shift = [rows.start * self.strides[0]] + [0] * (len(outputs) - 1)
        seen = [
            tap(x, tuple(s + t * gap for s, t, gap in zip(shift, where, self.gaps, strict=True)), outputs, self.strides)
            for where in self.taps
        ]
        return np.stack(seen, axis=2) if len(seen) > 1 else seen[0][:, :, None]

    def real(self, rows: slice) -> Floats:
        """What each tap would see of an input of ones, in one channel of one sample: 0 on padding."""
        return self.gather(self.ones, rows)

    def columns(self, rows: slice, groups: int) -> Floats:
        """What the windows see of each group: (N, groups, channels of a group * taps, positions of these rows)."""
        seen = self.gather(self.x, rows)
        n, channels = seen.shape[:2]
        return seen.reshape(n, groups, channels // groups * len(self.taps), -1)


def depthwise_sum(work: Work, multiplier: int) -> Floats:
    """Each channel with `multiplier` filters of its own, accumulated one tap at a time; no bias yet."""
    n, channels, *sizes = work.x.shape
    rank = len(sizes)
    kernels, strides, gaps = (each_axis(work[name], rank) for name in ("kernel", "stride", "dilation"))
    reach = [(k - 1) * gap + 1 for k, gap in zip(kernels, gaps, strict=True)]
    pairs = margins(work["padding"], tuple(sizes), reach, strides)
    x = padded(work.x, pairs) if any(map(any, pairs)) else work.x
    ones = padded(np.ones((1, 1, *sizes), np.float32), pairs)
    outputs = [fitting(*s) for s in zip(x.shape[2:], reach, strides, strict=True)]
    weights = work.make("weights", channels, multiplier, *kernels)
    y = np.zeros((n, channels, multiplier, *outputs), np.float32)
    step = max(1, FEW // (y.size // channels))
    products = np.empty_like(y[:, :step])
    for first, where in product(range(0, channels, step), product(*map(range, kernels))):
        some = slice(first, first + step)  # few channels at a time, so that their sums stay in the processor's cache
        offsets = tuple(t * gap for t, gap in zip(where, gaps, strict=True))
        seen = tap(x[:, some], offsets, outputs, strides)
        filters: tuple[Any, ...] = (some, slice(None), *where)
        factor = weights[filters].reshape(-1, multiplier, *([1] * rank))
        sums = y[:, some]
        sums += np.multiply(seen[:, :, None], factor, out=products[:, : sums.shape[1]])
        work.count("macs", sums.size)
        work.count_valid(tap(ones, offsets, outputs, strides), sums.size // int(np.prod(outputs)))
    return y.reshape(n, channels * multiplier, *outputs)


@kernel("depthwise")
def depthwise(work: Work) -> Floats:
    """Output channel c * multiplier + i is filter i on input channel c."""
    return work.add_bias(depthwise_sum(work, work["multiplier"]))


@kernel("separable")
def separable(work: Work) -> Floats:
    """A depthwise convolution, then at each position a matrix product over its channels."""
    middle = depthwise_sum(work, work["multiplier"])
    work.workspace = middle.nbytes
    n, channels, *outputs = middle.shape
    weights = work.make("weights", work["out"], channels)
    y = work.matmul(weights, middle.reshape(n, channels, -1))
    work.count("valid_macs", y.size * channels)  # nothing is padded between the two
    return work.add_bias(y.reshape(n, work["out"], *outputs))

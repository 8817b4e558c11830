"""Cheaper forms of convolutions, made of the steps that they are defined by."""

from __future__ import annotations

from itertools import product

import numpy as np

from costcalc.execute.kernels.convolution import conv, depthwise
from costcalc.execute.sliding import each_axis
from costcalc.execute.work import Floats, Work, kernel


@kernel("ghost")
def ghost(work: Work) -> Floats:
    """A convolution, a depthwise one of what it made, the two joined, and what is too much left away."""
    out, ratio = work["out"], work["ratio"]
    primary = conv(work.part(work.x, out=-(-out // ratio), groups=1))
    if ratio == 1:
        return primary
    same = {"kernel": work["dw_kernel"], "stride": 1, "padding": "same", "dilation": 1, "multiplier": ratio - 1}
    cheap = depthwise(work.part(primary, **same))
    work.workspace = primary.nbytes + cheap.nbytes
    return np.concatenate([primary, cheap[:, : out - primary.shape[1]]], axis=1)


@kernel("mixed_depthwise")
def mixed_depthwise(work: Work) -> Floats:
    """Each window on its own channels: the first has what is left over."""
    kernels, channels = work["kernels"], work.x.shape[1]
    each = channels // len(kernels)
    ends = [channels - each * after for after in reversed(range(len(kernels)))]
    y = np.empty(0, np.float32)
    for size, start, end in zip(kernels, [0, *ends], ends, strict=False):
        made = depthwise(work.part(work.x[:, start:end], kernel=int(size), multiplier=1, bias=False))
        if start == 0:
            y = np.empty((len(made), channels, *made.shape[2:]), np.float32)
        y[:, start:end] = made
    return work.add_bias(y)


@kernel("shift")
def shift(work: Work) -> Floats:
    """A slice of the input into a slice of zeros, for each displacement from the first corner of the window on."""
    channels, *sizes = work.x.shape[1:]
    kernels, gaps = (each_axis(work[name], len(sizes)) for name in ("kernel", "dilation"))
    each = channels // int(np.prod(kernels))
    moves = [[(t - k // 2) * gap for t in range(k)] for k, gap in zip(kernels, gaps, strict=True)]
    y = np.zeros_like(work.x, order="C")
    moved = 0
    for move in product(*moves):
        some = slice(moved, moved + each)
        moved += each
        if all(abs(m) < size for m, size in zip(move, sizes, strict=True)):
            source = [slice(max(m, 0), size + min(m, 0)) for m, size in zip(move, sizes, strict=True)]
            target = [slice(max(-m, 0), size + min(-m, 0)) for m, size in zip(move, sizes, strict=True)]
            y[(slice(None), some, *target)] = work.x[(slice(None), some, *source)]
    y[:, moved:] = work.x[:, moved:]
    return y


@kernel("octave_conv")
def octave_conv(work: Work) -> Floats:
    """One frequency, of high alone or of high and low."""
    high, low = work.x, work.inputs[1].array if len(work.inputs) > 1 else None
    if work["vanilla"]:
        return work.add_bias(_vanilla(work, high, low))
    if work["to"] == "low":
        means = _means(work, high)
        y, work.workspace = _convolved(work, means), means.nbytes
    else:
        y = _convolved(work, high)
    if low is not None:
        other = _convolved(work, low)
        work.workspace = max(work.workspace, other.nbytes)
        y += _enlarged(other) if work["to"] == "high" else other
        work.count("additions", y.size)
    return work.add_bias(y)


def _vanilla(work: Work, high: Floats, low: Floats | None) -> Floats:
    """All at the full resolution; no bias yet."""
    if low is not None:
        high = np.concatenate([high, _enlarged(low)], axis=1)
        work.workspace = high.nbytes
    y = _convolved(work, high)
    if work["to"] == "high":
        return y
    work.workspace += y.nbytes
    return _means(work, y)


def _convolved(work: Work, x: Floats) -> Floats:
    once = {"stride": 1, "padding": "same", "dilation": 1, "groups": 1, "bias": False}
    return conv(work.part(x, **once))


def _enlarged(x: Floats) -> Floats:
    """Each element twice along every axis."""
    for axis in range(2, x.ndim):
        x = np.repeat(x, 2, axis=axis)
    return x


def _means(work: Work, x: Floats) -> Floats:
    """The mean of each block of two elements along every axis."""
    first, *others = (
        x[(slice(None), slice(None), *(slice(side, None, 2) for side in sides))]
        for sides in product((0, 1), repeat=x.ndim - 2)
    )
    y = np.array(first)
    for other in others:
        y += other
        work.count("additions", y.size)
    y /= np.float32(1 + len(others))
    work.count("divisions", y.size)
    return y

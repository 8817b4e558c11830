"""Cheaper forms of convolutions, each element by what its definition says of it."""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np

from costcalc.execute.literal.convolution import conv, depthwise
from costcalc.execute.literal.scalars import Scalars, added
from costcalc.execute.literal.window import per_axis
from costcalc.execute.literal.work import LiteralWork, literal


@literal("ghost")
def ghost(work: LiteralWork) -> Scalars:
    """Channel c is of the first convolution, or else one of the ratio - 1 ghosts that each of those has."""
    out, ghosts = work["out"], work["ratio"] - 1
    own = len(range(0, out, ghosts + 1))
    first = conv(work.part(work.x, out=own, groups=1))
    if not ghosts:
        return first
    window = {"kernel": work["dw_kernel"], "stride": 1, "dilation": 1, "padding": "same"}
    second = depthwise(work.part(first, multiplier=ghosts, **window))
    work.workspace = 4 * (first.size + second.size)
    y = np.empty((len(first), out, *first.shape[2:]), object)
    for n, c, *place in np.ndindex(y.shape):
        y[(n, c, *place)] = first[(n, c, *place)] if c < own else second[(n, c - own, *place)]
    return y


@literal("mixed_depthwise")
def mixed_depthwise(work: LiteralWork) -> Scalars:
    """Channels are dealt out to the windows one each in turn, and what is left over goes to the first."""
    kernels, channels = work["kernels"], work.x.shape[1]
    shares = [channels // len(kernels)] * len(kernels)
    shares[0] += channels % len(kernels)
    parts, start = [], 0
    for kernel, share in zip(kernels, shares, strict=True):
        x = work.x[:, start : start + share]
        parts.append(depthwise(work.part(x, kernel=kernel, multiplier=1, bias=False)))
        start += share
    return work.biased(np.concatenate(parts, axis=1))


@literal("shift")
def shift(work: LiteralWork) -> Scalars:
    """Output (c, place) is the input's at place + displacement of c, or 0; channels left over are not displaced."""
    sizes = work.x.shape[2:]
    windows = [per_axis(work["kernel"], axis) for axis in range(len(sizes))]
    moves = list(product(*(range(-(taps // 2), taps // 2 + 1) for taps in windows)))
    each = work.x.shape[1] // prod(windows)
    outside = work.outside(0.0)
    y = np.empty(work.x.shape, object)
    for n, c, *place in np.ndindex(y.shape):
        move = moves[c // each] if c < each * len(moves) else (0,) * len(sizes)
        from_ = [p + m * per_axis(work["dilation"], axis) for axis, (p, m) in enumerate(zip(place, move, strict=True))]
        inside = all(0 <= p < size for p, size in zip(from_, sizes, strict=True))
        y[(n, c, *place)] = work.at(n, c, *from_) if inside else outside
    return y


@literal("octave_conv")
def octave_conv(work: LiteralWork) -> Scalars:
    """The sum of what comes of the high frequency and of the low one, each in its own resolution."""
    window = {"stride": 1, "dilation": 1, "padding": "same", "groups": 1, "bias": False}
    high, to_high, alone = work.x, work["to"] == "high", len(work.inputs) == 1
    low = None if alone else work.inputs[1].array
    if work["vanilla"]:
        whole = high if low is None else np.concatenate([high, _doubled(low)], axis=1)
        y = conv(work.part(whole, **window))
        work.workspace = 4 * ((0 if alone else whole.size) + (0 if to_high else y.size))
        return work.biased(y if to_high else _halved(y))
    source = high if to_high else _halved(high)
    y = conv(work.part(source, **window))
    second = None if low is None else conv(work.part(low, **window))
    work.workspace = 4 * max(0 if to_high else source.size, 0 if second is None else second.size)
    if second is not None:
        matching = _doubled(second) if to_high else second
        for at in np.ndindex(y.shape):
            y[at] = y[at] + matching[at]
    return work.biased(y)


def _doubled(x: Scalars) -> Scalars:
    """Element p is that at p // 2, along each axis."""
    y = np.empty((*x.shape[:2], *(2 * size for size in x.shape[2:])), object)
    for n, c, *place in np.ndindex(y.shape):
        y[(n, c, *place)] = x[(n, c, *(p // 2 for p in place))]
    return y


def _halved(x: Scalars) -> Scalars:
    """Element p is the mean of those at 2p and 2p + 1, along each axis."""
    y = np.empty((*x.shape[:2], *(size // 2 for size in x.shape[2:])), object)
    for n, c, *place in np.ndindex(y.shape):
        values = [x[(n, c, *at)] for at in product(*((2 * p, 2 * p + 1) for p in place))]
        y[(n, c, *place)] = added(values) / len(values)
    return y

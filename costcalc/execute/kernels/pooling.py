"""Pools: values of each window, bin or map are taken in one after the other."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from costcalc.execute.sliding import each_axis, margins, padded, tap
from costcalc.execute.work import Floats, Work, kernel


def _starts(length: int, before: int, after: int, reach: int, stride: int, ceil_mode: bool) -> int:
    """How many windows there are: those that fit; with ceil_mode one more, if it begins before the end of the input.

    That one may be the only one, if less than a stride of it hangs over the end.
    """
    count, start, end = 0, 0, before + length + after
    while start + reach <= end:
        count, start = count + 1, start + stride
    hanging = ceil_mode and start - stride + reach < end and start < before + length
    return count + hanging


def _taps(work: Work, x: Floats, around: float, beyond: float) -> list[Floats]:
    """What every tap of the window sees: x, `around` in its padding, `beyond` where a window hangs over the end."""
    sizes = x.shape[2:]
    kernels = each_axis(work["kernel"], len(sizes))
    strides = each_axis(work.attributes.get("stride") or work["kernel"], len(sizes))
    pairs = margins(work["padding"], sizes, kernels, strides)
    outputs = [
        _starts(size, *pair, k, s, work["ceil_mode"])
        for size, pair, k, s in zip(sizes, pairs, kernels, strides, strict=True)
    ]
    hanging = [
        (0, max(0, (n - 1) * s + k - sum(pair) - size))
        for n, s, k, pair, size in zip(outputs, strides, kernels, pairs, sizes, strict=True)
    ]
    x = padded(padded(x, pairs, around), hanging, beyond)
    return [tap(x, where, outputs, strides) for where in product(*map(range, kernels))]


@kernel("max_pool")
def max_pool(work: Work) -> Floats:
    """The largest so far against each further tap."""
    first, *rest = _taps(work, work.x, -np.inf, -np.inf)
    y = np.array(first)
    for values in rest:
        np.maximum(y, values, out=y)
        work.count("comparisons", y.size)
    return y


@kernel("avg_pool")
def avg_pool(work: Work) -> Floats:
    """The sum of the taps, divided by how many are inside, or inside and in the padding; none hang over the end."""
    first, *rest = _taps(work, work.x, 0, 0)
    y = np.array(first)
    for values in rest:
        y += values
        work.count("additions", y.size)
    ones = np.ones((1, 1, *work.x.shape[2:]), np.float32)
    y /= np.sum(_taps(work, ones, float(work["count_include_pad"]), 0), axis=0)
    work.count("divisions", y.size)
    return y


def _reduce(work: Work, values: Floats, axes: tuple[int, ...], maximum: bool) -> Floats:
    """The maximum or mean along axes: each value after the first is one comparison or addition."""
    y: Floats = values.max(axis=axes) if maximum else values.sum(axis=axes)
    work.count("comparisons" if maximum else "additions", values.size - y.size)
    if not maximum:
        y = (y / np.float32(values.size // y.size)).astype(np.float32)
        work.count("divisions", y.size)
    return y


def _adaptive(work: Work, maximum: bool) -> Floats:
    """Each bin on its own."""
    sizes = work.x.shape[2:]
    bins = each_axis(work["out"], len(sizes))
    y = np.empty((*work.x.shape[:2], *bins), np.float32)
    for where in product(*map(range, bins)):
        edges = [slice(i * size // n, -(-(i + 1) * size // n)) for i, n, size in zip(where, bins, sizes, strict=True)]
        part = work.x[np.index_exp[:, :, *edges]]
        bin_: tuple[Any, ...] = (slice(None), slice(None), *where)
        y[bin_] = _reduce(work, part, tuple(range(2, part.ndim)), maximum)
    return y


@kernel("adaptive_avg_pool")
def adaptive_avg_pool(work: Work) -> Floats:
    """The mean of each bin."""
    return _adaptive(work, False)


@kernel("adaptive_max_pool")
def adaptive_max_pool(work: Work) -> Floats:
    """The maximum of each bin."""
    return _adaptive(work, True)


def _everywhere(work: Work, maximum: bool) -> Floats:
    """One value for each channel."""
    axes = tuple(i for i in range(1, work.x.ndim) if i != work.inputs[0].channels)
    y = _reduce(work, work.x, axes, maximum)
    if work["keep_axes"]:
        return np.expand_dims(y, axes)
    work.sequence = False
    return y


@kernel("global_avg_pool")
def global_avg_pool(work: Work) -> Floats:
    """The mean of each channel."""
    return _everywhere(work, False)


@kernel("global_max_pool")
def global_max_pool(work: Work) -> Floats:
    """The maximum of each channel."""
    return _everywhere(work, True)

"""Pools, one value after the other."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from costcalc.execute.literal.scalars import Scalar, Scalars, added, largest
from costcalc.execute.literal.window import axes_of, outputs_of, per_axis, windows
from costcalc.execute.literal.work import LiteralWork, literal


@literal("max_pool", "avg_pool")
def window_pool(work: LiteralWork) -> Scalars:
    """The maximum, or the mean, of each window.

    A mean divides by how many of its taps are inside, with `count_include_pad` by how many are inside or in the
    padding.
    """
    attributes = work.attributes
    stride = attributes.get("stride", work["kernel"])
    axes = axes_of(work.x.shape[2:], work["kernel"], stride, work["padding"], 1, work["ceil_mode"])
    mean = "count_include_pad" in attributes
    outside = work.outside(0.0 if mean else -np.inf)
    y = np.empty((*work.x.shape[:2], *outputs_of(axes)), object)
    for place, window in windows(axes):
        divisor = sum(e is not None or (padded and mean and work["count_include_pad"]) for e, padded in window)
        for channel in np.ndindex(work.x.shape[:2]):
            values: list[Scalar] = [outside if e is None else work.at(*channel, *e) for e, _ in window]
            y[channel + place] = added(values) / divisor if mean else largest(values)
    return y


def _mean(values: list[Scalar]) -> Scalar:
    return added(values) / len(values)


def _touched(size: int, bins: int) -> list[list[int]]:
    """For each of the equal parts that an axis is cut in, the elements that lie in it at least partly."""
    return [[p for p in range(size) if (p + 1) * bins > i * size and p * bins < (i + 1) * size] for i in range(bins)]


def _binned(work: LiteralWork, reduced: Any) -> Scalars:
    sizes = work.x.shape[2:]
    parts = [_touched(size, per_axis(work["out"], axis)) for axis, size in enumerate(sizes)]
    y = np.empty((*work.x.shape[:2], *map(len, parts)), object)
    for n, c, *place in np.ndindex(y.shape):
        elements = product(*(part[i] for part, i in zip(parts, place, strict=True)))
        y[(n, c, *place)] = reduced([work.at(n, c, *element) for element in elements])
    return y


@literal("adaptive_avg_pool")
def adaptive_avg_pool(work: LiteralWork) -> Scalars:
    """The mean of each bin."""
    return _binned(work, _mean)


@literal("adaptive_max_pool")
def adaptive_max_pool(work: LiteralWork) -> Scalars:
    """The maximum of each bin."""
    return _binned(work, largest)


def _everywhere(work: LiteralWork, reduced: Any) -> Scalars:
    """One value for each channel of each sample."""
    samples, *sizes = work.x.shape
    channels = sizes.pop() if work.sequence else sizes.pop(0)
    y = np.empty((samples, channels), object)
    for n, c in np.ndindex(y.shape):
        places = product(*map(range, sizes))
        y[n, c] = reduced([work.at(n, *((*p, c) if work.sequence else (c, *p))) for p in places])
    if work["keep_axes"]:
        ones = [1] * len(sizes)
        return y.reshape((samples, *ones, channels) if work.sequence else (samples, channels, *ones))
    work.sequence = False
    return y


@literal("global_avg_pool")
def global_avg_pool(work: LiteralWork) -> Scalars:
    """The mean of each channel."""
    return _everywhere(work, _mean)


@literal("global_max_pool")
def global_max_pool(work: LiteralWork) -> Scalars:
    """The maximum of each channel."""
    return _everywhere(work, largest)

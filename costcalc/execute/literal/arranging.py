"""Kinds that move numbers. What is a view of the input stays one, so that memory is as in the fast mode."""

from __future__ import annotations

from itertools import product
from math import floor, prod

import numpy as np

from costcalc.execute.literal.scalars import Scalars, added
from costcalc.execute.literal.window import per_axis
from costcalc.execute.literal.work import LiteralWork, literal


@literal("split")
def split(work: LiteralWork) -> Scalars:
    """The channels after those of the parts before; of tokens a copy, each with its own features."""
    axis = work.inputs[0].channels
    sizes = work.attributes.get("sizes") or [work.x.shape[axis] // work["parts"]] * work["parts"]
    first = sum(sizes[: work["part"] - 1])
    part: Scalars = np.moveaxis(np.moveaxis(work.x, axis, 0)[first : first + sizes[work["part"] - 1]], 0, axis)
    return part.copy() if work.sequence else part


@literal("channel_shuffle")
def channel_shuffle(work: LiteralWork) -> Scalars:
    """Channel j of group i comes to place j * groups + i."""
    axis, groups = work.inputs[0].channels, work["groups"]
    each = work.x.shape[axis] // groups
    y = np.empty(work.x.shape, object)
    for at in np.ndindex(y.shape):
        i, j = divmod(at[axis], each)
        y[(*at[:axis], j * groups + i, *at[axis + 1 :])] = work.x[at]
    return y


@literal("pixel_shuffle")
def pixel_shuffle(work: LiteralWork) -> Scalars:
    """Element (c, place) comes of block place // factor; its channel is that of c and of place % factor."""
    factor, (samples, channels, *sizes) = work["factor"], work.x.shape
    y = np.empty((samples, channels // factor ** len(sizes), *(size * factor for size in sizes)), object)
    for n, c, *place in np.ndindex(y.shape):
        channel = c
        for p in place:
            channel = channel * factor + p % factor
        y[(n, c, *place)] = work.at(n, channel, *(p // factor for p in place))
    return y


@literal("pixel_unshuffle")
def pixel_unshuffle(work: LiteralWork) -> Scalars:
    """Each element goes to its block; which channel, its own one and its place in the block tell."""
    factor, (samples, channels, *sizes) = work["factor"], work.x.shape
    y = np.empty((samples, channels * factor ** len(sizes), *(size // factor for size in sizes)), object)
    for n, c, *place in np.ndindex(work.x.shape):
        channel = c
        for p in place:
            channel = channel * factor + p % factor
        y[(n, channel, *(p // factor for p in place))] = work.at(n, c, *place)
    return y


@literal("flatten")
def flatten(work: LiteralWork) -> Scalars:
    """All elements of a sample, the last axis fastest."""
    work.sequence = False
    return work.x.reshape(len(work.x), prod(work.x.shape[1:]))


@literal("reshape")
def reshape(work: LiteralWork) -> Scalars:
    """All elements of a sample in the same order, counted off by other sizes."""
    tokens = work.attributes.get("tokens")
    work.sequence = tokens is not None
    sizes = (tokens, prod(work.x.shape[1:]) // tokens) if tokens else work["to"]
    return work.x.reshape(len(work.x), *sizes)


@literal("dropout")
def dropout(work: LiteralWork) -> Scalars:
    """Nothing, at inference."""
    return work.x[...]


def _corners(place: float, size: int) -> list[tuple[int, float]]:
    """The two elements that a place along an axis lies between, each with its share: the nearer has the larger one."""
    low = min(floor(place), size - 1)
    high = min(low + 1, size - 1)
    return [(low, 1 - (place - low)), (high, place - low)]


@literal("upsample")
def upsample(work: LiteralWork) -> Scalars:
    """Nearest: output o lies on element floor(o * size / outputs).

    Linear: the centre of output o lies at (o + 1/2) * size / outputs, and what is beyond the outermost centres of the
    input is drawn back to them.
    """
    sizes = work.x.shape[2:]
    if "size" in work.attributes:
        outputs = [per_axis(work["size"], axis) for axis in range(len(sizes))]
    else:
        outputs = [size * per_axis(work["scale"], axis) for axis, size in enumerate(sizes)]
    y = np.empty((*work.x.shape[:2], *outputs), object)
    for n, c, *place in np.ndindex(y.shape):
        along = list(zip(place, sizes, outputs, strict=True))
        if work["mode"] == "nearest":
            y[(n, c, *place)] = work.x[(n, c, *(o * size // number for o, size, number in along))]
            continue
        centres = [min(max((o + 0.5) * size / number - 0.5, 0), size - 1) for o, size, number in along]
        pairs = [_corners(centre, size) for centre, size in zip(centres, sizes, strict=True)]
        y[(n, c, *place)] = added(
            work.x[(n, c, *(at for at, _ in corner))] * prod(share for _, share in corner) for corner in product(*pairs)
        )
    return y

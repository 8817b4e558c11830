"""Kinds that move numbers: views where the memory can stay as it is, copies elsewhere."""

from __future__ import annotations

from itertools import product

import numpy as np

from costcalc.execute.sliding import each_axis
from costcalc.execute.work import Floats, Work, along, kernel


@kernel("split")
def split(work: Work) -> Floats:
    """One part of the channels. Features of tokens lie apart, so that they are copied; a part of a map is one piece."""
    axis = work.inputs[0].channels
    cuts = np.cumsum(work.attributes["sizes"])[:-1] if "sizes" in work.attributes else work["parts"]
    part: Floats = np.split(work.x, cuts, axis=axis)[work["part"] - 1]
    return part.copy() if work.sequence else part


@kernel("channel_shuffle")
def channel_shuffle(work: Work) -> Floats:
    """Channel j of group i comes to place j * groups + i."""
    order = np.arange(work.x.shape[work.inputs[0].channels]).reshape(work["groups"], -1).T.reshape(-1)
    return np.take(work.x, order, axis=work.inputs[0].channels)


@kernel("pixel_shuffle")
def pixel_shuffle(work: Work) -> Floats:
    """Channels as (channel, place in the block): each axis is followed by its place in the block."""
    n, channels, *sizes = work.x.shape
    rank, factor = len(sizes), work["factor"]
    blocks = work.x.reshape(n, channels // factor**rank, *[factor] * rank, *sizes)
    order = [axis for i in range(rank) for axis in (2 + rank + i, 2 + i)]
    y = blocks.transpose(0, 1, *order).reshape(n, -1, *(size * factor for size in sizes))
    return y.copy()  # a map of one position would still be a view


@kernel("pixel_unshuffle")
def pixel_unshuffle(work: Work) -> Floats:
    """The places in the blocks come after the channel, the blocks are the new axes."""
    n, channels, *sizes = work.x.shape
    rank, factor = len(sizes), work["factor"]
    blocks = work.x.reshape(n, channels, *(part for size in sizes for part in (size // factor, factor)))
    order = [3 + 2 * i for i in range(rank)] + [2 + 2 * i for i in range(rank)]
    y = blocks.transpose(0, 1, *order).reshape(n, channels * factor**rank, *(size // factor for size in sizes))
    return y.copy()  # with one channel, or one block along an axis, it could still be a view, and not in one piece


@kernel("flatten")
def flatten(work: Work) -> Floats:
    """One vector a sample."""
    work.sequence = False
    return work.x.reshape(len(work.x), -1)


@kernel("reshape")
def reshape(work: Work) -> Floats:
    """The same elements under other sizes."""
    work.sequence = "tokens" in work.attributes
    sizes = (work["tokens"], -1) if work.sequence else work["to"]
    return work.x.reshape(len(work.x), *sizes)


@kernel("dropout")
def dropout(work: Work) -> Floats:
    """Nothing, at inference."""
    return work.x[...]


@kernel("upsample")
def upsample(work: Work) -> Floats:
    """Copies of the nearest element, or a weighted sum of the nearest 2, 4 or 8 (centres aligned as in half-pixel)."""
    sizes = work.x.shape[2:]
    rank = len(sizes)
    if "size" in work.attributes:
        outputs = each_axis(work["size"], rank)
    else:
        outputs = [n * s for n, s in zip(sizes, each_axis(work["scale"], rank), strict=True)]
    if work["mode"] == "nearest":
        y = work.x
        for axis, (n, o) in enumerate(zip(sizes, outputs, strict=True), 2):
            y = np.take(y, np.arange(o) * n // o, axis=axis)
        return y
    places = [np.clip((np.arange(o) + 0.5) * n / o - 0.5, 0, n - 1) for n, o in zip(sizes, outputs, strict=True)]
    y = np.zeros((*work.x.shape[:2], *outputs), np.float32)
    for corner, sides in enumerate(product((0, 1), repeat=rank)):
        part, factor = work.x, np.ones([1] * (rank + 2), np.float32)
        for axis, (side, place, n) in enumerate(zip(sides, places, sizes, strict=True), 2):
            low = np.floor(place).astype(int)
            share = (place - low if side else 1 - (place - low)).astype(np.float32)
            factor = factor * along(share, axis, rank + 2)
            part = np.take(part, np.minimum(low + side, n - 1), axis=axis)
        y += part * factor
        work.count("multiplications", y.size)
        if corner:  # the first is not added to anything
            work.count("additions", y.size)
    return y

"""Convolutions that compute from their input where they look, or what they weigh it with; tap by tap."""

from __future__ import annotations

from itertools import product

import numpy as np

from costcalc.execute.functions import Elementwise
from costcalc.execute.kernels.convolution import conv
from costcalc.execute.kernels.pointwise import batch_norm, relu
from costcalc.execute.sliding import each_axis, fitting, margins, padded, tap
from costcalc.execute.work import Floats, Work, kernel


@kernel("deformable_conv")
def deformable_conv(work: Work) -> Floats:
    """Offsets first; then each tap is sampled for the whole map, and goes into the sums of all outputs."""
    n, channels = work.x.shape[:2]
    kernels = each_axis(work["kernel"], 2)
    taps, sets, groups, out = int(np.prod(kernels)), work["offset_groups"], work["groups"], work["out"]
    each = 3 if work["modulated"] else 2
    made = conv(work.part(work.x, out=each * taps * sets, groups=1, bias=True))
    work.workspace = made.nbytes
    offsets = made[:, : 2 * taps * sets].reshape(n, sets, taps, 2, *made.shape[2:])
    if work["modulated"]:
        factors = Elementwise(work, made[:, 2 * taps * sets :]).sigmoid().y.reshape(n, sets, taps, *made.shape[2:])
    weights = work.make("weights", groups, out // groups, channels // groups, taps)
    y = np.zeros((n, groups, out // groups, made[0, 0].size), np.float32)
    for number, starts in enumerate(_starts(work, kernels, made.shape[2:])):
        seen = _sampled(work, offsets[:, :, number], starts)
        if work["modulated"]:
            seen *= factors[:, :, number, None]
            work.count("multiplications", seen.size)
        # the sums of earlier taps go on here
        y += work.matmul(weights[..., number], seen.reshape(n, groups, channels // groups, -1))
    work.count("valid_macs", y.size * channels // groups * taps)  # whatever is sampled is no padding
    return work.add_bias(y.reshape(n, out, *made.shape[2:]))


def _starts(work: Work, kernels: list[int], outputs: tuple[int, ...]) -> list[list[Floats]]:
    """For each tap, the row of the input where it would look from every row of the output, and the column."""
    strides, gaps = each_axis(work["stride"], 2), each_axis(work["dilation"], 2)
    reach = [(k - 1) * gap + 1 for k, gap in zip(kernels, gaps, strict=True)]
    pairs = margins(work["padding"], work.x.shape[2:], reach, strides)
    firsts = [np.arange(o) * s - before for o, s, (before, _) in zip(outputs, strides, pairs, strict=True)]
    return [
        [(first + t * gap).astype(np.float32) for first, t, gap in zip(firsts, where, gaps, strict=True)]
        for where in product(*map(range, kernels))
    ]


def _sampled(work: Work, offsets: Floats, starts: list[Floats]) -> Floats:
    """What a tap sees between four elements: (N, offset groups, channels of each, *outputs)."""
    n, sets, _, *outputs = offsets.shape
    x = padded(work.x, [(1, 1), (1, 1)]).reshape(n, sets, -1, *(size + 2 for size in work.x.shape[2:]))
    rows, columns = offsets[:, :, 0] + starts[0][:, None], offsets[:, :, 1] + starts[1]
    work.count("additions", rows.size + columns.size)
    top, left = np.floor(rows), np.floor(columns)
    down, right = rows - top, columns - left
    work.count("additions", down.size + right.size)
    up, back = 1 - down, 1 - right
    work.count("additions", up.size + back.size)
    batch, groups = np.arange(n)[:, None, None, None], np.arange(sets)[:, None, None]
    y = np.zeros((n, sets, x.shape[2], *outputs), np.float32)
    for i, (vertical, horizontal) in enumerate(product((up, down), (back, right))):
        share = vertical * horizontal
        work.count("multiplications", share.size)
        i_row, i_column = (
            np.clip(np.nan_to_num(place + side + 1), 0, size + 1).astype(int)  # what is beyond the margin is 0, too
            for place, side, size in zip((top, left), divmod(i, 2), work.x.shape[2:], strict=True)
        )
        values = np.moveaxis(x[batch, groups, :, i_row, i_column], -1, 2) * share[:, :, None]
        work.count("multiplications", values.size)
        y += values
        if i:  # the first is not added to anything
            work.count("additions", values.size)
    return y


@kernel("involution")
def involution(work: Work) -> Floats:
    """The factors of all positions, then tap by tap what they make of the input."""
    n, channels, *sizes = work.x.shape
    rank, groups = len(sizes), work["groups"]
    kernels, strides = each_axis(work["kernel"], rank), each_axis(work["stride"], rank)
    pairs = [((k - 1) // 2, (k - 1) // 2) for k in kernels]
    x, ones = padded(work.x, pairs), padded(np.ones((1, 1, *sizes), np.float32), pairs)
    outputs = [fitting(*s) for s in zip(x.shape[2:], kernels, strides, strict=True)]
    factors = _factors(work, int(np.prod(kernels)), strides).reshape(n, groups, 1, -1, *outputs)
    y = np.zeros((n, groups, channels // groups, *outputs), np.float32)
    for number, where in enumerate(product(*map(range, kernels))):
        y += tap(x, where, outputs, strides).reshape(y.shape) * factors[:, :, :, number]
        work.count("macs", y.size)
        work.count_valid(tap(ones, where, outputs, strides), n * channels)
    return y.reshape(n, channels, *outputs)


def _factors(work: Work, taps: int, strides: list[int]) -> Floats:
    """Means of blocks where there is a stride, a 1x1 convolution, a batch norm, a ReLU, another 1x1 convolution."""
    x, means = work.x, 0
    if max(strides) > 1:
        x = _blocks(work, x, strides)
        means = x.nbytes
    once = {"kernel": 1, "stride": 1, "padding": "valid", "dilation": 1, "groups": 1}
    reduced = conv(work.part(x, out=x.shape[1] // work["reduction"], bias=False, **once))
    reduced = relu(work.part(batch_norm(work.part(reduced, scale=True, shift=True))))
    made = conv(work.part(reduced, out=taps * work["groups"], bias=True, **once))
    work.workspace = reduced.nbytes + max(means, made.nbytes)
    return made


def _blocks(work: Work, x: Floats, strides: list[int]) -> Floats:
    """The mean of each block of so many elements along every axis."""
    parts = [part for size, s in zip(x.shape[2:], strides, strict=True) for part in (size // s, s)]
    blocks = x.reshape(*x.shape[:2], *parts)
    y: Floats = blocks.sum(axis=tuple(range(3, blocks.ndim, 2)), dtype=np.float32)
    work.count("additions", x.size - y.size)
    y /= np.float32(x.size // y.size)
    work.count("divisions", y.size)
    return y

"""Layers of low rank: the factors of a matrix, and of the tensor of a convolution, applied one after the other."""

from __future__ import annotations

from itertools import product

import numpy as np

from costcalc.execute.kernels.factorised import Chain, pointwise, single_along
from costcalc.execute.sliding import each_axis, fitting, margins, padded, tap
from costcalc.execute.work import Floats, Work, kernel


@kernel("low_rank_linear")
def low_rank_linear(work: Work) -> Floats:
    """The last axis, features of a vector or of each token, through two matrices."""
    x = work.x.reshape(-1, work.x.shape[-1])
    narrow = work.matmul(x, work.make("weights", x.shape[-1], work["rank"]))
    work.workspace = narrow.nbytes
    y = work.matmul(narrow, work.make("weights", work["rank"], work["out"]))
    work.count("valid_macs", narrow.size * x.shape[-1] + y.size * work["rank"])
    return work.add_bias(y.reshape(*work.x.shape[:-1], work["out"]))


def _windowed(work: Work, x: Floats, out: int) -> Floats:
    """The convolution that has the window, without biases."""
    n, channels, *sizes = x.shape
    kernels, strides, gaps = (each_axis(work[name], len(sizes)) for name in ("kernel", "stride", "dilation"))
    reach = [(k - 1) * gap + 1 for k, gap in zip(kernels, gaps, strict=True)]
    pairs = margins(work["padding"], tuple(sizes), reach, strides)
    x, ones = padded(x, pairs), padded(np.ones((1, 1, *sizes), np.float32), pairs)
    outputs = [fitting(*s) for s in zip(x.shape[2:], reach, strides, strict=True)]
    places = [tuple(t * gap for t, gap in zip(where, gaps, strict=True)) for where in product(*map(range, kernels))]
    for place in places:
        work.count_valid(tap(ones, place, outputs, strides), n * channels * out)
    columns = np.stack([tap(x, place, outputs, strides) for place in places], axis=2)
    weights = work.make("weights", out, channels * len(places))
    return work.matmul(weights, columns.reshape(n, channels * len(places), -1)).reshape(n, out, *outputs)


@kernel("tucker_conv")
def tucker_conv(work: Work) -> Floats:
    """To few channels, the window on these, and to all channels."""
    chain = Chain(work)
    narrow = chain.keep(pointwise(work, work.x, work["rank_in"]))
    core = chain.keep(_windowed(work, narrow, work["rank_out"]))
    return work.add_bias(pointwise(work, core, work["out"]))


@kernel("cp_conv")
def cp_conv(work: Work) -> Floats:
    """To a channel for each term, each along every axis by itself, and to all channels."""
    chain = Chain(work)
    y = chain.keep(pointwise(work, work.x, work["rank"]))
    for axis in range(work.x.ndim - 2):
        y = chain.keep(single_along(work, y, axis))
    return work.add_bias(pointwise(work, y, work["out"]))

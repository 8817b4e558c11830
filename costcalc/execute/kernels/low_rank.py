"""Layers of low rank: the factors of a matrix, and of the tensor of a convolution, applied one after the other."""

from __future__ import annotations

from costcalc.execute.kernels.convolution import conv
from costcalc.execute.kernels.factorised import Chain, pointwise, single_along
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


@kernel("tucker_conv")
def tucker_conv(work: Work) -> Floats:
    """To few channels, the window on these, and to all channels."""
    chain = Chain(work)
    narrow = chain.keep(pointwise(work, work.x, work["rank_in"]))
    core = chain.keep(conv(work.part(narrow, out=work["rank_out"], groups=1, bias=False)))
    return work.add_bias(pointwise(work, core, work["out"]))


@kernel("cp_conv")
def cp_conv(work: Work) -> Floats:
    """To a channel for each term, each along every axis by itself, and to all channels."""
    chain = Chain(work)
    y = chain.keep(pointwise(work, work.x, work["rank"]))
    for axis in range(work.x.ndim - 2):
        y = chain.keep(single_along(work, y, axis))
    return work.add_bias(pointwise(work, y, work["out"]))

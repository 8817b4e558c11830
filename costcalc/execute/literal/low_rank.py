"""Layers of low rank, factor after factor, one product at a time."""

from __future__ import annotations

import numpy as np

from costcalc.execute.literal.convolution import axes_of_window, conv
from costcalc.execute.literal.factorised import mixed, two_in_a_row, within
from costcalc.execute.literal.scalars import Scalars
from costcalc.execute.literal.work import LiteralWork, literal


def _matrix(work: LiteralWork, x: Scalars, out: int) -> Scalars:
    """Output o is the sum over the features, for a vector or for each token."""
    *rows, features = x.shape
    weights = work.weights(features, out)
    y = np.empty((*rows, out), object)
    for *row, o in np.ndindex(y.shape):
        total = work.zero()
        for f in range(features):
            total = total + x[(*row, f)] * weights[f, o]
        y[(*row, o)] = total
    return y


@literal("low_rank_linear")
def low_rank_linear(work: LiteralWork) -> Scalars:
    """A few sums over the features, and the outputs as sums over those."""
    narrow = _matrix(work, work.x, work["rank"])
    work.workspace = 4 * narrow.size
    return work.biased(_matrix(work, narrow, work["out"]))


@literal("tucker_conv")
def tucker_conv(work: LiteralWork) -> Scalars:
    """A few mixtures of the channels, a window over all of them, mixtures of what that makes."""
    narrow = mixed(work, work.x, work["rank_in"])
    core = conv(work.part(narrow, out=work["rank_out"], groups=1, bias=False))
    work.workspace = two_in_a_row([narrow, core])
    return work.biased(mixed(work, core, work["out"]))


@literal("cp_conv")
def cp_conv(work: LiteralWork) -> Scalars:
    """A mixture of the channels for each term, filtered along every axis, and mixtures of the terms."""
    maps = [mixed(work, work.x, work["rank"])]
    for i, axis in enumerate(axes_of_window(work)):
        maps.append(within(work, maps[-1], i, axis.looks))
    work.workspace = two_in_a_row(maps)
    return work.biased(mixed(work, maps[-1], work["out"]))

"""Layers of low rank, factor after factor, one product at a time."""

from __future__ import annotations

import numpy as np

from costcalc.execute.literal.factorised import axes_of_window, mixed, two_in_a_row, within
from costcalc.execute.literal.scalars import Scalars
from costcalc.execute.literal.window import outputs_of, windows
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
    axes = axes_of_window(work)
    narrow = mixed(work, work.x, work["rank_in"])
    samples, channels = narrow.shape[:2]
    weights = work.weights(work["rank_out"], channels, int(np.prod([len(axis.looks[0]) for axis in axes])))
    core = np.empty((samples, work["rank_out"], *outputs_of(axes)), object)
    for place, window in windows(axes):
        for n, o in np.ndindex(core.shape[:2]):
            total = work.zero()
            for c in range(channels):
                for tap, (element, _) in enumerate(window):
                    value = work.outside(0.0) if element is None else narrow[(n, c, *element)]
                    total = total + value * weights[o, c, tap]
            core[(n, o, *place)] = total
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

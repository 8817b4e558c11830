"""Convolutions in factors, one axis after the other, one product at a time."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np

from costcalc.execute.literal.convolution import axes_of_window
from costcalc.execute.literal.scalars import Scalar, Scalars
from costcalc.execute.literal.work import LiteralWork, literal


def _element(work: LiteralWork, x: Scalars, n: int, c: int, place: list[int], axis: int, position: int) -> Scalar:
    """What a tap finds at a position of one axis, those of the others being as they are."""
    if not 0 <= position < x.shape[2 + axis]:
        return work.outside(0.0)
    found: Scalar = x[(n, c, *place[:axis], position, *place[axis + 1 :])]
    return found


def across(work: LiteralWork, x: Scalars, axis: int, looks: list[list[int]], out: int) -> Scalars:
    """Each of `out` channels sums over all channels and over the taps along one axis."""
    channels, taps = x.shape[1], len(looks[0])
    weights = work.weights(out, channels, taps)
    y = np.empty((len(x), out, *x.shape[2 : 2 + axis], len(looks), *x.shape[3 + axis :]), object)
    for n, o, *place in np.ndindex(y.shape):
        total = work.zero()
        for c, tap in product(range(channels), range(taps)):
            position = looks[place[axis]][tap]
            total = total + _element(work, x, n, c, place, axis, position) * weights[o, c, tap]
        y[(n, o, *place)] = total
    return y


def within(work: LiteralWork, x: Scalars, axis: int, looks: list[list[int]], filters: int = 1) -> Scalars:
    """Channel c * filters + i sums over the taps along one axis of filter i on channel c."""
    channels, taps = x.shape[1], len(looks[0])
    weights = work.weights(taps, channels, filters)
    y = np.empty((len(x), channels * filters, *x.shape[2 : 2 + axis], len(looks), *x.shape[3 + axis :]), object)
    for n, made, *place in np.ndindex(y.shape):
        c, i = divmod(made, filters)
        total = work.zero()
        for tap, position in enumerate(looks[place[axis]]):
            total = total + _element(work, x, n, c, place, axis, position) * weights[tap, c, i]
        y[(n, made, *place)] = total
    return y


def mixed(work: LiteralWork, x: Scalars, out: int) -> Scalars:
    """At each position `out` sums over all channels."""
    weights = work.weights(out, x.shape[1])
    y = np.empty((len(x), out, *x.shape[2:]), object)
    for n, o, *place in np.ndindex(y.shape):
        total = work.zero()
        for c in range(x.shape[1]):
            total = total + x[(n, c, *place)] * weights[o, c]
        y[(n, o, *place)] = total
    return y


def two_in_a_row(maps: list[Scalars]) -> int:
    """The most bytes that a map and the next one take; those of the only one, if there is no other."""
    sizes = [4 * y.size for y in maps]
    return max([a + b for a, b in pairwise(sizes)], default=sizes[0])


@literal("spatial_separable")
def spatial_separable(work: LiteralWork) -> Scalars:
    """A sum down each column for every channel between, then one along each row for every channel of the output."""
    down, along = axes_of_window(work)
    middle = across(work, work.x, 0, down.looks, work["rank"])
    work.workspace = 4 * middle.size
    return work.biased(across(work, middle, 1, along.looks, work["out"]))


@literal("separable_basis")
def separable_basis(work: LiteralWork) -> Scalars:
    """Each channel filtered along the first axis in several ways, and each result along the others, then weighted."""
    first, *others = axes_of_window(work)
    maps = [within(work, work.x, 0, first.looks, work["basis"])]
    for axis, other in enumerate(others, 1):
        maps.append(within(work, maps[-1], axis, other.looks))
    work.workspace = two_in_a_row(maps)
    return work.biased(mixed(work, maps[-1], work["out"]))

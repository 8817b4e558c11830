"""Convolutions that compute from their input where they look, or what they weigh it with; one product at a time."""

from __future__ import annotations

from itertools import product
from math import floor, prod

import numpy as np

from costcalc.execute.literal.convolution import conv
from costcalc.execute.literal.pointwise import batch_norm
from costcalc.execute.literal.scalars import Scalar, Scalars, Weight, added
from costcalc.execute.literal.window import axes_of, per_axis
from costcalc.execute.literal.work import LiteralWork, literal


@literal("deformable_conv")
def deformable_conv(work: LiteralWork) -> Scalars:
    """Output o at a place sums over the channels of its group what each tap samples there."""
    samples, channels = work.x.shape[:2]
    axes = axes_of(work.x.shape[2:], work["kernel"], work["stride"], work["padding"], work["dilation"])
    taps = prod(len(axis.looks[0]) for axis in axes)
    sets, out, groups = work["offset_groups"], work["out"], work["groups"]
    numbers = (3 if work["modulated"] else 2) * taps * sets
    offsets = conv(work.part(work.x, out=numbers, groups=1, bias=True))
    work.workspace = 4 * offsets.size
    weights = work.weights(out, channels // groups, taps)
    y = np.empty((samples, out, *offsets.shape[2:]), object)
    for n, *place in np.ndindex(samples, *offsets.shape[2:]):
        looks = list(product(*(axis.looks[p] for axis, p in zip(axes, place, strict=True))))
        seen = np.empty((channels, taps), object)
        for g, tap in product(range(sets), range(taps)):
            move = [offsets[(n, 2 * (g * taps + tap) + axis, *place)] for axis in (0, 1)]
            corners = _corners(*(m + float(at) for m, at in zip(move, looks[tap], strict=True)))
            factor = None
            if work["modulated"]:
                made = offsets[(n, 2 * taps * sets + g * taps + tap, *place)]
                factor = 1.0 / ((-made).exp() + 1.0)
            for c in range(g * (channels // sets), (g + 1) * (channels // sets)):
                value = added(_element(work, n, c, *at) * share for at, share in corners)
                seen[c, tap] = value if factor is None else value * factor
        for o in range(out):
            total, first = work.zero(), o // (out // groups) * (channels // groups)
            for c, tap in product(range(channels // groups), range(taps)):
                total = total + seen[first + c, tap] * weights[o, c, tap]
            y[(n, o, *place)] = total
    return work.biased(y)


def _corners(row: Scalar, column: Scalar) -> list[tuple[tuple[int, int], Scalar]]:
    """The four elements around a place, each with its share: how near it is along one axis times along the other."""
    sides = []
    for place in (row, column):
        whole = floor(max(-1e9, min(place.value, 1e9)))
        far = place - float(whole)
        sides.append(((whole, -far + 1.0), (whole + 1, far)))
    return [((i, j), near * by) for (i, near), (j, by) in product(*sides)]


def _element(work: LiteralWork, n: int, c: int, row: int, column: int) -> Scalar:
    """The element there, 0 where there is none."""
    height, width = work.x.shape[2:]
    return work.at(n, c, row, column) if 0 <= row < height and 0 <= column < width else work.outside(0.0)


@literal("involution")
def involution(work: LiteralWork) -> Scalars:
    """Channel c at a place sums over the taps around it, each times the factor that the place has for c's group."""
    samples, channels, *sizes = work.x.shape
    rank, groups = len(sizes), work["groups"]
    half = [per_axis(work["kernel"], axis) // 2 for axis in range(rank)]
    steps = [per_axis(work["stride"], axis) for axis in range(rank)]
    source = _means(work, steps) if any(step > 1 for step in steps) else work.x
    moves = list(product(*(range(-h, h + 1) for h in half)))
    once = {"kernel": 1, "stride": 1, "dilation": 1, "padding": 0, "groups": 1}
    few = conv(work.part(source, out=channels // work["reduction"], bias=False, **once))
    few = batch_norm(work.part(few, scale=True, shift=True))
    for at in np.ndindex(few.shape):
        value: Scalar = few[at]  # type: ignore[assignment]  # it is one element
        few[at] = value.larger(0.0)
    factors = conv(work.part(few, out=len(moves) * groups, bias=True, **once))
    work.workspace = 4 * (few.size + max(0 if source is work.x else source.size, factors.size))
    outside = work.outside(0.0)
    y = np.empty((samples, channels, *factors.shape[2:]), object)
    for n, c, *place in np.ndindex(y.shape):
        total, group = work.zero(), c // (channels // groups)
        for number, move in enumerate(moves):
            look = [p * step + m for p, step, m in zip(place, steps, move, strict=True)]
            inside = all(0 <= p < size for p, size in zip(look, sizes, strict=True))
            made: Scalar = factors[(n, group * len(moves) + number, *place)]
            weight = Weight(made.value, work.tally)  # what was made is a factor as good as one that was learnt
            total = total + (work.at(n, c, *look) if inside else outside) * weight
        y[(n, c, *place)] = total
    return y


def _means(work: LiteralWork, steps: list[int]) -> Scalars:
    """The mean of each block, along every axis as long as the step."""
    samples, channels, *sizes = work.x.shape
    y = np.empty((samples, channels, *(size // step for size, step in zip(sizes, steps, strict=True))), object)
    for n, c, *place in np.ndindex(y.shape):
        block = product(*(range(p * step, (p + 1) * step) for p, step in zip(place, steps, strict=True)))
        values = [work.at(n, c, *at) for at in block]
        y[(n, c, *place)] = added(values) / len(values)
    return y

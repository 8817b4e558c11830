"""Versatile filters, one product at a time.

Which products belong together is found by asking, of every channel and every tap, which sub-filters use it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np

from costcalc.execute.literal.scalars import Scalar, Scalars, added
from costcalc.execute.literal.window import Glance, axes_of, outputs_of, windows
from costcalc.execute.literal.work import LiteralWork, literal
from costcalc.execute.work import CannotRun

Channels = tuple[int, ...]


class Sub(NamedTuple):
    """A sub-filter: how many rings of taps it lacks, and the first channel that it sees."""

    depth: int
    channel: int


class Part(NamedTuple):
    """Taps on some channels whose products are one sum, and whether that is added to the sum of what lies deeper."""

    taps: Sequence[int]
    deeper: bool


class Recipe(NamedTuple):
    """How a primary filter makes its outputs."""

    runs: Mapping[Sub, Sequence[Channels]]  # what each sub-filter sees, in runs of channels that are used alike
    parts: Mapping[tuple[int, Channels], Part]  # of each depth and run


@literal("versatile")
def versatile(work: LiteralWork) -> Scalars:
    """The sub-filters of all primary filters, then plain filters."""
    samples, channels = work.x.shape[:2]
    taps = work["kernel"] ** 2
    subs = _subs(work, channels)
    primaries, turns, plain = _shared_out(work, len(subs))
    weights = [*work.weights(primaries, channels, taps), *(work.weights(plain, channels, taps) if plain else ())]
    axes = axes_of(work.x.shape[2:], [work["kernel"]] * 2, work["stride"], work["padding"], work["dilation"])
    y = np.empty((samples, turns + plain, *outputs_of(axes)), object)
    owned = [range(f, turns, primaries) for f in range(primaries)]  # the channels of each primary filter
    recipes = {len(mine): _recipe(work, subs[: len(mine)], channels) for mine in owned}
    for place, window in windows(axes):
        for n in range(samples):
            for f, mine in enumerate(owned):
                values = _Look(work, n, window, weights[f]).responses(recipes[len(mine)])
                for channel, value in zip(mine, values, strict=True):
                    y[(n, channel, *place)] = value
            for f in range(plain):
                look = _Look(work, n, window, weights[primaries + f])
                y[(n, turns + f, *place)] = look.sum(range(channels), range(taps))
    return work.biased(y)


def _subs(work: LiteralWork, channels: int) -> list[Sub]:
    """Every sub-filter, the largest boxes first, of each box the windows in order."""
    width = _width(work, channels)
    depths = [0]
    while work["spatial"] and work["kernel"] - 2 * (depths[-1] + 1) > 0:
        depths.append(depths[-1] + 1)
    firsts = [c for c in range(channels) if c % work["channel_stride"] == 0 and c + width <= channels]
    return [Sub(depth, first) for depth in depths for first in firsts]


def _shared_out(work: LiteralWork, each: int) -> tuple[int, int, int]:
    """Primary filters, the channels that they make together, and plain filters."""
    out, rule, primaries = work["out"], work["remainder"], 0
    while (primaries + 1) * each <= out:
        primaries += 1
    lacking = out - primaries * each
    if primaries == 0 or rule == "remainder_standard":
        return primaries, primaries * each, lacking
    if not lacking or rule == "floor":
        return primaries, primaries * each, 0
    if rule == "fractional":
        raise CannotRun(f"{primaries} primary filters are too few for {out} output channels, and one more too many")
    return primaries + 1, out, 0


def _recipe(work: LiteralWork, subs: Sequence[Sub], channels: int) -> Recipe:
    """How the first sub-filters of a primary filter are made."""
    width, side, rings = _width(work, channels), work["kernel"], work["share"] in ("rings", "both")
    runs: dict[Sub, list[Channels]] = {}
    for sub in subs:
        mine = range(sub.channel, sub.channel + width)
        peers = [other for other in subs if other.depth == (0 if rings else sub.depth)]
        if work["variant"] == "sliding" or work["share"] not in ("windows", "both"):
            peers = []
        users = {c: [p for p in peers if p.channel <= c < p.channel + width] for c in mine}
        runs[sub] = [tuple(run) for _, run in groupby(mine, users.__getitem__)]
    parts = {}
    for sub in subs:
        for run in runs[sub]:
            deeper = rings and any(other.depth == sub.depth + 1 and run in runs[other] for other in subs)
            taps = [t for t in range(side**2) if _depth(t, side) >= sub.depth]
            if deeper:
                taps = [t for t in taps if _depth(t, side) == sub.depth]
            parts[sub.depth, run] = Part(taps, deeper)
    return Recipe(runs, parts)


def _width(work: LiteralWork, channels: int) -> int:
    return int(work.attributes.get("window", channels))


def _depth(tap: int, side: int) -> int:
    """How far a tap is from the border of the window."""
    row, column = divmod(tap, side)
    return min(row, column, side - 1 - row, side - 1 - column)


class _Look:
    """A filter at one position, and what it has summed there."""

    def __init__(self, work: LiteralWork, sample: int, window: Sequence[Glance], weights: Scalars) -> None:
        self.work, self.sample, self.window, self.weights = work, sample, window, weights
        self.sliding = work["variant"] == "sliding"
        self.outside = work.outside(0.0)
        self.sums: dict[tuple[int, Channels], Scalar] = {}

    def responses(self, recipe: Recipe) -> list[Scalar]:
        """The response of each sub-filter, in their order."""
        return [added([self._grown(recipe, sub.depth, run) for run in runs]) for sub, runs in recipe.runs.items()]

    def _grown(self, recipe: Recipe, depth: int, run: Channels) -> Scalar:
        """The sum over the taps of a depth or more, each sum once."""
        if (depth, run) not in self.sums:
            taps, deeper = recipe.parts[depth, run]
            total = self.sum(run, taps, run[0] if self.sliding else 0)
            self.sums[depth, run] = self._grown(recipe, depth + 1, run) + total if deeper else total
        return self.sums[depth, run]

    def sum(self, run: Sequence[int], taps: Sequence[int], shift: int = 0) -> Scalar:
        """Products of channels and taps, one added after another; the weights are those of the channels before."""
        total = self.work.zero()
        for c in run:
            for t in taps:
                element = self.window[t].element
                value = self.outside if element is None else self.work.at(self.sample, c, *element)
                total = total + value * self.weights[c - shift, t]
        return total

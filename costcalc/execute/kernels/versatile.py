"""Versatile filters: boxes cut out of a few primary filters, as matrix products over rows; what is shared is kept."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from costcalc.execute.sliding import each_axis, fitting, margins, padded, tap
from costcalc.execute.work import CannotRun, Floats, Work, kernel

CHUNK = 2**20  # elements of gathered windows at a time


class _Plan(NamedTuple):
    """What is asked of the primary filters: of some, the first so many of all sub-filters in their order."""

    primaries: int
    plain: int
    sides: list[int]  # of the boxes, the largest first
    starts: list[int]  # of the windows over the channels
    width: int
    asked: list[tuple[slice, int]]  # primary filters, and how many of their sub-filters


@kernel("versatile")
def versatile(work: Work) -> Floats:
    """Output (i * n + j) * P + f is box i and window j of primary filter f, plain filters after them."""
    side, channels = work["kernel"], work.x.shape[1]
    plan = _plan(work, channels)
    filters = work.make("weights", 1, plan.primaries, channels, side, side)[0]  # one group, as in `conv`
    plain = work.make("weights", 1, plan.plain, channels, side, side)[0] if plan.plain else None
    made = sum((group.stop - group.start) * number for group, number in plan.asked)
    view = _View(work, side)
    y = np.empty((len(work.x), made + plan.plain, *view.outputs), np.float32)
    for rows in view.chunks():
        view.look(rows)
        lines = y[:, :, rows]
        for group, number in plan.asked:
            for at, sums in _Sharing(work, plan, view, filters[group], number).responses().items():
                start = at * plan.primaries + group.start
                lines[:, start : start + sums.shape[1]] = sums.reshape(len(y), sums.shape[1], *lines.shape[2:])
        if plain is not None:
            every = view.multiply(work, plain, slice(0, channels), slice(0, channels), np.ones((side, side), bool))
            lines[:, made:] = every.reshape(len(y), plan.plain, *lines.shape[2:])
    return work.add_bias(y)


def _plan(work: Work, channels: int) -> _Plan:
    out, width = work["out"], work.attributes.get("window", channels)
    sides = list(range(work["kernel"], 0, -2)) if work["spatial"] else [work["kernel"]]
    starts = list(range(0, channels - width + 1, work["channel_stride"]))
    number = len(sides) * len(starts)
    whole, left = divmod(out, number)
    if whole == 0:
        return _Plan(0, out, sides, starts, width, [])
    if left and work["remainder"] == "fractional":
        raise CannotRun(f"{out} output channels of {number} sub-filters need a part of a filter, which cannot run")
    if not left or work["remainder"] in ("floor", "remainder_standard"):
        plain = left if work["remainder"] == "remainder_standard" else 0
        return _Plan(whole, plain, sides, starts, width, [(slice(0, whole), number)])
    whole += 1
    rounds, first = divmod(out, whole)  # the outputs go round the primary filters: some have one turn more
    asked = [(slice(0, first), rounds + 1), (slice(first, whole), rounds)]
    return _Plan(whole, 0, sides, starts, width, [(group, turns) for group, turns in asked if group.stop > group.start])


class _View:
    """The windows of the input, a few rows at a time: all taps of the largest box."""

    def __init__(self, work: Work, side: int) -> None:
        self.strides, self.gaps = each_axis(work["stride"], 2), each_axis(work["dilation"], 2)
        reach = [(side - 1) * gap + 1 for gap in self.gaps]
        pairs = margins(work["padding"], work.x.shape[2:], reach, self.strides)
        self.x = padded(work.x, pairs)
        self.real = padded(np.ones((1, 1, *work.x.shape[2:]), np.float32), pairs)
        self.outputs = [fitting(*s) for s in zip(self.x.shape[2:], reach, self.strides, strict=True)]
        self.side = side
        self.seen = self.ones = self.x

    def chunks(self) -> list[slice]:
        """The rows of the output in pieces."""
        row = self.x.shape[0] * self.x.shape[1] * self.side**2 * self.outputs[1]
        step = max(1, CHUNK // row)
        return [slice(start, min(start + step, self.outputs[0])) for start in range(0, self.outputs[0], step)]

    def look(self, rows: slice) -> None:
        """Gathers what all taps see in these rows: (N, C, side, side, positions)."""
        self.seen, self.ones = self._gather(self.x, rows), self._gather(self.real, rows)

    def _gather(self, x: Floats, rows: slice) -> Floats:
        outputs = [rows.stop - rows.start, self.outputs[1]]
        first = rows.start * self.strides[0]
        places = product(range(self.side), repeat=2)
        taps = [tap(x, (first + a * self.gaps[0], b * self.gaps[1]), outputs, self.strides) for a, b in places]
        return np.stack(taps, axis=2).reshape(*x.shape[:2], self.side, self.side, -1)

    def multiply(self, work: Work, filters: Floats, of: slice, on: slice, taps: NDArray[np.bool_]) -> Floats:
        """Sums of products over some taps, channels `of` the filters on those channels `on` the input."""
        weights = filters[:, of][:, :, taps].reshape(len(filters), -1)
        columns = self.seen[:, on][:, :, taps].reshape(len(self.seen), weights.shape[1], -1)
        sums = work.matmul(weights, columns)
        work.count_valid(self.ones[:, :, taps], len(columns) * (on.stop - on.start) * len(filters))
        return sums


class _Sharing:
    """Some primary filters at work on a few rows: each sum that several sub-filters need is kept."""

    def __init__(self, work: Work, plan: _Plan, view: _View, filters: Floats, number: int) -> None:
        self.work, self.plan, self.view, self.filters = work, plan, view, filters
        self.wanted = list(product(range(len(plan.sides)), range(len(plan.starts))))[:number]
        self.moving = work["variant"] == "masked"
        self.rings = work["share"] in ("rings", "both")
        self.pieces = work["share"] in ("windows", "both") and self.moving
        self.known: dict[Any, Floats] = {}

    def responses(self) -> dict[int, Floats]:
        """The response of each sub-filter that is wanted, by its number."""
        found = {}
        for at, (box, window) in reversed(list(enumerate(self.wanted))):  # the small boxes first: large ones hold them
            first, *others = [self._sum(box, segment) for segment in self._segments(box, window)]
            for other in others:
                first = first + other
                self.work.count("additions", first.size)
            found[at] = first
        return found

    def _segments(self, box: int, window: int) -> list[tuple[int, int, int]]:
        """What a window is joined of: where each begins and ends, and the window whose weights it has."""
        start, width = self.plan.starts[window], self.plan.width
        if not self.pieces:
            return [(start, start + width, window)]
        level = 0 if self.rings else box  # rings grow on segments that are the same for all boxes
        starts = [self.plan.starts[w] for b, w in self.wanted if b == level]
        ends = {end for s in starts for end in (s, s + width) if start <= end <= start + width}
        return [(a, b, 0) for a, b in pairwise(sorted(ends))]

    def _sum(self, box: int, segment: tuple[int, int, int]) -> Floats:
        """The sum over a box and a segment of channels."""
        if (box, segment) not in self.known:
            begin, end, window = segment
            shift = 0 if self.moving else self.plan.starts[window]
            of, on = slice(begin - shift, end - shift), slice(begin, end)
            inner = self.known.get((box + 1, segment)) if self.rings else None
            taps = self._box(box) if inner is None else self._box(box) & ~self._box(box + 1)
            sums = self.view.multiply(self.work, self.filters, of, on, taps)
            if inner is not None:
                sums = sums + inner
                self.work.count("additions", sums.size)
            self.known[box, segment] = sums
        return self.known[box, segment]

    def _box(self, box: int) -> NDArray[np.bool_]:
        """The taps of a box about the centre."""
        side = self.plan.sides[0]
        edge = (side - self.plan.sides[box]) // 2
        taps = np.zeros((side, side), bool)
        taps[edge : side - edge, edge : side - edge] = True
        return taps

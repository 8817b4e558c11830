"""The edge between what fits and what does not, on the line of one hyper-parameter.

The search halves down, or doubles up, to a value that fits and one above it that exceeds a budget, and closes in on the
step between the two. Values at which the network cannot be built are neither.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from costcalc.budgets import Budget
from costcalc.explore.line import Line, Point
from costcalc.explore.steps import Cell
from costcalc.number import tidy

LOOKED_AT = 64  # values below the edge, and on as long a way above it
WIDE = 8  # times the start, and times as many values, where none fits on the way
MANY = 16_384  # whole numbers, every one of which is looked at where none fits on the way
HALVINGS = 20  # how far down the search for a value that fits goes
CLOSE = Fraction(1, 2**20)  # apart: from there on step by step
MAX_CELLS = 400  # looked at one by one where some values cannot be built


def exceeded(point: Point, budgets: Sequence[Budget]) -> dict[str, int]:
    """By how much a point exceeds each budget that it exceeds."""
    rooms = {b.metric: b.headroom(point.totals) for b in budgets} if point.totals is not None else {}
    return {metric: -room for metric, room in rooms.items() if room < 0}


def ratio(point: Point, budgets: Sequence[Budget]) -> Fraction:
    """The largest total as a multiple of its limit; a limit of 0 counts as 1 there."""
    totals = point.totals or {}
    return max(Fraction(totals[b.metric], max(b.limit, 1)) for b in budgets)


class Edge:
    """The search for it: a line, and the budgets that make its points fit or not."""

    def __init__(self, line: Line, budgets: Sequence[Budget]) -> None:
        self.line, self.budgets = line, budgets

    def point(self, value: Any) -> Point:
        return self.line.at([value])[0]

    def fits(self, point: Point) -> bool:
        return point.totals is not None and not exceeded(point, self.budgets)

    def exceeds(self, point: Point) -> bool:
        return point.totals is not None and not self.fits(point)

    # -- one value that fits, and one that does not ------------------------------------------------------------------

    def first(self) -> Any:
        """A value that fits: where the line starts, else one below, else one above; None where there is none."""
        found = self.on_the_way()
        if found is None:  # where some values cannot be built, or totals fall, another may fit
            line = self.line
            if line.whole:
                line.at(range(line.lowest, min(max(line.lowest + MANY, line.start), line.highest + 1)))
            else:
                line.at(line.spread(line.lowest, WIDE * max(line.start, line.scale), WIDE * LOOKED_AT))
            found = max((p.value for p in self.line.known.values() if self.fits(p)), default=None)
        return found

    def on_the_way(self) -> Any:
        """A value that fits, halving and doubling."""
        start = self.point(self.line.start)
        if self.fits(start):
            return start.value
        over = start.value if self.exceeds(start) else None
        for value in self.downwards():
            point = self.point(value)
            if self.fits(point):
                return value
            if self.exceeds(point):
                over = value
            elif over is not None:
                smallest = self.smallest(value, over)
                return smallest if smallest is not None else self.upwards()
        return self.upwards()

    def downwards(self) -> list[Any]:
        """From the start towards the lowest value, halving the distance."""
        start, lowest = self.line.start, self.line.lowest
        halved = [lowest + Fraction(start - lowest) / 2**k for k in range(1, HALVINGS + 1)]
        if not self.line.whole:
            return [tidy(value) for value in halved]
        return sorted({int(value // 1) for value in halved} | {lowest}, reverse=True) if lowest < start else []

    def smallest(self, fault: Any, over: Any) -> Any:
        """The value on the first step at which the network can be built, if it fits."""
        fault, over = self.squeezed(fault, over, lambda point: point.totals is None)
        low, high = self.line.cell(fault), self.line.cell(over)
        while (value := self.line.between(low, high)) is not None:
            if self.point(value).totals is None:
                low = self.line.cell(value)
            else:
                high, over = self.line.cell(value), value
        return over if self.fits(self.point(over)) else None

    def upwards(self) -> Any:
        """A value above the start that fits, as long as going up brings the totals closer to the budgets."""
        best, value = None, self.line.start
        while value < self.line.highest:
            value = self.doubled(value)
            point = self.point(value)
            if self.fits(point):
                return value
            if point.totals is not None:
                if best is not None and ratio(point, self.budgets) >= best:
                    return None
                best = ratio(point, self.budgets)
        return None

    def doubled(self, value: Any) -> Any:
        return min(2 * value if value > 0 else value + max(abs(value), 1), self.line.highest)

    def climb(self, fit: Any) -> tuple[Any, Any]:
        """The last value that fits while doubling, and one above that does not; None where all fit to the end.

        The latter exceeds a budget, unless from somewhere on the network cannot be built at all.
        """
        value, fault = fit, None
        while value < self.line.highest:
            value = self.doubled(value)
            point = self.point(value)
            if self.fits(point):
                fit, fault = value, None
            elif self.exceeds(point):
                return fit, value
            else:
                fault = value if fault is None else fault
        return fit, fault

    # -- closing in --------------------------------------------------------------------------------------------------

    def squeezed(self, low: Any, high: Any, belongs: Callable[[Point], bool]) -> tuple[Any, Any]:
        """Two values closer together: the highest tried that belongs with `low`, and the next of the kind of `high`."""
        counts = self.exceeds if self.exceeds(self.point(high)) else lambda point: not belongs(point)
        while high - low > CLOSE:
            points = self.line.at(self.line.spread(low, high))
            inner = max((p.value for p in points if belongs(p)), default=low)
            outer = min((p.value for p in points if p.value > inner and counts(p)), default=high)
            if (inner, outer) == (low, high):
                break
            low, high = inner, outer
        return low, high

    def close(self, fit: Any, over: Any) -> tuple[Cell, Cell, bool]:
        """The last step that fits between two values, the next step, and whether nothing was left out.

        Above a value that exceeds a budget nothing is expected to fit; above one that cannot be built, something may.
        """
        fit, over = self.squeezed(fit, over, self.fits)
        blocked = not self.exceeds(self.point(over))
        step, after = self.line.cell(fit), self.line.cell(over)
        gaps, seen = [(step, after)], 0
        while gaps and seen < MAX_CELLS:
            low, high = gaps.pop()  # the highest
            value = self.line.between(low, high)
            if value is None:
                after = high if low is step else after
                continue
            seen += 1
            point, found = self.point(value), self.line.cell(value)
            if self.fits(point):
                step, gaps = found, [(found, high)]
            elif blocked or self.exceeds(point):
                gaps.append((low, found))
            else:
                gaps += [(low, found), (found, high)]
        return step, after, not gaps and (step.high_exact or after.low_exact)

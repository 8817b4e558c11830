"""The largest value of one hyper-parameter that stays within budgets, exactly, and the next step up that does not.

The search goes up from a value that fits until one exceeds a budget, closes in on the step between the two, and then
looks at values on both sides of it. Totals usually rise with a hyper-parameter; where the values looked at say that
they do not, the search goes on above, and the answer says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from costcalc.explore.budget import Budget
from costcalc.explore.fitted import Miss, Step, Threshold
from costcalc.explore.line import Line, Point
from costcalc.explore.steps import NARROW, TINY, Cell
from costcalc.number import tidy

LOOKED_AT = 64  # values below the threshold, and on as long a way above it
ABOVE = 3  # how often as long, where it takes fractions
FAR, FAR_WHOLE = 10, 3  # doublings beyond; whole numbers may be of layers, and many of them take long
ROUNDS = 16  # how often the search goes on where larger values fit again
WIDE = 8  # times the start, and times as many values, where none fits on the way
HALVINGS = 20  # how far down the search for a value that fits goes
CLOSE = Fraction(1, 2**20)  # apart: from there on step by step
MAX_CELLS = 400  # looked at one by one where some values cannot be built
DECIMALS = 4  # of a value that is rounded down, at least


def exceeded(point: Point, budgets: Sequence[Budget]) -> dict[str, int]:
    """By how much a point exceeds each budget that it exceeds."""
    rooms = {b.metric: b.headroom(point.totals) for b in budgets} if point.totals is not None else {}
    return {metric: -room for metric, room in rooms.items() if room < 0}


def ratio(point: Point, budgets: Sequence[Budget]) -> Fraction:
    """The largest total as a multiple of its limit; a limit of 0 counts as 1 there."""
    totals = point.totals or {}
    return max(Fraction(totals[b.metric], max(b.limit, 1)) for b in budgets)


class Search:
    """A search on a line."""

    def __init__(self, line: Line, budgets: Sequence[Budget]) -> None:
        self.line, self.budgets = line, budgets

    def point(self, value: Any) -> Point:
        return self.line.at([value])[0]

    def fits(self, point: Point) -> bool:
        return point.totals is not None and not exceeded(point, self.budgets)

    def exceeds(self, point: Point) -> bool:
        return point.totals is not None and not self.fits(point)

    def closest(self) -> Miss | None:
        """Of the points that were tried, the one that exceeds the budgets least; None where none can be built."""
        built = [point for point in self.line.known.values() if point.totals is not None]
        if not built:
            return None
        best = min(built, key=lambda point: (ratio(point, self.budgets), point.value))
        varied = {**self.line.setting, self.line.name: best.value}
        return Miss(varied, best.totals or {}, exceeded(best, self.budgets), ratio(best, self.budgets))

    def largest(self) -> Threshold | None:
        """The threshold; None where no value that was tried fits."""
        fit = self.first()
        if fit is None:
            return None
        for _ in range(ROUNDS):
            fit, over = self.climb(fit)
            if over is None:
                return self.unbounded(fit)
            step, after, exact = self.close(fit, over)
            self.look_around(tidy(step.high))
            again = [p.value for p in self.line.known.values() if p.value > (step.high or 0) and self.fits(p)]
            if not again:
                break
            fit = max(again)
        return self.described(step, after, exact)

    # -- one value that fits, and one that does not ------------------------------------------------------------------

    def first(self) -> Any:
        """A value that fits: where the line starts, else one below, else one above; None where there is none."""
        found = self.on_the_way()
        if found is None:  # where some values cannot be built, or totals fall, another may fit
            self.line.at(
                self.line.spread(self.line.lowest, WIDE * max(self.line.start, self.line.scale), WIDE * LOOKED_AT)
            )
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
        step = after = self.line.cell(over)
        gaps, seen = [(self.line.cell(fit), after)], 0
        step = gaps[0][0]
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
        return step, after, not gaps and step.exact and after.exact

    # -- what is told of it ------------------------------------------------------------------------------------------

    def look_around(self, top: Any) -> None:
        """Counts values spread evenly below one and to some times it; and a few far below, and far above it."""
        line, one = self.line, 1 if self.line.whole else 0
        span, times = max(top - line.lowest, one) or line.scale, 1 if line.whole else ABOVE
        above = line.spread(top, min(top + times * span, line.highest) + one, times * LOOKED_AT)
        far = [top]
        while far[-1] < line.highest and len(far) <= (FAR_WHOLE if line.whole else FAR):
            far.append(self.doubled(far[-1]))
        low = [line.lowest + Fraction(top - line.lowest) / 2**k for k in range(1, FAR + 1)]
        far += {int(x // 1) for x in low} if line.whole else map(tidy, low)
        line.at([*line.spread(line.lowest - one, top, LOOKED_AT), *above, *far])

    def described(self, step: Cell, after: Cell, exact: bool) -> Threshold:
        """The threshold at the end of a step."""
        bound, line = tidy(step.high), self.line
        following = self.next(step, after)
        later = self.later(bound) if following.fault else None
        value = bound if line.whole else rounded_down(step)
        start = tidy(step.low), step.low_included
        return self.doubted(
            Threshold(line.name, line.whole, value, bound, step.high_included, *start, following, later, exact)
        )

    def unbounded(self, fit: Any) -> Threshold:
        """The threshold where everything fits up to the end of the line."""
        self.look_around(fit)
        built = [p.totals for p in self.line.known.values() if p.totals is not None]
        moves = any(totals != built[0] for totals in built)
        return self.doubted(Threshold(self.line.name, self.line.whole, fit, None, True, moves=moves))

    def doubted(self, t: Threshold) -> Threshold:
        """The threshold with what all points that were counted say of it."""
        points = sorted(self.line.known.values(), key=lambda p: p.value)
        below = [p for p in points if p.value < t.value]
        first = next((i for i, p in enumerate(below) if p.totals is not None), len(below))
        gaps = any(p.totals is None for p in below[first:])
        t = t._replace(gaps=gaps, looked=(points[0].value, points[-1].value, len(points)))
        over = next((p.value for p in below if self.exceeds(p)), None)
        if over is None:
            return t
        fit = max((p.value for p in below if self.fits(p) and p.value < over), default=None)
        return t._replace(rising=False, sure=None if fit is None else tidy(self.close(fit, over)[0].high))

    def later(self, bound: Any) -> Step | None:
        """The first step above the bound on which the network can be built."""
        built = [p.value for p in self.line.known.values() if p.value > bound and p.totals is not None]
        if not built:
            return None
        found = self.line.cell(min(built))
        low = Fraction(found.low if found.low is not None else min(built))
        point = self.point(min(built))
        return Step(tidy(low), not found.low_included, point.totals or {}, exceeded(point, self.budgets))

    def next(self, step: Cell, after: Cell) -> Step:
        """The step that begins where another ends."""
        end, low, high = Fraction(step.high or 0), after.low, after.high
        inside = end
        if self.line.whole:
            inside = end + 1
        elif step.high_included:
            inside = end + (TINY if step.exact else 2 * NARROW)
            if low is not None and high is not None and end <= low < high:
                inside = (low + high) / 2
        point = self.point(tidy(inside))
        at = tidy(inside if self.line.whole else end)
        after_it = step.high_included and not self.line.whole
        return Step(at, after_it, point.totals or {}, exceeded(point, self.budgets), point.fault)


def rounded_down(step: Cell) -> Any:
    """The end of a step with as few decimals as keep it on the step, at least DECIMALS."""
    bound, low = Fraction(step.high or 0), step.low
    decimals = DECIMALS
    if bound == low:
        return tidy(bound)
    while True:
        unit = Fraction(1, 10**decimals)
        value = bound // unit * unit
        if value == bound and not step.high_included:
            value -= unit
        if low is None or value > low or (value == low and step.low_included):
            return tidy(value)
        decimals += 1

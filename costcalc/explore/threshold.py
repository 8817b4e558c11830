"""The largest value of one hyper-parameter that stays within budgets, exactly, and the next step up that does not.

Totals usually rise with a hyper-parameter, and then there is one edge between what fits and what does not. To know
whether they do, values on both sides of it are counted: where larger ones fit again the search goes on above them, and
the answer says so.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from costcalc.explore.edge import LOOKED_AT, Edge, exceeded, ratio
from costcalc.explore.fitted import Miss, Step, Threshold
from costcalc.explore.steps import NARROW, TINY, Cell
from costcalc.number import tidy

ABOVE = 3  # how often as long a way above the edge as below it, where fractions are taken
FAR, FAR_WHOLE = 10, 3  # doublings beyond; whole numbers may be of layers, and many of them take long
ROUNDS = 16  # how often the search goes on where larger values fit again
DECIMALS = 4  # of a value that is rounded down, at least


class Search(Edge):
    """A search for the last edge of a line."""

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

    def closest(self) -> Miss | None:
        """Of the points that were tried, the one that exceeds the budgets least; None where none can be built."""
        built = [point for point in self.line.known.values() if point.totals is not None]
        if not built:
            return None
        best = min(built, key=lambda point: (ratio(point, self.budgets), point.value))
        varied = {**self.line.setting, self.line.name: best.value}
        return Miss(varied, best.totals or {}, exceeded(best, self.budgets), ratio(best, self.budgets))

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
            inside = end + (TINY if step.high_exact else 2 * NARROW)
            if low is not None and high is not None and end <= low < high:
                inside = (low + high) / 2
        point = self.point(tidy(inside))
        at = tidy(inside if self.line.whole else end)
        after_it = step.high_included and not self.line.whole
        fault = self.line.fault(point.value) if point.totals is None else ""
        return Step(at, after_it, point.totals or {}, exceeded(point, self.budgets), fault)


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

"""One hyper-parameter as a line: what the network costs along it, everything else staying as it is.

Points are counted once and kept. Where the hyper-parameter must be a whole number, its steps are the whole numbers;
else they are the cells on which no rounding changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from costcalc.errors import CostcalcError
from costcalc.explore import cells
from costcalc.explore.counter import Counter
from costcalc.explore.grid import Points
from costcalc.explore.steps import NARROW, Cell, around, simplest
from costcalc.number import tidy
from costcalc.spec import build_network
from costcalc.spec.hyperparameters import HyperParameter, settings

REACH = 1024  # how many times the first value, or 1, the line goes up
AT_ONCE = 32  # points asked together
NEARBY = tuple(Fraction(1, n) for n in (2, 3, 8, 64, 1000))


class Point(NamedTuple):
    """The totals at a value; None where the network cannot be built."""

    value: Any
    totals: Mapping[str, int] | None


class Line:
    """Points of a hyper-parameter from `lowest` to `highest`; `start` is the value that it has by itself."""

    def __init__(self, counter: Counter, parameter: HyperParameter, setting: Mapping[str, Any]) -> None:
        self.counter, self.name, self.setting = counter, parameter.name, dict(setting)
        given = counter.fixed | self.setting
        self.start = settings(counter.document.hyperparameters, given)[self.name]
        self.whole = must_be_whole(counter, parameter, given)
        limits = parameter.limits
        below = limits.get("at_least", limits.get("above"))
        self.scale = max(abs(self.start), 1)
        if below is None:
            below = 0 if self.start > 0 else self.start - self.scale * REACH
        self.bounded = "at_most" in limits  # whether the spec itself ends the line
        highest = limits["at_most"] if self.bounded else self.start + self.scale * (REACH - 1)
        first = -(-below // 1) if "at_least" in limits else below // 1 + 1
        self.lowest, self.highest = (first, highest // 1) if self.whole else (below, highest)
        self.known: dict[Any, Point] = {}

    def at(self, values: Sequence[Any]) -> list[Point]:
        """The points of these values."""
        new = [value for value in dict.fromkeys(map(tidy, values)) if value not in self.known]
        if new:
            counted = self.counter.count(Points.of([{**self.setting, self.name: value} for value in new]))
            for i, value in enumerate(new):
                totals = None if i in counted.faults else {m: int(t[i]) for m, t in counted.totals.items()}
                self.known[value] = Point(value, totals)
        return [self.known[value] for value in values]

    def fault(self, value: Any) -> str:
        """Why the network cannot be built at a value; empty where it can."""
        return self.counter.count(Points.of([{**self.setting, self.name: value}])).faults.get(0, "")

    def cell(self, value: Any) -> Cell:
        """The step that a value is on."""
        if self.whole:
            return Cell(Fraction(value), True, Fraction(value), True)
        counter, setting = self.counter, self.counter.fixed | self.setting | {self.name: value}
        try:
            found = cells.cell(counter.document, setting, self.name, counter.metrics, counter.way)
        except cells.NotAffine:  # such as a rounded square
            return around(lambda values: [point.totals for point in self.at(values)], Fraction(value), AT_ONCE)
        low, high = (None if end is None else Fraction(end) for end in (found.low, found.high))
        return Cell(low, found.low_included, high, found.high_included)

    def between(self, low: Cell, high: Cell) -> Any:
        """A value above one step and below another; None where there is none."""
        if low.high is None or high.low is None:
            return None
        gap = high.low - low.high
        if self.whole:
            return None if gap <= 1 else int(low.high + gap // 2)
        if gap == 0 and not low.high_included and not high.low_included:
            return tidy(low.high)
        if gap <= (0 if low.high_exact and high.low_exact else 2 * NARROW):
            return None
        return tidy(simplest(low.high + gap / 3, high.low - gap / 3))

    def spread(self, low: Any, high: Any, count: int = AT_ONCE) -> list[Any]:
        """At most `count` values between two, evenly spread."""
        if high <= low:
            return []
        if not self.whole:
            return [tidy(low + Fraction(high - low) * i / (count + 1)) for i in range(1, count + 1)]
        if high - low <= count:
            return list(range(low + 1, high))
        return sorted({low + (high - low) * i // (count + 1) for i in range(1, count + 1)} - {low})


def must_be_whole(counter: Counter, parameter: HyperParameter, setting: Mapping[str, Any]) -> bool:
    """Whether the network can be built at no fraction: none near the hyper-parameter's value.

    Where it cannot be built at that value either, none of some up to three times it.
    """
    value = settings(counter.document.hyperparameters, setting)[parameter.name]
    if value != value // 1:
        return False
    builds: Callable[[Any], bool] = lambda x: _builds(counter, {**setting, parameter.name: x})  # noqa: E731
    if any(builds(value + sign * part) for part in NEARBY for sign in (1, -1)):
        return False
    return builds(value) or not any(builds(max(value, 1) * Fraction(k, 41)) for k in range(1, 123) if k % 41)


def _builds(counter: Counter, setting: Mapping[str, Any]) -> bool:
    try:
        build_network(counter.document, setting)
    except CostcalcError:
        return False
    return True

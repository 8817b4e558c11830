"""Where totals step along one hyper-parameter, found by search alone, without looking into the spec.

Widths are rounded, so totals are constant on intervals whose ends are fractions of small denominators. An end is
bracketed by trial and named by the simplest fraction in the bracket; it counts only if the totals are still the same
just before it and differ just after it. What is assumed is that totals which agree at two points agree in between.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from costcalc.cost import count
from costcalc.errors import CostcalcError
from costcalc.spec import Document, build_network
from costcalc.spec.hyperparameters import settings

LARGEST = 2**20  # denominator of an end; there is at most one such fraction in a bracket of 1 / LARGEST**2
NARROW = Fraction(1, 4 * LARGEST**2)  # a bracket in which no such fraction was the end
TINY = Fraction(1, 2**60)  # just before, just after
REACH = 1024  # how many times the value itself, or 1, the search goes up
Ask = Callable[[Sequence[Fraction]], Sequence[Any]]  # values: what is compared, one for each


class Cell(NamedTuple):
    """An interval on which no total changes; None is an end that was not found."""

    low: Fraction | None
    low_included: bool
    high: Fraction | None
    high_included: bool
    low_exact: bool = True  # whether an end is a fraction; else it is a point inside, close to where the cell ends
    high_exact: bool = True

    @property
    def exact(self) -> bool:
        """Whether both ends are."""
        return self.low_exact and self.high_exact


def cell(document: Document, setting: Mapping[str, Any], name: str) -> Cell:
    """The largest interval around the value of a hyper-parameter on which no total of the network changes.

    Raises UsageError where the setting cannot be.
    """
    value = Fraction(settings(document.hyperparameters, setting)[name])

    def ask(values: Sequence[Fraction]) -> list[Any]:
        return [_totals(document, {**setting, name: value}) for value in values]

    return around(ask, value)


def _totals(document: Document, setting: Mapping[str, Any]) -> Any:
    """The totals at a setting; None where the network cannot be built."""
    try:
        return count(build_network(document, setting)).totals
    except CostcalcError:
        return None


def around(ask: Ask, value: Fraction, parts: int = 2) -> Cell:
    """The largest interval around `value` on which what `ask` says does not change; it is asked `parts` values at once.

    Looked for is down to 0, or of a value that is not above 0 as far down as up.
    """
    up = max(abs(value), Fraction(1)) * REACH
    down = value if value > 0 else up
    here = ask([value])[0]
    low, low_included, low_exact = _end(ask, here, value, -down, parts)
    high, high_included, high_exact = _end(ask, here, value, up, parts)
    return Cell(low, low_included, high, high_included, low_exact, high_exact)


def _end(ask: Ask, here: Any, value: Fraction, reach: Fraction, parts: int) -> tuple[Fraction | None, bool, bool]:
    """The first change on the way to `value + reach`: where, whether it is still the same there, whether exact."""
    strides = [value + reach / 16**i for i in range(10, -1, -1)]  # close by first, so that no change is leapt over
    same, changed = value, None
    for i in range(0, len(strides), parts - 1):
        for point, found in zip(strides[i:], ask(strides[i : i + parts - 1]), strict=False):
            if found != here:
                changed = point
                break
            same = point
        if changed is not None:
            return _narrowed(ask, here, same, changed, parts)
    return None, False, True


def _narrowed(ask: Ask, here: Any, same: Fraction, changed: Fraction, parts: int) -> tuple[Fraction, bool, bool]:
    """The end of the interval, in a bracket."""
    towards = 1 if changed > same else -1
    while True:
        guess = simplest(min(same, changed), max(same, changed))
        before, after = guess - towards * TINY, guess + towards * TINY
        inner = [same + (changed - same) * i / parts for i in range(1, parts)]
        tried = sorted({guess, before, after, *inner}, reverse=towards < 0)
        tried = [point for point in tried if (point - same) * towards > 0 and (changed - point) * towards > 0]
        known = dict(zip(tried, (found == here for found in ask(tried)), strict=True)) | {same: True, changed: False}
        stays, goes = known.get(before, (before - same) * towards < 0), not known.get(after, False)
        if stays and goes and guess.denominator <= LARGEST:
            return guess, known[guess], True
        if abs(changed - same) <= NARROW:
            return same, True, False
        changed = next(point for point in (*tried, changed) if not known[point])
        same = next(point for point in (*reversed(tried), same) if known[point] and (changed - point) * towards > 0)


def simplest(low: Fraction, high: Fraction) -> Fraction:
    """The fraction of the smallest denominator from `low` to `high`, both included; of whole numbers the smallest."""
    if low <= 0 <= high:
        return Fraction(0)
    if high < 0:
        return -simplest(-high, -low)
    whole = math.ceil(low)
    if whole <= high:
        return Fraction(whole)
    below = whole - 1
    return below + 1 / simplest(1 / (high - below), 1 / (low - below))

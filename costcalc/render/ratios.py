"""Counts beside counts as text: numbers that may be lower bounds, and exact quotients rounded half up."""

from __future__ import annotations

from fractions import Fraction

from costcalc.cost.report import Report
from costcalc.explore.comparison import Count
from costcalc.network import plain

DECIMALS = 4  # of a ratio
FEWEST = 3  # significant digits that a small ratio keeps
TOLD = 8  # layers that are not counted and named


def number(count: Count) -> str:
    """A count; a lower bound is said to be one, what is not known is a question mark."""
    return "?" if count.value is None else f"{'>= ' if count.least else ''}{count.value:,}"


def cell(count: Count) -> int | None:
    """A count for a machine: nothing where it is not known."""
    return None if count.value is None else int(count.value)


def decimal(value: Fraction, decimals: int) -> str:
    """A number that is not negative, rounded half up from its exact value: `0.1168`, `1,024.00`."""
    scaled = (2 * value.numerator * 10**decimals + value.denominator) // (2 * value.denominator)
    return f"{scaled // 10**decimals:,}.{scaled % 10**decimals:0{decimals}d}"


def ratio(value: Fraction | None) -> str:
    """A ratio to four decimals; one that is too small for them has more. `-` where there is none."""
    if value is None:
        return "-"
    decimals = DECIMALS
    while 0 < value * 10**decimals < 10 ** (FEWEST - 1) - Fraction(1, 2):
        decimals += 1
    return decimal(value, decimals)


def times(value: Fraction | None, size: bool = False) -> str:
    """A ratio as people say it: `8.56x fewer`, `1.34x more`; of sizes, `8.56x less`."""
    if value is None:
        return "not known"
    if value in (0, 1):
        return "none" if value == 0 else "the same" if size else "as many"
    factor, than = (1 / value, "less" if size else "fewer") if value < 1 else (value, "more")
    decimals = 2
    while 2 * (factor - 1) * 10**decimals < 1:  # which would be shown as no difference
        decimals += 1
    return f"{decimal(factor, decimals)}x {than}"


def exact(value: Fraction | None) -> object:
    """A ratio as JSON has it, exact: a number where a short decimal equals it, else a string such as `71/607`."""
    return None if value is None else plain(value.numerator if value.denominator == 1 else value)


def uncounted(report: Report) -> str:
    """Which layers are missing from a partial count."""
    names = ", ".join(report.uncounted[:TOLD])
    more = f" and {len(report.uncounted) - TOLD} more" if len(report.uncounted) > TOLD else ""
    return f"not counted: {names}{more}; the totals are lower bounds"

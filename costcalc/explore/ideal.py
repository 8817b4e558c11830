"""The closed form beside an exact threshold: where an ideal total, polynomial in one hyper-parameter, is its budget."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from costcalc.budgets import Budget
from costcalc.explore.formula import Formulas
from costcalc.explore.tracing import Way
from costcalc.number import tidy
from costcalc.number.graph import Rational
from costcalc.number.polynomial import Polynomial
from costcalc.spec import Document

DIGITS = 6


class ClosedForm(NamedTuple):
    """`name = text`, in Python's syntax with `sqrt`; `value` is at most that, by less than 10**-DIGITS."""

    name: str
    text: str
    value: Rational
    budget: Budget


def closed_form(
    document: Document,
    given: Mapping[str, Any],
    name: str,
    budget: Budget,
    way: Way = Way(),  # noqa: B008 - immutable
) -> ClosedForm | None:
    """The positive value of the hyper-parameter at which the ideal total is the budget.

    None where there is none, or the total is no polynomial in it of degree 1 or 2 that grows.
    """
    formulas = Formulas(document, given, [name], [budget.metric], way)
    powers = _powers(formulas.total.ideal[budget.metric], name)
    if powers is None or not {1, 2} & set(powers) or max(powers) > 2 or min(powers) < 0:
        return None
    scale = math.lcm(*(Fraction(c).denominator for c in powers.values()))
    a, b = (int(powers.get(power, 0) * scale) for power in (2, 1))
    c = int((powers.get(0, 0) - Fraction(budget.limit)) * scale)
    if a < 0 or b < 0 or a + b == 0 or c >= 0:
        return None
    if a == 0:
        root = tidy(Fraction(-c, b))
        return ClosedForm(name, str(root), root, budget)
    common = math.gcd(a, b, c)
    a, b, c = a // common, b // common, c // common
    inside = b * b - 4 * a * c
    outside = _square_factor(inside, math.gcd(b, 2 * a))
    under, b_, bottom = inside // outside**2, b // outside, 2 * a // outside
    text = f"(sqrt({under}) - {b_})/{bottom}" if b_ else f"sqrt({under})/{bottom}"
    unit = 10**DIGITS
    value = Fraction((math.isqrt(under * unit**2) - b_ * unit) // bottom, unit)
    return ClosedForm(name, text, tidy(value), budget)


def _powers(polynomial: Polynomial, name: str) -> dict[int, Rational] | None:
    """The coefficients by the power of the symbol; None where anything else is in it."""
    powers: dict[int, Rational] = {}
    for monomial, c in polynomial.terms.items():
        if len(monomial) > 1 or any(polynomial.atom(node).name != name for node, _ in monomial):
            return None
        powers[monomial[0][1] if monomial else 0] = c
    return powers


def _square_factor(inside: int, outside: int) -> int:
    """The largest divisor of `outside` whose square divides `inside`."""
    factor, prime = 1, 2
    while prime * prime <= outside or outside > 1:
        prime = prime if prime * prime <= outside else outside
        while outside % prime == 0:
            outside //= prime
            if inside % (prime * prime) == 0:
                inside //= prime * prime
                factor *= prime
        prime += 1
    return factor

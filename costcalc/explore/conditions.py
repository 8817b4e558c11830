"""Where formulas hold, in words of the user's: limits of single hyper-parameters, and relations between several.

A trace notes every comparison it met. Most come out the same for every network there is; those that are left are put as
`alpha >= 1/32` where that is all they say, and as relations of two polynomials where it is not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from costcalc.number import tidy
from costcalc.number.graph import Affine, Graph, Rational
from costcalc.number.polynomial import Polynomial, Values, expanded
from costcalc.number.ranges import Range, Ranges
from costcalc.number.traced import Condition

MOST = 10**6  # that a size has beside what varies
WIDE = 10**9  # hyper-parameters are taken to lie below it and above its inverse; sizes of tensors are limited to it
_OPPOSITE = {"<": ">=", "<=": ">", "==": "!=", ">": "<=", ">=": "<", "!=": "=="}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


class Bound(NamedTuple):
    """`name relation value`, as in `alpha >= 1/32`."""

    name: str
    relation: str
    value: Rational


class Relation(NamedTuple):
    """`left relation right`; of `multiple of`, left is a multiple of right."""

    left: Polynomial
    relation: str
    right: Polynomial


class Where(NamedTuple):
    """Where a formula equals the count: symbols within bounds and multiples of their steps, and relations."""

    bounds: tuple[Bound, ...] = ()
    relations: tuple[Relation, ...] = ()
    steps: tuple[tuple[str, Rational], ...] = ()


Comparison = tuple[Polynomial, str]  # the difference of two numbers, and how it compares with 0


def outcome(graph: Graph, condition: Condition, values: Values) -> bool:
    """Whether the relation of a condition is true at a point. Raises ZeroDivisionError."""
    value = values.of(expanded(graph, condition.difference))
    return {"<": value < 0, "<=": value <= 0, "==": value == 0}[condition.relation]


def exact_where(graph: Graph, conditions: Sequence[Condition], symbols: Sequence[str]) -> Where:
    """Where the conditions of an exact trace come out as they did."""
    return stated((comparison(graph, c) for c in conditions if not limits_a_size(c)), symbols, graph)


def limits_a_size(condition: Condition) -> bool:
    """Whether it is the limit that every size has; of `8 + shift <= WIDE` the difference has 8 more."""
    return (
        condition.relation == "<=" and condition.outcome and abs(Fraction(condition.difference.constant + WIDE)) <= MOST
    )


def comparison(graph: Graph, condition: Condition) -> Comparison:
    relation = condition.relation if condition.outcome else _OPPOSITE[condition.relation]
    return expanded(graph, condition.difference), relation


def stated(
    comparisons: Iterable[Comparison], symbols: Sequence[str], graph: Graph, known: Sequence[Bound] = ()
) -> Where:
    """The comparisons put as bounds, and as relations where they are not true within these anyway."""
    bounds, others = list(known), []
    for difference, relation in comparisons:
        bound = _bound(difference, relation)
        if bound is None:
            others.append((difference, relation))
        else:
            bounds.append(bound)
    ranges = Ranges(graph, ranges_of(symbols, _tightest(bounds, symbols)))
    reduced = [(_reduced(difference, ranges), relation) for difference, relation in others]
    bounds += [bound for other in reduced if (bound := _bound(*other))]
    kept = _tightest(bounds, symbols)
    ranges = Ranges(graph, ranges_of(symbols, kept))
    relations = {_relation(*other): None for other in reduced if not _bound(*other) and not _always(*other, ranges)}
    return Where(kept, tuple(relations))


def _reduced(difference: Polynomial, ranges: Ranges) -> Polynomial:
    """The difference without what is above 0 and in each of its terms: 8 a r^2 >= 3 r^2 is 8 a >= 3."""
    powers = [dict(monomial) for monomial in difference.terms]
    shared = {n: min(p.get(n, 0) for p in powers) for n in sorted({node for p in powers for node in p})}
    factors = {n: _range(Polynomial(difference.graph, {((n, -1),): 1}), ranges) for n, power in shared.items() if power}
    above = {n for n, inverse in factors.items() if inverse is not None and inverse[0] > 0}
    if not above:
        return difference
    terms = {}
    for present, c in zip(powers, difference.terms.values(), strict=True):
        left = present | {n: present.get(n, 0) - shared[n] for n in above}
        terms[tuple(sorted((n, power) for n, power in left.items() if power))] = c
    return Polynomial(difference.graph, terms)


def _relation(difference: Polynomial, relation: str) -> Relation:
    """`difference relation 0` without minus signs, and with what varies to the left."""
    graph = difference.graph
    single = [m for m in difference.terms if m]
    if len(single) == 1 and len(single[0]) == 1 and single[0][0][1] == 1:  # 2 x > 6 is x > 3
        factor = difference.terms[single[0]]
        relation = relation if factor > 0 else _MIRRORED[relation]
        limit = tidy(Fraction(-difference.terms.get((), 0)) / factor)
        return Relation(Polynomial(graph, {single[0]: 1}), relation, Polynomial(graph, {(): limit} if limit else {}))
    left = Polynomial(graph, {m: c for m, c in difference.terms.items() if c > 0})
    right = Polynomial(graph, {m: -c for m, c in difference.terms.items() if c < 0})
    if left.constant is not None:
        return Relation(right, _MIRRORED[relation], left)
    return Relation(left, relation, right)


# -- bounds of one symbol ---------------------------------------------------------------------------------------------


def _bound(difference: Polynomial, relation: str) -> Bound | None:
    """The bound, where all it says is that one symbol, scaled and rounded perhaps, is above or below a number."""
    terms = dict(difference.terms)
    limit = -terms.pop((), 0)
    if relation == "!=" or len(terms) != 1:
        return None
    ((monomial, factor),) = terms.items()
    if len(monomial) != 1 or monomial[0][1] != 1:
        return None
    atom, limit = difference.atom(monomial[0][0]), tidy(Fraction(limit) / factor)
    relation = relation if factor > 0 else _MIRRORED[relation]
    if atom.op == "symbol":
        whole = difference.graph.nodes[monomial[0][0]].whole
        return _of_whole(atom.name, relation, limit) if whole else Bound(atom.name, relation, limit)
    if atom.op in ("floor", "ceil") and relation != "==":
        relation, limit = _unrounded(atom.op, relation, limit)
        inner = atom.parts[0]
        return _bound(Polynomial(inner.graph, {**inner.terms, (): inner.terms.get((), 0) - limit}), relation)
    return None


def _unrounded(op: str, relation: str, limit: Rational) -> tuple[str, int]:
    """What x must be for floor(x), or ceil(x), to be above or below a number."""
    low, high = math.floor(limit), math.ceil(limit)
    if op == "floor":
        return {">=": (">=", high), ">": (">=", low + 1), "<=": ("<", low + 1), "<": ("<", high)}[relation]
    return {">=": (">", high - 1), ">": (">", low), "<=": ("<=", low), "<": ("<=", high - 1)}[relation]


def _of_whole(name: str, relation: str, limit: Rational) -> Bound:
    low, high = math.floor(limit), math.ceil(limit)
    if relation == "==":
        return Bound(name, relation, limit)
    if relation in (">", ">="):
        return Bound(name, ">=", low + 1 if relation == ">" else high)
    return Bound(name, "<=", high - 1 if relation == "<" else low)


def _tightest(bounds: Sequence[Bound], symbols: Sequence[str]) -> tuple[Bound, ...]:
    """For each symbol the highest lower bound and the lowest upper one; of one that is fixed, its value alone."""
    fixed = {bound.name: bound for bound in bounds if bound.relation == "=="}
    lower: dict[str, Bound] = dict(fixed)
    upper: dict[str, Bound] = {}
    for bound in (bound for bound in bounds if bound.name not in fixed):
        sign = 1 if bound.relation in (">", ">=") else -1
        kept = lower if sign == 1 else upper
        other = kept.get(bound.name)
        strict = bound.relation in ("<", ">")
        if other is None or (sign * bound.value, strict) > (sign * other.value, other.relation in ("<", ">")):
            kept[bound.name] = bound
    return tuple(kept[name] for name in symbols for kept in (lower, upper) if name in kept)


def ranges_of(symbols: Sequence[str], bounds: Iterable[Bound]) -> dict[str, Range]:
    """Between which numbers each symbol lies; one that is above 0 is taken to be above the inverse of WIDE."""
    low: dict[str, Rational] = dict.fromkeys(symbols, -WIDE)
    high: dict[str, Rational] = dict.fromkeys(symbols, WIDE)
    for name, relation, value in bounds:
        if relation == "==":
            low[name] = high[name] = value
        elif relation in (">", ">="):
            low[name] = value + Fraction(relation == ">", WIDE)
        else:
            high[name] = value - Fraction(relation == "<", WIDE)
    return {name: (low[name], max(low[name], high[name])) for name in symbols}


def _always(difference: Polynomial, relation: str, ranges: Ranges) -> bool:
    """Whether it is true wherever the symbols lie in their ranges."""
    found = _range(difference, ranges)
    if found is None:
        return False
    low, high = found
    return {
        "<": high < 0, "<=": high <= 0, ">": low > 0, ">=": low >= 0,
        "==": low == high == 0, "!=": low > 0 or high < 0,
    }[relation]  # fmt: skip


def _range(x: Polynomial, ranges: Ranges) -> Range | None:
    """Bounds of a polynomial; None where they are not known."""
    low = high = Fraction(0)
    for monomial, c in x.terms.items():
        ends: Range = (1, 1)
        for node, power in monomial:
            try:
                a, b = ranges.of(Affine(0, ((node, 1),)))
            except ZeroDivisionError:
                return None
            if power < 0 and a <= 0 <= b:
                return None
            powers = [Fraction(a) ** power, Fraction(b) ** power]
            if power % 2 == 0 and a < 0 < b:
                powers.append(Fraction(0))
            products = [p * end for p in powers for end in ends]
            ends = min(products), max(products)
        low, high = low + min(c * ends[0], c * ends[1]), high + max(c * ends[0], c * ends[1])
    return low, high

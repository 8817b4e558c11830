"""Where formulas hold: the conditions of an exact one, and what an ideal one took for granted, in words of the user's.

Most conditions of a trace hold for every network there is; those that are left are put as bounds of one hyper-parameter
where they are that, and as relations of two polynomials where they are not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from costcalc.number import tidy
from costcalc.number.graph import Affine, Graph, Rational
from costcalc.number.polynomial import IDEAL, Polynomial, expanded
from costcalc.number.ranges import Ranges
from costcalc.number.traced import Condition

WIDE = 10**9  # hyper-parameters are taken to lie below it and above its inverse; sizes of tensors are limited to it
_OPPOSITE = {"<": ">=", "<=": ">", "==": "!="}


class Relation(NamedTuple):
    """`left relation right`; of `multiple of`, left is a multiple of right."""

    left: Polynomial
    relation: str
    right: Polynomial


def outcome(graph: Graph, condition: Condition, point: Mapping[str, Any]) -> bool:
    """Whether the relation of a condition is true at a point."""
    value = expanded(graph, condition.difference).at(point)
    return {"<": value < 0, "<=": value <= 0, "==": value == 0}[condition.relation]


def bounds(graph: Graph, conditions: Iterable[Condition]) -> dict[str, Rational]:
    """The least value of each symbol, as far as conditions of that symbol alone tell."""
    least: dict[str, Rational] = {}
    for condition in conditions:
        found = _bound(graph, condition)
        if found and found[1] > 0:
            least[found[0]] = max(least.get(found[0], 0), found[1])
    return least


def relations(graph: Graph, conditions: Iterable[Condition], symbols: Iterable[str]) -> list[Relation]:
    """The conditions that are neither bounds, nor limits on sizes, nor true wherever the symbols are positive."""
    ranges = Ranges(graph, {name: (Fraction(1, WIDE), WIDE) for name in symbols})
    kept = []
    for condition in conditions:
        limit = condition.difference.constant <= -WIDE and condition.outcome
        if limit or _bound(graph, condition) or ranges.decided(condition) is not None:
            continue
        terms = expanded(graph, condition.difference).terms
        left = Polynomial(graph, {m: c for m, c in terms.items() if c > 0})
        right = Polynomial(graph, {m: -c for m, c in terms.items() if c < 0})
        kept.append(Relation(left, condition.relation if condition.outcome else _OPPOSITE[condition.relation], right))
    return kept


def _bound(graph: Graph, condition: Condition) -> tuple[str, Rational] | None:
    """The symbol and its least value, where a condition says `x >= k` or, for a whole k, `floor(c x) >= k`."""
    difference, relation, true = condition
    if relation not in ("<", "<=") or true or len(difference.terms) != 1 or difference.terms[0][1] <= 0:
        return None
    index, factor = difference.terms[0]
    least, node, inner = tidy(Fraction(-difference.constant) / factor), graph.nodes[index], difference
    if node.op == "symbol" and relation == "<":
        return node.parts[0], least
    if node.op == "symbol" and least == 0:
        return node.parts[0], 0  # above 0
    inner = node.parts[0] if node.op == "floor" else inner
    single = _single(graph, inner)
    if node.op != "floor" or relation != "<" or single is None or single[1] <= 0:
        return None
    return single[0], tidy((math.ceil(least) - Fraction(inner.constant)) / single[1])


def _single(graph: Graph, x: Affine) -> tuple[str, Rational] | None:
    """The symbol and its coefficient, where x has one term and that is a symbol."""
    if len(x.terms) == 1 and graph.nodes[x.terms[0][0]].op == "symbol":
        return graph.nodes[x.terms[0][0]].parts[0], x.terms[0][1]
    return None


def taken_for_granted(graph: Graph, numbers: Iterable[Affine]) -> tuple[dict[str, Rational], list[Relation]]:
    """Where ideal numbers are exact: the steps that symbols must be multiples of, and what else must hold.

    A step is the least common multiple over all roundings of that symbol alone.
    """
    steps: dict[str, Fraction] = {}
    others: dict[Relation, None] = {}
    for index in graph.needed(numbers):
        node = graph.nodes[index]
        if node.op not in IDEAL:
            continue
        value, *parts = (expanded(graph, part) for part in node.parts)
        if node.op != "as_is":
            others.update({Relation(value, ">=" if node.op == "max_is" else "<=", part): None for part in parts})
            continue
        single = _one_symbol(value)
        unit = Fraction(node.parts[1].constant)
        if single is None:
            if value.constant is None or value.constant % node.parts[1].constant:
                others[Relation(value, "multiple of", parts[0])] = None
        else:
            name, factor = single
            steps[name] = _common(steps.get(name, Fraction(0)), unit / abs(Fraction(factor)))
    return {name: tidy(step) for name, step in steps.items()}, list(others)


def _one_symbol(x: Polynomial) -> tuple[str, Rational] | None:
    if len(x.terms) != 1:
        return None
    ((monomial, factor),) = x.terms.items()
    if len(monomial) != 1 or monomial[0][1] != 1 or x.atom(monomial[0][0]).op != "symbol":
        return None
    return x.atom(monomial[0][0]).name, factor


def _common(a: Fraction, b: Fraction) -> Fraction:
    """The least common multiple of two fractions; the other where one is 0."""
    if not a or not b:
        return a or b
    return Fraction(math.lcm(a.numerator, b.numerator), math.gcd(a.denominator, b.denominator))

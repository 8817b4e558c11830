"""Where ideal formulas are exact: what an ideal trace took for granted, as steps of symbols and relations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from costcalc.explore.conditions import Comparison, Relation, Where, comparison, limits_a_size, ranges_of, stated
from costcalc.number import tidy
from costcalc.number.graph import Affine, Graph, Rational
from costcalc.number.polynomial import AS_IS, IDEAL, Polynomial, expanded
from costcalc.number.ranges import Ranges
from costcalc.number.traced import Condition


def ideal_where(
    graph: Graph, numbers: Sequence[Affine], conditions: Sequence[Condition], symbols: Sequence[str], exact: Where
) -> Where:
    """Where numbers of an ideal trace are exact: where the exact ones hold, and nothing is rounded that matters.

    What matters are the roundings in the numbers, and those in conditions that may come out otherwise.
    """
    ranges = Ranges(graph, ranges_of(symbols, exact.bounds))
    open_ = [c for c in conditions if not limits_a_size(c) and ranges.decided(c) is None]
    numbers = [*numbers, *(c.difference for c in open_)]
    steps, comparisons = _taken_for_granted(graph, numbers)
    comparisons += [comparison(graph, c) for c in open_]
    found = stated(comparisons, symbols, graph, exact.bounds)
    return Where(
        found.bounds,
        (*(r for r in found.relations if not _skipped(r, steps)), *_multiples(graph, numbers)),
        tuple((name, steps[name]) for name in symbols if name in steps),
    )


def _skipped(relation: Relation, steps: Mapping[str, Rational]) -> bool:
    """Whether it says of a symbol that it is not a number which no multiple of its step is."""
    single, limit = _one_symbol(relation.left), relation.right.constant
    if relation.relation != "!=" or single is None or limit is None or single[0] not in steps:
        return False
    return Fraction(limit) / Fraction(single[1]) % steps[single[0]] != 0


def _roundings(graph: Graph, numbers: Iterable[Affine]) -> list[tuple[Polynomial, Rational]]:
    """What the numbers take for a multiple of a number, and that."""
    nodes = [graph.nodes[index] for index in graph.needed(numbers)]
    return [(expanded(graph, n.parts[0]), n.parts[1].constant) for n in nodes if n.op in AS_IS]


def _taken_for_granted(graph: Graph, numbers: Sequence[Affine]) -> tuple[dict[str, Rational], list[Comparison]]:
    """The steps that symbols must be multiples of, and the comparisons that must be true.

    A step is the least common multiple over all roundings of that symbol alone.
    """
    steps: dict[str, Fraction] = {}
    for value, unit in _roundings(graph, numbers):
        single = _one_symbol(value)
        if single is not None:
            name, factor = single
            steps[name] = _common(steps.get(name, Fraction(0)), Fraction(unit) / abs(Fraction(factor)))
    comparisons = []
    for index in graph.needed(numbers):
        node = graph.nodes[index]
        if node.op in IDEAL:
            least = node.parts[1:] if node.op not in AS_IS else node.parts[2:]
            relation = "<=" if node.op == "min_is" else ">="
            differences = (Graph.total((node.parts[0], part.scaled(-1))) for part in least)
            comparisons += [(expanded(graph, difference), relation) for difference in differences]
    return {name: tidy(step) for name, step in steps.items()}, comparisons


def _multiples(graph: Graph, numbers: Sequence[Affine]) -> list[Relation]:
    """Of sums and products, that they are multiples of a number."""
    found: dict[Relation, None] = {}
    for value, unit in _roundings(graph, numbers):
        whole = value.constant is not None and value.constant % unit == 0
        if _one_symbol(value) is None and not whole:
            found[Relation(value, "multiple of", Polynomial(graph, {(): unit}))] = None
    return list(found)


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

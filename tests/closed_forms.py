"""What tests of `costcalc formula` share: its output, what reports count, and whether formulas give what they claim."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import costcalc
from costcalc.api import Model
from costcalc.errors import CostcalcError, Source
from costcalc.explore.conditions import Where
from costcalc.explore.formula import Formulas
from costcalc.number.polynomial import Polynomial
from costcalc.render.expression import TEXT, Writer
from costcalc.spec import Document, parse_document, read_document

Cli = Callable[..., Any]
F = Fraction


def printed(cli: Cli, *arguments: str) -> str:
    """What `costcalc formula ARGUMENTS` prints."""
    run = cli("formula", *arguments)
    assert (run.code, run.err) == (0, ""), run.err
    return str(run.out)


def counted(spec: str, setting: Mapping[str, Any]) -> list[int]:
    """Parameters and multiply-adds as a report counts them."""
    totals = costcalc.load(spec, **setting).report().totals
    return [totals.params, totals.madds]


def formulas(spec: str, *arguments: Any, given: Mapping[str, Any] | None = None, **options: Any) -> Formulas:
    return Formulas(read_document(spec), given or {}, *arguments, **options)


def terms(polynomial: Polynomial) -> dict[tuple[str, ...], Any]:
    """The coefficient of each product, its factors as text and sorted: `alpha alpha` for a square."""
    writer, found = Writer(TEXT), {}
    for monomial, c in polynomial.terms.items():
        found[tuple(sorted(writer.atom(polynomial, node) for node, power in monomial for _ in range(power)))] = c
    return found


COMPARE = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
    "multiple of": lambda a, b: F(a) % F(b) == 0,
}  # fmt: skip


def described(where: Where, point: Mapping[str, Any]) -> bool:
    """Whether a point is where a formula is said to hold."""
    try:
        sides = [(point[name], relation, value) for name, relation, value in where.bounds]
        sides += [(point[name], "multiple of", step) for name, step in where.steps]
        sides += [(left.at(point), relation, right.at(point)) for left, relation, right in where.relations]
    except ZeroDivisionError:
        return False
    return all(COMPARE[relation](a, b) for a, relation, b in sides)


def claims_at(found: Formulas, point: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether the exact and the ideal formulas claim to give the count at a point; asserts that they do give it."""
    exact = found.holds(point)
    ideal = exact and found.readings.unrounded(point)
    exactly, ideally = described(found.readings.exact_where, point), described(found.readings.ideal_where, point)
    assert (exactly <= exact, ideally <= ideal) == (True, True), f"said to hold at {point}, and claims nothing"
    try:
        counted = Model(found.document, {**found.given, **point}).report(*found.way).totals
    except CostcalcError:
        assert (exact, ideal) == (False, False), f"there is no network at {point}"
        return exact, ideal
    for claimed, polynomials in ((exact, found.total.exact), (ideal, found.total.ideal)):
        for metric, polynomial in polynomials.items() if claimed else ():
            assert polynomial.at(point) == getattr(counted, metric), (metric, point)
    return exact, ideal


def small(layers: str, hyperparameters: str = "alpha: {default: 1, above: 0}") -> Document:
    text = f"costcalc: 1\nhyperparameters: {{{hyperparameters}}}\ninput: [4, 16, 17]\nlayers: [{layers}]\n"
    return parse_document(Source("small.yaml", text))

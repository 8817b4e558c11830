"""Cells: the exact interval around a value of one hyper-parameter on which every rounding gives what it gives there.

Totals are whole numbers, so on a cell they are constant; from cell to cell all of their steps are found, however small,
without trying values. Every rounding of an affine operand bounds the cell on both sides: floor(p x + q) is k for
k <= p x + q < k + 1. Conditions bound it too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from costcalc.errors import Problem, UsageError
from costcalc.explore.tracing import Way, trace
from costcalc.number.graph import Affine, Graph, Rational, tidy
from costcalc.number.lowering import Lowering
from costcalc.number.traced import Condition
from costcalc.spec import Document


class NotAffine(ArithmeticError):  # noqa: N818 - it says what is wrong with the operand
    """A rounded operand that is no affine function of the hyper-parameter; its cell is not computed."""


class Cell(NamedTuple):
    """From `low` to `high` (None: unbounded); whether they belong to it; the totals there, or why there are none."""

    low: Rational | None
    low_included: bool
    high: Rational | None
    high_included: bool
    totals: Mapping[str, int]
    fault: str = ""


class Line(NamedTuple):
    """`slope * x + constant`."""

    constant: Rational
    slope: Rational = 0


class _Bounds:
    """An interval that is narrowed step by step."""

    def __init__(self) -> None:
        self.low: Rational | None = None
        self.high: Rational | None = None
        self.low_included = self.high_included = False

    def above(self, x: Rational, included: bool) -> None:
        if self.low is None or x > self.low or (x == self.low and not included):
            self.low, self.low_included = tidy(x), included

    def below(self, x: Rational, included: bool) -> None:
        if self.high is None or x < self.high or (x == self.high and not included):
            self.high, self.high_included = tidy(x), included

    def at_least(self, line: Line, least: Rational, included: bool) -> None:
        """Keeps where `line >= least`, or above it."""
        if line.slope:
            end = (Fraction(least) - line.constant) / line.slope
            (self.above if line.slope > 0 else self.below)(tidy(end), included)

    def at_most(self, line: Line, most: Rational, included: bool) -> None:
        self.at_least(Line(-line.constant, -line.slope), -most, included)


def cell(
    document: Document,
    setting: Mapping[str, Any],
    name: str,
    metrics: Sequence[str] = ("params", "madds"),
    way: Way = Way(),  # noqa: B008 - immutable
) -> Cell:
    """The cell of the hyper-parameter `name` around its value in `setting`, which may set others too.

    Raises UsageError where it has no value there, NotAffine where its cell is not computed.
    """
    value = setting.get(name)
    if value is None:
        raise UsageError(Problem(f"`{name}` has no value to begin at"))
    found = trace(document, setting, [name], way=way)
    graph, bounds = found.trace.graph, _Bounds()
    lowering = Lowering(graph)
    numbers = [] if found.report is None else [getattr(found.report.totals, metric) for metric in metrics]
    forms = [x.form if hasattr(x, "form") else Affine(x) for x in numbers]
    lowered = [lowering.whole(form) for form in forms]
    signs = [condition._replace(difference=lowering.sign(condition.difference)) for condition in found.trace.conditions]
    lines = _Lines(graph, value, bounds)
    for index in graph.needed([*lowered, *(sign.difference for sign in signs)]):
        lines.add(index)
    for sign in signs:
        lines.keep(sign)
    totals = {metric: int(lines.at(lines.affine(x))) for metric, x in zip(metrics, lowered, strict=False)}
    return Cell(bounds.low, bounds.low_included, bounds.high, bounds.high_included, totals, found.fault)


class _Lines:
    """Each node as a function of the hyper-parameter on the cell, which its roundings narrow."""

    def __init__(self, graph: Graph, value: Rational, bounds: _Bounds) -> None:
        self.graph, self.value, self.bounds = graph, value, bounds
        self.nodes: dict[int, dict[int, Rational]] = {}  # coefficients by power

    def affine(self, x: Affine) -> dict[int, Rational]:
        found: dict[int, Rational] = {0: x.constant}
        for node, c in x.terms:
            for power, coefficient in self.nodes[node].items():
                found[power] = found.get(power, 0) + c * coefficient
        return {power: c for power, c in found.items() if c}

    def at(self, curve: Mapping[int, Rational]) -> Rational:
        value = Fraction(self.value)
        return tidy(sum((c * value**power for power, c in curve.items()), Fraction(0)))

    def line(self, curve: Mapping[int, Rational]) -> Line:
        """Raises NotAffine."""
        if any(power > 1 for power in curve):
            raise NotAffine("a product of the hyper-parameter with itself is rounded")
        return Line(curve.get(0, 0), curve.get(1, 0))

    def add(self, index: int) -> None:
        node = self.graph.nodes[index]
        if node.op == "symbol":
            self.nodes[index] = {1: 1}
            return
        parts = [self.affine(part) for part in node.parts]
        if node.op == "mul":
            self.nodes[index] = _times(*parts)
        elif node.op in ("floor", "ceil"):
            self.nodes[index] = {0: self.rounded(self.line(parts[0]), self.at(parts[0]), node.op == "ceil")}
        elif node.op == "quotient":
            self.nodes[index] = {0: self.divided(*map(self.line, parts))}
        elif node.op in ("max", "min"):
            values = [self.at(part) for part in parts]
            chosen = parts[values.index(max(values) if node.op == "max" else min(values))]
            for other in parts:
                difference = self.line(_minus(chosen, other) if node.op == "max" else _minus(other, chosen))
                self.bounds.at_least(difference, 0, True)
            self.nodes[index] = chosen
        else:  # gcd of two whole numbers that do not change on the cell
            a, b = (self.line(part) for part in parts)
            if a.slope or b.slope:
                raise NotAffine("a greatest common divisor of the hyper-parameter itself")
            self.nodes[index] = {0: math.gcd(int(a.constant), int(b.constant))}

    def rounded(self, line: Line, value: Rational, up: bool) -> int:
        k = math.ceil(value) if up else math.floor(value)
        self.bounds.at_least(line, k - 1 if up else k, not up)
        self.bounds.at_most(line, k if up else k + 1, up)
        return k

    def divided(self, top: Line, bottom: Line) -> int:
        """The floor of top / bottom is k where k * bottom <= top < (k + 1) * bottom, for a positive bottom."""
        a, b = (line.constant + Fraction(line.slope) * self.value for line in (top, bottom))
        if b < 0:
            top, bottom = Line(-top.constant, -top.slope), Line(-bottom.constant, -bottom.slope)
        k = math.floor(a / b)
        self.bounds.at_least(bottom, 0, False)
        self.bounds.at_least(_combined(top, bottom, -k), 0, True)
        self.bounds.at_most(_combined(top, bottom, -k - 1), 0, False)
        return k

    def keep(self, condition: Condition) -> None:
        """Narrows the cell to where a condition comes out as it does at the value."""
        line = self.line(self.affine(condition.difference))
        relation, outcome = condition.relation, condition.outcome
        if relation == "==":
            if not line.slope:
                return
            root = tidy(-Fraction(line.constant) / line.slope)
            if outcome:
                self.bounds.above(root, True)
                self.bounds.below(root, True)
            else:
                (self.bounds.above if root < self.value else self.bounds.below)(root, False)
        elif outcome:
            self.bounds.at_most(line, 0, relation == "<=")
        else:
            self.bounds.at_least(line, 0, relation == "<")


def _times(a: Mapping[int, Rational], b: Mapping[int, Rational]) -> dict[int, Rational]:
    found: dict[int, Rational] = {}
    for i, c in a.items():
        for j, d in b.items():
            found[i + j] = found.get(i + j, 0) + c * d
    return {power: c for power, c in found.items() if c}


def _minus(a: Mapping[int, Rational], b: Mapping[int, Rational]) -> dict[int, Rational]:
    return {power: a.get(power, 0) - b.get(power, 0) for power in {*a, *b}}


def _combined(a: Line, b: Line, times: int) -> Line:
    return Line(a.constant + times * b.constant, a.slope + times * b.slope)

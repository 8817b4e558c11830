"""Bounds of expressions: no value lies outside of them, and they decide what they can."""

from __future__ import annotations

import contextlib
import itertools
import operator
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from programs import ROUNDED, direct, form, holds, points, programs, spans_of, traced

from costcalc import number
from costcalc.number.graph import Affine, Graph
from costcalc.number.lowering import Lowering
from costcalc.number.ranges import Ranges
from costcalc.number.traced import Condition, Trace

F = Fraction
PATIENT = [HealthCheck.too_slow]  # on a busy machine
EXACT = settings(derandomize=True, deadline=None, max_examples=150, database=None, suppress_health_check=PATIENT)


@EXACT
@given(programs(8), points(8))
def test_ranges_of_an_ideal_trace_hold_what_is_rounded(program: Any, several: list[Any]) -> None:
    trace, result = traced(program, several[0], ideal=True)
    graph, ranges = trace.graph, Ranges(trace.graph, spans_of(several))
    for index in [] if isinstance(result, type) else graph.needed([form(result)]):
        x = Affine(0, ((index, 1),))
        for point in several:
            with contextlib.suppress(ZeroDivisionError):
                low, high = ranges.of(x)
                assert low <= direct(graph, x, point, ROUNDED) <= high


@EXACT
@given(programs(8), points(8))
def test_ranges_hold_every_value(program: Any, several: list[Any]) -> None:
    """At the points of a trace's way every node lies between its bounds; and what they decide is so."""
    trace, result = traced(program, several[0])
    graph, ranges = trace.graph, Ranges(trace.graph, spans_of(several))
    fitting = [point for point in several if holds(trace, point)]
    forms = [c.difference for c in trace.conditions] + ([] if isinstance(result, type) else [form(result)])
    lowered = [Lowering(graph).sign(x) for x in forms]
    for index in list(graph.needed([*forms, *lowered])):
        try:
            low, high = ranges.of(Affine(0, ((index, 1),)))
        except ZeroDivisionError:
            continue
        for point in fitting:
            assert low <= direct(graph, Affine(0, ((index, 1),)), point) <= high
    for condition in trace.conditions:
        decided = ranges.decided(condition)
        assert decided is None or decided == condition.outcome


@pytest.mark.parametrize(("relation", "meant"), [("<", operator.lt), ("<=", operator.le), ("==", operator.eq)])
def test_ranges_decide_all_that_they_can(relation: str, meant: Any) -> None:
    """True where a relation holds in the whole interval, False where nowhere in it, by trying all its quarters."""
    x = Trace().symbol("x", 7)
    for low, high in itertools.combinations_with_replacement((F(n, 2) for n in range(-4, 5)), 2):
        inside = {bool(meant(v, 0)) for v in (low + F(n, 4) for n in range(int((high - low) * 4) + 1))}
        decided = Ranges(x.trace.graph, {"x": (low, high)}).decided(Condition(x.form, relation, True))
        assert decided is (inside.pop() if len(inside) == 1 else None)


ENDS = (-3, -1, 0, 1, 2, 5)
INTERVALS = list(itertools.combinations_with_replacement(ENDS, 2))


@pytest.mark.parametrize("op", ["mul", "div", "quotient", "max", "min", "mod", "gcd", "max_is", "min_is"])
def test_bounds_of_each_operation(op: str) -> None:
    """All pairs of values of all pairs of intervals lie inside; of most operations both bounds are reached."""
    graph = Graph()
    node = graph.node(op, (graph.symbol("x", True), graph.symbol("y", True)), whole=True)
    for x, y in itertools.product(INTERVALS, repeat=2):
        divisors = [v for v in range(y[0], y[1] + 1) if v or op not in ("div", "quotient", "mod")]
        found = [ROUNDED[op](v, w) for v in range(x[0], x[1] + 1) for w in divisors]
        ranges = Ranges(graph, {"x": x, "y": y})
        if op in ("div", "quotient") and y[0] <= 0 <= y[1]:
            with pytest.raises(ZeroDivisionError):
                ranges.of(node)
            continue
        low, high = ranges.of(node)
        assert all(low <= value <= high for value in found)
        assert op in ("mod", "gcd") or (low, high) == (min(found), max(found))


@pytest.mark.parametrize("op", ["floor", "ceil", "as_is_up", "as_is_near", "as_is"])
def test_bounds_of_each_rounding(op: str) -> None:
    graph = Graph()
    parts = (graph.symbol("x", False), *[Affine(1)] * (op not in ("floor", "ceil")))
    for low, high in itertools.combinations_with_replacement((F(n, 4) for n in range(-5, 6)), 2):
        found = [ROUNDED[op](v, *[1] * (len(parts) - 1)) for v in (low, high)]
        assert list(Ranges(graph, {"x": (low, high)}).of(graph.node(op, parts, whole=True))) == found


def test_bounds_of_what_is_made_divisible() -> None:
    graph = Graph()
    x, y = graph.symbol("x", False), graph.symbol("y", True)
    by = {op: graph.node(op, parts, True) for op, parts in (("made_divisible", (x, y)), ("as_is", (x, y, y)))}
    for low, high in ((-20, -3), (-5, 4), (0, 0), (3, 9), (11, 40)):
        for least, most in ((1, 1), (8, 8), (1, 16), (3, 5)):
            found = [
                number.make_divisible(F(v, 2), d) for v in range(2 * low, 2 * high + 1) for d in range(least, most + 1)
            ]
            for node in by.values():
                bounds = Ranges(graph, {"x": (low, high), "y": (least, most)}).of(node)
                assert bounds[0] <= min(found) and max(found) <= bounds[1]
                assert least < most or bounds == (min(found), max(found))

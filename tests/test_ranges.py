"""Bounds of expressions: no value lies outside of them, and they decide what they can."""

from __future__ import annotations

import contextlib
import itertools
import operator
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from programs import ROUNDED, direct, form, holds, points, programs, spans_of, traced

from costcalc.number.graph import Affine
from costcalc.number.lowering import Lowering
from costcalc.number.ranges import Ranges
from costcalc.number.traced import Condition, Trace

F = Fraction
EXACT = settings(derandomize=True, deadline=None, max_examples=150, database=None)


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

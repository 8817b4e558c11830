"""The arithmetic under every count, worked by hand: on plain numbers, and on numbers that remember their way.

One table names each function with its cases; they run on ints and fractions, then traced, and the expression that is
left behind must come to the same, multiplied out and as a tape. Random programs over all functions do the rest.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from programs import direct, form, holds, on_tape, plainly, points, programs, spans_of, traced

from costcalc import number
from costcalc.number.graph import Graph
from costcalc.number.polynomial import expanded, ideal_at
from costcalc.number.traced import Trace, Traced

F = Fraction  # short, for tables

PATIENT = [HealthCheck.too_slow]  # on a busy machine
EXACT = settings(derandomize=True, deadline=None, max_examples=150, database=None, suppress_health_check=PATIENT)

# function, arguments, the result worked out by hand
CASES: list[tuple[str, tuple[Any, ...], Any]] = [
    ("divide", (6, 3), 2),
    ("divide", (7, 2), F(7, 2)),
    ("divide", (F(3, 4), F(1, 4)), 3),
    ("divide", (-7, 2), F(-7, 2)),
    ("divide", (0, 5), 0),
    ("exact_div", (12, 4), 3),
    ("exact_div", (F(3, 2), F(1, 2)), 3),
    ("ceil_div", (7, 2), 4),
    ("ceil_div", (8, 2), 4),
    ("ceil_div", (-7, 2), -3),
    ("ceil_div", (1, 3), 1),
    ("ceil_div", (F(5, 2), 2), 2),
    ("ceil_div", (0, 3), 0),
    ("floor", (F(7, 2),), 3),
    ("floor", (F(-7, 2),), -4),
    ("floor", (5,), 5),
    ("floor", (F(29, 100) * 100,), 29),
    ("ceil", (F(7, 2),), 4),
    ("ceil", (F(-7, 2),), -3),
    ("ceil", (5,), 5),
    ("round_half_up", (F(5, 2),), 3),
    ("round_half_up", (F(-5, 2),), -2),
    ("round_half_up", (F(249, 100),), 2),
    ("round_half_up", (4,), 4),
    ("maximum", (3, 7, 5), 7),
    ("maximum", (-3, F(-7, 2)), -3),
    ("maximum", (4,), 4),
    ("minimum", (3, 7, 5), 3),
    ("minimum", (-3, F(-7, 2)), F(-7, 2)),
    ("minimum", (4,), 4),
    ("gcd", (12, 18), 6),
    ("gcd", (7, 13), 1),
    ("gcd", (0, 5), 5),
    ("make_divisible", (30, 8), 32),  # 3.75 eights
    ("make_divisible", (28, 8), 32),  # 3.5 eights: a tie goes up
    ("make_divisible", (26, 8), 24),  # 3.25 eights; 24 is 92.3 % of it
    ("make_divisible", (27, 8), 32),  # 3.375 eights; 24 would be 88.9 %
    ("make_divisible", (3, 8), 8),  # never below one eight
    ("make_divisible", (F(48, 5), 8), 16),  # 32*0.3 = 9.6: 8 would be 83.3 %
    ("make_divisible", (18, 8), 24),  # 16 would be 88.9 %
    ("make_divisible", (24, 8), 24),
    ("make_divisible", (17, 4), 16),
    ("make_divisible", (100, 16), 96),  # 96 %
]
Case = tuple[str, tuple[Any, ...], Any]
by_case = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}({', '.join(map(str, case[1]))})")


def call(name: str, arguments: tuple[Any, ...]) -> Any:
    return getattr(number, name)(*arguments)


def symbol(value: Any, ideal: bool = False) -> Traced:
    return Trace(ideal=ideal).symbol("x", value)


@by_case
def test_plain_numbers_by_hand(case: Case) -> None:
    name, arguments, expected = case
    result = call(name, arguments)
    assert result == expected
    assert type(result) is type(expected)  # a whole result is an int, not a Fraction


@by_case
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "any"])
def test_the_same_cases_traced(case: Case, whole: bool) -> None:
    """Every choice of arguments as symbols, the others plain; symbols known to be whole where they are, and not."""
    name, arguments, expected = case
    point = {f"x{i}": x for i, x in enumerate(arguments)}
    for chosen in itertools.product((True, False), repeat=len(arguments)):
        if not any(chosen):
            continue
        trace = Trace()
        symbols = [trace.symbol(n, x, whole and isinstance(x, int)) for n, x in point.items()]
        result = call(name, tuple(s if c else x for s, c, x in zip(symbols, chosen, arguments, strict=True)))
        assert (result.value, type(result.value)) == (expected, type(expected))
        assert direct(trace.graph, result.form, point) == expanded(trace.graph, result.form).at(point) == expected
        for room in (0, 1, 60):  # with bounds that fit closely, and with divisors that may be 0
            spans = {n: (x - room, x + room) for n, x in point.items()}
            sixtieths = trace.graph.floor(result.form.scaled(60))
            assert on_tape(trace.graph, [sixtieths], [point, point], spans=spans) == [[60 * expected] * 2]


@by_case
@pytest.mark.parametrize("factor", [1, 1200])
def test_the_same_cases_in_an_ideal_trace(case: Case, factor: int) -> None:
    """The value is rounded all the same; the expression equals it wherever it claims to, as where all is whole."""
    name, (first, *others), _ = case
    arguments = (first * factor, *others)
    trace, point = Trace(ideal=True), {f"x{i}": x for i, x in enumerate(arguments)}
    result = call(name, tuple(trace.symbol(n, x) for n, x in point.items()))
    assert result.value == call(name, arguments)
    claimed = ideal_at(trace.graph, [result.form], point)
    assert claimed or factor == 1
    assert not claimed or expanded(trace.graph, result.form).at(point) == result.value


def test_every_function_is_in_the_table() -> None:
    public = {
        n
        for n, f in vars(number).items()
        if callable(f) and getattr(f, "__module__", "") == number.__name__ and not n.startswith("_")
    }
    here = {"tidy", "product", "total", "among", "is_whole", "is_number", "concrete", "Number", "NotWhole"}  # below
    elsewhere = {"taps_inside"}  # the tests of windows and of tapes
    assert public == {name for name, _, _ in CASES} | here | elsewhere


def test_tidy() -> None:
    assert type(number.tidy(F(6, 2))) is int
    assert number.tidy(F(1, 2)) == F(1, 2)
    assert number.tidy("word") == "word"


def test_product_and_total() -> None:
    assert (number.product([]), number.total([])) == (1, 0)
    assert (number.product([2, 3, 7]), number.total([2, 3, 7])) == (42, 12)
    assert number.product([10**30, 10**30]) == 10**60
    a = symbol(5)
    for result, value, elsewhere in (
        (number.product([a, 3, a]), 75, 3 * 49),
        (number.total([a, 3, a]), 13, 17),
        (number.total(iter([3, a, F(1, 2)])), F(17, 2), F(21, 2)),
        (number.total([a, -a]), 0, 0),
    ):
        assert result.value == value
        assert expanded(a.trace.graph, form(result)).at({"x": 7}) == elsewhere


def test_is_whole_and_is_number() -> None:
    assert number.is_whole(3) and number.is_whole(F(4, 2)) and not number.is_whole(F(1, 2))
    assert number.is_whole(symbol(3)) and not number.is_whole(symbol(F(1, 2)))
    for x in (3, F(1, 2), symbol(3), number.divide(symbol(3), 2)):
        assert number.is_number(x)
    for x in (True, False, "3", 1.5, None, [1], np.int64(3), sympy.Integer(3)):
        assert not number.is_number(x)


def test_among() -> None:
    for x in (3, F(3), symbol(3), Trace(Graph()).symbol("x", 3)):
        assert number.among(x, [1, 3, F(7, 2)]) and not number.among(x, [1, 2, F(7, 2)]) and not number.among(x, [])


def test_concrete() -> None:
    for x in (6, F(12, 2), symbol(6), symbol(F(12, 2)), symbol(3) * 2):
        value = number.concrete(x)
        assert value == 6 and type(value) is int
    for x in (F(1, 2), symbol(F(1, 2))):
        with pytest.raises(number.NotWhole, match="1/2 is not a whole number"):
            number.concrete(x)


def test_a_division_with_a_remainder_is_an_error_in_every_arithmetic() -> None:
    for x in (7, symbol(7), symbol(7, ideal=True)):
        with pytest.raises(number.NotWhole, match="7 is not divisible by 2"):
            number.exact_div(x, 2)


LIFTS = [lambda x: x, symbol, lambda x: symbol(x, ideal=True)]


@pytest.mark.parametrize("name", ["divide", "exact_div", "ceil_div", "make_divisible"])
@pytest.mark.parametrize("lift", LIFTS, ids=["plain", "exact", "ideal"])
def test_division_by_zero(name: str, lift: Callable[[Any], Any]) -> None:
    with pytest.raises(ZeroDivisionError):
        call(name, (lift(3), 0))
    with pytest.raises(ZeroDivisionError):
        call(name, (3, lift(0)))
    for operator in (lambda a, b: a // b, lambda a, b: a % b):
        with pytest.raises(ZeroDivisionError):
            operator(lift(3), 0)
        with pytest.raises(ZeroDivisionError):
            operator(3, lift(0))


def test_floats_are_refused() -> None:
    for operator in (
        lambda a, b: a + b, lambda a, b: a * b, lambda a, b: b - a, lambda a, b: a // b, lambda a, b: b // a,
        lambda a, b: a % b, number.divide, number.maximum, lambda a, b: number.total([a, b]), number.make_divisible,
    ):  # fmt: skip
        with pytest.raises((TypeError, AttributeError)):
            operator(symbol(3), 0.5)


# -- make_divisible against an implementation of another form ---------------------------------------------------------


def nearest_multiple(value: F | int, divisor: int) -> int:
    """By search: the nearest positive multiple, the larger of two; the next one where that loses over a tenth."""
    multiples = range(divisor, int(value) + 2 * divisor + 1, divisor)
    nearest = min(multiples, key=lambda m: (abs(m - F(value)), -m))
    lost = (F(value) - nearest) / F(value)
    return nearest + divisor if lost > F(1, 10) else nearest


@EXACT
@given(st.integers(1, 20_000), st.integers(1, 100), st.integers(1, 40))
def test_make_divisible_against_a_search(n: int, d: int, divisor: int) -> None:
    value = F(n, d)
    expected = nearest_multiple(value, divisor)
    assert number.make_divisible(value, divisor) == expected
    result = number.make_divisible(symbol(value), divisor)
    assert result.value == expanded(result.trace.graph, result.form).at({"x": value}) == expected
    several = [{"x": value}, {"x": 5}]
    assert on_tape(result.trace.graph, [result.form], several) == [[expected, nearest_multiple(5, divisor)]]


def test_make_divisible_at_the_edge_of_ten_percent() -> None:
    """80/9 is the number of which 8 is exactly 90 %: kept. The next larger thousandth is not."""
    edge = {F(80, 9): 8, F(80, 9) + F(1, 1000): 16, F(80, 9) + F(1, 10**40): 16, F(80, 9) - F(1, 1000): 8}
    assert {x: number.make_divisible(x, 8) for x in edge} == edge
    assert number.make_divisible(10, 9) == 9
    result = number.make_divisible(symbol(8), 8)
    assert on_tape(result.trace.graph, [result.form], [{"x": x} for x in edge]) == [list(edge.values())]


def test_make_divisible_as_mobilenet_uses_it() -> None:
    """The widths of MobileNetV2 0.35 (tensorflow/models) by hand: 32, 24, 64, 96, 160, 320 times 0.35."""
    widths = {32: 16, 16: 8, 24: 8, 64: 24, 96: 32, 160: 56, 320: 112}  # 11.2 5.6 8.4 22.4 33.6 56 112
    assert {w: number.make_divisible(w * F(35, 100), 8) for w in widths} == widths
    assert number.make_divisible(20) == 24  # eight by default; 16 would be 80 %


@EXACT
@given(st.integers(1, 10**6), st.integers(1, 64))
def test_make_divisible_laws(value: int, divisor: int) -> None:
    result = number.make_divisible(value, divisor)
    assert result % divisor == 0 and result >= divisor
    assert 10 * result >= 9 * value
    assert number.make_divisible(result, divisor) == result


@pytest.mark.parametrize("divisor", [-8, -1, F(3, 2), F(1, 2), F(-5, 3)])
def test_make_divisible_by_what_is_no_positive_whole_number(divisor: Any) -> None:
    """Nobody needs it, and it has a value: traced the same one, by a longer way."""
    for value in (F(n, 6) for n in range(-60, 61)):
        expected = number.make_divisible(value, divisor)
        for x, d in ((symbol(value), divisor), (value, symbol(divisor))):
            result = number.make_divisible(x, d)
            graph, point = result.trace.graph, {"x": divisor if x is value else value}
            assert result.value == expected == expanded(graph, result.form).at(point)


# -- random programs over all functions -------------------------------------------------------------------------------


@EXACT
@given(programs(8), points())
def test_programs_give_the_same_everywhere(program: Any, several: list[Any]) -> None:
    """Where the conditions of a trace hold its expression is what the program gives, at the point of the trace first."""
    trace, result = traced(program, several[0])
    graph, found = trace.graph, []
    for point in several:
        if point is several[0]:
            assert holds(trace, point)
        elif not holds(trace, point):
            continue
        expected = plainly(program, point)
        if isinstance(expected, type):
            assert result is expected  # the same fault
            continue
        if point is several[0]:
            assert getattr(result, "value", result) == expected
        assert expected == direct(graph, form(result), point) == expanded(graph, form(result)).at(point)
        found.append((point, expected))
    if found:
        x = form(result)
        rounded = [graph.floor(x), graph.ceil(x), graph.floor(x.scaled(60))]
        wanted = [[call(name, (v,)) for _, v in found] for name in ("floor", "ceil")]
        wanted.append([number.floor(60 * v) for _, v in found])
        assert on_tape(graph, rounded, [point for point, _ in found], spans=spans_of(several)) == wanted


@EXACT
@given(programs(8), points())
def test_programs_in_an_ideal_trace(program: Any, several: list[Any]) -> None:
    """The value is that of the program; the expression too, wherever nothing that it or a condition needs is rounded."""
    trace, result = traced(program, several[0], ideal=True)
    expected = plainly(program, several[0])
    assert (result is expected) if isinstance(expected, type) else (getattr(result, "value", result) == expected)
    if isinstance(expected, type):
        return
    needed = [form(result), *(condition.difference for condition in trace.conditions)]
    for point in several:
        if ideal_fine(trace, needed, point) and holds(trace, point):
            assert expanded(trace.graph, form(result)).at(point) == plainly(program, point)


def ideal_fine(trace: Trace, needed: list[Any], point: Any) -> bool:
    try:
        return ideal_at(trace.graph, needed, point)
    except ZeroDivisionError:  # at a point that a condition keeps away
        return False


def test_plain_arithmetic_needs_neither_numpy_nor_sympy() -> None:
    use = "import sys, costcalc.number as n; n.make_divisible(30); n.ceil_div(7, 2)"
    traced_use = "from costcalc.number.traced import Trace; n.make_divisible(Trace().symbol('a', 30) * 2)"
    code = f"{use}; {traced_use}; print({{'numpy', 'sympy'}} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"

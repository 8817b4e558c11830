"""What a traced number leaves behind: each simplification by brute force over many values, and the conditions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from programs import direct, form, holds, plainly, points, programs, run, traced

from costcalc import number
from costcalc.number.graph import Affine, Graph
from costcalc.number.polynomial import expanded, ideal_at
from costcalc.number.traced import Trace, Traced

F = Fraction
PATIENT = [HealthCheck.too_slow]  # on a busy machine
EXACT = settings(derandomize=True, deadline=None, max_examples=150, database=None, suppress_health_check=PATIENT)
WHOLES = range(-25, 26)
SHARES = [F(n, 12) for n in range(-60, 61)]


def symbols(*names: str, whole: bool = True, ideal: bool = False) -> list[Traced]:
    """Symbols of one trace, at values that differ."""
    trace = Trace(ideal=ideal)
    return [trace.symbol(name, 7 + 4 * i, whole) for i, name in enumerate(names)]


def ops(x: Traced) -> list[str]:
    """The operations that an expression still has."""
    return [x.trace.graph.nodes[n].op for n in x.trace.graph.needed([x.form]) if x.trace.graph.nodes[n].op != "symbol"]


def same_everywhere(found: Any, meant: Callable[..., Any], names: str, values: Iterable[Any]) -> None:
    """The expression is what is meant, at all combinations of values at which that is a number."""
    for point in itertools.product(values, repeat=len(names)):
        try:
            expected = meant(*point)
        except ZeroDivisionError:
            continue
        assert direct(found.trace.graph, form(found), dict(zip(names, point, strict=True))) == expected, point


# -- sums and products ------------------------------------------------------------------------------------------------


def test_like_terms_are_collected() -> None:
    a, b = symbols("a", "b")
    assert (a + b + a - 3 * b).form == (2 * a - 2 * b).form
    assert (a - a).form == Affine(0) and (a * 0).form == Affine(0) and (0 * a + 5).form == Affine(5)
    assert (a + F(1, 2) + F(1, 2)).form == (a + 1).form
    assert all(type(c) is int for c in ((a * F(3, 2)) * 2).form.terms[0])
    same_everywhere(3 * (a - 2 * b) - 2 * a + 7, lambda a, b: a - 6 * b + 7, "ab", WHOLES[::5])


def test_products_are_one_node_whatever_their_order_and_factors() -> None:
    a, b = symbols("a", "b")
    product = a * b
    for other in (b * a, F(1, 6) * (2 * a) * (3 * b), (-a) * (-b), a * b + 0):
        assert other.form == product.form
    assert len(a.trace.graph.nodes) == 3, "two symbols and a product"
    assert (a * (b + 1)).form != product.form
    same_everywhere((2 * a) * (F(5, 2) * b - 1), lambda a, b: 5 * a * b - 2 * a, "ab", WHOLES[::5])


def test_a_divisor_that_is_multiplied_again_is_gone() -> None:
    p, q = symbols("p", "q")
    for x, wanted in (
        (number.divide(p, q) * q, p),
        (q * number.divide(p, q), p),
        (number.divide(3 * p, 2 * q) * (4 * q), 6 * p),
        (number.divide(p * q, q), p),
        (number.divide(p * q, p), q),
        (number.divide(6 * p * q, 4 * q), p * F(3, 2)),
        (number.divide(p + 1, q - 2) * (q - 2), p + 1),
    ):
        assert x.form == form(wanted)
    assert number.divide(3 * p, 2 * p).form == Affine(F(3, 2))
    assert number.divide(p + 1, p + 1).form == Affine(1)
    assert number.divide(p, q).form != number.divide(q, p).form
    same_everywhere(number.divide(3 * p + 1, 2 * q), lambda p, q: F(3 * p + 1, 2 * q), "pq", WHOLES[::5])
    same_everywhere(number.divide(F(3), 2 * q), lambda p, q: F(3, 2 * q), "pq", WHOLES[::5])


def test_equal_expressions_are_one_node() -> None:
    """However often a program runs in a graph, it leaves no more behind than at first."""
    graph = Graph()

    def leave() -> Affine:
        a, b = (Trace(graph).symbol(name, value, True) for name, value in (("a", 9), ("b", 4)))
        x = number.make_divisible(a * F(3, 4), 8) * number.ceil_div(b + 1, 3) + a % b + number.gcd(a, b)
        return number.maximum(x, number.minimum(a, b) // 2, number.divide(a, b)).form

    first, nodes = leave(), len(graph.nodes)
    assert [leave() for _ in range(3)] == [first] * 3
    assert len(graph.nodes) == nodes


# -- roundings --------------------------------------------------------------------------------------------------------

INNER, OUTER = (-3, -1, 0, 1, 2, 5), (1, 2, 3, 4, 6)


PLAIN = {number.floor: math.floor, number.ceil: math.ceil}


@pytest.mark.parametrize("outer", PLAIN, ids=["floor of", "ceil of"])
@pytest.mark.parametrize("inner", PLAIN, ids=["floor", "ceil"])
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "any"])
def test_a_rounding_inside_one_is_dropped(outer: Any, inner: Any, whole: bool) -> None:
    """floor((floor((x + i)/c) + k)/d) = floor((x + i + ck)/(cd)); ceil of floor is floor of floor with another k."""
    (x,) = symbols("x", whole=whole)
    for c, d, i, k in itertools.product(OUTER, OUTER, INNER, INNER):
        found = outer(number.divide(inner(number.divide(x + i, c)) + k, d))
        assert len(ops(found)) == (0 if whole and c == d == 1 else 1), "one rounding at most is left"

        def meant(x: Any, c: int = c, d: int = d, i: int = i, k: int = k) -> Any:
            return PLAIN[outer](F(PLAIN[inner]((x + i) / F(c)) + k, d))

        same_everywhere(found, meant, "x", WHOLES[::3] if whole else SHARES[::11])


def test_of_what_is_added_to_a_fraction_of_wholes_the_whole_steps_count() -> None:
    """floor(y/4 + k) changes with each quarter of k alone, whichever way it is written."""
    y, x = Trace().symbol("y", 7, True), Trace().symbol("x", 7)
    assert number.floor(y * F(1, 4) + F(2, 3)).form == number.floor(y * F(1, 4) + F(1, 2)).form
    assert number.ceil(y * F(1, 4) + F(1, 3)).form == number.floor(y * F(1, 4) + F(5, 4)).form
    assert number.floor(x * F(1, 4) + F(2, 3)).form != number.floor(x * F(1, 4) + F(1, 2)).form
    for k, (round, plain) in itertools.product((F(n, 24) for n in range(-48, 49)), PLAIN.items()):  # noqa: A001
        same_everywhere(round(y * F(3, 4) + k), lambda y, k=k, p=plain: p(y * F(3, 4) + k), "y", WHOLES[::3])
        same_everywhere(round(x * F(3, 4) + k), lambda x, k=k, p=plain: p(x * F(3, 4) + k), "x", SHARES[::9])


def test_floor_and_ceil_of_a_whole_number_are_one() -> None:
    """floor((y + d - 1)/d) = ceil(y/d) for whole y, so that two ways to write a size are the same expression."""
    y, z = symbols("y", "z")
    for d in range(2, 9):
        up, down = number.ceil_div(y, d), y // d
        assert ((y + d - 1) // d).form == up.form
        assert number.ceil_div(y - d + 1, d).form == down.form
        assert ((2 * y + 4 * z + d - 1) // d).form == number.ceil_div(2 * y + 4 * z, d).form
        assert ((y - 1) // d + 1).form == up.form, "the size of an output"
        same_everywhere((y + d - 1) // d, lambda y, d=d: -(-y // d), "y", WHOLES)
        same_everywhere(number.ceil_div(y - d + 1, d), lambda y, d=d: y // d, "y", WHOLES)
    (x,) = symbols("x", whole=False)
    assert number.floor((x + 1) * F(1, 2)).form != number.ceil(x * F(1, 2)).form  # 0 and 1 at 1/2
    same_everywhere(number.floor((x + 1) * F(1, 2)), lambda x: math.floor((x + 1) / 2), "x", SHARES)


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "any"])
def test_whole_parts_are_taken_out(whole: bool) -> None:
    for c, k, up in itertools.product((F(1), F(3, 2), F(-2, 3), F(5)), (F(0), F(7, 2), F(-7, 3), F(4)), (True, False)):
        (x,) = symbols("x", whole=whole)
        found = (number.ceil if up else number.floor)(x * c + k)
        assert type(found.form.constant) is int
        assert not whole or c.denominator > 1 or not ops(found), "nothing is left to round"
        plain = math.ceil if up else math.floor
        same_everywhere(found, lambda x, c=c, k=k, plain=plain: plain(x * c + k), "x", WHOLES if whole else SHARES)


def test_what_was_made_divisible_stays_as_it_is() -> None:
    a, x = Trace().symbol("a", 30, True), Trace().symbol("x", F(61, 2))
    for v, d, e, times in itertools.product((a, x), (1, 4, 8, 12), (1, 2, 4, 8), (1, 2, 3, -1, F(1, 2))):
        once = number.make_divisible(v, d)
        twice = number.make_divisible(once * times, e)
        if d % e == 0 and times in (1, 2, 3):
            assert twice.form == (once * times).form
        same_everywhere(
            twice,
            lambda x, d=d, e=e, times=times: number.make_divisible(number.make_divisible(x, d) * times, e),
            "a" if v is a else "x",
            WHOLES[::2] if v is a else SHARES[::7],
        )


def test_extremes() -> None:
    a, b = symbols("a", "b")
    assert number.maximum(a, a + 1, a - 2, a).form == (a + 1).form
    assert number.minimum(a, a + 1, a - 2).form == (a - 2).form
    assert number.maximum(a, b).form == number.maximum(b, a, a).form
    assert number.maximum(a - a, 1, F(1, 2)).form == Affine(1)
    same_everywhere(number.maximum(a, b + 1, b, 3, F(1, 2)), lambda a, b: max(a, b + 1, 3), "ab", WHOLES[::4])
    same_everywhere(number.minimum(a, b + 1, b, 3, F(1, 2)), lambda a, b: min(a, b, F(1, 2)), "ab", WHOLES[::4])


def test_remainders() -> None:
    a, b = symbols("a", "b")
    (x,) = symbols("x", whole=False)
    assert ((6 * a - 9) % 3).form == Affine(0) == ((a * b * 4) % 2).form == (number.make_divisible(a, 8) % 4).form
    assert ops((4 * x) % 2) == ["mod"] and ops((3 * a) % 2) == ["mod"] and ops((6 * a - 8) % 3) == ["mod"]
    same_everywhere((5 * a - 3) % b, lambda a, b: (5 * a - 3) % b, "ab", WHOLES[::4])
    same_everywhere((x * 5 - 3) % F(2, 3), lambda x: (x * 5 - 3) % F(2, 3), "x", SHARES)


@EXACT
@given(programs(8), points(12))
def test_what_is_known_of_an_expression_is_so(program: Any, several: list[Any]) -> None:
    """What is said to be whole is, and a multiple of what it is said to be, wherever the conditions hold."""
    trace, result = traced(program, several[0])
    graph = trace.graph
    fitting = [point for point in several if holds(trace, point)]
    for index in [] if isinstance(result, type) else list(graph.needed([form(result)])):
        node, x = graph.nodes[index], Affine(0, ((index, 1),))
        for point in fitting:
            value = direct(graph, x, point)
            assert not node.whole or (F(value).denominator == 1 and value % node.multiple == 0)
            for divisor in (2, 3, 8):
                assert not graph.divides(divisor, x.scaled(3)) or 3 * value % divisor == 0


# -- conditions -------------------------------------------------------------------------------------------------------


def test_comparisons_use_the_value_and_are_noted_once() -> None:
    trace = Trace()
    a = trace.symbol("a", 7, True)
    assert a == 7 and a != 8 and a < 8 and a <= 7 and a > F(13, 2) and a >= 7 and not a > 7
    asked = len(trace.conditions)
    assert a == 7 and a != 8 and not a > 7 and a < 8 and a == F(14, 2)
    assert len(trace.conditions) == asked
    assert a == trace.symbol("b", 7) and a != "a" and a != None  # noqa: E711
    assert a == a + 0 and a < a + 1 and not a > a + F(1, 2), "the same at every point"
    assert len(trace.conditions) == asked + 1
    with pytest.raises(TypeError, match="unhashable"):
        hash(a)
    assert str(a) == "7" and repr(a).startswith("Traced(7, ")
    assert a and not trace.symbol("z", 0), "as of an int"
    assert trace.conditions[-1] == (trace.symbol("z", 0).form, "==", True)


@EXACT
@given(st.lists(st.integers(-50, 50), min_size=1, max_size=4), st.lists(st.integers(-50, 50), min_size=1, max_size=12))
def test_conditions_tell_where_the_way_is_the_same(cuts: list[int], values: list[int]) -> None:
    def way(x: Any) -> Any:
        for i, cut in enumerate(cuts):
            x = x + cut if x < cut else x * 2 - i if x == cut else x - 1
        return x

    trace = Trace()
    result = way(trace.symbol("x", values[0], True))
    for value in values:
        if holds(trace, {"x": value}):
            assert direct(trace.graph, result.form, {"x": value}) == way(value)
    assert holds(trace, {"x": values[0]})


@EXACT
@given(programs(6), points(12))
def test_traces_part_only_at_conditions(program: Any, several: list[Any]) -> None:
    """Traces of one graph that answered alike so far are asked the same next, or end in the same expression."""
    graph, after = Graph(), dict[Any, Any]()
    for point in several:
        trace, result = traced(program, point, graph)
        path: tuple[Any, ...] = ()
        for difference, relation, outcome in trace.conditions:
            assert after.setdefault(path, (difference, relation)) == (difference, relation)
            path += ((difference, relation, outcome),)
        end = result if isinstance(result, type) else form(result)
        assert after.setdefault(path, ("end", end)) == ("end", end)
        expected = plainly(program, point)
        assert end is expected if isinstance(expected, type) else direct(graph, end, point) == expected


def test_a_number_is_held_to_its_value() -> None:
    """A loop runs as often as here; other traces of the graph ask for the same values first, in the same order."""
    graph = Graph()
    asked = []
    for value in (5, 3, 5, 8, 3):
        trace = Trace(graph)
        assert number.concrete(trace.symbol("n", value, True)) == value
        asked.append([(-c.difference.constant, c.outcome) for c in trace.conditions])
    assert asked == [
        [(5, True)],
        [(5, False), (3, True)],
        [(5, True)],
        [(5, False), (3, False), (8, True)],
        [(5, False), (3, True)],
    ]


def test_one_of_several_is_one_question_where_ways_are_shared() -> None:
    """A trace for itself says which of them it is; those of one graph need not part for that."""
    for graph, kept in ((None, [3]), (Graph(), [1, 3, F(7, 2)])):
        trace = Trace(graph)
        assert number.among(trace.symbol("n", 3), [1, 3, F(7, 2)])
        assert [n for n in (0, 1, 2, 3, F(7, 2), 4) if holds(trace, {"n": n})] == kept
    trace = Trace(Graph())
    assert not number.among(trace.symbol("n", 3), [1, 2])
    assert len(trace.conditions) == 1 and [n for n in range(4) if holds(trace, {"n": n})] == [0, 3]


def test_an_exact_division_promises_nothing_elsewhere() -> None:
    """That 12/4 is whole is known behind its condition alone: 13/4 rounds up to 4, in the same graph."""
    graph = Graph()
    for first, second in ((12, 13), (13, 12)):
        for value in (first, second):
            trace = Trace(graph)
            a, b = trace.symbol("a", value, True), trace.symbol("b", 4, True)
            found = number.exact_div(a, b) if value == 12 else number.ceil(number.divide(a, b)) * 3
            expected = 3 if value == 12 else 12
            assert found.value == direct(graph, found.form, {"a": value, "b": 4}) == expected


# -- ideal roundings --------------------------------------------------------------------------------------------------


def test_ideal_expressions_leave_rounding_out() -> None:
    """Widths and resolutions are continuous: every rounding is the identity, and the value what it is."""
    (w,) = symbols("w", whole=False, ideal=True)
    for rounded, value, meant in (
        (w // 2, 3, lambda w: w / 2),
        (number.ceil_div(w, 2), 4, lambda w: w / 2),
        (number.round_half_up(number.divide(w, 2)), 4, lambda w: w / 2),
        (number.make_divisible(w * 3, 8), 24, lambda w: w * 3),
        (number.maximum(w, 5), 7, lambda w: w),  # the branch that is taken here
        (number.maximum(w, 9), 9, lambda w: 9),
        (number.minimum(w, 9), 7, lambda w: w),
    ):
        assert rounded.value == value
        same_everywhere(rounded, meant, "w", SHARES)
        assert set(expanded(w.trace.graph, rounded.form).symbols()) <= {"w"}


def test_rounding_what_is_whole_is_no_rounding() -> None:
    for ideal in (False, True):
        (a,) = symbols("a", ideal=ideal)
        for rounded in (number.floor(a), number.ceil(3 * a), number.round_half_up(a), number.ceil_div(4 * a, 2)):
            assert not ops(rounded)
        assert number.round_half_up(a).form == a.form


@EXACT
@given(st.integers(1, 50), st.integers(1, 50), st.integers(1, 400))
def test_ideal_expressions_are_exact_where_they_say_so(n: int, s: int, w: int) -> None:
    trace = Trace(ideal=True)
    at = trace.symbol("w", 8 * n * s)
    program: Any
    for program in (("//", "w", s), ("ceil_div", "w", s), ("make_divisible", "w", 8), ("maximum", "w", n)):
        rounded = run(program, {"w": at})
        assert expanded(trace.graph, rounded.form).at({"w": 8 * n * s}) == rounded.value
        if ideal_at(trace.graph, [rounded.form], {"w": w}):
            assert expanded(trace.graph, rounded.form).at({"w": w}) == run(program, {"w": w})
        else:
            assert w % s or w % 8 or w < 8 or w < n

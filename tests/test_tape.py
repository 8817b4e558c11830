"""Expressions at many points at once: lowered, bounded, and run as numpy operations that must be exact, whatever comes."""

from __future__ import annotations

import itertools
import math
import random
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from programs import direct, form, holds, on_tape, plainly, points, programs, spans_of, tape_of, traced

from costcalc import number
from costcalc.number.graph import Affine, Graph
from costcalc.number.lowering import Lowering, factored
from costcalc.number.ranges import Ranges
from costcalc.number.tape import LIMIT, Buffers, Tape
from costcalc.number.traced import Trace, Traced

F = Fraction
PATIENT = [HealthCheck.too_slow]  # on a busy machine
EXACT = settings(derandomize=True, deadline=None, max_examples=150, database=None, suppress_health_check=PATIENT)


def symbols(names: str, whole: bool = True) -> list[Traced]:
    """Symbols of one trace, named by single letters."""
    trace = Trace()
    return [trace.symbol(name, 7 + 4 * i, whole) for i, name in enumerate(names)]


def grid(**values: Any) -> list[dict[str, Any]]:
    """All combinations of values."""
    return [dict(zip(values, point, strict=True)) for point in itertools.product(*values.values())]


def tape_ops(x: Traced) -> set[str]:
    """The operations that are left of an expression on a tape."""
    graph = x.trace.graph
    return {graph.nodes[n].op for n in graph.needed([Lowering(graph).whole(x.form)])} - {"symbol"}


# -- lowering ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("divisor", [1, 2, 3, 7, 8, 10, 16])
def test_make_divisible_is_two_roundings_and_a_maximum(divisor: int) -> None:
    """d*max(floor(v/d + 1/2), ceil(9v/(10d)), 1), at all sixtieths around the ten multiples next to 0."""
    (x,) = symbols("x", whole=False)
    several = [{"x": F(n, 60)} for n in range(-60 * divisor, 60 * 10 * divisor, max(1, divisor // 2))]
    found = number.make_divisible(x, divisor)
    assert tape_ops(found) <= {"floor", "ceil", "max"}
    wanted = [number.make_divisible(point["x"], divisor) for point in several]
    assert on_tape(x.trace.graph, [found.form], several) == [wanted]


def test_make_divisible_of_ratios_and_by_what_varies() -> None:
    a, b, d = symbols("abd")
    several = grid(a=range(-20, 200, 3), b=(1, 2, 3, 7, 11, -3), d=range(1, 18, 2))
    for value in (number.divide(a * 5, b), number.divide(a, b) + F(1, 3), number.divide(a, b * b) * d):
        found = number.make_divisible(value, d)
        wanted = [number.make_divisible(direct(a.trace.graph, value.form, p), p["d"]) for p in several]
        assert on_tape(a.trace.graph, [found.form], several) == [wanted]


def test_windows_are_gone_through_tap_by_tap() -> None:
    """The taps of any window that lie inside, against one by one; where their number varies, nobody claims to know it."""
    source = random.Random(0)
    for taps in (1, 2, 3, 5):
        size, outputs, step, gap, before = symbols("nosgb")
        found = number.taps_inside(size, outputs, taps, step, gap, before)
        several = [
            {"n": source.randint(1, 12), "o": source.randint(1, 9), "s": source.randint(1, 4),
             "g": source.randint(1, 3), "b": source.randint(0, 5)}
            for _ in range(200)
        ]  # fmt: skip
        wanted = [
            sum(0 <= o * p["s"] + u * p["g"] - p["b"] < p["n"] for o in range(p["o"]) for u in range(taps))
            for p in several
        ]
        assert on_tape(size.trace.graph, [found.form], several) == [wanted]
        assert [direct(size.trace.graph, found.form, p) for p in several] == wanted
    (k,) = symbols("k")
    with pytest.raises(NotImplementedError, match="the number of taps"):
        Lowering(k.trace.graph).whole(number.taps_inside(9, 4, k, 2, 1, 1).form)


def test_windows_can_be_held_to_their_size() -> None:
    trace = Trace(windows=True)
    k = trace.symbol("k", 3, True)
    found = number.taps_inside(9, 4, k, 2, 1, 1)
    assert [c.outcome for c in trace.conditions] == [True] and not holds(trace, {"k": 5})
    assert on_tape(trace.graph, [found.form], [{"k": 3}]) == [[number.taps_inside(9, 4, 3, 2, 1, 1)]]


def test_division_by_what_varies() -> None:
    a, b = symbols("ab")
    several = grid(a=range(-30, 31), b=[n for n in range(-9, 10) if n])
    quotient = number.divide(3 * a + 1, b * 2)
    for x, meant in (
        (quotient, lambda q, a, b: q),
        (quotient + number.divide(b, 3), lambda q, a, b: q + F(b, 3)),
        (number.maximum(quotient, number.divide(b, 7), a), lambda q, a, b: max(q, F(b, 7), a)),
        (number.minimum(quotient, number.divide(a, b * b)), lambda q, a, b: min(q, F(a, b * b))),
        (number.divide(quotient + 2, quotient * 5 - F(1, 7)), lambda q, a, b: (q + 2) / (5 * q - F(1, 7))),
        (quotient % b, lambda q, a, b: q % b),
        (a % number.divide(b, 3), lambda q, a, b: a % F(b, 3)),
        (number.gcd(a // b, b) * quotient, lambda q, a, b: math.gcd(a // b, b) * q),
    ):
        values = [F(meant(F(3 * p["a"] + 1, 2 * p["b"]), p["a"], p["b"])) for p in several]
        rounded = [number.floor(x), number.ceil(x), number.round_half_up(x)]
        wanted = [list(map(math.floor, values)), list(map(math.ceil, values))]
        wanted.append([math.floor(v + F(1, 2)) for v in values])
        assert on_tape(a.trace.graph, [form(r) for r in rounded], several) == wanted
        tape, columns = tape_of(a.trace.graph, [Lowering(a.trace.graph).sign(x.form)], several, signs=True)
        assert list(np.sign(tape.run(columns, len(several))[0])) == [(v > 0) - (v < 0) for v in values]


@EXACT
@given(st.lists(st.tuples(st.integers(-9, 9), st.text("abcd", min_size=1, max_size=3)), max_size=12), points(4))
def test_factoring_changes_no_value(terms: list[tuple[int, str]], several: list[Any]) -> None:
    point = {"a": 2, "b": -3, "c": 5, "d": 7}
    names = dict(zip("abcd", symbols("abcd"), strict=True))
    graph = names["a"].trace.graph
    several = [point, *({"a": p["a"], "b": p["b"], "c": p["a"] - 7, "d": 3} for p in several)]
    x = number.total([0 * names["a"], *(c * number.product(names[n] for n in letters) for c, letters in terms)]).form
    (y,) = factored(graph, [x])
    for p in several:
        assert direct(graph, x, p) == direct(graph, y, p)
    assert products(graph, y) <= products(graph, x)


def products(graph: Graph, x: Affine) -> int:
    return sum(graph.nodes[n].op == "mul" for n in graph.needed([x]))


def test_factoring_takes_out_what_is_common() -> None:
    s, a, b, c = symbols("sabc")
    graph = s.trace.graph
    (y,) = factored(graph, [(s * a + 2 * (s * b) - s * c + a * b + 1).form])
    assert products(graph, y) == 2
    kept = factored(graph, [(s * a + s * b).form, (s * a).form])
    assert kept[0] == (s * a + s * b).form, "what another output needs is no work"


def test_a_thousand_different_products_are_no_deep_recursion() -> None:
    trace = Trace()
    wide = [trace.symbol(f"s{i}", i + 1, True) for i in range(3000)]
    x = number.total(wide[i] * wide[i + 1] + wide[i] * wide[i + 2] for i in range(2998)).form
    (y,) = factored(trace.graph, [x])
    point = {f"s{i}": i + 1 for i in range(3000)}
    assert direct(trace.graph, y, point) == sum((i + 1) * (2 * i + 5) for i in range(2998))


# -- bounds -----------------------------------------------------------------------------------------------------------


@EXACT
@given(programs(8, large=True), points(6, large=True))
def test_programs_beyond_64_bits_are_exact(program: Any, several: list[Any]) -> None:
    trace, result = traced(program, several[0])
    several = [point for point in several if holds(trace, point)]
    if isinstance(result, type):
        return
    graph, values = trace.graph, [plainly(program, point) for point in several]
    rounded = [graph.floor(form(result)), graph.ceil(form(result).scaled(7))]
    wanted = [[math.floor(v) for v in values], [math.ceil(7 * v) for v in values]]
    assert on_tape(graph, rounded, several) == wanted


def edge_cases() -> list[tuple[str, Traced, list[int]]]:
    """What fits into 64 bits only almost, or only apart from what it is computed with."""
    a, b = symbols("ab")
    big, huge, several = 2**61, 2**70, [{"a": x, "b": y} for x, y in ((0, 1), (3, 1), (7, 5), (2**31, 2**31 + 1))]
    half = number.divide(a, huge)
    cases: list[tuple[str, Any, Any]] = [
        ("a constant", a * 0 + huge, lambda a, b: huge),
        ("one added", a + (2**63 - 1), lambda a, b: a + 2**63 - 1),
        ("taken away again", number.maximum(a + huge, b) - huge, lambda a, b: a),
        ("the smaller of", number.minimum(a, b + huge), lambda a, b: a),
        ("the larger of", number.maximum(a - huge, b), lambda a, b: b),
        ("a long denominator", number.floor(half), lambda a, b: a // huge),
        ("rounded up", number.ceil(half), lambda a, b: -(-a // huge)),
        ("two denominators", number.floor(number.divide(a + F(1, 10**10 + 19), b + F(1, 10**10 + 33))),
         lambda a, b: math.floor((a + F(1, 10**10 + 19)) / (b + F(1, 10**10 + 33)))),
        ("an even larger one", number.divide(a * huge, b) % 7 * b, lambda a, b: (F(a * huge, b) % 7) * b),
        ("nothing times much", (a * 0 + number.minimum(a, 0)) * huge, lambda a, b: 0),
        ("a product", a * b, lambda a, b: a * b),
        ("a cube", a * a * b, lambda a, b: a * a * b),
        ("a difference", a * big - b * big, lambda a, b: (a - b) * big),
        ("gcd", number.gcd(a * 2**40, b * 2**40), lambda a, b: math.gcd(a, b) * 2**40),
    ]  # fmt: skip
    return [(name, x, [int(meant(**p)) for p in several]) for name, x, meant in cases]  # type: ignore[misc]


@pytest.mark.parametrize(("x", "wanted"), [c[1:] for c in edge_cases()], ids=[c[0] for c in edge_cases()])
def test_what_does_not_fit_into_64_bits_is_exact(x: Traced, wanted: list[int]) -> None:
    several = [{"a": x, "b": y} for x, y in ((0, 1), (3, 1), (7, 5), (2**31, 2**31 + 1))]
    assert on_tape(x.trace.graph, [x.form], several) == [wanted]


def test_terms_that_fit_each_and_not_together() -> None:
    """Sixteen products of numerators below 2^60, over one denominator: their sum leaves 64 bits, and its floor does not."""
    a, b = symbols("ab", whole=False)
    x = number.floor(number.total((a + i) * (b + i) for i in range(16)))
    several = [{"a": F(2**30 - i, 2**15), "b": F(2**30 - 3 * i, 2**15)} for i in range(1, 6)]
    wanted = [math.floor(sum((p["a"] + i) * (p["b"] + i) for i in range(16))) for p in several]
    assert on_tape(a.trace.graph, [x.form], several) == [wanted]
    y = number.floor(number.total(a * F(i, 2**44 + i) for i in range(1, 3)))
    assert on_tape(a.trace.graph, [y.form], several) == [[math.floor(p["a"] * (F(1, 2**44 + 1) + F(2, 2**44 + 2)))
                                                         for p in several]]  # fmt: skip


@pytest.mark.parametrize("edge", [2**59, 2**60 - 1, 2**60, 2**61, 2**62 - 1, 2**62, 2**63 - 1, 2**63, 2**64, 2**200])
def test_values_near_the_limit(edge: int) -> None:
    (a,) = symbols("a")
    several = [{"a": edge}, {"a": 1}, {"a": -edge}]
    found = [a, a + a, a - edge, a * a, -a, a // -3, a % 7, number.maximum(a, edge - 1), number.gcd(a, edge)]
    wanted = [
        [edge, 1, -edge],
        [2 * edge, 2, -2 * edge],
        [0, 1 - edge, -2 * edge],
        [edge**2, 1, edge**2],
        [-edge, -1, edge],
        [edge // -3, -1, -edge // -3],
        [edge % 7, 1, -edge % 7],
        [edge, max(1, edge - 1), edge - 1],
        [edge, 1, edge],
    ]
    for x, column in zip(found, wanted, strict=True):
        tape, columns = tape_of(a.trace.graph, [Lowering(a.trace.graph).whole(x.form)], several)
        (values,) = tape.run(columns, 3)
        assert [int(v) for v in values] == column
        assert values.dtype == tape.dtype == (object if tape.bound >= LIMIT else np.int64)
        assert tape.dtype == object or max(map(abs, column)) < LIMIT // 2


def test_small_numbers_stay_in_64_bits() -> None:
    """What keeps the tape fast: no bound is so loose that a usual count leaves 64 bits."""
    (alpha,) = symbols("a", whole=False)
    width = number.floor(alpha * 1024)
    several = [{"a": F(n, 1000)} for n in range(250, 2001)]
    tape, _ = tape_of(alpha.trace.graph, [Lowering(alpha.trace.graph).whole((width * width * 9).form)], several)
    assert tape.dtype == np.int64


# -- tapes ------------------------------------------------------------------------------------------------------------


def test_a_tape_serves_chunks_of_any_length() -> None:
    """What a chunk gave is not changed by the next, shorter or longer, of the same tape or of another."""
    a, b = symbols("ab")
    graph, buffers = a.trace.graph, Buffers()
    several = grid(a=range(1, 30), b=range(1, 30))
    lowering = Lowering(graph)
    forms = [[lowering.whole(x.form) for x in xs] for xs in ((a * b + a // 3, a * b), (a * a * a - b, b % 5, a * b))]
    nodes = {graph.nodes[n].parts[0]: n for n in graph.needed(forms[0]) if graph.nodes[n].op == "symbol"}
    tapes = [
        Tape(graph, xs, Ranges(graph, {"a": (1, 29), "b": (1, 29)}), {nodes["a"]: 1, nodes["b"]: 1}, buffers=buffers)
        for xs in forms
    ]
    kept = []
    for start, stop in ((0, 5), (5, 400), (0, 0), (400, 401), (401, 841), (3, 7)):
        chunk = several[start:stop]
        columns = [np.array([p[n] for p in chunk], dtype=np.int64) for n in "ab"]
        kept.append((chunk, [tape.run(columns, len(chunk)) for tape in tapes]))
    for chunk, (first, second) in kept:
        assert [v.tolist() for v in first] == [[p["a"] * p["b"] + p["a"] // 3 for p in chunk],
                                               [p["a"] * p["b"] for p in chunk]]  # fmt: skip
        assert [v.tolist() for v in second] == [[p["a"] ** 3 - p["b"] for p in chunk], [p["b"] % 5 for p in chunk],
                                                [p["a"] * p["b"] for p in chunk]]  # fmt: skip


def test_outputs_that_are_the_same_or_an_input_or_a_constant() -> None:
    a, b = symbols("ab")
    several = grid(a=range(5), b=range(3))
    outputs = [a, a * b, a * b, b, Affine(7), a * b + 1, a, Affine(0), 2 * a]
    found = on_tape(a.trace.graph, [x if isinstance(x, Affine) else x.form for x in outputs], several)
    assert found == [
        [p["a"] for p in several], *[[p["a"] * p["b"] for p in several]] * 2, [p["b"] for p in several],
        [7] * 15, [p["a"] * p["b"] + 1 for p in several], [p["a"] for p in several], [0] * 15,
        [2 * p["a"] for p in several],
    ]  # fmt: skip
    tape, columns = tape_of(a.trace.graph, [a.form, (a * b).form, (a * b).form], several)
    before = [column.tolist() for column in columns]
    first, second, third = tape.run(columns, len(several))
    first += 100
    second += 100
    assert third.tolist() == [p["a"] * p["b"] for p in several] and [c.tolist() for c in columns] == before


def test_no_points_no_inputs() -> None:
    (a,) = symbols("a")
    graph = a.trace.graph
    tape, columns = tape_of(graph, [Lowering(graph).whole((a * a // 3).form), Affine(5)], [{"a": 3}])
    assert [v.tolist() for v in tape.run([c[:0] for c in columns], 0)] == [[], []]
    assert [v.tolist() for v in Tape(graph, [Affine(5)], Ranges(graph, {}), {}).run([], 3)] == [[5, 5, 5]]
    assert Tape(graph, [], Ranges(graph, {}), {}).run([], 3) == []


def test_a_whole_number_of_halves_is_not_counted_in_halves() -> None:
    """Inputs come over a denominator; so do sums that are known to be whole only as multiples."""
    a, b = symbols("ab")
    several = grid(a=(1, 2, 8, 25), b=(1, 3))
    evens = (8 * a + 8 * b) * (a + 3) * F(1, 2)  # a product that is a multiple of 8
    for x, meant in (
        (3 * a, lambda a, b: 3 * a),
        (evens, lambda a, b: 4 * (a + b) * (a + 3)),
        (number.gcd(evens, 8 * b), lambda a, b: math.gcd(4 * (a + b) * (a + 3), 8 * b)),
    ):
        graph = a.trace.graph
        lowered = Lowering(graph).whole(x.form)
        nodes = {graph.nodes[n].parts[0]: n for n in graph.needed([lowered]) if graph.nodes[n].op == "symbol"}
        for over in (1, 2, 6):
            tape = Tape(graph, [lowered], Ranges(graph, spans_of(several)), dict.fromkeys(nodes.values(), over))
            columns = [np.array([p[name] * over for p in several]) for name in nodes]
            assert tape.run(columns, len(several))[0].tolist() == [meant(**p) for p in several]

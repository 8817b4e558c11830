"""The arithmetic under every count: plain numbers by hand, formulas against themselves, batches point by point.

One table names each function with cases worked by hand; the same cases then run as formulas and as batches. Random
programs over all functions do the rest: whatever a program gives for ints, its formula and its batch must give too.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from costcalc import number
from costcalc.number.batch import LIMIT, Batch, Split, for_each_group
from costcalc.number.symbolic import Symbolic

F = Fraction  # short, for tables

EXACT = settings(derandomize=True, deadline=None, max_examples=400, database=None)

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


def call(name: str, arguments: tuple[Any, ...]) -> Any:
    return getattr(number, name)(*arguments)


def ident(case: tuple[str, tuple[Any, ...], Any]) -> str:
    return f"{case[0]}({', '.join(map(str, case[1]))})"


@pytest.mark.parametrize("case", CASES, ids=ident)
def test_plain_numbers_by_hand(case: tuple[str, tuple[Any, ...], Any]) -> None:
    name, arguments, expected = case
    result = call(name, arguments)
    assert result == expected
    assert type(result) is type(expected)  # a whole result is an int, not a Fraction


@pytest.mark.parametrize("case", CASES, ids=ident)
def test_the_same_cases_as_formulas(case: tuple[str, tuple[Any, ...], Any]) -> None:
    """Every argument in turn is a symbol, then all of them are."""
    name, arguments, expected = case
    point = {f"x{i}": x for i, x in enumerate(arguments)}
    symbols = [Symbolic.symbol(n, x) for n, x in point.items()]
    mixtures = [
        [s if i == j else x for i, (s, x) in enumerate(zip(symbols, arguments, strict=True))]
        for j in range(len(symbols))
    ]
    for mixture in [*mixtures, symbols]:
        result = call(name, tuple(mixture))
        assert result.value == expected
        assert result.at(point) == expected


@pytest.mark.parametrize("case", CASES, ids=ident)
def test_the_same_cases_as_batches(case: tuple[str, tuple[Any, ...], Any]) -> None:
    """Every argument in turn is a batch, then all of them are; also as one point and as several."""
    name, arguments, expected = case
    for points in (1, 3):
        batches = [Batch.of([x] * points) for x in arguments]
        mixtures = [
            [b if i == j else x for i, (b, x) in enumerate(zip(batches, arguments, strict=True))]
            for j in range(len(batches))
        ]
        for mixture in [*mixtures, batches]:
            assert call(name, tuple(mixture)).values() == [expected] * points


def test_every_function_is_in_the_table() -> None:
    public = {
        n
        for n, f in vars(number).items()
        if callable(f) and getattr(f, "__module__", "") == number.__name__ and not n.startswith("_")
    }
    here = {
        "tidy",
        "product",
        "total",
        "is_whole",
        "is_number",
        "concrete",
        "Number",
        "NotWhole",
    }  # each has tests of its own below
    assert public == {name for name, _, _ in CASES} | here


def test_tidy() -> None:
    assert type(number.tidy(F(6, 2))) is int
    assert number.tidy(F(1, 2)) == F(1, 2)
    assert number.tidy("word") == "word"


def test_product_and_total() -> None:
    assert (number.product([]), number.total([])) == (1, 0)
    assert (number.product([2, 3, 7]), number.total([2, 3, 7])) == (42, 12)
    assert number.product([10**30, 10**30]) == 10**60
    a = Symbolic.symbol("a", 5)
    assert number.product([a, 3, a]).expr == 3 * a.expr**2
    assert number.total([a, 3, a]).expr == 2 * a.expr + 3
    assert number.product([Batch.of([2, 3]), 5]).values() == [10, 15]
    assert number.total(iter([Batch.of([2, 3]), 5])).values() == [7, 8]


def test_is_whole_and_is_number() -> None:
    assert number.is_whole(3) and number.is_whole(F(4, 2)) and not number.is_whole(F(1, 2))
    assert number.is_whole(Symbolic.symbol("a", 3)) and not number.is_whole(Symbolic.symbol("a", F(1, 2)))
    assert number.is_whole(Batch.of([2, 3])) and not number.is_whole(Batch.of([F(1, 2), F(7, 2)]))
    with pytest.raises(Split):
        number.is_whole(Batch.of([1, F(1, 2)]))
    for x in (3, F(1, 2), Symbolic.symbol("a", 3), Batch.of([1])):
        assert number.is_number(x)
    for x in (True, False, "3", 1.5, None, [1], np.int64(3), sympy.Integer(3)):
        assert not number.is_number(x)


def test_concrete() -> None:
    for x in (6, F(12, 2), Symbolic.symbol("a", 6), Batch.of([6, 6]), Batch.of([F(12, 2)])):
        value = number.concrete(x)
        assert value == 6 and type(value) is int
    for x in (F(1, 2), Symbolic.symbol("a", F(1, 2)), Batch.of([F(1, 2)] * 2)):
        with pytest.raises(number.NotWhole, match="1/2 is not a whole number"):
            number.concrete(x)
    with pytest.raises(Split):
        number.concrete(Batch.of([6, 7]))


def test_a_division_with_a_remainder_is_an_error_in_every_arithmetic() -> None:
    for x in (7, Symbolic.symbol("a", 7)):
        with pytest.raises(number.NotWhole, match="7 is not divisible by 2"):
            number.exact_div(x, 2)
    with pytest.raises(number.NotWhole, match="a batch of 7, 9 is not divisible by 2"):
        number.exact_div(Batch.of([7, 9]), 2)
    with pytest.raises(Split):  # one of them is fine: it goes on alone
        number.exact_div(Batch.of([7, 8]), 2)


@pytest.mark.parametrize("name", ["divide", "exact_div", "ceil_div", "make_divisible"])
@pytest.mark.parametrize(
    "lift", [lambda x: x, lambda x: Symbolic.symbol("a", x), lambda x: Batch.of([x, x])], ids=["int", "symbol", "batch"]
)
def test_division_by_zero(name: str, lift: Callable[[Any], Any]) -> None:
    with pytest.raises(ZeroDivisionError):
        call(name, (lift(3), 0))
    for operator in (lambda a, b: a // b, lambda a, b: a % b):
        with pytest.raises(ZeroDivisionError):
            operator(lift(3), 0)
        with pytest.raises(ZeroDivisionError):
            operator(3, lift(0))


def test_a_batch_with_one_zero_divisor_is_an_error_as_a_whole() -> None:
    with pytest.raises(ZeroDivisionError):
        Batch.of([4, 6]) // Batch.of([2, 0])


def test_floats_are_refused() -> None:
    for x in (Symbolic.symbol("a", 3), Batch.of([1, 2])):
        for operator in (lambda a, b: a + b, lambda a, b: a * b, lambda a, b: b - a, lambda a, b: a // b):
            with pytest.raises((TypeError, AttributeError)):
                operator(x, 0.5)
    with pytest.raises(TypeError):
        Batch([1.5])


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
    assert number.make_divisible(Batch.of([value, 5]), divisor).values() == [expected, nearest_multiple(5, divisor)]
    assert Symbolic.symbol("x", value).make_divisible(Symbolic.symbol("x", value), divisor).at({"x": value}) == expected


def test_make_divisible_at_the_edge_of_ten_percent() -> None:
    """80/9 is the number of which 8 is exactly 90 %: kept. The next larger thousandth is not."""
    assert number.make_divisible(F(80, 9), 8) == 8
    assert number.make_divisible(F(80, 9) + F(1, 1000), 8) == 16
    assert number.make_divisible(F(80, 9) + F(1, 10**40), 8) == 16
    assert number.make_divisible(10, 9) == 9
    edge = Batch.of([F(80, 9), F(80, 9) + F(1, 1000), F(80, 9) - F(1, 1000)])
    assert number.make_divisible(edge, 8).values() == [8, 16, 8]


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


# -- random programs over all functions -------------------------------------------------------------------------------

Program = Any  # a name, a number, or (function, program, ...)
OPERATORS: dict[str, Callable[..., Any]] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "//": lambda a, b: a // b, "%": lambda a,
    b: a % b,
    "neg": lambda a: -a, **{name: getattr(number, name) for name, _, _ in CASES if name not in ("exact_div", "gcd")},
    "gcd": lambda a, b: number.gcd(number.floor(a), number.floor(b)),
}  # fmt: skip
DIVISIONS = ("//", "%", "divide", "ceil_div", "make_divisible")
UNARY = ("neg", "floor", "ceil", "round_half_up")
BINARY = ("+", "-", "*", "maximum", "minimum", "gcd")


def run(program: Program, values: dict[str, Any]) -> Any:
    if isinstance(program, tuple):
        return OPERATORS[program[0]](*(run(part, values) for part in program[1:]))
    return values[program] if isinstance(program, str) else program


def programs(leaves: int) -> st.SearchStrategy[Program]:
    divisors = st.sampled_from(["a", "b", 1, 2, 3, 8])
    leaf = st.sampled_from(["a", "b", "r", 1, 2, 3, 7, F(1, 2), F(29, 100)])

    def bigger(part: st.SearchStrategy[Program]) -> st.SearchStrategy[Program]:
        return st.one_of(
            st.tuples(st.sampled_from(BINARY), part, part),
            st.tuples(st.sampled_from(DIVISIONS), part, divisors),
            st.tuples(st.sampled_from(UNARY), part),
        )

    return bigger(st.recursive(leaf, bigger, max_leaves=leaves))


positions = st.fixed_dictionaries({
    "a": st.integers(1, 300), "b": st.integers(1, 60), "r": st.integers(1, 400).map(lambda n: F(2 * n + 1, 200)),
})  # fmt: skip


@EXACT
@given(programs(3), positions, positions)
def test_a_formula_equals_its_value_here_and_the_plain_result_elsewhere(
    program: Program, here: dict[str, Any], elsewhere: dict[str, Any]
) -> None:
    result = run(program, {name: Symbolic.symbol(name, x) for name, x in here.items()})
    if not isinstance(result, Symbolic):  # no symbol in it
        return
    assert result.value == run(program, here)
    assert result.at(here) == result.value
    assert result.at(elsewhere) == run(program, elsewhere)


@EXACT
@given(programs(6), st.lists(positions, min_size=1, max_size=5))
def test_a_batch_equals_the_plain_result_at_every_point(program: Program, points: list[dict[str, Any]]) -> None:
    result = run(program, {name: Batch.of([point[name] for point in points]) for name in "abr"})
    if isinstance(result, Batch):
        assert result.values() == [run(program, point) for point in points]


large = st.fixed_dictionaries({
    "a": st.integers(1, 2**70), "b": st.integers(1, 2**40),
    "r": st.integers(1, 2**40).map(lambda n: F(2 * n + 1, 2**31)),
})  # fmt: skip


@EXACT
@given(programs(6), st.lists(large, min_size=1, max_size=4))
def test_a_batch_beyond_64_bits_never_wraps_around(program: Program, points: list[dict[str, Any]]) -> None:
    result = run(program, {name: Batch.of([point[name] for point in points]) for name in "abr"})
    if isinstance(result, Batch):
        assert result.values() == [run(program, point) for point in points]


# -- formulas ---------------------------------------------------------------------------------------------------------


def test_formulas_that_a_reader_expects() -> None:
    a, b = Symbolic.symbol("a", 7), Symbolic.symbol("b", 3)
    x, y = a.expr, b.expr
    assert (2 * a * b - a + 1).expr == 2 * x * y - x + 1
    assert (1 - a).expr == 1 - x and (-a).expr == -x
    assert (a // b).expr == sympy.floor(x / y) and (20 // b).expr == sympy.floor(20 / y)
    assert (a % b).expr == sympy.Mod(x, y) and (20 % b).expr == sympy.Mod(20, y)
    assert number.ceil_div(a, 2).expr == sympy.ceiling(x / 2)
    assert number.divide(a, b).expr == x / y
    assert number.maximum(a, b, 2).expr == sympy.Max(x, y, 2)
    assert str(number.make_divisible(a * b, 8).expr) == "make_divisible(a*b, 8)"
    assert str(number.gcd(a, 4).expr) == "integer_gcd(a, 4)"


def test_symbols_know_their_sign() -> None:
    """A symbol that may be 0 must not be taken for positive: Max(p, 1) would become p."""
    for value in (-3, 0, 5, F(-1, 2)):
        p = Symbolic.symbol("p", value)
        largest = number.maximum(p, 1, F(1, 3))
        assert largest.value == max(value, 1) == largest.at({"p": value})


def test_a_maximum_of_numbers_alone_is_a_number() -> None:
    """Where symbols cancel, the formula has none; it is evaluated all the same."""
    a = Symbolic.symbol("a", 7)
    assert number.maximum(a - a, 1, F(1, 2)).expr == 1
    assert number.minimum(number.maximum(a - a, 1), a).at({"a": F(1, 3)}) == F(1, 3)


def test_comparisons_and_hash_use_the_value() -> None:
    a = Symbolic.symbol("a", 7)
    assert a == 7 and a != 8 and a < 8 and a <= 7 and a > F(13, 2) and a >= 7 and not a > 7
    assert hash(a) == hash(7) and str(a) == "7" and repr(a) == "Symbolic(7, a)"
    assert a == Symbolic.symbol("b", 7) and a != "a" and a != None  # noqa: E711


def test_ideal_formulas_leave_rounding_out() -> None:
    """Widths and resolutions are continuous: every rounding is the identity, and the formula a polynomial."""
    w = Symbolic.symbol("w", 7, ideal=True)
    for rounded, value in ((w // 2, 3), (number.ceil_div(w, 2), 4), (number.floor(number.divide(w, 2)), 3)):
        assert rounded.value == value and rounded.ideal and rounded.expr == w.expr / 2
    assert number.make_divisible(w * 3, 8).value == 24 and number.make_divisible(w * 3, 8).expr == 3 * w.expr
    assert number.maximum(w, 5).expr == w.expr and number.maximum(w, 9).expr == 9  # the branch that is taken here
    assert (w * Symbolic.symbol("b", 2)).ideal and (1 + w).ideal


@EXACT
@given(st.integers(1, 50), st.integers(1, 50))
def test_ideal_formulas_are_exact_where_nothing_is_rounded(n: int, s: int) -> None:
    w = Symbolic.symbol("w", 8 * n * s, ideal=True)
    for rounded in (w // s, number.ceil_div(w, s), number.make_divisible(w, 8), number.maximum(w, n)):
        assert rounded.at({"w": 8 * n * s}) == rounded.value


# -- batches ----------------------------------------------------------------------------------------------------------


def test_a_decimal_is_exact_at_every_point() -> None:
    """floor(0.29*100) is 29; in floats, numpy's too, it is 28."""
    shares = Batch.of([F(29, 100), F(57, 100), F(1, 3)])
    assert number.floor(shares * 100).values() == [29, 57, 33]
    assert (shares * 100 // 1).values() == [29, 57, 33]
    assert np.floor(np.float64(0.29) * 100) == 28


def test_batches_hold_wholes_and_fractions() -> None:
    batch = Batch.of([1, F(1, 2), F(-2, 3), 10**30])
    assert batch.values() == [1, F(1, 2), F(-2, 3), 10**30]
    assert [type(x) for x in batch.values()] == [int, F, F, int]
    assert len(batch) == 4 and batch.take(np.array([3, 0])).values() == [10**30, 1]
    assert str(batch) == "a batch of 1, 1/2, -2/3, " + str(10**30)
    assert str(Batch.of([1, 2, 3, 4, 5])) == "a batch of 1, 2, 3, 4, ..."
    with pytest.raises(TypeError, match="unhashable"):
        hash(batch)


def test_narrow_integers_are_widened() -> None:
    narrow = Batch(np.array([2**31 - 1, 1], dtype=np.int32))
    assert (narrow + narrow).values() == [2**32 - 2, 2]
    assert (Batch(np.array([100, 3], dtype=np.int8)) * 100).values() == [10000, 300]
    with pytest.raises(TypeError):
        Batch(np.array([2**63], dtype=np.uint64))


@pytest.mark.parametrize("edge", [2**61, LIMIT - 1, LIMIT, 2**63 - 1, 2**63, 2**64, 2**200])
def test_values_near_the_limit(edge: int) -> None:
    batch = Batch.of([edge, 1, -edge])
    assert batch.values() == [edge, 1, -edge]
    assert (batch + batch).values() == [2 * edge, 2, -2 * edge]
    assert (batch + edge).values() == [2 * edge, edge + 1, 0]
    assert (batch * batch).values() == [edge**2, 1, edge**2]
    assert (batch - 1).values() == [edge - 1, 0, -edge - 1]
    assert (-batch).values() == [-edge, -1, edge]
    assert (batch // -3).values() == [edge // -3, -1, -edge // -3]
    assert (batch % 7).values() == [edge % 7, 1, -edge % 7]
    assert (batch + F(1, 3)).values() == [edge + F(1, 3), F(4, 3), -edge + F(1, 3)]
    assert number.maximum(batch, edge - 1).values() == [edge, max(1, edge - 1), edge - 1]
    assert number.gcd(batch, edge).values() == [edge, 1, edge]
    assert number.divide(edge, batch).values() == [1, edge, -1]


def test_a_long_product_stays_exact() -> None:
    batch = number.product([Batch.of([3, 10**6])] * 12)
    assert batch.values() == [3**12, 10**72]
    assert (batch // batch * 5).values() == [5, 5]


def test_zeros_meet_long_denominators() -> None:
    assert (Batch.of([0, 0]) + F(1, 2**70)).values() == [F(1, 2**70)] * 2
    assert (Batch.of([0, 0]) * F(1, 2**70)).values() == [0, 0]


def test_gcd_of_wholes_that_came_from_halves() -> None:
    """7/2 + 7/2 is 7, however it is stored; what is not whole has no divisor."""
    half = Batch.of([F(7, 2), F(9, 2)])
    assert number.gcd(half + half, 14).values() == [7, 1]
    with pytest.raises(number.NotWhole):
        number.gcd(half, 14)


def test_comparisons_of_batches() -> None:
    batch = Batch.of([3, 5, 7])
    assert batch > 2 and batch >= 3 and batch < 8 and batch <= 7 and batch != 4 and not batch > 7
    assert (
        batch == Batch.of([3, 5, 7]) and batch < Batch.of([4, 6, 8]) and batch > Batch.of([F(5, 2), F(9, 2), F(13, 2)])
    )
    assert batch != "word" and batch != None  # noqa: E711
    with pytest.raises(Split) as split:
        bool(batch > 3)
    assert split.value.mask.tolist() == [False, True, True]
    assert Batch.of([2**70, 2**71]) > 2**69


def grouped(function: Callable[[Any], Any], values: list[Any]) -> tuple[list[Any], int]:
    """The result at every point, as int or Fraction, and the number of groups."""
    found: dict[int, Any] = {}
    groups = 0
    for indices, result in for_each_group(lambda columns: function(columns["x"]), {"x": Batch.of(values)}):
        groups += 1
        at_points = result.values() if isinstance(result, Batch) else [result] * len(indices)
        for index, value in zip(indices, at_points, strict=True):
            assert int(index) not in found
            found[int(index)] = value
    return [found[i] for i in range(len(values))], groups


def collatz(x: Any) -> Any:
    """Steps to 1: a loop of value-dependent branches, whose length differs from point to point."""
    steps = 0
    while x != 1:
        x = x // 2 if x % 2 == 0 else 3 * x + 1
        steps += 1
    return steps


def test_groups_agree_on_every_condition() -> None:
    values = list(range(1, 40))
    results, groups = grouped(collatz, values)
    assert results == [collatz(x) for x in values]
    assert groups >= len(set(results))


def test_one_group_where_all_agree() -> None:
    assert grouped(lambda x: x * 2 if x > 0 else x, [3, 5, F(1, 2)]) == ([6, 10, 1], 1)
    assert grouped(lambda x: x * 2 if x > 4 else -x, [3, 5, 7]) == ([-3, 10, 14], 2)
    assert grouped(lambda x: "even" if x % 2 == 0 else "odd", [4]) == (["even"], 1)


@EXACT
@given(st.lists(st.integers(-50, 50), min_size=1, max_size=12), st.lists(st.integers(-50, 50), min_size=1, max_size=4))
def test_groups_against_plain_branches(values: list[int], cuts: list[int]) -> None:
    def function(x: Any) -> Any:
        for i, cut in enumerate(cuts):
            x = x + cut if x < cut else x * 2 - i if x == cut else x - 1
        return x

    assert grouped(function, values)[0] == [function(x) for x in values]


def test_several_columns_split_together() -> None:
    columns = {"a": Batch.of([1, 2, 3, 4]), "b": Batch.of([4, 2, 1, 4])}
    found = {tuple(indices.tolist()): result for indices, result in for_each_group(lambda c: c["a"] == c["b"], columns)}
    assert {i: result for indices, result in found.items() for i in indices} == {0: False, 1: True, 2: False, 3: True}


def test_an_error_in_a_group_is_not_swallowed() -> None:
    with pytest.raises(number.NotWhole):
        list(for_each_group(lambda columns: number.exact_div(columns["x"], 2), {"x": Batch.of([2, 3])}))


def test_plain_arithmetic_needs_neither_numpy_nor_sympy() -> None:
    use = "import sys, costcalc.number as n; n.make_divisible(30); n.ceil_div(7, 2)"
    code = f"{use}; print({{'numpy', 'sympy'}} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"

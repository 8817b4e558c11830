"""Axes and grids: what a range means exactly, what is refused, and that numbered points are all combinations."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costcalc.errors import UsageError
from costcalc.explore.grid import MAX_VALUES, Axis, Grid, Points, axis_of, read_axis


def values(text: str) -> list[Any]:
    axis = read_axis("alpha", text)
    assert axis.name == "alpha"
    return list(axis.values)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.25:1:0.25", [Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), 1]),
        ("1:0.25:-0.25", [1, Fraction(3, 4), Fraction(1, 2), Fraction(1, 4)]),
        ("128:224:32", [128, 160, 192, 224]),
        ("128:223:32", [128, 160, 192]),
        ("-3:3:3", [-3, 0, 3]),
        ("1/3:4/3:1/2", [Fraction(1, 3), Fraction(5, 6), Fraction(4, 3)]),
        ("0.1:0.3:0.1", [Fraction(1, 10), Fraction(1, 5), Fraction(3, 10)]),  # in floats 0.1 + 2 * 0.1 is beyond 0.3
        ("5:5:1", [5]),
        ("0:1:1e-1", [0, *(Fraction(i, 10) for i in range(1, 10)), 1]),
        ("128,160, 192", [128, 160, 192]),
        ("1,0.5:0.75:0.25", [1, Fraction(1, 2), Fraction(3, 4)]),
        ("6/7", [Fraction(6, 7)]),
        ("tf,torch", ["tf", "torch"]),
        ("true,false", [True, False]),
        ("24*2,7", [48, 7]),
        ("max(1,min(2,3)),make_divisible(33,8)", [2, 32]),
        ("1,true", [1, True]),
    ],
)
def test_axes(text: str, expected: list[Any]) -> None:
    found = values(text)
    assert found == expected
    assert [isinstance(value, Fraction) for value in found] == [isinstance(value, Fraction) for value in expected]
    assert [value is True or value is False for value in found] == [isinstance(value, bool) for value in expected]


@pytest.mark.parametrize(
    ("text", "message", "help_"),
    [
        ("0:1:0", "the range `0:1:0` of `alpha` has a step of 0", "a range is FROM:TO:STEP"),
        ("1:0:0.25", "the range `1:0:0.25` of `alpha` is empty", "it begins above its end"),
        ("0:1:-1", "the range `0:1:-1` of `alpha` is empty", "a step below 0"),
        ("0:1", "the range `0:1` of `alpha` has no step", "a range is FROM:TO:STEP"),
        ("0:1:1:1", "`0:1:1:1` is no range of `alpha`", "a range is FROM:TO:STEP"),
        ("a:b:c", "`a:b:c` is no range of `alpha`", "a range is FROM:TO:STEP"),
        ("0:true:1", "`0:true:1` is no range of `alpha`", "a range is FROM:TO:STEP"),
        ("1,,2", "a value of `alpha` is missing in `1,,2`", "as in `0.5`"),
        ("1,", "a value of `alpha` is missing in `1,`", "as in `0.5`"),
        ("::", "a value of `alpha` is missing in `::`", "as in `0.5`"),
        ("", "`alpha` has no value", "as in `0.5`"),
        ("1,1.0", "`alpha` has 1 twice", "keep one"),
        ("0.5:1:0.25,3/4", "`alpha` has 0.75 twice", "keep one"),
        ("tf,tf", "`alpha` has tf twice", "keep one"),
        ("1/0", "`alpha` cannot be `1/0`: division by zero", "write numbers"),
        ("(1", "`alpha` cannot be `(1`", "write numbers"),
        ("0:1:1e-9", "`alpha` takes 1,000,000,001 values", "at most 1,000,000"),
        ("1:1000000:1,0", "`alpha` takes 1,000,001 values", "at most 1,000,000"),
    ],
)
def test_refused(text: str, message: str, help_: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_axis("alpha", text)
    (problem,) = caught.value.problems
    assert problem.message.startswith(message)
    assert (problem.help or "").startswith(help_) or help_ in (problem.help or "")


def test_values_from_python() -> None:
    assert axis_of("n", iter([3, Fraction(1, 2)])) == Axis("n", (3, Fraction(1, 2)))
    for wrong, message in (([], "has no value"), ([2, 2], "has 2 twice"), (range(MAX_VALUES + 1), "1,000,001 values")):
        with pytest.raises(UsageError, match=message):
            axis_of("n", wrong)


RATIONAL = st.fractions(min_value=-20, max_value=20, max_denominator=12)


@given(RATIONAL, st.integers(0, 30), RATIONAL.filter(bool), st.fractions(0, 1, max_denominator=12).filter(lambda rest: rest < 1))
def test_a_range_is_its_steps(first: Fraction, steps: int, step: Fraction, rest: Fraction) -> None:
    """From FROM in steps of STEP, and the last one is the last that does not go beyond TO, however far that is off."""
    last = first + (steps + rest) * step
    assert values(f"{first}:{last}:{step}") == [first + i * step for i in range(steps + 1)]


AXES = st.lists(st.integers(1, 5), min_size=1, max_size=5).map(
    lambda sizes: [Axis(f"a{i}", tuple(10 * i + k for k in range(size))) for i, size in enumerate(sizes)]
)


def combinations(axes: list[Axis]) -> list[dict[str, Any]]:
    names = [axis.name for axis in axes]
    return [dict(zip(names, row, strict=True)) for row in itertools.product(*(axis.values for axis in axes))]


@given(AXES, st.data())
def test_a_grid_is_the_product_of_its_axes(axes: list[Axis], data: st.DataObject) -> None:
    grid, expected = Grid(axes), combinations(axes)
    assert grid.size == len(expected)
    start = data.draw(st.integers(0, grid.size - 1))
    stop = data.draw(st.integers(start + 1, grid.size + 3))
    points = grid.points(start, stop)
    assert [points.setting(i) for i in range(len(points))] == expected[start:stop]
    numbers = data.draw(st.lists(st.integers(0, grid.size - 1), min_size=1, max_size=8))
    some = grid.at(np.array(numbers))
    assert [some.setting(i) for i in range(len(some))] == [expected[n] for n in numbers]


@given(AXES)
def test_points_of_settings_are_those_settings(axes: list[Axis]) -> None:
    settings = combinations(axes)
    points = Points.of(settings)
    assert [points.setting(i) for i in range(len(points))] == settings
    odd = points.take(np.arange(len(points)) % 2 == 1)
    assert [odd.setting(i) for i in range(len(odd))] == settings[1::2]


def test_true_is_not_one() -> None:
    points = Points.of([{"x": True}, {"x": 1}, {"x": True}])
    assert [type(points.setting(i)["x"]) for i in range(3)] == [bool, int, bool]


def test_enormous_grids_cost_nothing_until_asked() -> None:
    """Beyond 64 bits too the digits of a point's number are its values."""
    axes = [Axis(f"d{i}", tuple(range(10))) for i in range(30)]
    grid = Grid(axes)
    assert grid.size == 10**30
    number = 123456789012345678901234567890
    points = grid.points(number, number + 3)
    assert ["".join(str(v) for v in points.setting(i).values()) for i in range(3)] == [str(number + i) for i in range(3)]
    assert len(grid.points(10**30 - 2, 10**30 + 5)) == 2

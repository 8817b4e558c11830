"""Cells: on them every total is what the formula says, and beyond their ends a rounding changes."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from bundle import multipliers, often, resolution

import costcalc
from costcalc.errors import Source, UsageError
from costcalc.explore import steps
from costcalc.explore.cells import Cell, NotAffine, cell
from costcalc.spec import read_document
from costcalc.spec.document import parse_document

F = Fraction  # short, for tables
NEAR = F(1, 10**9)


def spec(text: str):
    return parse_document(Source("net.yaml", text))


def ends(found: Cell):
    return found.low, found.low_included, found.high, found.high_included


@pytest.mark.parametrize(
    ("alpha", "low", "high"),
    [
        (F(7, 10), F(179, 256), F(717, 1024)),  # 1024 * 0.7 = 716.8; floors of 716.8, 358.4, 179.2, 89.6, 44.8, 22.4
        (F(1), F(1), F(1025, 1024)),
        (F(1, 3), F(341, 1024), F(171, 512)),
    ],
)
def test_the_cells_of_mobilenet_v1_are_steps_of_its_widest_layer(alpha, low, high):
    found = cell(read_document("mobilenet_v1"), {"alpha": alpha}, "alpha")
    assert ends(found) == (low, True, high, False)


def test_make_divisible_steps_where_a_tenth_is_lost():
    """With u = 16 x / 8, the nearest integer is 2 for 1.5 <= u < 2.5, and the least one above 0.9 u for u <= 20/9."""
    document = spec("costcalc: 1\nhyperparameters: {x: 1}\ninput: [3, 4, 4]\nlayers:\n- conv: {out: make_divisible(16*x), kernel: 1}\n")  # fmt: skip
    found = cell(document, {"x": F(1)}, "x")
    assert ends(found) == (F(3, 4), True, F(10, 9), True)
    assert found.totals == {"params": 3 * 16 + 16, "madds": 3 * 16 * 16}


def test_a_whole_number_is_a_cell_of_its_own():
    document = spec("costcalc: 1\nhyperparameters: {n: 4}\ninput: [3, 4, 4]\nlayers:\n- conv: {out: n, kernel: 1, bias: false}\n")  # fmt: skip
    found = cell(document, {"n": 4}, "n")
    assert ends(found) == (4, True, 4, True)
    assert found.totals == {"params": 12, "madds": 192}, "3 * 4 weights at 16 positions"


def test_a_fault_has_a_cell_too():
    found = cell(read_document("mobilenet_v1"), {"alpha": F(1, 50)}, "alpha")
    assert found.fault and not found.totals
    assert found.high <= F(1, 32) and not found.high_included, "from there on 32 alpha is 1"


def test_a_rounded_square_has_none():
    document = spec("costcalc: 1\nhyperparameters: {x: 1.5}\ninput: [3, 4, 4]\nlayers:\n- conv: {out: floor(4*x*x), kernel: 1}\n")  # fmt: skip
    with pytest.raises(NotAffine):
        cell(document, {"x": F(3, 2)}, "x")


def test_without_a_value_there_is_no_cell():
    with pytest.raises(UsageError):
        cell(read_document("mobilenet_v1"), {}, "alpha")


@pytest.mark.parametrize("name", often(multipliers()))
def test_totals_are_constant_on_cells_and_cells_lie_within_what_search_finds(name):
    document, source = read_document(name), random.Random(1)
    free = multipliers()[name]
    for _ in range(3):
        value = F(source.randint(30, 200), source.choice([100, 7, 64]))
        setting = {free: value, "resolution": resolution(name, 64)}
        found = cell(document, setting, free)
        here = costcalc.load(name, **setting).report().totals
        assert (here.params, here.madds) == tuple(found.totals.values())
        inside = [found.low if found.low_included else found.low + (value - found.low) * NEAR]
        inside.append(found.high if found.high_included else found.high - (found.high - value) * NEAR)
        for x in inside:
            there = costcalc.load(name, **{**setting, free: x}).report().totals
            assert (there.params, there.madds) == (here.params, here.madds)
        wide = steps.cell(document, setting, free)
        assert wide.low <= found.low and (wide.high is None or found.high <= wide.high)


@pytest.mark.parametrize("name", often(multipliers()))
def test_cells_leave_nothing_out(name):
    """From cell to cell across an interval: each begins where the one before ends, and the point belongs to one."""
    document = read_document(name)
    free = multipliers()[name]
    at, last = F(1, 2), None
    for _ in range(12):
        found = cell(document, {free: at, "resolution": resolution(name, 32)}, free)
        if last is not None:
            assert found.low == last.high and found.low_included != last.high_included
        last = found
        at = found.high if not found.high_included else found.high + NEAR

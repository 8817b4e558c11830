"""Where formulas hold: what conditions become of comparisons, of roundings that are left out, of extremes, of structure."""

from __future__ import annotations

from fractions import Fraction

import pytest
from closed_forms import claims_at, described, small, terms

from costcalc.explore.formula import Formulas
from costcalc.explore.tracing import Way
from costcalc.render.expression import TEXT, Writer
from costcalc.render.where import where_texts

F = Fraction


@pytest.mark.parametrize(
    "rounding", ["floor(8*alpha)", "ceil(8*alpha)", "round(8*alpha)", "make_divisible(8*alpha, 4)"]
)
def test_rounding_is_left_out_of_ideal_formulas(rounding: str) -> None:
    found = Formulas(small(f"conv: {{out: '{rounding}', kernel: 1}}"), {}, ["alpha"])
    assert terms(found.total.ideal["params"]) == {("alpha",): 5 * 8}
    step = F(1, 2) if "make" in rounding else F(1, 8)
    assert found.readings.ideal_where.steps == (("alpha", step),)
    assert (found.claims({"alpha": 3 * step}), found.claims({"alpha": F(7, 5)})) == (True, False)


def test_roundings_that_cancel_still_matter() -> None:
    """ceil(8 alpha) - floor(8 alpha) is 0 where nothing is rounded, and 1 elsewhere."""
    found = Formulas(small("conv: {out: '8 + ceil(8*alpha) - floor(8*alpha)', kernel: 1}"), {}, ["alpha"])
    assert terms(found.total.ideal["params"]) == {(): 40}
    assert (claims_at(found, {"alpha": F(5, 4)}), claims_at(found, {"alpha": F(6, 5)})) == ((True, True), (True, False))


def test_conditions_on_what_no_total_depends_on_still_matter() -> None:
    """At alpha = 3/8 the second layer is gone, as floor(2 alpha) is then 0; without the floor it would be there.

    So it is at 7/8 where 8.75 becomes 8, which is not above 8.
    """
    layers = "conv: {out: floor(8*alpha), kernel: 1}, conv: {out: 8, kernel: 1, only_if: floor(2*alpha) > 0.5}"
    found = Formulas(small(layers), {}, ["alpha"])
    assert claims_at(found, {"alpha": F(5, 8)}) == (True, True)
    assert claims_at(found, {"alpha": F(3, 8)}) == (False, False)
    found = Formulas(small(layers.replace("floor(2*alpha) > 0.5", "'make_divisible(10*alpha, 4) > 8'")), {}, ["alpha"])
    assert claims_at(found, {"alpha": F(9, 8)}) == (True, True)
    assert claims_at(found, {"alpha": F(7, 8)}) == (False, False)


@pytest.mark.parametrize("relation", ["<", "<=", ">", ">=", "==", "!="])
@pytest.mark.parametrize(
    "compared", ["floor(2*alpha)", "ceil(2*alpha)", "floor(4 - 2*alpha)", "ceil(4 - 2*alpha)", "3*alpha"]
)
def test_bounds_say_what_conditions_say(relation: str, compared: str) -> None:
    for limit in ("2", "1.5"):
        found = Formulas(
            small(f"conv: {{out: 8, kernel: 1}}, relu: {{only_if: '{compared} {relation} {limit}'}}"), {}, ["alpha"]
        )
        for eighths in range(1, 25):
            point = {"alpha": F(eighths, 8)}
            assert described(found.readings.exact_where, point) == found.holds(point), (limit, point)


@pytest.mark.parametrize(
    ("extreme", "sides"),
    [("min(8*alpha, 16)", (True, False)), ("max(8*alpha, 4)", (True, True)), ("max(16, 8*alpha)", (True, False))],
)
def test_an_extreme_is_the_one_that_is_taken(extreme: str, sides: tuple[bool, bool]) -> None:
    found = Formulas(small(f"conv: {{out: '{extreme}', kernel: 1}}"), {}, ["alpha"])
    assert (claims_at(found, {"alpha": F(7, 4)}), claims_at(found, {"alpha": 3})) == (
        (True, sides[0]),
        (True, sides[1]),
    )
    assert terms(found.total.ideal["params"]) == ({(): 80} if extreme.startswith("max(16") else {("alpha",): 40})


def test_a_symbol_may_be_none_of_its_choices() -> None:
    document = small("conv: {out: floor(8*alpha), kernel: 1}", "alpha: {default: 1, choices: [0.5, 1, 1.25]}")
    found = Formulas(document, {}, ["alpha"])
    assert found.readings.exact_where.bounds == (("alpha", ">=", F(1, 8)),)
    assert sorted({c.setting["alpha"] for c in found.checked}) == [F(1, 2), 1, F(5, 4)], (
        "those are the networks there are"
    )


def test_windows_and_bins_of_sizes_that_are_not_rounded() -> None:
    """At alpha = 1/2 the window is 1 wide, and 1.5 wide where nothing is rounded; the bins are of 5.67 rows."""
    layers = "conv: {out: 8, kernel: floor(3*alpha)}, max_pool: {kernel: 3}, adaptive_avg_pool: {out: 5}"
    for convention in ("valid", "flops"):
        found = Formulas(small(layers), {"alpha": F(1, 2)}, ["alpha"], ["count"], Way(convention))
        assert found.total.ideal["count"].at({"alpha": F(1, 2)}) != found.total.counted["count"]
        assert claims_at(found, {"alpha": F(2, 3)})[0]


def test_kinds_of_rows_keep_their_layers() -> None:
    """What is 3x3 at n = 2 stays one row where n is something else."""
    layers = "conv: {out: 8, kernel: 3}, conv: {out: 8, kernel: n + 1}, conv: {out: 8, kernel: 1}"
    found = Formulas(small(layers, "n: 2"), {}, ["n"], by="kind")
    rows = {row.path: terms(row.ideal["params"]) for row in found.rows}
    assert rows == {
        "conv 3x3": {("n", "n"): 64, ("n",): 128, (): 9 * 4 * 8 + 8 + 64 + 8}, "conv 1x1": {(): 8 * 8 + 8},
    }  # fmt: skip
    assert sum(c.exact for c in found.checked) == 4, "n is 1, 2, 3 and 4"


@pytest.mark.parametrize(
    ("sign", "said"),
    [
        ("above: 0", ["alpha < 3"]),
        ("at_most: -1", ["alpha shift > 3 shift"]),
        ("at_most: 8", ["alpha shift > 3 shift"]),
    ],
)
def test_a_factor_is_cancelled_where_it_is_above_zero(sign: str, said: list[str]) -> None:
    default = -2 if "-" in sign else 2
    document = small(
        "conv: {out: 8, kernel: 1}, relu: {only_if: alpha*shift > 3*shift}",
        f"alpha: 1, shift: {{default: {default}, {sign}}}",
    )
    found = Formulas(document, {"alpha": 4 if default > 0 else 2}, ["alpha", "shift"])
    texts = where_texts(found.readings.exact_where, Writer(TEXT))
    assert [text for text in texts if "alpha" in text] == (
        [text.replace("<", ">") for text in said] if default > 0 else said
    )
    for shift in (-3, -1, 2):
        for alpha in (1, 4):
            point = {"alpha": alpha, "shift": shift}
            assert described(found.readings.exact_where, point) == found.holds(point)

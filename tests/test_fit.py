"""`costcalc fit`: what it finds fits, what it says does not fit does not, and nothing larger was overlooked.

Compared with hand arithmetic, and with scans that count each setting through `load(...).report()`, one by one.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import random
from fractions import Fraction
from typing import Any

import jsonschema
import numpy as np
import pytest
from bundle import multipliers, often
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import costcalc
from costcalc.budgets import budgets_of, read_budget, read_budgets, reduced
from costcalc.errors import CostcalcError, Source, UsageError
from costcalc.explore import cells, steps
from costcalc.explore.fit import fit, maximal
from costcalc.explore.steps import simplest
from costcalc.explore.threshold import rounded_down
from costcalc.spec import build_network, parse_document, read_document

F = Fraction  # short, for tables
MULTIPLIER = multipliers()
TINY = F(1, 10**12)


def spec(layers: str, hyperparameters: str = "alpha: 1", size: int = 8):
    head = f"costcalc: 1\nname: T\nhyperparameters: {{{hyperparameters}}}\ninput: [3, {size}, {size}]\nlayers:\n"
    return parse_document(Source("t.yaml", head + layers))


def fitted(document, vary: str, *limits: str, **given: Any):
    return fit(document, read_budgets(limits), [vary], given)


def threshold(document, name: str, *limits: str, **given: Any):
    """The threshold of the only hyper-parameter that varies."""
    (solution,) = fitted(document, name, *limits, **given).solutions
    assert solution.varied == {name: solution.threshold.value}
    return solution.threshold


def totals(document, given: dict[str, Any]) -> dict[str, int] | None:
    """Counted by itself, in plain integers; None where it cannot be built."""
    try:
        return costcalc.Model(document, given).report().totals._asdict()
    except CostcalcError:
        return None


def within(found: dict[str, int] | None, limits: dict[str, int]) -> bool:
    return found is not None and all(found[metric] <= limit for metric, limit in limits.items())


# -- hand arithmetic


def test_a_floor_steps_at_its_multiples():
    """A 1x1 convolution of 3 channels at 64 positions: 192 MAdds a filter, so 20 filters are 3840 and 21 are 4032."""
    t = threshold(spec("- conv: {out: floor(32*alpha), kernel: 1}"), "alpha", "madds=4000")
    assert (t.bound, t.included, t.start, t.start_included) == (F(21, 32), False, F(20, 32), True)
    assert t.value == F("0.6562")
    assert (t.next.value, t.next.after, t.next.totals, t.next.over) == (
        F(21, 32),
        False,
        {"madds": 4032},
        {"madds": 32},
    )
    assert t.exact and t.rising and t.moves and not t.gaps and not t.whole


def test_make_divisible_still_fits_at_its_bound():
    """16 stay 16 up to 9 * 16 alpha = 160, and are 24 from just above: 16 would be less than 90 % of it."""
    t = threshold(spec("- conv: {out: make_divisible(16*alpha), kernel: 1}"), "alpha", "madds=4k")
    assert (t.bound, t.included, t.value) == (F(10, 9), True, F("1.1111"))
    assert (t.next.value, t.next.after, t.next.totals) == (F(10, 9), True, {"madds": 24 * 192})


def test_the_threshold_of_mobilenet_v1():
    """Below 738/1024 the widths are those of 737/1024; hand arithmetic over Table 1 (see exact.csv for the model)."""

    def madds(alpha: F) -> int:
        rows = [(64, 1, 1), (128, 2, 1), (128, 1, 1), (256, 2, 1), (256, 1, 1), (512, 2, 1), (512, 1, 5), (1024, 2, 1)]
        width, side = 32 * alpha // 1, 112
        count = 27 * width * side**2
        for out, stride, times in [*rows, (1024, 1, 1)]:
            for _ in range(times):
                side //= stride
                count += (9 * width + width * (out * alpha // 1)) * side**2
                width = out * alpha // 1
        return count + width * 1000

    t = threshold(read_document("mobilenet_v1"), "alpha", "madds=300M")
    assert madds(F(737, 1024)) <= 300_000_000 < madds(F(738, 1024))
    assert (t.bound, t.included, t.start) == (F(738, 1024), False, F(737, 1024))
    assert t.next.over == {"madds": madds(F(738, 1024)) - 300_000_000}
    assert madds(t.value) == madds(F(737, 1024))


def test_the_smaller_of_two_budgets_decides():
    document = spec("- conv: {out: floor(32*alpha), kernel: 1}")  # 192 MAdds and 4 parameters a filter
    assert threshold(document, "alpha", "madds=4k", "params=40").bound == F(11, 32)
    assert threshold(document, "alpha", "madds=1k", "params=400").bound == F(6, 32)


def test_the_closed_form_beside_it():
    """192 * 32 alpha = 4000."""
    found = fitted(spec("- conv: {out: floor(32*alpha), kernel: 1}"), "alpha", "madds=4000")
    assert found.closed_form.name == "alpha" and F(found.closed_form.text) == F(4000, 192 * 32)
    assert fitted(read_document("mobilenet_v1"), "alpha,resolution=224", "madds=300M").closed_form is None


def test_a_closed_form_of_each_budget(cli):
    """192 MAdds and 4 parameters a filter (3 weights and a shift): 192 * 32 alpha = 4000, 4 * 32 alpha = 40."""
    document = spec("- conv: {out: floor(32*alpha), kernel: 1}")
    found = fitted(document, "alpha", "madds=4000", "params=40")
    forms = {form.metric: F(form.text) for form in found.closed_forms}
    assert forms == {"madds": F(4000, 192 * 32), "params": F(40, 4 * 32)}
    assert found.closed_form.metric == "params", "the tightest"
    out = cli("fit", "mobilenet_v3_large", "--max-madds", "150M", "--max-params", "4M", "--vary", "alpha").out
    assert "\nunrounded (params)  alpha = " in out


def test_what_was_tried_is_told(cli):
    """224 is 32 * 7: a step of 32, to twice the default."""
    run = cli("fit", "mobilenet_v1", "--max-madds", "150M", "--vary", "alpha,resolution")
    assert "alpha solved for in each; resolution 32 to 448 by 32\n" in run.out
    run = cli("fit", "mobilenet_v1", "--max-madds", "150M", "--vary", "alpha,resolution=128,224,192")
    assert "; resolution 128, 192, 224\n" in run.out


# -- every bundled network, against a scan


@pytest.mark.parametrize("name", often(MULTIPLIER))
@pytest.mark.parametrize("metric", ["madds", "params"])
def test_what_fits_and_what_does_not(name, metric):
    """One less than the total of some value: that does not fit, and the bound is where its step begins."""
    document, free, source = read_document(name), MULTIPLIER[name], random.Random(f"{name} {metric}")
    value = F(source.randint(30, 180), 100)
    budget = totals(document, {free: value})[metric] - 1
    t = threshold(document, free, f"{metric}={budget}")
    step = steps.cell(document, {free: value}, free)  # found by search alone
    if totals(document, {free: step.low - TINY})[metric] <= budget:  # the step below has less of this total
        assert (t.bound, t.included) == (step.low, not step.low_included)
    check(document, free, metric, budget, t, source)
    assert t.next.totals == {metric: budget + 1}


@pytest.mark.parametrize("name", ["mobilenet_v2", "shufflenet_v1"])
def test_what_is_exactly_the_limit_fits(name):
    document, free, source = read_document(name), MULTIPLIER[name], random.Random(name)
    value = F(source.randint(30, 180), 100)
    budget = totals(document, {free: value})["madds"]
    t = threshold(document, free, f"madds={budget}")
    assert t.bound > value or (t.bound, t.included) == (value, True)
    check(document, free, "madds", budget, t, source)


def check(document, free, metric, budget, t, source):
    """Below the bound values fit, above it they do not; just beside it and at random."""

    def count(x: F) -> int:
        return (totals(document, {free: x}) or {metric: 0})[metric]

    inside, beyond = (t.bound, t.bound + TINY) if t.included else (t.bound - TINY, t.bound)
    assert count(inside) == count(t.value) <= budget
    assert count(beyond) == t.next.totals[metric] == budget + t.next.over[metric] > budget
    for _ in range(6):
        x = t.bound * F(source.randint(1, 3000), 1000)
        assert (count(x) <= budget) == (x < t.bound or (x == t.bound and t.included))


@pytest.mark.parametrize(
    "limits", [{"peak_activation_bytes": 2**22}, {"memory_access_bytes": 60_000_000, "params": 3_000_000}]
)
def test_other_totals(limits):
    document = read_document("mobilenet_v2")
    t = threshold(document, "alpha", *(f"{metric}={n} B" if "bytes" in metric else f"{metric}={n}" for metric, n in limits.items()))  # fmt: skip
    for k in range(1, 40):
        x = t.bound * F(k, 20)
        assert within(totals(document, {"alpha": x}), limits) == (x < t.bound or (x == t.bound and t.included)), x


def test_the_search_alone_finds_the_same(monkeypatch):
    document = read_document("mobilenet_v3_small")
    exact = threshold(document, "alpha", "madds=50M")

    def none(*_: Any) -> None:
        raise cells.NotAffine

    monkeypatch.setattr(cells, "cell", none)
    searched = threshold(document, "alpha", "madds=50M")
    assert (searched.bound, searched.included) == (exact.bound, exact.included)
    assert searched.next == exact.next


# -- whole numbers


def test_whole_numbers_are_scanned_one_by_one():
    document = read_document("mobilenet_v1")
    t = threshold(document, "resolution", "madds=12M", alpha=F(1, 4))
    fits = [r for r in range(1, 300) if totals(document, {"alpha": F(1, 4), "resolution": r})["madds"] <= 12_000_000]
    assert fits == list(range(1, t.value + 1)) and t.whole and t.included and t.bound == t.value
    assert t.next.value == t.value + 1
    assert t.next.over["madds"] == totals(document, {"alpha": F(1, 4), "resolution": t.value + 1})["madds"] - 12_000_000


def test_whole_only_where_no_fraction_can_be():
    """In V3 the width `last` is used as it is with one rule, and rounded with the other."""
    document = read_document("mobilenet_v3_small")
    assert threshold(document, "last", "params=2500k").whole
    assert not threshold(document, "last", "params=2500k", width_rule="torchvision").whole


def test_layers_are_a_number_too():
    """192 * 8 MAdds of the first layer and 4096 of each other one."""
    document = spec("- repeat: {n: n, layers: [{conv: {out: 8, kernel: 1}}]}", "n: 2")
    t = threshold(document, "n", "madds=40k")
    assert (t.value, t.next.totals) == (10, {"madds": 192 * 8 + 10 * 4096})


def test_from_below_zero():
    t = threshold(spec("- conv: {out: 16 + s, kernel: 1}", "s: {default: 0, at_least: -8}"), "s", "madds=2k")
    assert (t.value, t.next.totals) == (-6, {"madds": 11 * 192})


# -- where totals do not only rise, or the network cannot always be built

JUMP = spec("- conv: {out: 8 if alpha > 3 else floor(32*alpha), kernel: 1}")
HOLE = spec("- conv: {out: 200, kernel: 1, only_if: alpha == 1}\n- conv: {out: floor(16*alpha), kernel: 1}")
GROUPS = spec("- conv: {out: floor(32*alpha), kernel: 1}\n- conv: {out: 64, kernel: 1, groups: 8}")
FALLING = spec("- conv: {out: floor(256/alpha), kernel: 1}", "alpha: 4")


def test_larger_values_that_fit_again_are_found():
    t = threshold(JUMP, "alpha", "madds=4000")
    assert t.bound is None and not t.rising and t.sure == F(21, 32)
    assert totals(JUMP, {"alpha": t.value})["madds"] <= 4000


def test_a_single_value_that_does_not_fit():
    t = threshold(HOLE, "alpha", "madds=10k")
    assert (t.bound, t.rising, t.sure) == (F(53, 16), False, 1)


def test_values_that_cannot_be_built_lie_between():
    """Only multiples of 8 can be divided into 8 groups: 40 filters have 192*40 + 5*64*64 MAdds, 48 are too many."""
    t = threshold(GROUPS, "alpha", "madds=30k")
    assert (t.start, t.bound, t.gaps, t.rising) == (F(40, 32), F(41, 32), True, True)
    assert "8 groups" in t.next.fault
    assert (t.later.value, t.later.totals) == (F(48, 32), {"madds": 48 * 192 + 6 * 64 * 64})


def test_a_total_that_falls():
    t = threshold(FALLING, "alpha", "madds=4k")
    assert (t.bound, t.included, t.rising, t.sure) == (256, True, False, None)
    assert t.next.fault == "`out` is 0"


def test_a_rounded_square_has_a_threshold_too():
    """8 alpha^2 < 21 / 192 * 192: the bound is no fraction, so the value is below it and the next step above."""
    t = threshold(spec("- conv: {out: floor(8*alpha*alpha), kernel: 1}", "alpha: 1.5"), "alpha", "madds=4000")
    assert not t.exact and t.bound**2 * 8 < 21 < (t.bound + TINY) ** 2 * 8
    assert totals(JUMP, {"alpha": F(20, 32)})["madds"] == 3840 and t.value**2 * 8 >= 20
    assert t.next.totals == {"madds": 4032}


def test_a_budget_that_it_does_not_move():
    t = threshold(read_document("mobilenet_v1"), "resolution", "params=5M")
    assert t.bound is None and not t.moves and t.value > 10**5


def test_the_spec_may_end_the_line():
    document = spec("- conv: {out: floor(32*alpha), kernel: 1}", "alpha: {default: 1, at_most: 2}")
    t = threshold(document, "alpha", "madds=400k")
    assert (t.bound, t.value, t.moves) == (None, 2, True)
    assert threshold(document, "alpha", "madds=12287").bound == 2


# -- nothing fits


@pytest.mark.parametrize(("limit", "metric", "least"), [("3k", "madds", F(1, 32)), ("20M", "madds", F(1, 32))])
def test_by_how_much_the_smallest_misses(limit, metric, least):
    document = read_document("mobilenet_v1")
    found = fitted(document, "alpha", f"{metric}={limit}")
    if limit == "20M":
        assert found.solutions and found.closest is None
        return
    smallest = totals(document, {"alpha": least})[metric]
    assert totals(document, {"alpha": least - TINY}) is None
    assert not found.solutions and found.closest.varied == {"alpha": least}
    assert (found.closest.totals, found.closest.over) == ({metric: smallest}, {metric: smallest - 3000})


def test_the_closest_of_a_grid():
    document = spec("- conv: {out: w, kernel: k}", "w: 4, k: 3")
    found = fitted(document, "w=2:6:2,k=2:4:1", "madds=100", "params=20")
    best = min(itertools.product((2, 4, 6), (2, 3, 4)), key=lambda p: max(F(192 * p[0] * p[1] ** 2, 100), F(p[0] * (3 * p[1] ** 2 + 1), 20)))  # fmt: skip
    assert not found.solutions and tuple(found.closest.varied.values()) == best == (2, 2)
    assert found.closest.over == {"madds": 1536 - 100, "params": 26 - 20}


def test_nothing_fits_on_the_command_line(cli):
    run = cli("fit", "mobilenet_v1", "--max-madds", "3k", "--vary", "alpha")
    assert (run.code, run.out) == (1, "")
    assert run.err == "nothing fits; the closest that was tried is alpha 0.03125: 1,440,848 MAdds, 1,437,848 too many\n"
    run = cli("fit", "mobilenet_v1", "--max-madds", "3k", "--vary", "alpha", "--format", "json")
    document = json.loads(run.out)
    assert (run.code, document["solutions"]) == (1, []) and run.err.startswith("nothing fits")
    assert document["closest"]["over"] == {"madds": 1_437_848}
    run = cli("fit", "mobilenet_v1", "--max-madds", "3k", "--vary", "alpha", "--format", "csv")
    assert run.code == 1 and len(run.out.splitlines()) == 1


def test_a_partial_count_fits_nothing(cli, tmp_path):
    head = "costcalc: 1\nhyperparameters: {w: 4}\ninput: [3, 8, 8]\nlayers:\n"
    (tmp_path / "p.yaml").write_text(head + "- conv: {out: w, kernel: 1}\n- opaque: {op: nms, as: select}\n")
    run = cli("fit", str(tmp_path / "p.yaml"), "--max-madds", "1G", "--vary", "w", "--format", "json")
    document = json.loads(run.out)
    assert (run.code, document["solutions"], document["uncounted"]) == (1, [], ["select"])
    assert "`select` cannot be counted" in run.err
    assert cli("fit", str(tmp_path / "p.yaml"), "--max-activations", "1000", "--vary", "w").code == 0


# -- several: the frontier


def brute_force(points: list[tuple[Any, ...]], fits: list[bool]) -> set[tuple[Any, ...]]:
    """The points that fit and that no other one that fits surpasses; words must be the same."""
    good = [p for p, fine in zip(points, fits, strict=True) if fine]

    def surpassed(p: tuple[Any, ...]) -> bool:
        return any(q != p and all(b == a if isinstance(a, str | bool) else b >= a for a, b in zip(p, q, strict=True)) for q in good)  # fmt: skip

    return {p for p in good if not surpassed(p)}


def test_a_grid_against_all_its_points():
    document = read_document("mobilenet_v1")
    alphas, sides = [F(n, 20) for n in range(5, 25)], range(96, 256, 32)
    points = list(itertools.product(alphas, sides))
    limits = {"madds": 200_000_000, "params": 3_000_000}
    fits = [within(totals(document, {"alpha": a, "resolution": r}), limits) for a, r in points]
    found = fitted(document, "alpha=0.25:1.2:0.05,resolution=96:224:32", "madds=200M", "params=3M")
    assert {tuple(s.varied.values()) for s in found.solutions} == brute_force(points, fits)
    assert found.tried == len(points)
    for s in found.solutions:
        assert s.report.totals._asdict() == totals(document, dict(s.varied))


def test_words_and_truth_values_are_compared_among_equals():
    document = read_document("mobilenet_v3_small")
    points = list(itertools.product([F(1, 2), F(3, 4), 1], ["tf", "torchvision"], [False, True]))
    fits = [totals(document, dict(zip(("alpha", "width_rule", "minimalistic"), p, strict=True)))["madds"] <= 45_000_000 for p in points]  # fmt: skip
    found = fitted(document, "alpha=0.5:1:0.25,width_rule,minimalistic", "madds=45M")
    assert {tuple(s.varied.values()) for s in found.solutions} == brute_force(points, fits)


def test_choices_that_are_numbers_are_in_order():
    """ShuffleNet's `groups`: 8 is cheaper than 4, and larger."""
    found = fitted(read_document("shufflenet_v1"), "groups", "madds=140M")
    assert [s.varied for s in found.solutions] == [{"groups": 8}]


def test_a_frontier_has_the_threshold_for_each_combination():
    document = read_document("mobilenet_v1")
    found = fitted(document, "alpha,resolution=32,64,224", "madds=100M", "params=4M")
    alone = {r: threshold(document, "alpha", "madds=100M", "params=4M", resolution=r) for r in (32, 64, 224)}
    kept = {r: t for r, t in alone.items() if not any(s > r and u.bound >= t.bound for s, u in alone.items())}
    assert {s.varied["resolution"]: s.threshold for s in found.solutions} == kept
    assert len(kept) < len(alone), "parameters alone decide for the small ones"
    assert [s.varied["resolution"] for s in found.solutions] == sorted(kept, reverse=True)


def test_whole_numbers_without_a_range_step_by_powers_of_two():
    """224 is 32 * 7, 1000 is 8 * 125: at most 32, from one step to twice the default."""
    found = fitted(read_document("mobilenet_v1"), "resolution,classes", "madds=300M", "params=4M")
    assert found.tried == 14 * 250
    assert [s.varied for s in found.solutions] == [{"resolution": 160, "classes": 768}]


@given(st.data())
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_maximal_is_what_it_says(data):
    sizes = data.draw(st.lists(st.integers(1, 4), min_size=0, max_size=3))
    ordered = data.draw(st.lists(st.booleans(), min_size=len(sizes), max_size=len(sizes)))
    points = list(itertools.product(*map(range, sizes)))
    ranks = data.draw(st.lists(st.integers(0, 3), min_size=len(points), max_size=len(points)))

    def surpasses(i: int, j: int) -> bool:
        pairs = list(zip(points[i], points[j], ordered, strict=True))
        return i != j and ranks[i] >= max(ranks[j], 1) and all(a >= b if rising else a == b for a, b, rising in pairs)

    expected = [j for j in range(len(points)) if ranks[j] and not any(surpasses(i, j) for i in range(len(points)))]
    assert maximal(np.array(ranks), sizes, ordered) == expected


# -- search without cells


@given(st.fractions(-5, 5, max_denominator=50), st.fractions(0, 2, max_denominator=70))
def test_the_simplest_fraction(low, width):
    found = simplest(low, low + width)
    assert low <= found <= low + width
    smaller = (
        F(n, d) for d in range(1, found.denominator) for n in range(int(low * d) - 1, int((low + width) * d) + 2)
    )
    assert not any(low <= x <= low + width for x in smaller)


@pytest.mark.parametrize("parts", [2, 16])
def test_a_search_finds_the_ends_of_a_step(parts):
    ends = [F(1, 7), F(1, 3), F(355, 452), F(1023, 1024), F(7, 5)]

    def ask(values):
        return [sum(x > end if i % 2 else x >= end for i, end in enumerate(ends)) for x in values]

    for i, (low, high) in enumerate(itertools.pairwise(ends)):
        found = steps.around(ask, low + (high - low) / 7, parts)
        assert found == (low, i % 2 == 0, high, i % 2 == 0, True, True)


def test_a_search_that_finds_no_end_says_so():
    found = steps.around(lambda values: [x * x < 2 for x in values], F(1))
    assert not found.high_exact and found.high**2 < 2 < (found.high + F(1, 2**40)) ** 2
    assert steps.around(lambda values: [0 for _ in values], F(1))[:4] == (None, False, None, False)


@given(st.fractions(F(1, 100), 50, max_denominator=999), st.fractions(F(1, 10**6), 1), st.booleans(), st.booleans())
def test_rounded_down_stays_on_the_step(high, width, low_included, high_included):
    value = rounded_down(steps.Cell(high - width, low_included, high, high_included))
    assert high - width <= value <= high and (value < high or high_included) and (value > high - width or low_included)
    assert 10**12 % F(value).denominator == 0, "a decimal"


# -- budgets and what may vary, as they are written

WRONG = {
    "no budget": (["--vary", "alpha"], "there is no budget\n  help: as in `--max-madds 300M`"),
    "nothing varies": (["--max-madds", "1M"], "nothing may vary\n  help: as in `--vary alpha`; the spec declares `alpha`, `resolution`, `classes`"),
    "unknown total": (["--max-mads", "1M", "--vary", "alpha"], "unknown total `mads`\n  help: did you mean `madds`?"),
    "no unit": (["--max-weights", "4", "--vary", "alpha"], "the budget `weights` cannot be `4` without a unit\n  help: a size needs its unit: 4MB is 4,000,000 bytes, 4MiB 4,194,304"),
    "no unit, but digits without end": (["--max-weights", "1" * 30, "--vary", "alpha"], f"the budget `weights` cannot be `{'1' * 30}`: a number has at most 24 digits and an exponent of at most 18"),
    "below zero": (["--max-madds=-5M", "--vary", "alpha"], "the budget `madds` cannot be -5M: it is below zero"),
    "half a parameter": (["--max-params", "0.5", "--vary", "alpha"], "the budget `params` cannot be `0.5`: it is no whole number"),
    "no number": (["--max-madds", "much", "--vary", "alpha"], "the budget `madds` cannot be `much`\n  help: write it as 300M or 300000000"),
    "no limit": (["--max-madds", "--vary", "alpha"], "the budget `madds=` has no limit"),
    "twice": (["--max-weights", "4MB", "--max", "weight_bytes=3MB", "--vary", "alpha"], "`weight_bytes` has two budgets"),
    "unknown name": (["--max-madds", "1M", "--vary", "alhpa"], "unknown hyper-parameter `alhpa`\n  help: did you mean `alpha`?"),
    "empty name": (["--max-madds", "1M", "--vary", "alpha,,classes"], "`--vary alpha,,classes` names no hyper-parameter"),
    "varies twice": (["--max-madds", "1M", "--vary", "alpha", "--vary", "alpha"], "`alpha` varies twice"),
    "set and varied": (["--max-madds", "1M", "--vary", "alpha", "--alpha", "0.5"], "`alpha` is set to 0.5 and may vary too"),
    "empty range": (["--max-madds", "1M", "--vary", "alpha=1:0.5:0.1"], "the range `1:0.5:0.1` of `alpha` is empty"),
    "no values": (["--max-madds", "1M", "--vary", "alpha="], "`alpha` has no value"),
    "a value that cannot be": (["--max-madds", "1M", "--vary", "alpha=0:1:0.5"], "`alpha` cannot be 0\n  help: it must be above 0"),
    "a name taken for a value": (["--max-madds", "1M", "--vary", "alpha=1,resolutoin"], "`alpha` cannot be resolutoin\n  help: it is a number; did you mean to vary `resolution` too?"),
    "too many": (["--max-madds", "1M", "--vary", "resolution=1:2000:1,classes=1:2000:1"], "4,000,000 combinations of `resolution`, `classes`\n  help: at most 2,000,000; use larger steps"),
    "too many to solve": (["--max-madds", "1M", "--vary", "alpha,classes=1:1001:1"], "1,001 combinations of `classes`\n  help: at most 1,000 when `alpha` is solved for; use larger steps"),
    "a spec that cannot be": (["--max-madds", "1M", "--vary", "alpha", "--resolution", "0.5"], "a size of the input is 0.5"),
    "no point can be": (["--max-madds", "1M", "--vary", "resolution=0.5,1.5"], "a size of the input is 0.5"),
    "unknown format": (["--max-madds", "1M", "--vary", "alpha", "--format", "latex"], "unknown format `latex`"),
    "unknown dtype": (["--max-madds", "1M", "--vary", "alpha", "--dtype", "int7"], "unknown dtype `int7`"),
    "reduce alone": (["--reduce", "madds=5%"], "`--reduce` goes with `--by layer`"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_input(wrong, cli):
    arguments, message = WRONG[wrong]
    run = cli("fit", "mobilenet_v1", *arguments)
    assert (run.code, run.out) == (2, "")
    assert run.err.startswith(f"error: {message}"), run.err


def test_two_that_take_fractions(cli, tmp_path):
    head = "costcalc: 1\nhyperparameters: {a: 1, b: 1, s: {default: 0, at_least: 0}}\ninput: [3, 8, 8]\nlayers:\n"
    (tmp_path / "two.yaml").write_text(head + "- conv: {out: floor(8*a), kernel: 1}\n- conv: {out: floor(8*b) + s, kernel: 1}\n")  # fmt: skip
    path = str(tmp_path / "two.yaml")
    run = cli("fit", path, "--max-madds", "9k", "--vary", "a,b")
    assert run.code == 2 and "`a` and `b` both take fractions" in run.err and "`--vary a,b=0.25:1:0.25`" in run.err
    assert cli("fit", path, "--max-madds", "9k", "--vary", "a,b=0.25:1:0.25").code == 0
    run = cli("fit", path, "--max-madds", "9k", "--vary", "a,s")
    assert run.err == "error: `s` needs a range\n  help: as in `--vary s=1:8:1`\n"


def test_values_with_commas_belong_to_the_name_before(cli):
    run = cli("fit", "mobilenet_v1", "--max-madds", "300M", "--vary", "alpha=0.5,0.75,resolution=128,160,classes", "--format", "json")  # fmt: skip
    document = json.loads(run.out)
    assert document["vary"] == ["alpha", "resolution", "classes"]
    assert document["solutions"][-1]["hyperparameters"] == {"alpha": 0.75, "resolution": 160, "classes": 2000}


@pytest.mark.parametrize(
    ("amount", "limit"), [("5%", 9500), ("0.01%", 9999), ("3k", 7000), ("1", 9999), ("99.999%", 0), ("33.333%", 6666)]
)
def test_reductions(amount, limit):
    assert reduced("madds", amount, {"madds": 10_000}).limit == limit
    assert reduced("weights", "1kB", {"weight_bytes": 10_000}).limit == 9000


@pytest.mark.parametrize("amount", ["0", "0%", "100%", "10001", "-1", "x%", "5 %", "%", "", "1" * 40 + "%"])
def test_wrong_reductions(amount):
    with pytest.raises(UsageError):
        reduced("madds", amount, {"madds": 10_000})


def test_budgets_from_python():
    assert budgets_of({"weights": 4096}) == (read_budget("weight_bytes=4096 B")._replace(text="4096"),)
    for limit in (-1, 0.5, True, None):
        with pytest.raises(UsageError):
            budgets_of({"madds": limit})
    with pytest.raises(UsageError):
        budgets_of({"weights": 1, "weight_bytes": 2})


# -- what is printed


def test_the_answer_comes_first(cli):
    lines = cli("fit", "mobilenet_v1", "--max-madds", "300M", "--vary", "alpha").out.splitlines()
    assert lines[0] == "MobileNet V1: alpha < 369/512 = 0.7207..."
    assert lines[1].split() == ["use", "--alpha", "0.7207"]
    assert any(line.split() == ["0.7207", "299,816,242", "183,758", "2,410,208"] for line in lines)
    assert cli("report", "mobilenet_v1", *lines[1].split()[1:]).out.count("299,816,242") == 1
    whole = cli("fit", "mobilenet_v1", "--max-madds", "300M", "--vary", "resolution").out
    assert whole.startswith("MobileNet V1: resolution <= 160\n")
    assert cli("fit", "mobilenet_v1", "--max-params", "5M", "--vary", "resolution").out.startswith("MobileNet V1: every resolution fits\n")  # fmt: skip
    several = cli(
        "fit", "mobilenet_v1", "--max-madds", "300M", "--vary", "alpha,resolution=192,224", "--format", "md"
    ).out
    assert several.startswith("## MobileNet V1: 2 settings fit, and none of them can be larger in anything\n")
    assert "| 0.7207 | 224 | `< 369/512` | 299,816,242 | 183,758 | 2,410,208 |" in several
    doubt = "costcalc: 1\nhyperparameters: {alpha: 4}\ninput: [3, 8, 8]\nlayers:\n- conv: {out: floor(256/alpha), kernel: 1}\n"
    assert "a total falls where it rises" in cli("fit", "-", "--max-madds", "4k", "--vary", "alpha", stdin=doubt.encode()).out  # fmt: skip


def test_as_data(cli):
    arguments = ("fit", "mobilenet_v2", "--max-madds", "100M", "--max-weights", "10MB", "--vary", "alpha,resolution=160,224")  # fmt: skip
    document = json.loads(cli(*arguments, "--format", "json").out)
    assert (document["schema"], document["budget"]) == ("costcalc/fit/1", {"madds": 10**8, "weight_bytes": 10**7})
    rows = list(csv.DictReader(io.StringIO(cli(*arguments, "--format", "csv").out)))
    assert len(rows) == len(document["solutions"]) >= 2
    for row, solution in zip(rows, document["solutions"], strict=True):
        alone = json.loads(cli("report", "mobilenet_v2", "--alpha", row["alpha"], "--resolution", row["resolution"], "--format", "json").out)  # fmt: skip
        for name, value in solution["totals"].items():
            assert value == alone["totals"][name] == int(row[name])
        assert solution["headroom"] == {m: n - alone["totals"][m] for m, n in document["budget"].items()}
        assert int(row["headroom_madds"]) == solution["headroom"]["madds"] >= 0
        assert solution["threshold"]["bound"] in (row["bound"], float(F(row["bound"])))
        assert solution["threshold"]["next"]["over"]
    jsonschema.validate(document, SHAPE)


INTEGERS = {"type": "object", "additionalProperties": {"type": "integer"}}
STEP = {"type": ["object", "null"], "required": ["at", "after"]}
THRESHOLD = {
    "type": "object",
    "required": [
        "hyperparameter",
        "bound",
        "included",
        "exact",
        "from",
        "next",
        "later",
        "rising",
        "gaps",
        "looked_at",
    ],
    "properties": {"included": {"type": "boolean"}, "next": STEP, "later": STEP},
}
SOLUTION = {
    "type": "object",
    "required": ["hyperparameters", "totals", "headroom"],
    "properties": {"totals": INTEGERS, "headroom": INTEGERS, "threshold": THRESHOLD},
}
SHAPE = {
    "type": "object",
    "required": ["schema", "version", "network", "hyperparameters", "convention", "budget", "vary", "status", "solutions", "closed_form"],
    "properties": {"budget": INTEGERS, "solutions": {"type": "array", "items": SOLUTION}},
}  # fmt: skip


def test_conventions_batches_and_dtypes_count(cli):
    """Two samples are twice the operations, 16 bits half the bytes."""
    double = json.loads(cli("fit", "mobilenet_v1", "--max-count", "600M", "--batch", "2", "--vary", "alpha", "--format", "json").out)  # fmt: skip
    assert double["solutions"][0]["threshold"]["bound"] == 369 / 512
    full = fitted(read_document("mobilenet_v1"), "alpha", "weights=4MiB").solutions[0]
    half = fit(read_document("mobilenet_v1"), read_budgets(["weights=2MiB"]), ["alpha"], dtype="float16").solutions[0]
    assert full.varied == half.varied
    flops = fit(read_document("mobilenet_v1"), read_budgets(["count=600M"]), ["alpha"], convention="flops").solutions[0]
    assert costcalc.load("mobilenet_v1", alpha=flops.varied["alpha"]).report("flops").totals.count <= 600_000_000
    assert flops.varied["alpha"] < F("0.7207"), "two for each multiply-add, and everything else besides"


def test_from_python():
    found = costcalc.load("mobilenet_v1").fit(max={"madds": "300M"}, vary=["alpha"])
    assert found.solutions[0].threshold.bound == F(369, 512)
    fixed = costcalc.load("mobilenet_v1", resolution=160).fit({"madds": 300_000_000}, ["alpha"])
    assert fixed.solutions[0].threshold.bound == threshold(read_document("mobilenet_v1"), "alpha", "madds=300M", resolution=160).bound  # fmt: skip
    assert costcalc.load("mobilenet_v1").fit({"madds": "300M"}, "alpha").solutions[0].varied == {"alpha": F("0.7207")}
    for wrong in ({"dtype": "int7"}, {"convention": "flop"}, {"batch": 0}):
        with pytest.raises(UsageError):
            costcalc.load("mobilenet_v1").fit({"madds": "300M"}, ["alpha"], **wrong)
    with pytest.raises(UsageError, match="rewritten"):
        costcalc.load("mobilenet_v1").standard().fit({"madds": "300M"}, ["alpha"])


def test_a_network_whose_default_cannot_be_built():
    document = spec("- conv: {out: w, kernel: 1, groups: 3}\n- conv: {out: 8, kernel: 1}", "w: 4")
    assert totals(document, {}) is None
    t = threshold(document, "w", "madds=4k")
    assert (t.value, t.gaps) == (6, True), "64 w + 8 * 64 w MAdds, w a multiple of 3"
    build_network(document, {"w": 6})

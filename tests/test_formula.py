"""Formulas give the count: by hand from a paper's table, at many settings of every network, for random networks."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction
from typing import Any

import pytest
import random_specs
import sympy
from bundle import THOROUGH, multipliers, often, resolution
from closed_forms import claims_at, described, formulas, terms

import costcalc
from costcalc.api import Model
from costcalc.budgets import METRICS
from costcalc.errors import CostcalcError, Source
from costcalc.explore.formula import Formulas
from costcalc.explore.tracing import Way
from costcalc.render.expression import PYTHON, TEXT, Writer
from costcalc.spec import parse_document

F = Fraction
V1 = [(32, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, 512, 2), *[(512, 512, 1)] * 5,
      (512, 1024, 2), (1024, 1024, 1)]  # Howard et al. 2017, Table 1: in, out, stride of each separable layer  # fmt: skip


# -- MobileNet V1 by hand -------------------------------------------------------------------------------------------


def v1_by_hand(width: Any, size: Any) -> tuple[Counter[tuple[str, ...]], Counter[tuple[str, ...]]]:
    """Parameters and multiply-adds of Table 1, where `width(n)` is n channels and `size(d)` a d-th of the resolution.

    Each of them is a coefficient and factors. Norms have 2 values a channel, the classifier 1000 biases.
    """
    params, madds = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()

    def add(to: Counter[tuple[str, ...]], number: int, *factors: tuple[Any, tuple[str, ...]]) -> None:
        for c, _ in factors:
            number *= c
        to[tuple(sorted(name for _, names in factors for name in names))] += number

    reduced = 2
    add(params, 27 + 2, width(32))
    add(madds, 27, width(32), size(2), size(2))
    for into, out, stride in V1:
        reduced *= stride
        add(params, 9 + 2, width(into))
        add(madds, 9, width(into), size(reduced), size(reduced))
        add(params, 1, width(into), width(out))
        add(params, 2, width(out))
        add(madds, 1, width(into), width(out), size(reduced), size(reduced))
    for total in (params, madds):
        add(total, 1000, width(1024))
    params[()] += 1000
    return params, madds


def test_v1_ideal() -> None:
    params, madds = v1_by_hand(lambda n: (n, ("alpha",)), lambda d: (F(1, d), ("resolution",)))
    found = formulas("mobilenet_v1").total.ideal
    assert terms(found["params"]) == params == {("alpha", "alpha"): 3_139_584, ("alpha",): 1_091_392, (): 1000}
    assert terms(found["madds"]) == madds
    assert madds["alpha", "alpha", "resolution", "resolution"] == 10_752


def test_v1_exact() -> None:
    sizes = lambda d: (1, (f"ceil(resolution/{d})",))  # noqa: E731
    params, madds = v1_by_hand(lambda n: (1, (f"floor({n} alpha)",)), sizes)
    found = formulas("mobilenet_v1").total.exact
    assert terms(found["params"]) == params
    assert terms(found["madds"]) == madds


def test_v1_holds_where_it_has_channels_and_its_ideal_where_nothing_is_rounded() -> None:
    readings = formulas("mobilenet_v1").readings
    assert readings.exact_where.bounds == (("alpha", ">=", F(1, 32)), ("resolution", ">=", 1))
    assert readings.ideal_where.steps == (("alpha", F(1, 32)), ("resolution", 32))
    assert readings.exact_where.relations == readings.ideal_where.relations == ()


def test_a_derivative_and_its_elasticity() -> None:
    """By hand: the derivative of `3139584 a^2 + 1091392 a + 1000` times a, by its value, at a = 1."""
    params, madds = formulas("mobilenet_v1").derivatives("alpha")
    assert terms(params.polynomial) == {("alpha",): 2 * 3_139_584, (): 1_091_392}
    assert params.elasticity == F(2 * 3_139_584 + 1_091_392, 4_231_976)
    assert (params.metric, madds.metric, madds.symbol) == ("params", "madds", "alpha")
    by_size = formulas("mobilenet_v1").derivatives("resolution")[1]
    assert by_size.elasticity == F(2 * (568_740_352 - 1_024_000), 568_740_352)


@pytest.mark.parametrize("spec", ["mobilenet_v1", "mobilenet_v3_large", "shufflenet_v1"])
def test_derivatives_are_those_of_sympy(spec: str) -> None:
    found, form = formulas(spec), costcalc.formula(spec)
    for symbol in found.symbols:
        for d in found.derivatives(symbol):
            expected = sympy.diff(getattr(form, d.metric), form.symbols[symbol])
            own = sympy.sympify(Writer(PYTHON).written(d.polynomial), form.symbols)
            assert sympy.expand(own - expected) == 0


# -- every network, at many settings --------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", [spec for spec in often(multipliers()) if spec != "versatile_alexnet"])  # it rounds filters up
def test_every_network_at_many_settings(spec: str) -> None:
    """Half of the settings anywhere, half on the steps of the ideal formulas, or just beside them."""
    found = formulas(spec, [multipliers()[spec], "resolution"])
    steps, rng = dict(found.readings.ideal_where.steps), random.Random(1)
    width, size = found.symbols
    whole = [steps[width] * n for n in range(1, 5)]
    sizes = [n for n in range(1, 513) if n == resolution(spec, n)]
    even = [n for n in sizes if any(described(found.readings.ideal_where, {width: w, size: n}) for w in whole)]
    claims = Counter[tuple[bool, bool]]()
    number = 400 if THOROUGH else 40
    for i in range(number):
        point = {width: F(rng.randint(4, 200), 100), size: resolution(spec, rng.randint(1, 160))}
        if i % 2:
            point = {width: rng.choice(whole), size: rng.choice(even or sizes)}
        if i % 10 == 1:
            point = {width: point[width] + F(rng.choice([-1, 1]), 100), size: point[size] + rng.choice([-1, 1])}
        claims[claims_at(found, point)] += 1
    assert not even or claims[True, True] >= number / 10  # where windows have no padding, no size may be free of rounding
    assert claims[True, True] + claims[True, False] >= number * 2 / 5


@pytest.mark.parametrize(
    ("spec", "given", "free", "way"),
    [
        ("mobilenet_v1", {}, ["alpha", "resolution", "classes"], Way("flops", 3, "int8")),
        ("mobilenet_v1", {"alpha": F(35, 100)}, ["resolution"], Way("valid")),
        ("mobilenet_v2", {"resolution": 97}, ["alpha"], Way("flops")),
        ("mobilenet_v3_large", {"width_rule": "torchvision", "minimalistic": True}, None, Way("valid")),
        ("mobilenet_v3_small", {"alpha": F(3, 4)}, ["last", "classes"], Way()),
        ("shufflenet_v1", {"groups": 4}, ["scale", "stem", "resolution"], Way("flops")),
        ("shufflenet_v1", {"scale": F(3, 2)}, ["groups"], Way()),
    ],
)
def test_every_total_in_every_convention(spec: str, given: dict[str, Any], free: list[str] | None, way: Way) -> None:
    found = formulas(spec, free, list(METRICS), way, given=given)
    rng, met = random.Random(2), 0
    for _ in range(12):
        values = {
            "alpha": F(rng.randint(30, 150), 100), "scale": F(rng.randint(30, 150), 100), "stem": 4 * rng.randint(1, 9),
            "resolution": rng.randint(1, 130), "classes": rng.randint(1, 99), "last": rng.randint(1, 99),
            "groups": rng.choice([1, 2, 3, 4, 8]),
        }  # fmt: skip
        met += claims_at(found, {name: values[name] for name in found.symbols})[0]
    assert met


def test_symbols_are_chosen_and_named() -> None:
    shuffle = formulas("shufflenet_v1")
    assert (list(shuffle.symbols), sorted(shuffle.readings.whole)) == (["scale", "resolution"], ["resolution"])
    assert list(formulas("mobilenet_v1", given={"alpha": 2}).symbols) == ["resolution"]
    set_ = formulas("mobilenet_v1", given={"alpha": F(3, 4), "resolution": 192})
    assert (set_.symbols, terms(set_.total.exact["madds"])) == (
        {},
        {(): 239_273_472},
    )  # README of slim: 239M in the paper
    derived = shuffle.formulated().derived
    assert {name: Writer(TEXT).written(p) for name, p in derived.items()} == {
        "stem": "3 ceil(8 max(floor(scale), 0.5))"
    }


@pytest.mark.parametrize("spec", ["mobilenet_v1", "mobilenet_v3_small", "shufflenet_v1"])
@pytest.mark.parametrize("by", ["stage", "layer", "kind"])
def test_rows_add_up_to_the_total(spec: str, by: Any) -> None:
    found = formulas(spec, by=by, metrics=["params", "madds", "activations"])
    for reading in ("exact", "ideal"):
        for metric, total in getattr(found.total, reading).items():
            rows = Counter[Any]()
            for row in found.rows:
                for monomial, c in getattr(row, reading)[metric].terms.items():
                    rows[monomial] += c
            assert {m: c for m, c in rows.items() if c} == total.terms


# -- networks that nobody thought of --------------------------------------------------------------------------------


def point_of(rng: random.Random) -> dict[str, Any]:
    return {
        "alpha": F(rng.randint(10, 300), rng.choice([100, 64, 8])), "width": rng.randint(1, 24), "n": rng.randint(0, 5),
        "resolution": rng.choice([rng.randint(1, 80), 8 * rng.randint(1, 8)]), "shift": rng.randint(-8, 8),
        "ratio": F(rng.choice(random_specs.CHOICES)),
    }  # fmt: skip


def test_random_networks() -> None:
    """No error but those of users, no wrong formula, and where they are said to hold they do."""
    claims, networks = Counter[tuple[bool, bool]](), 0
    for seed in range(60):
        rng = random.Random(seed)
        given = {"alpha": F(rng.randint(30, 140), 100), "resolution": rng.randint(17, 40)} if seed % 2 else {}
        try:
            document = parse_document(Source(f"random {seed}", random_specs.spec(seed)))
            assert Model(document, given).network
        except CostcalcError:
            continue
        free = rng.choice([["alpha", "resolution"], ["alpha", "width", "resolution"], list(random_specs.NUMBERS)])
        way = Way(rng.choice(["paper", "flops", "valid"]), rng.choice([1, 3]))
        found, networks = Formulas(document, given, free, list(METRICS), way), networks + 1
        for _ in range(7):
            claims[claims_at(found, {name: value for name, value in point_of(rng).items() if name in free})] += 1
    assert networks > 30
    assert min(claims[True, True], claims[True, False], claims[False, False]) > 25, claims

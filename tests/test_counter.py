"""Many settings counted at once against each of them counted by itself, in plain integers.

The way of an expression is taken from the first point that has it: RARE is 0 in most tests, or few points would show
only that plain counting equals itself.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundle import multipliers, often, resolution, with_resolution
from counted import ALL, agree, some, spec
from hypothesis import HealthCheck, given, settings
from programs import Program, points, programs, written

from costcalc.cost import load_convention
from costcalc.errors import UsageError
from costcalc.explore import counter as module
from costcalc.explore import ways
from costcalc.explore.counter import Counter
from costcalc.explore.grid import Axis, Grid, Points
from costcalc.expression import Expression
from costcalc.number import tidy
from costcalc.spec import Document, bundled, read_document

F = Fraction
CONVENTIONS = ("paper", "flops", "valid")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No point is counted by itself."""
    monkeypatch.setattr(ways, "RARE", 0)
    yield


# -- the bundled specs ------------------------------------------------------------------------------------------------


def values(parameter: Any, source: random.Random, wild: bool) -> tuple[Any, ...]:
    """Random values of a hyper-parameter; wild ones may be anything, of which most cannot be."""
    if parameter.choices:
        return tuple(parameter.choices)
    default = parameter.default.content
    if isinstance(default, bool):
        return (True, False)
    small = isinstance(default, int | F) and default <= 1
    drawn = (F(source.randint(1, 2500), 1000) if small else F(source.randint(1, 300)) for _ in itertools.count())
    found = list(itertools.islice((value for value in drawn if parameter.fault(tidy(value)) is None), 4))
    if parameter.name in ("depth", "cells"):  # how often blocks are repeated: a wild one would be a network of a million layers
        return tuple(map(tidy, dict.fromkeys(v for v in (*found, F(0), F(-3, 2)) if v < 3)))
    if wild:
        found += [F(0), F(-3, 2), F(401, 3), F(10**12), F(1, 10**6), F(source.randint(0, 40))]
    return tuple(map(tidy, dict.fromkeys(found)))


@pytest.mark.parametrize(("name", "wild"), [*((n, False) for n in often(bundled())), *((n, True) for n in often(bundled()))])
def test_bundled_specs(name: str, wild: bool) -> None:
    """Random settings over all hyper-parameters, every total, under conventions, batches and types of numbers."""
    document = read_document(name)
    source = random.Random(f"{name} {wild}")
    free = [p for p in document.hyperparameters if wild or not isinstance(p.default.content, Expression)]
    axes = [Axis(p.name, values(p, source, wild)) for p in free]
    if not wild:  # what can be, mostly
        fits = {p.name: [v for v in axis.values if p.fault(v) is None] for p, axis in zip(free, axes, strict=True)}
        if "resolution" in fits:
            fits["resolution"] = [resolution(name, int(v)) for v in dict(axes)["resolution"]]
        axes = [Axis(n, tuple(dict.fromkeys(found))) for n, found in fits.items() if found]
    source.shuffle(axes)
    convention, batch, dtype = source.choice(CONVENTIONS), source.choice([1, 7]), source.choice(["float32", "int4"])
    found = agree(Counter(document, ALL, None, convention, batch, dtype), some(axes, 24))
    assert wild or name not in multipliers() or len(found.faults) < 24
    for axis in axes:  # each alone, the others at their defaults or fixed
        fixed = {"resolution": resolution(name, 96)} if axis.name != "resolution" and name in with_resolution() else {}
        agree(Counter(document, ALL, fixed), some([axis], 6))


def test_more_points_than_a_chunk() -> None:
    document = read_document("mobilenet_v1")
    axes = [
        Axis("alpha", tuple(tidy(F(i, 100)) for i in range(-3, 200))),
        Axis("resolution", (*range(256), F(5, 2))),
    ]
    grid, size = Grid(axes), module.CHUNK
    edges = [0, 1, size - 1, size, size + 1, 2 * size - 1, 2 * size, grid.size - 1]
    middle = random.Random(1).sample(range(grid.size), 40)
    found = agree(Counter(document), grid.points(), [*edges, *middle])
    cannot = [i for i in range(grid.size) if i // 257 < 7 or i % 257 in (0, 256)]  # floor(32*0.03) is 0
    assert list(found.faults) == cannot


def test_short_chunks_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    document = read_document("shufflenet_v1")
    axes = [Axis("groups", (1, 2, 3, 4, 8)), Axis("scale", (F(1, 2), 1, F(7, 4), 2)), Axis("resolution", (64, 97))]
    whole = Counter(document, ALL).count(Grid(axes).points())
    monkeypatch.setattr(module, "CHUNK", 7)
    parts = Counter(document, ALL).count(Grid(axes).points())
    assert {m: v.tolist() for m, v in whole.totals.items()} == {m: v.tolist() for m, v in parts.totals.items()}


# -- structure that depends on hyper-parameters -----------------------------------------------------------------------

SPECS: dict[str, tuple[Document, list[Axis]]] = {
    "depth": (
        spec("n: 2, w: 8", "  - repeat:\n      n: n\n      layers:\n        - conv: {out: w + in.channels}\n"),
        [Axis("n", (3, 0, 1, 5, 2, F(3, 2), -1)), Axis("w", (8, 4, F(9, 2)))],
    ),
    "depth by width": (
        spec("w: 8", "  - repeat:\n      n: floor(w/4)\n      layers:\n        - residual:\n            - conv: {out: w}\n"),
        [Axis("w", (*range(24), F(17, 2)))],
    ),
    "residuals": (
        spec("a: 8, b: 8", "  - conv: {out: a}\n  - residual:\n      - conv: {out: b, kernel: 1}\n"
                           "  - residual:\n      - conv: {out: floor(a*b/8)}\n"),
        [Axis("a", tuple(range(1, 18))), Axis("b", tuple(range(1, 18)))],
    ),
    "conditions": (
        spec("t: 1, wide: true, act: {default: relu, choices: [relu, hard_swish, none]}",
             '  - conv: {out: "24 if wide else 8", act: act}\n'
             "  - conv: {out: t*in.channels, kernel: 1, only_if: t != 1 and not wide}\n"
             "  - conv: {out: 8, only_if: act == relu or t > 3}\n"),
        [Axis("act", ("relu", "none", "hard_swish", "tanh")), Axis("t", (1, 2, F(5, 2), 4, 6, 0)),
         Axis("wide", (True, False))],
    ),
    "kernels": (
        spec("k: 3, s: 1, p: 0, d: 1",
             '  - conv: {out: 8, kernel: k, stride: s, dilation: d, padding: "p"}\n  - conv: {out: 5, kernel: "2*k-1"}\n'
             "  - max_pool: {kernel: k, stride: 2, ceil_mode: true}\n  - depthwise: {kernel: k, stride: s}\n"),
        [Axis("k", (1, 2, 3, 5, 11, 0)), Axis("s", (1, 2, 3)), Axis("p", (0, 1, 4)), Axis("d", (1, 2))],
    ),
    "groups": (
        spec("g: 2, w: 8", "  - conv: {out: 24}\n  - conv: {out: w*g, groups: g}\n  - channel_shuffle: {groups: g}\n"
                           "  - conv: {out: 48, groups: g, only_if: in.channels % 3 == 0}\n"),
        [Axis("g", (1, 2, 3, 5, 8, 0, -2)), Axis("w", (1, 2, 3, 8, 9))],
    ),
    "divided": (
        spec("q: 3, w: 8", '  - conv: {out: "ceil(w/q) + floor(64/q)"}\n  - conv: {out: 96/q}\n  - flatten\n'
                           '  - linear: {out: "round(w*w/(q+2)) + w % q + 1"}\n'),
        [Axis("q", (1, 2, 3, 5, F(3, 2), 0, -2, -3, F(-1, 2))), Axis("w", (1, 8, 100, F(7, 3), -30))],
    ),
    "extremes": (
        spec("a: 8, b: 3", '  - conv: {out: "max(a, b, 4) + min(round(a/b), 9)"}\n'
                           '  - conv: {out: "make_divisible(a*b, 8)"}\n  - conv: {out: "make_divisible(a, b)"}\n'),
        [Axis("a", (*range(-4, 20), F(29, 4))), Axis("b", (1, 2, 8, F(1, 2), 0, -2))],
    ),
    "exact elsewhere": (
        spec("a: 8, b: 3, c: 1", "  - conv: {out: 2*a, groups: b, only_if: c == 1}\n"
                                 '  - conv: {out: "ceil(a/b)*3 + round(a/b)", only_if: c == 2}\n', "[a, 4, 4]"),
        [Axis("c", (1, 2)), Axis("a", tuple(range(1, 13))), Axis("b", (1, 2, 3, 4))],
    ),
    "fractions beside wholes": (
        spec("w: 4, k: 3", '  - conv: {out: w}\n  - conv: {out: "round(k*64/(w*w))"}\n'),
        [Axis("w", (F(1, 10), 1, 7, 2, F(13, 2), 70)), Axis("k", (1, 2, F(7, 2)))],
    ),
    "sizes": (
        spec("h: 8, s: 2", "  - avg_pool: {kernel: 3, stride: s}\n  - adaptive_avg_pool: {out: floor(h/2)}\n"
                           "  - upsample: {scale: s}\n  - global_max_pool\n  - linear: {out: h}\n", "[2, h, 9]"),
        [Axis("h", (1, 2, 5, 8, 33, F(9, 2), 10**9, 10**9 + 1)), Axis("s", (1, 2, 3))],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("convention", "rare"), [("paper", 0), ("flops", 8), ("valid", 0)])
@pytest.mark.parametrize("name", SPECS)
def test_structure_may_depend_on_everything(
    name: str, convention: str, rare: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ways, "RARE", rare)
    document, axes = SPECS[name]
    at = some(axes, 100)
    found = agree(Counter(document, ALL, None, convention, 3, "int4"), at)
    assert len(at) - len(found.faults) > 0
    for axis in axes:
        agree(Counter(document, ALL, None, convention), some([axis], 15))


@settings(derandomize=True, deadline=None, max_examples=50, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(programs(5, without=("gcd", "held", "if=", "exact_div")), points(6))
def test_random_expressions(program: Program, several: list[Any]) -> None:
    text = written(program)
    document = spec("a: 1, b: 1, r: 1", f'  - linear: {{out: "max({text}, 5 - a - b, 2*r)", bias: false}}\n')
    agree(
        Counter(document, ("params", "weight_bytes")), Points.of([{n: tidy(v) for n, v in p.items()} for p in several])
    )


# -- faults -----------------------------------------------------------------------------------------------------------


def test_faults_say_why() -> None:
    document = SPECS["groups"][0]
    found = Counter(document).count(Points.of([{"g": 5}, {"g": 2}, {"g": 0}, {"g": 7}, {"g": F(1, 3)}]))
    assert list(found.faults) == [0, 2, 3, 4]
    for i, g in ((0, 5), (3, 7)):
        assert found.faults[i] == f"24 input channels cannot be divided into {g} groups"
    assert (found.faults[2], found.faults[4]) == ("`out` is 0", "`out` is 8/3")
    assert [v > 0 for v in found.totals["params"]] == [False, True, False, False, False]


def test_a_message_is_the_points_own_where_it_was_counted_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "RARE", 8)
    found = Counter(SPECS["groups"][0]).count(Points.of([{"g": 5}, {"g": 7}]))
    assert list(found.faults.values()) == [f"24 input channels cannot be divided into {g} groups" for g in (5, 7)]


def test_unknown_names_are_errors() -> None:
    document = read_document("mobilenet_v1")
    for fixed, at in (({}, {"alpah": 1}), ({"alpah": 1}, {"alpha": 1})):
        with pytest.raises(UsageError, match="unknown hyper-parameter `alpah`"):
            Counter(document, fixed=fixed).count(Points.of([at]))
    with pytest.raises(UsageError, match="unknown hyper-parameter `alpah`"):
        Counter(document, fixed={"alpah": 1}).count(Grid([]).points())


# -- calls ------------------------------------------------------------------------------------------------------------


def test_no_axes_and_no_points() -> None:
    document = read_document("mobilenet_v1")
    assert agree(Counter(document, ALL, {"alpha": F(1, 2)}), Grid([]).points()).totals["madds"].tolist() == [
        149_497_088
    ]
    empty = Counter(document).count(Grid([Axis("alpha", (1, 2))]).points(2, 2))
    assert [column.tolist() for column in empty.totals.values()] == [[], []] and not empty.faults


def test_axes_may_change_between_calls() -> None:
    """Denominators, bounds, words and names of earlier calls are not those of later ones."""
    counter = Counter(SPECS["conditions"][0], ALL)
    for axes in (
        [Axis("t", (1, 2, 3))],
        [Axis("t", (F(1, 3), F(3, 2), 10**6))],
        [Axis("act", ("relu", "none")), Axis("t", (2, 5))],
        [Axis("act", ("none", "hard_swish", "relu")), Axis("wide", (False, True))],
        [Axis("t", (1, "relu", 2, True))],
        [Axis("wide", (False,))],
        [Axis("t", (1, 2, 3))],
    ):
        agree(counter, Grid(axes).points())


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often a counter that counts rare points alone traces a network, and counts one in plain integers."""
    monkeypatch.setattr(ways, "RARE", 8)
    found = {"traced": 0, "plainly": 0}

    def noted(real: Any, kind: str) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            found[kind] += 1
            return real(*arguments, **options)

        return call

    for place, name, kind in ((module, "trace", "traced"), (ways, "trace", "traced"), (ways, "count", "plainly")):
        monkeypatch.setattr(place, name, noted(getattr(place, name), kind))
    return found


def test_many_choices_share_one_expression(done: dict[str, int]) -> None:
    """Few combinations of choices each have expressions of their own; hundreds have one, and are no ways of their own."""
    names = "abcdef"
    document = spec(
        ", ".join(f"{name}: {{default: 1, choices: [1, 2, 3]}}" for name in names),
        "".join(f"  - conv: {{out: 8*{name}, kernel: {name}}}\n" for name in names),
    )
    at = Grid([Axis(name, (1, 2, 3)) for name in names]).points()
    found = agree(Counter(document), at, range(0, 729, 40))
    assert found.totals["params"][0] == 8 * 4 + 5 * 8 * 9
    assert done["traced"] <= 8 and done["plainly"] <= 8 * 8


def test_few_points_and_many_calls(done: dict[str, int]) -> None:
    """A search asks for a point at a time: it is counted alone at first, then by an expression, and traced only then."""
    counter, source = Counter(read_document("mobilenet_v1"), ALL), random.Random(0)
    grid = Grid([Axis("alpha", tuple(F(i, 100) for i in range(20, 150))), Axis("resolution", tuple(range(32, 256)))])
    for number in range(60):
        at = grid.at(np.array([source.randrange(grid.size)])) if number % 2 else Points.of(
            [{"alpha": F(source.randint(1, 90), 64), "resolution": source.randint(20, 300)}]
        )  # fmt: skip
        agree(counter, at)
    assert done == {"traced": 2, "plainly": 8}, "once to see what must be whole"


def test_totals_beyond_64_bits() -> None:
    """At sizes near the largest that may be, the totals are Python's integers; small ones next to them are exact too."""
    document = spec("c: 3, s: 5", "  - conv: {out: c, kernel: 3}\n  - conv: {out: c, kernel: 1}\n", "[c, s, s]")
    at = Grid([Axis("c", (1, 10**9, 3)), Axis("s", (7, 10**9 - 1))]).points()
    found = agree(Counter(document, ALL, batch=10**9), at)
    assert found.totals["madds"].dtype == object
    assert found.totals["madds"][3] == 10 * 10**18 * (10**9 - 1) ** 2 * 10**9
    assert Counter(document).count(at.take(np.array([0, 4]))).totals["madds"].dtype == np.int64


def test_results_do_not_share_memory() -> None:
    counter, grid = (
        Counter(read_document("mobilenet_v1")),
        Grid([Axis("alpha", (1, F(1, 2))), Axis("classes", (10, 20))]),
    )
    first = counter.count(grid.points())
    kept = {metric: column.tolist() for metric, column in first.totals.items()}
    second = counter.count(grid.points(0, 3))
    second.totals["params"][:] = 0
    counter.count(Points.of([{"alpha": F(3, 4)}]))
    assert {metric: column.tolist() for metric, column in first.totals.items()} == kept


def test_memory_does_not_grow_with_structures() -> None:
    """Tapes of one counter write into the same arrays."""
    counter = Counter(SPECS["depth"][0])
    agree(counter, Grid([Axis("n", tuple(range(1, 30))), Axis("w", tuple(range(1, 9)))]).points(), range(0, 232, 23))
    arrays = [array for arrays in counter.job.buffers._arrays.values() for array in arrays]
    assert sum(array.nbytes for array in arrays) <= 8 * 232 * 60


# -- conventions ------------------------------------------------------------------------------------------------------


def test_a_convention_of_ones_own(tmp_path: Path) -> None:
    """Branches and roundings in it are conditions and roundings like any other; what is no whole number is a fault."""
    path = tmp_path / "mine.yaml"
    path.write_text(
        "costcalc-convention: 1\nunit: X\ncount:\n"
        "  conv: max(macs//3, 7*out.size) + batch if in.channels > 6 else valid_macs\n  max_pool: comparisons/16\n  default: 1\n"
    )
    document, axes = SPECS["kernels"]
    found = agree(Counter(document, ("count",), None, str(path), 2), some(axes, 150))
    assert any("gives" in message for message in found.faults.values())
    agree(Counter(document, ("params", "count"), None, load_convention(str(path)), 2), some(axes, 20))


def test_a_convention_that_cannot_be_read_is_the_fault_of_every_point() -> None:
    found = Counter(SPECS["depth"][0], ("count",), None, "papre").count(Points.of([{"n": 1}, {"n": 2}]))
    assert list(found.faults.values()) == ["unknown convention `papre`"] * 2

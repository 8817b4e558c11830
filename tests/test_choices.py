"""Hyper-parameters whose choices are rows of a table, and tables of published figures."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from costcalc.cost import count
from costcalc.errors import CostcalcError, Source
from costcalc.published import check
from costcalc.spec import build_network, parse_document

SPEC = """\
costcalc: 1
hyperparameters:
  variant:
    default: 50
    columns: [n, unit, gate, width]
    choices:
      18: [1, basic, false, 1/2]
      50: [2, bottleneck, true, 1]
  resolution: 8
input: [3, resolution, resolution]
layers:
  - repeat:
      n: n
      layers:
        - conv: {out: 8*width if unit == basic else 16*width, kernel: 1, bias: false}
  - sigmoid: {only_if: gate}
"""


def network(text: str = SPEC, **settings: Any) -> Any:
    return build_network(parse_document(Source("net.yaml", text)), settings)


def problems(text: str) -> list[str]:
    with pytest.raises(CostcalcError) as caught:
        network(text)
    return [f"{p.span.line}: {p.message}" if p.span else p.message for p in caught.value.problems]


@pytest.mark.parametrize(("settings", "weights", "gated"), [
    ({}, 3 * 16 + 16 * 16, True),
    ({"variant": 18}, 3 * 4, False),
    ({"variant": 18, "n": 2}, 3 * 4 + 4 * 4, False),
    ({"unit": "basic"}, 3 * 8 + 8 * 8, True),
    ({"gate": False}, 3 * 16 + 16 * 16, False),
    ({"variant": 18, "width": Fraction(3, 2), "gate": True}, 3 * 12, True),
])  # fmt: skip
def test_a_choice_sets_the_columns_and_each_can_be_set(settings: dict[str, Any], weights: int, gated: bool) -> None:
    built = network(**settings)
    assert count(built).totals.weights == weights
    assert ("sigmoid" in [node.kind for node in built.nodes]) is gated


@pytest.mark.parametrize(("settings", "message"), [
    ({"variant": 34}, "`variant` cannot be 34"),
    ({"unit": "basik"}, "`unit` cannot be basik"),
    ({"gate": 3}, "`gate` cannot be 3"),
    ({"n": "basic"}, "`n` cannot be basic"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(CostcalcError, match=message):
        network(**settings)


@pytest.mark.parametrize(("old", "new", "found"), [
    ("[1, basic, false, 1/2]", "[1, basic]", ["7: the row of `18` has 2 values for 4 columns"]),
    ("columns: [n, unit, gate, width]", "columns: n",
     ["5: `choices` with values need `columns` that name them, and `columns` a row for each",
      "13: unknown name `n`"]),
    ("gate, width", "gate, resolution", ["9: `resolution` is declared twice"]),
    ("[1, basic,", "[basic, basic,", ["5: the column `n` mixes numbers, words and truth values"]),
    ("gate, width", "gate, in", ["5: `in` cannot be the name of a hyper-parameter"]),
    ("unit, gate", "unit, gaze", ["16: unknown name `gate`"]),
    ("    columns: [n, unit, gate, width]\n", "", ["6: `choices` with values need `columns` that name them, and `columns` a row for each"]),
])  # fmt: skip
def test_a_wrong_table_is_told_at_its_place(old: str, new: str, found: list[str]) -> None:
    assert SPEC.count(old) == 1
    assert set(found) <= set(problems(SPEC.replace(old, new)))


@pytest.mark.parametrize(("arguments", "told"), [
    (("report", "vit", "--depth", "6"), "write `--set depth=...` for the hyper-parameter, `--path-depth` for the option"),
    (("formula", "vit", "--depth=6"), "write `--set depth=...` for the hyper-parameter, `--path-depth` for the option"),
    (("verify", "shufflenet_v2", "--scale", "0.5"), "write `--set scale=...` for the hyper-parameter, `--shrink` for the option"),
])  # fmt: skip
def test_an_option_that_may_be_a_hyperparameter_is_refused(arguments: tuple[str, ...], told: str, cli: Any) -> None:
    done = cli(*arguments)
    assert done.code == 2 and told in done.err
    assert cli("report", "mobilenet_v1", "--depth", "1").code == 0, "no hyper-parameter there"


FIGURES = """\
expect:
  - from: Table 1
    set: {resolution: 4}
    why: a slip of the pen
    columns: [variant, n, weights, madds, exact madds]
    data:
      - [50, 1, 48, 768, -]
      - [18, 2, -, 500, 448]
"""


def test_a_table_of_figures_is_an_entry_a_row() -> None:
    document = parse_document(Source("net.yaml", SPEC + FIGURES))
    first, second = document.expectations
    assert [e.settings for e in (first, second)] == [
        {"resolution": 4, "variant": 50, "n": 1}, {"resolution": 4, "variant": 18, "n": 2},
    ]  # fmt: skip
    assert (set(first.figures), first.errata, first.why) == ({"weights", "madds"}, {}, "")
    assert (set(second.figures), set(second.errata), second.why) == ({"madds"}, {"madds"}, "a slip of the pen")
    assert (first.span.line, second.span.line) == (23, 24)
    for one, statuses in ((first, ["met", "met"]), (second, ["erratum"])):  # 16 positions of 3*16; of 3*4 + 4*4
        report = count(build_network(document, one.settings))
        assert sorted(p.status for p in check(report, document)) == statuses


def test_a_row_of_figures_may_be_of_a_kind_or_of_stages_and_have_a_reason_of_its_own() -> None:
    """Table 1 of a network of three layers; 3*3*3*4, 4*4 and 4*4 weights."""
    document = parse_document(Source("net.yaml", """\
costcalc: 1
input: [3, 8, 8]
layers: [{conv: {out: 4, kernel: 3, bias: false, as: a}}, {conv: {out: 4, kernel: 1, bias: false, as: b}}, global_avg_pool]
expect:
  - from: Table 1
    why: of another network
    columns: [kind, stages, weights, exact weights, why]
    data: [[conv 3x3, -, 108, -, -], [-, [a, b], 125, 124, a slip], [-, b, 17, 16, -]]
"""))  # fmt: skip
    parts = [(e.kind, e.stages, e.why) for e in document.expectations]
    assert parts == [("conv 3x3", (), ""), ("", ("a", "b"), "a slip"), ("", ("b",), "of another network")]
    assert [p.status for p in check(count(build_network(document, {})), document)] == ["met", "erratum", "erratum"]


def test_a_hyperparameter_that_is_called_like_a_part_is_meant_by_its_column() -> None:
    document = parse_document(Source("net.yaml", """\
costcalc: 1
hyperparameters: {kind: 8}
input: [3, 8, 8]
layers: [conv: {out: kind, kernel: 1, bias: false}]
expect: [{from: Table 1, columns: [kind, weights], data: [[8, 24], [16, 48]]}]
"""))  # fmt: skip
    assert [(e.settings, e.kind) for e in document.expectations] == [({"kind": 8}, ""), ({"kind": 16}, "")]


@pytest.mark.parametrize(("old", "new", "found"), [
    ("weights, madds,", "weights, mads,", "21: unknown column of figures `mads`"),
    ("[50, 1, 48, 768, -]", "[50, 1, 48, 768]", "23: a row of figures has 5 cells here"),
    ("    columns: [variant, n, weights, madds, exact madds]\n", "", "18: a table of figures has `columns` and `data`"),
    ("[50, 1, 48,", "[51, 1, 48,", "23: `variant` cannot be 51"),
    ("48, 768, -]", "48, many, -]", "23: `madds` must be a figure"),
])  # fmt: skip
def test_a_wrong_table_of_figures_is_told_at_its_place(old: str, new: str, found: str) -> None:
    assert found in problems(SPEC + FIGURES.replace(old, new))

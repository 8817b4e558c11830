"""The bundled specs, against arithmetic by hand, the figures that papers print and what reference code contains."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from networks import exact_rows, network, report, setting, table

from costcalc.cost import count
from costcalc.published import check
from costcalc.spec import build_network, bundled, read_document

MODELINE = "# yaml-language-server: $schema=./costcalc.schema.json"
ROWS, HALVED = table("ROWS"), table("HALVED")
PARAMETERS = [(spec, *row) for spec, rows in table("PARAMETERS").items() for row in rows]


# -- whole networks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", exact_rows(), ids=lambda r: "-".join(list(r.values())[:4]))
def test_a_network_is_met_to_the_last_digit(row: dict[str, str]) -> None:
    spec, settings = setting(row)
    census = report(spec, **settings).totals.census
    counted = {
        "macs_conv_fc": census.macs,
        "weights": census.weights,
        "bn_gamma_beta": census.norm_scales + census.norm_shifts,
        "biases": census.biases,
        "params_total": census.params,
    }
    assert counted == {name: int(row[name]) for name in counted}


def test_the_exact_figures_are_all_there() -> None:
    found = Counter(row["network"] for row in exact_rows())
    assert found == {name: rows for name, (rows, _) in ROWS.items()}


@pytest.mark.parametrize(("spec", "settings", "parameters"), PARAMETERS, ids=str)
def test_torchvision_has_as_many_parameters(spec: str, settings: dict[str, Any], parameters: int) -> None:
    """`num_params` in torchvision's own tables of weights."""
    assert report(spec, **settings).totals.params == parameters


@pytest.mark.parametrize("resolution", [97, 131, 1])
@pytest.mark.parametrize("spec", HALVED)
def test_odd_resolutions_round_up(spec: str, resolution: int) -> None:
    """Five strides of 2: 97, 49, 25, 13, 7, 4 and 131, 66, 33, 17, 9, 5."""
    size = resolution
    for _ in range(HALVED[spec]):
        size -= size // 2
    (pool,) = [n for n in network(spec, resolution=resolution).nodes if n.path == "global_avg_pool"]
    before = network(spec, resolution=resolution).shapes[pool.inputs[0]]
    assert before.spatial == (size, size)


# -- published figures ------------------------------------------------------------------------------------------------

ERRATA = table("ERRATA")


@pytest.mark.parametrize("spec", sorted(bundled()))
def test_published_figures_are_met_or_errata(spec: str) -> None:
    document = read_document(spec)
    statuses: dict[str, set[str]] = {"met": set(), "erratum": set(), "missed": set()}
    compared = 0
    for expected in document.expectations:
        one = count(build_network(document, expected.settings), expected.convention)
        found = [p for p in check(one, document) if p.place == expected.place]
        compared += len(expected.figures) if len(found) >= len(expected.figures) else 0
        for published in found:
            statuses[published.status].add(published.figure)
    assert statuses["missed"] == set()
    assert compared == sum(len(expected.figures) for expected in document.expectations)
    assert statuses["erratum"] == set(ERRATA[spec].split())
    assert statuses["met"] or not document.expectations


# -- the files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", sorted(bundled()))
def test_a_spec_is_short_and_explains_itself(spec: str) -> None:
    text = bundled()[spec].read_text(encoding="utf-8")
    document = read_document(spec)
    assert text.startswith(f"{MODELINE}\n")
    assert text.count("\n") <= 90
    assert max(map(len, text.split("\n"))) <= 180
    assert [p.name for p in document.hyperparameters if not p.help] == []
    assert [e.place for e in document.expectations if e.errata and not e.why] == []
    assert "arXiv:" in document.citation

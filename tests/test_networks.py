"""The bundled specs, against arithmetic by hand, the figures that papers print and what reference code contains."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest
from networks import network, report, rows, setting, table

from costcalc.cost import count
from costcalc.published import check
from costcalc.spec import build_network, bundled, read_document
from costcalc.spec.hyperparameters import settings
from costcalc.spec.published import Figure

MODELINE = "# yaml-language-server: $schema=./costcalc.schema.json"
ROWS, HALVED = table("ROWS"), table("HALVED")
PARAMETERS = [(spec, *row) for spec, rows in table("PARAMETERS").items() for row in rows]


# -- whole networks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", rows("exact.csv"), ids=lambda r: "-".join(list(r.values())[:4]))
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
    found = Counter(row["network"] for row in rows("exact.csv"))
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


PRINTED = {"params": ("params", "total_params", "weights"), "madds": ("madds", "count")}
LEFT_OUT = {"another network", "another form of the network", "rules of its own", "not described", "a budget", "a bound", "one layer"}
PLACES = {"slim", "megvii", "keras", "zfturbo", "tpu", "osmr", "opsummary", "forresti", "ptflops"}  # what is printed in no paper


def settings_of(text: str) -> dict[str, Any]:
    """Settings as text: `alpha=0.75 form=paper`."""
    values = {"true": True, "false": False}
    found = {name: values.get(value, value) for name, _, value in (part.partition("=") for part in text.split())}
    return {k: Fraction(v) if isinstance(v, str) and re.fullmatch(r"[0-9.]+", v) else v for k, v in found.items()}


def stands_under_expect(row: dict[str, str], quantity: str) -> bool:
    """Whether the spec lists this figure of this place for these settings; parameters are the same at every resolution."""
    document = read_document(row["spec"])
    ignored = {"resolution"} if quantity == "params" else set()
    source = row["source"].lower().replace("flops-counter", "ptflops")
    places = {*re.findall(r"\d{4}\.\d{4,5}", source), *(word for word in PLACES if word in source)}

    def resolved(given: Mapping[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in settings(document.hyperparameters, given).items() if k not in ignored}

    wanted, figure = resolved(settings_of(row["settings"])), Figure.read(row[f"printed_{quantity}"])
    return any(
        figure is not None and e.figures[name].value == figure.value
        for e in document.expectations if resolved(e.settings) == wanted
        for name in PRINTED[quantity] if name in e.figures
        if any(place in f"{e.place} {document.citation}".lower() for place in places)
    )  # fmt: skip


@pytest.mark.parametrize("row", rows("published.csv"), ids=lambda r: f"{r['network']}-{r['variant']}-{r['source'][:30]}")
def test_every_printed_figure_is_compared_or_has_a_reason_not_to_be(row: dict[str, str]) -> None:
    """Of what is left out, no figure of a bundled network is one that would be met in the digits that are printed."""
    became = {quantity: row[quantity] for quantity in PRINTED if row[f"printed_{quantity}"]}
    assert all(became.values())
    assert ("-" in became.values()) == bool(row["why"])
    assert set(row["why"].split("; ")) - {""} <= LEFT_OUT
    for quantity, status in became.items():
        if status == "expect":
            assert stands_under_expect(row, quantity)
        elif row["spec"]:
            figure = Figure.read(row[f"printed_{quantity}"])
            totals = report(row["spec"], **settings_of(row["settings"])).totals
            met = [name for name in PRINTED[quantity] if name != "count" and figure and figure.matches(getattr(totals, name))]
            assert status in met if status != "-" else not met
        else:
            assert status == "-"


def test_no_printed_figure_was_forgotten() -> None:
    """The table has 468 rows, of which one is in two parts here: 405 figures of parameters, 439 of multiply-adds."""
    table = rows("published.csv")
    assert len(table) == 469
    assert {q: sum(bool(row[f"printed_{q}"]) for row in table) for q in PRINTED} == {"params": 405, "madds": 439}
    compared = {q: sum(row[q] not in ("", "-") for row in table) for q in PRINTED}
    assert compared == {"params": 286, "madds": 225}


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

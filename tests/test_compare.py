"""Networks side by side: which are asked for, what they are called, their exact ratios, and how that is written."""

from __future__ import annotations

import csv
import decimal
import io
import json
import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from printed import SPECS
from test_harmless import TEXTS, inert, write

import costcalc
from costcalc.errors import UsageError
from costcalc.explore.comparison import OF_A_ROW, TOTALS, Count
from costcalc.render.ratios import exact, number, ratio, times

Cli = Callable[..., Any]
SMALL = str(SPECS / "small.yaml")
F = Fraction


def compared(cli: Cli, *arguments: str, **options: Any) -> dict[str, Any]:
    """The document of `costcalc compare ARGUMENTS`."""
    run = cli("compare", *arguments, "--format", "json", **options)
    assert (run.code, run.err) == (0, "")
    document: dict[str, Any] = json.loads(run.out)
    assert document["schema"] == "costcalc/compare/1"
    return document


def labels(cli: Cli, *arguments: str, **options: Any) -> list[str]:
    return [network["label"] for network in compared(cli, *arguments, **options)["networks"]]


def settings(cli: Cli, *arguments: str, **options: Any) -> list[tuple[Any, ...]]:
    """The hyper-parameters of each network, in order of declaration."""
    return [tuple(network["hyperparameters"].values()) for network in compared(cli, *arguments, **options)["networks"]]


# -- which networks -------------------------------------------------------------------------------------------------


def test_totals_are_those_of_reports(cli: Cli) -> None:
    """Published: 569M and 300M MAdds, 4.2M parameters (mobilenet_v1), 3.4M weights and 34,112 of norms and biases."""
    document = compared(cli, "mobilenet_v1", "mobilenet_v2", "shufflenet_v1")
    for found, name in zip(document["networks"], ("mobilenet_v1", "mobilenet_v2", "shufflenet_v1"), strict=True):
        report = json.loads(cli("report", name, "--format", "json").out)
        assert found["totals"] == {total: report["totals"][total] for total in TOTALS}
        assert [found[key] for key in ("network", "hyperparameters", "input", "status")] == [
            report[key] for key in ("network", "hyperparameters", "input", "status")
        ]
    second = document["networks"][1]
    assert (second["totals"]["madds"], second["totals"]["params"]) == (300_774_272, 3_504_872)
    assert F(second["ratios"]["madds"]) == F(300_774_272, 568_740_352)
    assert F(second["ratios"]["params"]) == F(second["ratios"]["weight_bytes"]) == F(3_504_872, 4_231_976)
    assert set(document["networks"][0]["ratios"].values()) == {1}


def test_a_list_is_a_network_of_each_value(cli: Cli) -> None:
    assert settings(cli, "mobilenet_v1", "--alpha", "1,0.75,0.5") == [
        (1, 224, 1000),
        (0.75, 224, 1000),
        (0.5, 224, 1000),
    ]
    assert settings(cli, "--alpha", "1,3/4", "mobilenet_v1") == settings(cli, "mobilenet_v1:alpha=1,3/4")
    assert settings(cli, "mobilenet_v1", "--set", "alpha=1:0.5:-0.25") == settings(cli, "mobilenet_v1:alpha=1,0.75,0.5")
    both = settings(cli, "mobilenet_v1", "--alpha=1,0.5", "--resolution", "192,224")
    assert both == [(a, r, 1000) for a in (1, 0.5) for r in (192, 224)], "the last moves fastest"


def test_settings_of_one_network(cli: Cli) -> None:
    one = settings(cli, "mobilenet_v1:alpha=0.75", "mobilenet_v2:alpha=1.4,resolution=192")
    assert one == [(0.75, 224, 1000), (1.4, 192, 1000)]
    assert settings(cli, "mobilenet_v1:alpha=0.75,resolution=128,160", "mobilenet_v2") == [
        (0.75, 128, 1000), (0.75, 160, 1000), (1, 224, 1000),
    ]  # fmt: skip
    widths = compared(cli, "mobilenet_v3_small:width-rule=torchvision,minimalistic=true", "mobilenet_v3_small")
    first = widths["networks"][0]["hyperparameters"]
    assert (first["width_rule"], first["minimalistic"]) == ("torchvision", True)


def test_settings_of_one_win_over_settings_of_all(cli: Cli) -> None:
    assert settings(cli, "mobilenet_v1", "mobilenet_v1:alpha=1", "--alpha", "0.5") == [(0.5, 224, 1000), (1, 224, 1000)]
    assert settings(cli, "mobilenet_v1:alpha=1,0.5", "--alpha", "0.25,0.75") == [(1, 224, 1000), (0.5, 224, 1000)]


def test_a_setting_goes_to_those_that_declare_it(cli: Cli) -> None:
    document = compared(cli, "mobilenet_v1", "shufflenet_v1", "--alpha", "0.5", "--groups", "8", "--resolution", "160")
    first, second = (network["hyperparameters"] for network in document["networks"])
    assert (first["alpha"], first["resolution"]) == (0.5, 160)
    assert (second["groups"], second["resolution"]) == (8, 160)
    assert document["notes"] == [
        "`alpha` is no hyper-parameter of ShuffleNet V1", "`groups` is no hyper-parameter of MobileNet V1",
    ]  # fmt: skip
    assert "note  `alpha` is no hyper-parameter of ShuffleNet V1" in cli(
        "compare", "mobilenet_v1", "shufflenet_v1", "--alpha", "0.5"
    ).out.replace("    ", "  ")


def test_a_flag_before_a_spec_takes_no_value(cli: Cli) -> None:
    for second in ("mobilenet_v3_small", "mobilenet_v3_small:alpha=2"):
        document = compared(cli, "mobilenet_v3_large", "--minimalistic", second)
        assert [n["hyperparameters"]["minimalistic"] for n in document["networks"]] == [True, True]


def test_a_file_of_the_whole_name_is_meant(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = Path(SMALL).read_text(encoding="utf-8")
    Path("net:alpha=2").write_text(text, encoding="utf-8")
    Path("a:b,c.yaml").write_text(text, encoding="utf-8")
    assert settings(cli, "net:alpha=2", "a:b,c.yaml:alpha=0.5") == [(1, 48, False, "tf"), (0.5, 48, False, "tf")]
    assert cli("compare", "net", SMALL).code == 2


def test_standard_input_is_read_once(cli: Cli) -> None:
    text = Path(SMALL).read_bytes()
    assert labels(cli, "-", "-", "--alpha", "1,0.5", stdin=text) == [
        "Small network, alpha 1", "Small network, alpha 0.5", "Small network, alpha 1 (2)", "Small network, alpha 0.5 (2)",
    ]  # fmt: skip


def test_the_baseline_comes_first(cli: Cli) -> None:
    """Table 4 of arXiv:1704.04861 and MobileNet V2, in units of the standard convolutions."""
    document = compared(cli, "mobilenet_v1", "mobilenet_v2", "--baseline", "standard")
    assert [n["label"] for n in document["networks"]] == [
        "MobileNet V1 with standard convolutions", "MobileNet V1", "MobileNet V2",
    ]  # fmt: skip
    assert [n["totals"]["madds"] for n in document["networks"]] == [4_867_293_184, 568_740_352, 300_774_272]
    assert F(document["networks"][2]["ratios"]["madds"]) == F(300_774_272, 4_867_293_184)
    assert labels(cli, "mobilenet_v1", "--baseline", "standard", "--alpha", "0.5,1") == [
        "MobileNet V1 with standard convolutions, alpha 0.5", "MobileNet V1, alpha 0.5", "MobileNet V1, alpha 1",
    ]  # fmt: skip


def test_batch_type_and_convention(cli: Cli) -> None:
    document = compared(
        cli, "mobilenet_v1", "mobilenet_v2", "--batch", "8", "--dtype", "float16", "--convention", "flops"
    )
    report = json.loads(
        cli(
            "report", "mobilenet_v2", "--batch", "8", "--dtype", "float16", "--convention", "flops", "--format", "json"
        ).out
    )
    assert document["networks"][1]["totals"] == {name: report["totals"][name] for name in TOTALS}
    assert [document[key] for key in ("batch", "dtype", "convention")] == [
        8,
        "float16",
        {"name": "flops", "unit": "FLOPs"},
    ]
    table = cli("compare", "mobilenet_v1", "mobilenet_v2", "--convention", "flops").out
    assert [line.split("  ")[0] for line in table.split("\n") if line.startswith(("MAdds ", "FLOPs "))][:2] == [
        "MAdds",
        "FLOPs",
    ]


WRONG = {
    (): ("no spec to compare", "name two, or one with several values of a setting"),
    ("mobilenet_v1",): ("there is nothing to compare it with", "name another, give several values as in"),
    ("mobilenet_v1", "--alpha", "0.5"): ("there is nothing to compare it with", "name another"),
    ("mobilenet_v1", "mobilenet_v9"): ("there is no file `mobilenet_v9` here", "did you mean `mobilenet_v"),
    ("mobilenet_v1:alpha", "mobilenet_v2"): ("there is no file `mobilenet_v1:alpha` here", "did you mean `mobilenet_v1`?"),
    ("mobilenet_v1:alpha=", "mobilenet_v2"): ("`alpha` cannot be ``", "write a number"),
    ("mobilenet_v1:alpha=1,alpha=2", "mobilenet_v2"): ("`alpha` is set twice", "keep one of them"),
    ("mobilenet_v1:beta=1", "mobilenet_v2"): ("unknown hyper-parameter `beta`", "the spec declares `alpha`"),
    ("mobilenet_v1:alpha=0", "mobilenet_v2"): ("`alpha` cannot be 0", "it must be above 0"),
    ("mobilenet_v1", "mobilenet_v2", "--alpah", "1"): ("unknown hyper-parameter `alpah`", "did you mean `alpha`?"),
    ("mobilenet_v1", "mobilenet_v2", "--formt", "md"): ("no option `--formt`", "did you mean `--format`?"),
    ("mobilenet_v1", "--alpha", "1,1"): ("`alpha` has 1 twice", "keep one of them"),
    ("mobilenet_v1", "--alpha", "1:2"): ("the range `1:2` of `alpha` has no step", "a range is FROM:TO:STEP"),
    ("mobilenet_v1", "--alpha", "0.01:2:0.01"): ("more than 100 networks would stand side by side", "use fewer values"),
    ("mobilenet_v1", "mobilenet_v2", "--total", "params"): ("`--total` chooses what `--by` shows", "without `--by`"),
    ("mobilenet_v1", "mobilenet_v2", "--by", "stages"): ("unknown grouping `stages`", "did you mean `stage`?"),
    ("mobilenet_v1", "mobilenet_v2", "--by", "stage", "--total", "weight_bytes"): ("unknown total `weight_bytes`", "known:"),
    ("mobilenet_v1", "mobilenet_v2", "--baseline", "dense"): ("unknown baseline `dense`", "known: `standard`"),
    ("mobilenet_v1", "mobilenet_v2", "--format", "xml"): ("unknown format `xml`", "known: `table`, `md`"),
    ("mobilenet_v1", "mobilenet_v2", "--dtype", "float33"): ("unknown dtype `float33`", "did you mean"),
    ("mobilenet_v1", "x" * 5000): ("cannot read", ""),
}  # fmt: skip


@pytest.mark.parametrize("arguments", WRONG, ids=lambda a: " ".join(a)[:60] or "nothing")
def test_wrong_requests(arguments: tuple[str, ...], cli: Cli) -> None:
    run = cli("compare", *arguments)
    message, help_ = WRONG[arguments]
    assert (run.code, run.out) == (2, "")
    assert run.err.startswith(f"error: {message}")
    assert f"\n  help: {help_}" in run.err or not help_


def test_help_lists_the_hyperparameters_of_the_first_spec(cli: Cli) -> None:
    run = cli("compare", "mobilenet_v1:alpha=0.5", "--help")
    assert run.code == 0
    assert "Hyper-parameters of mobilenet_v1:" in run.out
    assert "--resolution" in run.out


def test_the_output_never_replaces_an_input(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_bytes(Path(SMALL).read_bytes())
    assert cli("compare", "mobilenet_v1", f"{path}:alpha=2", "-o", str(path)).code == 2
    assert path.read_bytes() == Path(SMALL).read_bytes()
    assert cli("compare", "mobilenet_v1", str(path), "-o", str(tmp_path / "a.csv")).code == 0
    assert (tmp_path / "a.csv").read_text(encoding="utf-8").startswith("network,spec,settings,params,params_ratio,")


# -- names ----------------------------------------------------------------------------------------------------------


def test_labels_tell_networks_apart(cli: Cli, tmp_path: Path) -> None:
    assert labels(cli, "mobilenet_v1", "mobilenet_v2") == ["MobileNet V1", "MobileNet V2"]
    assert labels(cli, "mobilenet_v1", "mobilenet_v1") == ["MobileNet V1", "MobileNet V1 (2)"]
    assert labels(cli, "mobilenet_v1", "mobilenet_v2", "--alpha", "0.5") == ["MobileNet V1", "MobileNet V2"]
    assert labels(cli, "mobilenet_v1:alpha=0.5", "mobilenet_v2") == ["MobileNet V1, alpha 0.5", "MobileNet V2, alpha 1"]
    assert labels(cli, "shufflenet_v1", "--groups", "2,3") == ["ShuffleNet V1, groups 2", "ShuffleNet V1, groups 3"], (
        "what follows from a setting is not told"
    )
    two = tmp_path / "two.yaml"
    two.write_text(Path(SMALL).read_text(encoding="utf-8") + "# another file\n", encoding="utf-8")
    assert labels(cli, SMALL, str(two)) == [SMALL, str(two)]


def test_labels_without_given_settings() -> None:
    networks = [costcalc.load("mobilenet_v1", alpha=a).network for a in (1, 0.5, 0.5)]
    from costcalc.explore.comparison import labels as label

    assert label(networks) == ("MobileNet V1, alpha 1", "MobileNet V1, alpha 0.5", "MobileNet V1, alpha 0.5 (2)")


# -- rows -----------------------------------------------------------------------------------------------------------


def test_rows_of_the_same_name(cli: Cli) -> None:
    document = compared(cli, "mobilenet_v1", "mobilenet_v2", "--by", "kind")
    rows = {row["path"]: row["networks"] for row in document["rows"]}
    first = [row.path for row in costcalc.load("mobilenet_v1").report().rows("kind")]
    assert list(rows) == [*first, "relu6", "add"], "those of the first network, then the others"
    assert rows["relu"][1] is rows["add"][0] is None
    assert [side["params"] for side in rows["depthwise 3x3"]] == [44_640, 64_224]
    assert F(rows["depthwise 3x3"][1]["ratios"]["params"]) == F(64_224, 44_640)
    assert rows["add"][1]["ratios"]["activations"] is None
    for i, network in enumerate(document["networks"]):
        for name in OF_A_ROW:
            assert sum(row[i][name] for row in rows.values() if row[i]) == network["totals"][name]


def test_by_stage(cli: Cli) -> None:
    """Halved channels quarter the 1x1 convolutions: 512 * 512 to 256 * 256 at 14x14, and 9 * 512 to 9 * 256."""
    out = cli("compare", "mobilenet_v1", "--alpha", "1,0.5", "--by", "layer").out
    rows = {line.split()[0]: line.split()[1:] for line in out.split("\n") if line}
    assert rows["Layer"] == ["alpha", "1", "alpha", "0.5", "Ratio"]
    assert rows["stage7/1/conv"] == [f"{512 * 512 * 196:,}", f"{256 * 256 * 196:,}", "0.2500"]
    assert rows["stage7/1/depthwise"] == [f"{9 * 512 * 196:,}", f"{9 * 256 * 196:,}", "0.5000"]
    assert rows["softmax"] == ["0", "0", "-"]
    assert rows["total"] == ["568,740,352", "149,497,088", "0.2629"]
    assert "shown" in rows and " ".join(rows["shown"]) == "MAdds of each layer"
    params = cli("compare", "mobilenet_v1", "--alpha", "1,0.5", "--by", "stage", "--total", "params").out
    assert "shown    Params of each stage\n" in params
    assert " 1,025,000 " in params


def test_rows_that_one_lacks(cli: Cli) -> None:
    out = cli("compare", "mobilenet_v1", "mobilenet_v2", "--by", "kind").out
    rows = {line.split("  ")[0]: line.split()[-3:] for line in out.split("\n")}
    assert rows["relu"] == ["0", "-", "-"]
    assert rows["add"] == ["-", "0", "-"]


@pytest.mark.parametrize("by", ["stage", "layer", "node"])
def test_rows_of_different_specs_have_no_ratio(by: str, cli: Cli) -> None:
    """`conv` is the first layer of one and the last of the other; settings of one spec do have ratios."""
    specs = ("mobilenet_v1", "mobilenet_v3_large", "mobilenet_v1:alpha=0.5")
    document = compared(cli, *specs, "--by", by)
    for row in document["rows"]:
        _, other, half = row["networks"]
        assert other is None or set(other["ratios"].values()) == {None}
        assert half is None or row["networks"][0]["madds"] == 0 or half["ratios"]["madds"] is not None
    assert document["networks"][1]["ratios"]["madds"] is not None, "of the totals there is one"
    assert "matched by name" in cli("compare", *specs, "--by", by).out
    assert "matched by name" not in cli("compare", "mobilenet_v1", "--alpha", "1,0.5", "--by", by).out
    assert "matched by name" not in cli("compare", "mobilenet_v1", "--baseline", "standard", "--by", by).out
    lines = list(csv.DictReader(io.StringIO(cli("compare", *specs, "--by", by, "--format", "csv").out)))
    others = [row for row in lines if row["network"] == lines[1]["network"] and row["path"] != "total"]
    assert others and all(row["madds_ratio"] == "" for row in others)


# -- Python ---------------------------------------------------------------------------------------------------------


def test_in_python() -> None:
    half = costcalc.load("mobilenet_v1", alpha=0.5)
    found = costcalc.compare("mobilenet_v1", half, half.standard(), convention="flops", batch=2)
    assert found.labels[1:] == ("MobileNet V1, alpha 0.5", "MobileNet V1 with standard convolutions, alpha 0.5")
    for i, name in ((i, name) for i in range(3) for name in TOTALS):
        value = getattr(found.reports[i].totals, name)
        assert found.total(i, name) == Count(value)
        assert found.ratio(i, name) == F(value, getattr(found.reports[0].totals, name))
    assert found.reports[1].totals == half.report("flops", batch=2).totals
    with pytest.raises(UsageError):
        costcalc.compare()


def test_lower_bounds_have_no_ratio() -> None:
    found = costcalc.compare("mobilenet_v1", str(SPECS / "partial.yaml"))
    assert found.ratio(1, "params") is found.ratio(1, "count") is None
    assert found.total(1, "params").least
    assert found.ratio(1, "activations") is not None
    assert costcalc.compare(str(SPECS / "partial.yaml"), "mobilenet_v1").ratio(1, "madds") is None


# -- numbers as text ------------------------------------------------------------------------------------------------


def test_ratios_are_rounded_half_up() -> None:
    """Against the decimal module, digit by digit."""
    draw = random.Random(1)
    with decimal.localcontext(decimal.Context(prec=60, rounding=decimal.ROUND_HALF_UP)):
        for _ in range(2000):
            value = F(draw.randint(0, 10 ** draw.randint(1, 12)), draw.randint(1, 10 ** draw.randint(1, 8)))
            text = ratio(value).replace(",", "")
            digits = len(text.partition(".")[2])
            assert decimal.Decimal(text) == round_half_up(value, digits)
            significant = text.replace(".", "").lstrip("0")
            assert digits == 4 or (digits > 4 and len(significant) == 3), "a small ratio keeps three digits"


def round_half_up(value: Fraction, digits: int) -> decimal.Decimal:
    whole = decimal.Decimal(value.numerator) / decimal.Decimal(value.denominator)
    return whole.quantize(decimal.Decimal(1).scaleb(-digits))


@pytest.mark.parametrize(
    "value, text, words",
    [
        (F(568_740_352, 4_867_293_184), "0.1168", "8.56x fewer"),
        (F(1, 8), "0.1250", "8.00x fewer"),
        (F(4, 3), "1.3333", "1.33x more"),
        (F(1), "1.0000", "as many"),
        (F(0), "0.0000", "none"),
        (None, "-", "not known"),
        (F(1, 1024), "0.000977", "1,024.00x fewer"),
        (F(99_500, 10**7), "0.0100", "100.50x fewer"),
        (F(5, 10**5) + F(1, 10), "0.1001", "10.00x fewer"),
        (F(12_345), "12,345.0000", "12,345.00x more"),
        (F(1023, 1024), "0.9990", "1.001x fewer"),
        (F(10**6 + 1, 10**6), "1.0000", "1.000001x more"),
    ],
)
def test_ratios_as_text(value: Fraction | None, text: str, words: str) -> None:
    assert (ratio(value), times(value)) == (text, words)


def test_counts_as_text_and_in_json() -> None:
    assert [number(c) for c in (Count(1234), Count(1234, True), Count(None))] == ["1,234", ">= 1,234", "?"]
    assert times(F(1, 2), size=True) == "2.00x less"
    assert times(F(1), size=True) == "the same"
    assert [exact(v) for v in (None, F(2), F(1, 4), F(1, 3), F(0))] == [None, 2, 0.25, "1/3", 0]
    assert Count(0).ratio(Count(5)) == 0
    assert Count(5).ratio(Count(0)) is Count(0).ratio(Count(0)) is Count(None).ratio(Count(1)) is None


# -- formats --------------------------------------------------------------------------------------------------------

TABLE = """
Total                      alpha 1    alpha 0.5   Ratio
-------------------------------------------------------
Params                   4,231,976    1,331,592  0.3147
MAdds                  568,740,352  149,497,088  0.2629
Activations written      5,044,712    2,522,856  0.5001
Weight bytes            16,927,904    5,326,368  0.3147
Peak activation bytes    4,816,896    2,408,448  0.5000
Memory access bytes    138,574,720   66,456,832  0.4796

MAdds   MobileNet V1, alpha 0.5: 3.80x fewer
params  MobileNet V1, alpha 0.5: 3.18x fewer
"""


def test_the_table(cli: Cli) -> None:
    """The totals are those of `tests/data/exact.csv`; a float is 4 bytes."""
    run = cli("compare", "mobilenet_v1", "--alpha", "1,0.5")
    assert (run.code, run.err) == (0, "")
    assert run.out.endswith(TABLE)
    assert run.out.startswith(
        "MobileNet V1: 2 settings\n1        MobileNet V1, alpha 1: mobilenet_v1, alpha 1, resolution 224, "
    )
    assert 16_927_904 == 4 * 4_231_976


def test_the_same_cells_in_every_format(cli: Cli) -> None:
    rows = [line.split("  ") for line in TABLE.split("\n")[3:9]]
    cells = [[cell.strip() for cell in row if cell] for row in rows]
    md, tex, page = (
        cli("compare", "mobilenet_v1", "--alpha", "1,0.5", "--format", f).out for f in ("md", "latex", "html")
    )
    for row in cells:
        assert f"| {' | '.join(row)} |\n" in md
        assert f"  {' & '.join(row)} \\\\\n" in tex
        assert f"<td>{row[0]}</td>" + "".join(f'<td class="n">{cell}</td>' for cell in row[1:]) in page
    assert md.count("\n| ") == 2 + len(cells), "no row of totals"
    assert "tfoot><tr>" not in page
    assert tex.count(r"\midrule") == 1


def test_csv(cli: Cli) -> None:
    head, *lines = csv.reader(io.StringIO(cli("compare", "mobilenet_v1", "--alpha", "1,0.5", "--format", "csv").out))
    first, second = (dict(zip(head, line, strict=True)) for line in lines)
    assert (first["network"], second["madds"], second["madds_ratio"]) == (
        "MobileNet V1, alpha 1",
        "149497088",
        "0.2629",
    )
    assert second["settings"] == "alpha 0.5, resolution 224, classes 1000"
    out = cli("compare", "mobilenet_v1", "mobilenet_v2", "--by", "kind", "--format", "csv").out
    head, *lines = csv.reader(io.StringIO(out))
    assert {len(line) for line in lines} == {len(head)}
    for name in ("MobileNet V1", "MobileNet V2"):
        *rows, total = [dict(zip(head, line, strict=True)) for line in lines if line[1] == name]
        assert total["path"] == "total"
        for column in ("nodes", *OF_A_ROW):
            assert sum(int(row[column] or 0) for row in rows) == int(total[column])


def test_many_networks_are_rows(cli: Cli) -> None:
    out = cli("compare", "mobilenet_v1", "--alpha", "1,0.75,0.5,0.25", "--resolution", "224,128", "--format", "csv").out
    table = cli("compare", "mobilenet_v1", "--alpha", "1,0.75,0.5,0.25", "--resolution", "224,128").out
    head, *lines = csv.reader(io.StringIO(out))
    assert len(lines) == 8
    for line in lines:
        cells = dict(zip(head, line, strict=True))
        (row,) = [shown for shown in table.split("\n") if shown.startswith(f"{cells['network']}  ")]
        params, madds = int(cells["params"]), int(cells["madds"])
        assert row.split("  ", 1)[1].split()[:4] == [
            f"{params:,}",
            cells["params_ratio"],
            f"{madds:,}",
            cells["madds_ratio"],
        ]


def test_a_terminal_shows_it_whole(cli: Cli) -> None:
    for width in ("60", "200"):
        out = cli("compare", "mobilenet_v1", "mobilenet_v2", FORCE_COLOR="1", COLUMNS=width, TERM="xterm").out
        assert all(number in out for number in ("568,740,352", "300,774,272", "0.5288"))
        assert "█" not in out


def test_partial_networks_say_so(cli: Cli) -> None:
    run = cli("compare", "mobilenet_v1", str(SPECS / "partial.yaml"))
    assert run.code == 0
    assert "\npartial  " in run.out
    assert ">= " in run.out
    document = compared(cli, "mobilenet_v1", str(SPECS / "partial.yaml"))
    assert document["networks"][1]["status"] == "partial"
    assert document["networks"][1]["uncounted"]
    assert document["networks"][1]["ratios"]["madds"] is None


@pytest.mark.parametrize("format_", ["table", "md", "csv", "json", "latex", "html"])
@pytest.mark.parametrize("by", [(), ("--by", "kind")], ids=["totals", "kinds"])
def test_text_of_a_spec_is_harmless(format_: str, by: tuple[str, ...], tmp_path: Path, cli: Cli) -> None:
    for text in TEXTS:
        spec = write(tmp_path, text)
        arguments = (str(spec.path), "mobilenet_v1", "--convention", str(spec.convention), "--format", format_)
        run = cli("compare", *arguments, *by)
        assert (run.code, run.err) == (0, "")
        assert inert(run.out)
        if format_ == "csv":
            cells = [cell for line in csv.reader(io.StringIO(run.out)) for cell in line]
            assert not [cell for cell in cells if cell.lstrip()[:1] in tuple("=+-@")]
        if format_ == "html":
            assert "<script" not in run.out and "<img" not in run.out

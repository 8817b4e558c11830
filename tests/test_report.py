"""Reports as they are printed: golden files whose columns are added up again, the views, and the JSON document."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from printed import SPECS, VIEWS, columns_of, unversioned

import costcalc
from costcalc.cost import Report
from costcalc.spec import bundled
from costcalc.version import VERSION

GOLDEN = Path(__file__).parent / "golden"
Cli = Callable[..., Any]
Golden = Callable[[Path, str], None]
SUFFIXES = {"table": "txt", "md": "md", "csv": "csv", "json": "json", "latex": "tex", "html": "html"}
REPORTS = [
    *((f"small-{name}", "small.yaml", options, "table") for name, options in VIEWS.items()),
    *((f"small-{name}", "small.yaml", VIEWS[name], "md") for name in ("layer", "kind", "top")),
    *((f"small-{name}", "small.yaml", VIEWS[name], "csv") for name in ("layer", "kind", "top")),
    *((f"small-{name}", "small.yaml", VIEWS[name], "json") for name in ("layer", "top")),
    *(("small-layer", "small.yaml", (), format_) for format_ in ("latex", "html")),
    *(("partial", "partial.yaml", (), format_) for format_ in SUFFIXES),
    ("partial-kind", "partial.yaml", ("--by", "kind"), "table"),
    ("mobilenet_v1-0.75", "mobilenet_v1", ("--alpha", "0.75"), "table"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "spec", "options", "format_"), REPORTS, ids=[f"{r[0]}.{SUFFIXES[r[3]]}" for r in REPORTS]
)
def test_golden(
    name: str,
    spec: str,
    options: tuple[str, ...],
    format_: str,
    cli: Cli,
    golden: Golden,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The text is as it was, and the printed columns add up to the printed totals, which are those of the report."""
    monkeypatch.chdir(SPECS)
    run = cli("report", spec, *options, "--format", format_)
    assert (run.code, run.err) == (0, "")
    printed = {head.lower(): total for head, total in columns_of(run.out, format_).items()}
    golden(GOLDEN / f"{name}.{SUFFIXES[format_]}", unversioned(run.out))
    totals = report_of(spec, options).totals
    exact = {"params": totals.params, "madds": totals.madds, "flops": totals.count, "weights": totals.weights}
    assert len(printed) >= 2
    assert all(printed[key] == exact[key] for key in printed.keys() & exact.keys())


def report_of(spec: str, options: tuple[str, ...]) -> Report:
    """The report that these options ask for."""
    given: dict[str, Any] = {"small.yaml": {}, "partial.yaml": {}, "mobilenet_v1": {"alpha": 0.75}}[spec]
    if options == VIEWS["settings"]:
        given = {"alpha": 0.5, "wide": True, "rule": "torch", "resolution": 41}
    counted = {"convention": "flops", "batch": 8, "dtype": "float16"} if options == VIEWS["flops"] else {}
    return costcalc.load(spec, **given).report(**counted)


def test_a_missing_golden_file_fails(golden: Golden, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--update"):
        with pytest.raises(pytest.fail.Exception, match="missing"):
            golden(tmp_path / "small.txt", "text")


def test_no_golden_file_is_left_over() -> None:
    wanted = {f"{name}.{SUFFIXES[format_]}" for name, _, _, format_ in REPORTS}
    assert {path.name for path in GOLDEN.iterdir()} == wanted | {"small.ir.json"}


@pytest.mark.parametrize("options", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("format_", [*SUFFIXES])
def test_every_view_adds_up(options: tuple[str, ...], format_: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SPECS)
    for spec in ("small.yaml", "partial.yaml"):
        if spec == "small.yaml" or options != VIEWS["settings"]:
            columns_of(cli("report", spec, *options, "--format", format_).out, format_)


@pytest.mark.parametrize("spec", sorted(bundled()))
def test_bundled_specs_add_up(spec: str, cli: Cli) -> None:
    for options in ((), ("--by", "kind"), ("--by", "node", "--convention", "flops", "--top", "7")):
        columns_of(cli("report", spec, *options).out, "table")


def test_a_column_that_does_not_add_up_is_noticed() -> None:
    text = (GOLDEN / "small-layer.txt").read_text(encoding="utf-8")
    assert columns_of(text, "table")["Params"] == 17114
    with pytest.raises(AssertionError):
        columns_of(text.replace("290,304", "290,305"), "table")


# -- views ----------------------------------------------------------------------------------------------------------


def rows_of(cli: Cli, *options: str) -> list[dict[str, str]]:
    run = cli("report", str(SPECS / "small.yaml"), "--format", "csv", *options)
    assert run.code == 0, run.err
    return list(csv.DictReader(io.StringIO(run.out)))[:-1]


def test_rows_are_what_by_says(cli: Cli) -> None:
    nodes, layers = rows_of(cli, "--by", "node"), rows_of(cli, "--by", "layer")
    stages, kinds = rows_of(cli, "--by", "stage"), rows_of(cli, "--by", "kind")
    assert {row["nodes"] for row in nodes} == {"1"}
    assert [row["path"] for row in layers] == list(
        dict.fromkeys(re.sub("/(batch_norm|relu6)$", "", r["path"]) for r in nodes)
    )
    assert [row["path"] for row in stages] == list(dict.fromkeys(row["path"].split("/")[0] for row in layers))
    assert [row["path"] for row in kinds] == list(dict.fromkeys(row["kind"].partition("/")[0] for row in nodes))
    assert {row["path"] for row in rows_of(cli, "--depth", "2")} >= {"stem", "stage1/depthwise", "stage2/1", "stage2/2"}
    assert rows_of(cli, "--depth", "1") == stages
    assert rows_of(cli) == layers


@pytest.mark.parametrize("sort", ["count", "madds", "params", "activations", "memory"])
def test_sort_falls(sort: str, cli: Cli) -> None:
    column = {"memory": "memory_access_bytes"}.get(sort, sort)
    values = [int(row[column]) for row in rows_of(cli, "--sort", sort)]
    assert values == sorted(values, reverse=True)
    assert sorted(row["path"] for row in rows_of(cli, "--sort", sort)) == sorted(row["path"] for row in rows_of(cli))


def test_sort_by_path_and_in_order(cli: Cli) -> None:
    in_order = [row["path"] for row in rows_of(cli, "--sort", "order")]
    assert [row["path"] for row in rows_of(cli, "--sort", "path")] == sorted(in_order)
    assert in_order[0] == "stem"


def test_top_adds_up_the_rest(cli: Cli) -> None:
    whole, top = rows_of(cli, "--sort", "params"), rows_of(cli, "--sort", "params", "--top", "3")
    assert top[:3] == whole[:3]
    assert top[3]["path"] == f"{len(whole) - 3} more"
    assert int(top[3]["params"]) == sum(int(row["params"]) for row in whole[3:])
    assert rows_of(cli, "--top", "1000") == rows_of(cli)


def test_partial_says_what_is_not_counted(cli: Cli) -> None:
    spec = str(SPECS / "partial.yaml")
    table, page, page_md = (cli("report", spec, "--format", f).out for f in ("table", "html", "md"))
    assert "not counted: head/1/select, head/2/select, opaque; the totals are lower bounds" in table
    assert re.search(r"total +>= 1,417 +>= 822,800", table)
    assert re.search(r"head/1/select +opaque soft_nms +8x20x30 +\? +\?", table)
    assert ">= 822,800" not in page
    assert "&gt;= 822,800" in page
    assert "≥ 822,800" in page_md
    document = json.loads(cli("report", spec, "--format", "json").out)
    assert (document["status"], document["uncounted"]) == ("partial", ["head/1/select", "head/2/select", "opaque"])
    assert document["layers"][-2]["path"] == "opaque"
    assert [document["layers"][-2][key] for key in ("params", "madds", "count")] == [None, None, None]
    rows = list(csv.DictReader(io.StringIO(cli("report", spec, "--format", "csv").out)))
    assert [row["status"] for row in rows if row["path"] in ("stem", "opaque", "total")] == [
        "complete",
        "partial",
        "partial",
    ]
    merged = cli("report", spec, "--by", "stage").out
    assert re.search(r"head +4 nodes +8x20x30 +>= 1,168 +>= 691,200", merged)


# -- JSON -----------------------------------------------------------------------------------------------------------


def test_json_has_the_shape_of_its_schema(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SPECS)
    document = json.loads(cli("report", "small.yaml", "--alpha", "0.75", "--format", "json").out)
    assert [key for key in document if key not in ("published", "uncounted")] == [
        "schema", "version", "network", "hyperparameters", "batch", "dtype", "input", "convention", "status", "totals",
        "layers",
    ]  # fmt: skip
    assert (document["schema"], document["version"], document["batch"]) == ("costcalc/report/1", VERSION, 1)
    assert document["network"]["name"] == "Small network"
    assert re.fullmatch("[0-9a-f]{64}", document["network"]["sha256"])
    assert document["hyperparameters"] == {"alpha": 0.75, "resolution": 48, "wide": False, "rule": "tf"}
    assert document["input"] == [3, 48, 56]
    assert document["convention"] == {"name": "paper", "unit": "MAdds"}
    assert document["status"] == "complete"
    assert list(document["totals"])[:7] == [
        "params", "madds", "count", "activations", "weight_bytes", "peak_activation_bytes", "memory_access_bytes",
    ]  # fmt: skip
    layer = document["layers"][0]
    assert list(layer)[:7] == ["path", "kind", "inputs", "output", "params", "madds", "count"]
    assert (layer["path"], layer["kind"], layer["inputs"], layer["output"]) == (
        "stem",
        "conv",
        [[3, 48, 56]],
        [16, 24, 28],
    )
    assert layer["census"]["macs"] == layer["madds"]
    numbers = [value for value in leaves(document) if isinstance(value, int | float) and not isinstance(value, bool)]
    assert all(isinstance(value, int) for value in numbers if value != 0.75)


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return leaves(list(value.values()))
    return [leaf for item in value for leaf in leaves(item)] if isinstance(value, list) else [value]


def test_json_counts_are_exact_however_large(cli: Cli) -> None:
    run = cli("report", "mobilenet_v1", "--batch", "1000000000", "--convention", "flops", "--format", "json")
    report = costcalc.load("mobilenet_v1").report("flops", batch=10**9)
    totals = json.loads(run.out)["totals"]
    assert totals["count"] == report.totals.count > 2**53
    assert f'"count": {report.totals.count}' in run.out


def test_batch_dtype_and_convention(cli: Cli) -> None:
    one, many = (json.loads(cli("report", str(SPECS / "small.yaml"), "--format", "json", *options).out)
                 for options in ((), ("--batch", "8", "--dtype", "float16", "--convention", "flops")))  # fmt: skip
    assert (many["batch"], many["dtype"], many["convention"]) == (8, "float16", {"name": "flops", "unit": "FLOPs"})
    assert many["totals"]["params"] == one["totals"]["params"]
    assert many["totals"]["madds"] == 8 * one["totals"]["madds"] == 8 * one["totals"]["count"]
    assert many["totals"]["count"] > 2 * many["totals"]["madds"]
    assert many["totals"]["weight_bytes"] * 2 == one["totals"]["weight_bytes"]
    assert many["totals"]["activations"] == 8 * one["totals"]["activations"]
    assert many["totals"]["peak_activation_bytes"] == 4 * one["totals"]["peak_activation_bytes"]


def test_published_figures(cli: Cli) -> None:
    document = json.loads(cli("report", str(SPECS / "small.yaml"), "--format", "json").out)
    assert [(p["from"], p["quantity"], p["status"]) for p in document["published"]] == [
        ("Table 1", "madds", "met"), ("Table 1", "params", "met"), ("Table 2", "madds", "erratum"),
        ("README, section 3", "params", "missed"), ("Figure 4", "madds of conv 1x1", "met"),
        ("Figure 4", "weights of conv 1x1", "met"),
    ]  # fmt: skip
    assert document["published"][2]["why"] == "a slip of the pen"
    flops = json.loads(cli("report", str(SPECS / "small.yaml"), "--convention", "flops", "--format", "json").out)
    assert [p["from"] for p in flops["published"]][-1] == "Table 5"
    other = json.loads(cli("report", str(SPECS / "small.yaml"), "--alpha", "0.5", "--format", "json").out)
    assert [p["from"] for p in other["published"]] == ["Table 6"]
    assert "published" not in json.loads(
        cli("report", str(SPECS / "small.yaml"), "--alpha", "0.6", "--format", "json").out
    )

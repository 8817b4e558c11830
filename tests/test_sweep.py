"""`costcalc sweep`: every point is what a report of it says, in every format; what is refused, and what is told."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from printed import ENVIRONMENT, SPECS, html_cells, markdown_cells

import costcalc
from costcalc import UsageError
from costcalc.budgets import METRICS
from costcalc.cli import sweep as command
from costcalc.explore.grid import read_axis
from costcalc.explore.sweep import CHUNK, NO_CENSUS, Sweep
from costcalc.explore.swept import Chunk
from costcalc.kinds import REGISTRY
from costcalc.render.sweep import csv_text
from costcalc.spec import read_document
from costcalc.version import VERSION

Cli = Callable[..., Any]
SMALL, OPTIONS, PARTIAL = (str(SPECS / f"{name}.yaml") for name in ("small", "options", "partial"))
EXACT = Path(__file__).parent / "data" / "exact.csv"
TOTALS = ",".join(METRICS)
UNEVEN = """\
costcalc: 1
name: Sometimes wrong, sometimes partial
hyperparameters:
  width: 8
  groups: 1
  params: {default: 3, help: called like a total}
  select: {default: false}
  rest: 2*width
input: [4, 9, 10]
layers:
  - conv: {out: width, kernel: params}
  - conv: {out: 12, kernel: 1, groups: groups}
  - opaque: {op: nms, only_if: select}
  - conv: {out: rest, kernel: 1}
"""
WIDE = """\
costcalc: 1
hyperparameters: {n: 1}
input: [n, n]
layers: [conv: {out: n, kernel: 1, bias: false}]
"""


@pytest.fixture
def uneven(tmp_path: Path) -> str:
    path = tmp_path / "uneven.yaml"
    path.write_text(UNEVEN)
    return str(path)


@pytest.fixture
def wide(tmp_path: Path) -> str:
    path = tmp_path / "wide.yaml"
    path.write_text(WIDE)
    return str(path)


def document(cli: Cli, *arguments: str) -> dict[str, Any]:
    run = cli("sweep", *arguments, "--format", "json")
    assert run.code == 0, run.err
    return dict(json.loads(run.out))


def totals(found: dict[str, Any]) -> list[tuple[int, ...]]:
    return [tuple(point["totals"].values()) for point in found["points"]]


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


# -- the numbers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "madds", "params"),
    [
        (("--alpha", "1,0.75,0.5,0.25"), "569 325 149 41", "4.2 2.6 1.3 0.5"),
        (("--alpha", "1:0.25:-0.25"), "569 325 149 41", "4.2 2.6 1.3 0.5"),
        (("--resolution", "224:128:-32"), "569 418 290 186", "4.2 4.2 4.2 4.2"),
    ],
)
def test_tables_6_and_7_of_the_paper(arguments: tuple[str, ...], madds: str, params: str, cli: Cli) -> None:
    """arXiv:1704.04861; 290.7 million is printed as 290, the others are rounded."""
    found = totals(document(cli, "mobilenet_v1", *arguments))
    assert [n[1] // 10**6 + (n[1] % 10**6 >= 500_000 and n[1] != 290_675_200) for n in found] == [*map(int, madds.split())]
    assert [f"{n[0] / 10**6:.1f}" for n in found] == params.split()


def test_the_exact_table(cli: Cli) -> None:
    lines = [line for line in EXACT.read_text().splitlines() if not line.startswith("#")]
    hand = {
        (row["alpha_or_scale"], row["resolution"]): (row["params_total"], row["macs_conv_fc"])
        for row in csv.DictReader(lines)
        if row["network"] == "MobileNetV1"
    }
    found = cli("sweep", "mobilenet_v1", "--alpha", "0.25:1:0.25", "--resolution", "128:224:32", "--format", "csv")
    seen = {(row["alpha"], row["resolution"]): (row["params"], row["madds"]) for row in rows(found.out)}
    assert len(seen) == 16
    assert len(set(seen) & set(hand)) >= 7
    assert all(hand[key] == seen[key] for key in set(seen) & set(hand))


@pytest.mark.parametrize("options", [{}, {"convention": "flops", "batch": 3, "dtype": "int4"}], ids=["plain", "flops"])
def test_every_point_is_its_report(options: dict[str, Any], cli: Cli) -> None:
    axes = {"alpha": ["0.35", "6/7", "1.5"], "resolution": ["32", "47"], "wide": ["true", "false"], "rule": ["tf", "torch"]}
    given = [word for name, values in axes.items() for word in (f"--{name}", ",".join(values))]
    given += [word for name, value in options.items() for word in (f"--{name}", str(value))]
    found = document(cli, SMALL, *given, "--totals", TOTALS)
    expected = []
    for values in itertools.product(*axes.values()):
        report = costcalc.load(SMALL, **dict(zip(axes, values, strict=True))).report(**options)
        expected.append({metric: getattr(report.totals, metric) for metric in METRICS})
    assert [point["totals"] for point in found["points"]] == expected
    assert [tuple(point["hyperparameters"]) for point in found["points"]] == [("alpha", "resolution", "wide", "rule")] * 24
    assert found["points"][8]["hyperparameters"] == {"alpha": "6/7", "resolution": 32, "wide": True, "rule": "tf"}


def test_chunks_change_nothing(cli: Cli) -> None:
    """More points than one chunk: the last of each, and the first of the next, are where they belong."""
    sweep = Sweep(read_document("mobilenet_v1"), [read_axis("alpha", "0.01:2:0.01"), read_axis("resolution", "32:231:1")])
    sizes, where = [], 0
    for chunk in sweep.chunks():
        for i in (0, len(chunk.points) - 1):
            alpha, resolution = divmod(where + i, 200)
            assert chunk.points.setting(i) == {"alpha": Fraction(alpha + 1, 100), "resolution": resolution + 32}
        where += len(chunk.points)
        sizes.append(len(chunk.points))
    assert (where, max(sizes), sizes[0] < sizes[1] < CHUNK) == (40_000, CHUNK, True)


# -- formats --------------------------------------------------------------------------------------------------------


def test_the_document(cli: Cli) -> None:
    found = document(cli, "mobilenet_v1", "--alpha", "0.5,1/3", "--resolution", "160", "--convention", "flops", "--batch", "2")
    assert list(found) == [
        "schema", "version", "network", "axes", "hyperparameters", "batch", "dtype", "convention", "status", "faults", "points",
    ]  # fmt: skip
    assert (found["schema"], found["version"], found["status"], found["faults"]) == ("costcalc/sweep/1", VERSION, "complete", 0)
    assert found["network"]["name"] == "MobileNet V1"
    report = json.loads(cli("report", "mobilenet_v1", "--format", "json").out)
    assert found["network"] == report["network"] | {"spec": "mobilenet_v1"}
    assert (found["axes"], found["hyperparameters"]) == ({"alpha": [0.5, "1/3"]}, {"resolution": 160, "classes": 1000})
    assert (found["batch"], found["dtype"], found["convention"]) == (2, "float32", {"name": "flops", "unit": "FLOPs"})
    point = found["points"][1]
    assert list(point) == ["hyperparameters", "totals", "status"]
    assert point["hyperparameters"] == {"alpha": "1/3", "resolution": 160, "classes": 1000}
    assert list(point["totals"]) == ["params", "madds", "count"]
    again = costcalc.load("mobilenet_v1", **point["hyperparameters"]).report("flops", batch=2).totals
    assert point["totals"] == {name: getattr(again, name) for name in point["totals"]}


def plain_cells(text: str) -> list[list[str]]:
    lines = text.split("\n")
    rule = next(i for i, line in enumerate(lines) if line and not line.strip("-"))
    return [lines[rule - 1].split(), *(line.split() for line in lines[rule + 1 : lines.index("", rule)])]


def test_formats_agree(cli: Cli) -> None:
    arguments = ("sweep", "mobilenet_v1", "--alpha", "0.25:1:0.25", "--resolution", "128,224")
    cells = {
        "table": plain_cells, "md": markdown_cells, "html": html_cells,
        "latex": lambda text: [line.strip().removesuffix(r" \\").split(" & ") for line in text.split("\n") if line.endswith("\\")],
    }  # fmt: skip
    read = {format_: cells[format_](cli(*arguments, "--format", format_).out) for format_ in cells}
    data = rows(cli(*arguments, "--format", "csv").out)
    expected = [[row["alpha"], row["resolution"], f"{int(row['params']):,}", f"{int(row['madds']):,}"] for row in data]
    assert len(expected) == 8
    for table in read.values():
        assert table == [["alpha", "resolution", "Params", "MAdds"], *expected]


def test_a_table_says_what_it_is_of(cli: Cli) -> None:
    text = cli("sweep", "mobilenet_v1", "--alpha", "0.5", "--resolution", "128,224", "--convention", "flops",
               "--totals", "count,weights", "--dtype", "int8", "--batch", "4").out  # fmt: skip
    lines = text.split("\n")
    assert lines[:4] == [
        "MobileNet V1",
        "source     Howard et al. 2017, arXiv:1704.04861, Table 1",
        "spec       mobilenet_v1",
        "settings   alpha 0.5, classes 1000",
    ]
    assert lines[4:6] == ["batch      4", "stored as  int8"]
    assert lines[6].startswith("counted    flops: 2 x MAdds plus")
    assert plain_cells(text)[0] == ["resolution", "FLOPs", "Weight", "bytes"]


def test_a_column_for_nothing_is_left_out(uneven: str, cli: Cli) -> None:
    assert "Status" not in cli("sweep", uneven, "--width", "8,16").out
    assert "Status" in cli("sweep", uneven, "--width", "8,9", "--groups", "1,2").out


def test_csv(cli: Cli) -> None:
    text = cli("sweep", SMALL, "--alpha", "6/7,0.5", "--wide", "false,true", "--format", "csv").out
    assert text.split("\n")[0] == "alpha,wide,params,madds,convention,unit,status,fault"
    assert [(row["alpha"], row["wide"]) for row in rows(text)] == [
        ("6/7", "false"), ("6/7", "true"), ("0.5", "false"), ("0.5", "true"),
    ]  # fmt: skip
    assert {(row["convention"], row["unit"], row["status"], row["fault"]) for row in rows(text)} == {
        ("paper", "MAdds", "complete", "")
    }


def test_the_name_of_the_file_says_the_format(tmp_path: Path, cli: Cli) -> None:
    begins = {"a.md": "## Small", "a.csv": "alpha,", "a.json": "{\n", "a.tex": "\\begin{table}", "a.html": "<!DOCTYPE", "a.txt": "Small"}
    for name, start in begins.items():
        assert cli("sweep", SMALL, "--alpha", "1,2", "-o", str(tmp_path / name)) == (0, "", "")
        assert (tmp_path / name).read_text().startswith(start)
    assert {path.name for path in tmp_path.iterdir()} == set(begins)


def test_sorted(cli: Cli, uneven: str) -> None:
    found = totals(document(cli, "mobilenet_v1", "--alpha", "0.25:1:0.25", "--resolution", "128:224:32", "--sort", "madds"))
    assert [n[1] for n in found] == sorted((n[1] for n in found), reverse=True)
    assert len(found) == 16
    text = cli("sweep", uneven, "--groups", "5,2,1,3", "--sort", "params", "--format", "csv").out
    assert [row["groups"] for row in rows(text)] == ["1", "2", "5", "3"], "those without a total are last, in their order"
    assert [row["fault"] != "" for row in rows(text)] == [False, False, True, True]
    assert "weight_bytes" in cli("sweep", uneven, "--width", "8,4", "--sort", "weights", "--format", "csv").out


def test_a_hyperparameter_that_is_called_like_a_column(uneven: str, cli: Cli) -> None:
    text = cli("sweep", uneven, "--set", "params=1,3", "--format", "csv").out
    assert text.startswith("hyperparameters.params,params,madds,")
    # 4 in, 8 wide, 12, then 2*8: 4*8*k*k + 8*12 + 12*16 and their biases
    assert [row["params"] for row in rows(text)] == [str(4 * 8 * k * k + 8 * 12 + 12 * 16 + 36) for k in (1, 3)]


# -- points that cannot be built, and such as are not counted whole --------------------------------------------------


def test_faults_are_rows_and_words(uneven: str, cli: Cli) -> None:
    arguments = ("sweep", uneven, "--width", "8,9", "--groups", "1,2")
    run = cli(*arguments, "--format", "csv")
    fault = "9 input channels cannot be divided into 2 groups"
    assert run.code == 0
    assert run.err == f"1 of 4 points cannot be built; the first is width 9, groups 2: {fault}\n"
    assert [row["status"] for row in rows(run.out)] == ["complete"] * 3 + ["fault"]
    assert [rows(run.out)[3][name] for name in ("params", "madds", "fault")] == ["", "", fault]
    table = cli(*arguments).out
    assert re.search(rf"^ +9 +2 +- +- +{fault}$", table, re.MULTILINE)
    found = json.loads(cli(*arguments, "--format", "json").out)
    assert (found["status"], found["faults"]) == ("complete", 1)
    assert found["points"][3] == {
        "hyperparameters": {"width": 9, "groups": 2, "params": 3, "select": False, "rest": 18},
        "totals": None, "status": "fault", "fault": fault,
    }  # fmt: skip


def test_defaults_follow_an_axis(uneven: str, cli: Cli) -> None:
    found = document(cli, uneven, "--width", "4,6")
    assert [point["hyperparameters"]["rest"] for point in found["points"]] == [8, 12]
    assert found["hyperparameters"] == {"groups": 1, "params": 3, "select": False}
    assert "settings  groups 1, params 3, select false, rest 2*width\n" in cli("sweep", uneven, "--width", "4,6").out


def test_partial_points_are_marked(uneven: str, cli: Cli) -> None:
    """A layer that is not counted, at some of the points: they alone are lower bounds."""
    run = cli("sweep", uneven, "--select", "true,false", "--groups", "1,3", "--format", "csv")
    assert [row["status"] for row in rows(run.out)] == ["partial", "fault", "complete", "fault"]
    assert run.err.split("\n")[1] == "1 of 4 points are partial: their totals are lower bounds"
    found = document(cli, uneven, "--select", "true,false")
    assert (found["status"], [point["status"] for point in found["points"]]) == ("partial", ["partial", "complete"])
    text = cli("sweep", uneven, "--select", "true,false").out
    assert len(re.findall("[0-9]  partial$", text, re.MULTILINE)) == 1
    assert "\npartial  not every layer is counted" in text


def test_partial_by_convention(uneven: str, tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("costcalc-convention: 1\nunit: taps\ncount: {linear: macs}\n")
    found = document(cli, uneven, "--width", "4,8", "--convention", str(path))
    assert [point["status"] for point in found["points"]] == ["partial", "partial"]


def test_the_kinds_without_a_census_are_known() -> None:
    """What saves the looking at every point: these kinds alone may say that they do not know their census."""
    rules = {name: [r for rule in ("census", "count") if (r := vars(cls).get(rule))] for name, cls in REGISTRY.items()}
    unsure = {name for name, own in rules.items() if any("None" in str(r.__annotations__["return"]) for r in own)}
    assert unsure == NO_CENSUS


def test_all_points_wrong_is_an_error(uneven: str, tmp_path: Path, cli: Cli) -> None:
    for extra in ((), ("-o", str(tmp_path / "out.csv")), ("--format", "json")):
        run = cli("sweep", uneven, "--groups", "3,5", *extra)
        assert (run.code, run.out) == (2, "")
        assert "none of the 2 points can be built; this is of the first" in run.err
        assert "8 input channels cannot be divided into 3 groups" in run.err
    assert "\n12 |   - conv: {out: 12, kernel: 1, groups: groups}\n" in cli("sweep", uneven, "--groups", "3,5").err
    assert not (tmp_path / "out.csv").exists()
    alone = cli("sweep", uneven, "--groups", "3")
    assert (alone.code, "none of" in alone.err) == (2, False)


# -- Parquet --------------------------------------------------------------------------------------------------------


def test_parquet(uneven: str, tmp_path: Path, cli: Cli) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    path = str(tmp_path / "points.parquet")
    run = cli("sweep", SMALL, "--alpha", "0.35,-0.5:2:1.25", "--wide", "false,true", "--rule", "tf,torch", "-o", path)
    assert run.code == 2, "a width below 0 is no width"
    arguments = ("--alpha", "0.35,1.5", "--resolution", "32,48", "--wide", "false,true", "--rule", "tf,torch")
    assert cli("sweep", SMALL, *arguments, "--batch", "3", "-o", path) == (0, "", "")
    table = parquet.read_table(path)
    assert [str(table.schema.field(name).type) for name in ("alpha", "resolution", "wide", "rule", "params", "madds")] == [
        "decimal128(3, 2)", "int64", "bool", "string", "int64", "int64",
    ]  # fmt: skip
    data = rows(cli("sweep", SMALL, *arguments, "--batch", "3", "--format", "csv").out)
    assert table.column_names == list(data[0])
    read = table.to_pylist()
    assert [{name: str(value).lower() for name, value in row.items() if name != "alpha"} for row in read] == [
        {name: value.lower() for name, value in row.items() if name != "alpha"} for row in data
    ]
    assert [row["alpha"] for row in read] == [Decimal(row["alpha"]) for row in data]
    metadata = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    assert metadata["costcalc.batch"] == "3"
    assert metadata["costcalc.network"] == "Small network"


def test_parquet_of_fractions_and_faults(uneven: str, tmp_path: Path, cli: Cli) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    path = str(tmp_path / "points.parquet")
    assert cli("sweep", "mobilenet_v1", "--alpha", "6/7,0.5", "-o", path).code == 0
    assert parquet.read_table(path)["alpha"].to_pylist() == ["6/7", "0.5"]
    assert cli("sweep", uneven, "--groups", "1,3", "--select", "true,false", "-o", path).code == 0
    table = parquet.read_table(path)
    assert table["status"].to_pylist() == ["partial", "complete", "fault", "fault"]
    assert table["params"].to_pylist()[2:] == [None, None]
    assert table["fault"].to_pylist()[2] == "8 input channels cannot be divided into 3 groups"


def test_what_64_bits_do_not_hold(wide: str, tmp_path: Path, cli: Cli) -> None:
    """n*n*n multiply-adds: whole in every format; in Parquet, which cannot hold them, told and never wrapped."""
    values = [2**21 - 1, 2**21, 10**7]  # the second one cubed is 2**63
    text = ",".join(map(str, values))
    data = rows(cli("sweep", wide, "--n", text, "--format", "csv").out)
    assert [int(row["madds"]) for row in data] == [n**3 for n in values]
    assert totals(document(cli, wide, "--n", text)) == [(n**2, n**3) for n in values]
    assert f"{10**21:,}" in cli("sweep", wide, "--n", text).out
    parquet = pytest.importorskip("pyarrow.parquet")
    path = str(tmp_path / "points.parquet")
    run = cli("sweep", wide, "--n", text, "--totals", "madds,params,count", "-o", path)
    assert tuple(run) == (0, "", "2 of 3 points have a total beyond 64 bits: it is in the column `fault`\n")
    table = parquet.read_table(path)
    assert table["madds"].to_pylist() == [values[0] ** 3, None, None]
    assert table["params"].to_pylist() == [n**2 for n in values]
    assert table["status"].to_pylist() == ["complete", "overflow", "overflow"]
    assert table["fault"].to_pylist()[2] == f"madds is {10**21}, beyond 64 bits; count is {10**21}, beyond 64 bits"


def test_parquet_in_groups(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups of rows are written as they come, and no row is lost between them."""
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("costcalc.render.parquet.GROUP", 1000)
    path = str(tmp_path / "points.parquet")
    assert cli("sweep", "mobilenet_v1", "--resolution", "32:3031:1", "--rule", "x", "-o", path).code == 2
    assert cli("sweep", "mobilenet_v1", "--resolution", "32:3031:1", "-o", path).code == 0
    assert parquet.ParquetFile(path).metadata.num_row_groups > 1
    assert parquet.read_table(path)["resolution"].to_pylist() == list(range(32, 3032))


@pytest.mark.parametrize(
    ("library", "arguments", "extra"),
    [("pyarrow", ("-o", "x.parquet"), "parquet"), ("matplotlib", ("--plot", "x.svg"), "plot")],
)
def test_without_an_extra(
    library: str, arguments: tuple[str, ...], extra: str, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, library, None)
    run = cli("sweep", "mobilenet_v1", "--alpha", "1,2", *arguments)
    assert (run.code, run.out) == (2, "")
    assert f"{library}, which is not installed\n  help: pip install 'costcalc[{extra}]'" in run.err
    assert list(tmp_path.iterdir()) == []


# -- sizes ----------------------------------------------------------------------------------------------------------


def test_points_are_counted_as_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """CSV holds one chunk at a time: no chunk is asked for before the one before is written."""
    monkeypatch.setattr("costcalc.explore.sweep.CHUNK", 128)
    sweep = Sweep(read_document("mobilenet_v1"), [read_axis("resolution", "32:1031:1")])
    asked = 0

    def chunks() -> Iterator[Chunk]:
        nonlocal asked
        for chunk in sweep.chunks():
            asked += 1
            yield chunk

    written = []
    for i, piece in enumerate(csv_text(sweep.outline, chunks())):
        assert asked == i + 1
        written.append(piece)
    assert len(written) == asked == 9
    assert [row["resolution"] for row in rows("".join(written))] == [str(n) for n in range(32, 1032)]


def test_an_enormous_sweep_costs_nothing_until_gone_through() -> None:
    axes = [read_axis(name, "1:100000:1") for name in ("alpha", "resolution", "classes")]
    sweep = Sweep(read_document("mobilenet_v1"), axes)
    assert sweep.size == 10**15
    point = next(iter(sweep))
    assert point.hyperparameters == {"alpha": 1, "resolution": 1, "classes": 1}
    assert point.totals == {"params": 4_231_976 - 999 * 1025, "madds": costcalc.load("mobilenet_v1", resolution=1, classes=1).report().totals.madds}


@pytest.mark.parametrize(
    ("arguments", "size", "help_"),
    [
        (("--resolution", "1:100001:1"), "100,001", "only write `-o FILE.csv`"),
        (("--resolution", "1:100001:1", "-o", "x.csv", "--sort", "madds"), "100,001", "only write `-o FILE.csv`"),
        (("--resolution", "1:100001:1", "-o", "x.csv", "--plot", "-"), "100,001", "only write `-o FILE.csv`"),
        (("--resolution", "1:100000:1", "--classes", "1:10001:1", "-o", "x.csv"), "1,000,100,000", "`costcalc search`"),
        (("--resolution", "1:100000:1", "--classes", "1:100000:1", "--alpha", "1:100000:1"), "1,000,000,000,000,000",
         "`costcalc search`"),
    ],
)  # fmt: skip
def test_too_large(
    arguments: tuple[str, ...], size: str, help_: str, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Sweep, "chunks", lambda _: pytest.fail("nothing is counted"))
    run = cli("sweep", "mobilenet_v1", *arguments)
    assert (run.code, run.out) == (2, "")
    assert run.err.startswith(f"error: the grid has {size} points\n")
    assert help_ in run.err
    assert list(tmp_path.iterdir()) == []


# -- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message", "help_"),
    [
        ((), "nothing is swept", "give values, as in `--alpha 0.25:1:0.25`; the spec declares `alpha` (default 1), `resolution`"),
        (("--alpha", "0:1:0"), "the range `0:1:0` of `alpha` has a step of 0", "a range is FROM:TO:STEP"),
        (("--alpha", "2:1:1"), "the range `2:1:1` of `alpha` is empty", "it begins above its end"),
        (("--alhpa", "1,2"), "unknown hyper-parameter `alhpa`", "did you mean `alpha`?"),
        (("--formt", "csv", "--alpha", "1,2"), "no option `--formt`", "did you mean `--format`?"),
        (("--alpha", "0:1:0.5"), "`alpha` cannot be 0", "it must be above 0"),
        (("--alpha", "1,2,big"), "`alpha` cannot be big", "it is a number"),
        (("--alpha",), "`alpha` cannot be true", "it is a number"),
        (("--alpha", "1,1"), "`alpha` has 1 twice", "keep one of them"),
        (("--alpha", "1", "--set", "alpha=2"), "`alpha` is set twice", "keep one of them"),
        (("--set", "alpha"), "`--set alpha` says no value", "write `--set alpha=VALUE`"),
        (("--alpha", "1,2", "--totals", "parms"), "unknown total `parms`", "did you mean `params`?"),
        (("--alpha", "1,2", "--totals", "params,params"), "the total `params` is there twice", "keep one of them"),
        (("--alpha", "1,2", "--totals", "weights,weight_bytes"), "the total `weight_bytes` is there twice", "keep one"),
        (("--alpha", "1,2", "--sort", "alpha"), "unknown total `alpha`", "known: `params`"),
        (("--alpha", "1,2", "--format", "xml"), "unknown format `xml`", "known: `table`"),
        (("--alpha", "1,2", "--convention", "papr"), "unknown convention `papr`", "did you mean `paper`?"),
        (("--alpha", "1,2", "--dtype", "int3"), "unknown dtype `int3`", "did you mean `int"),
        (("--alpha", "1,2", "-o", "missing/x.csv"), "cannot write `missing/x.csv`: No such file or directory", ""),
        (("--alpha", "1,2", "-o", "."), "`.` is a directory", "name a file in it"),
    ],
)  # fmt: skip
def test_refused(arguments: tuple[str, ...], message: str, help_: str, cli: Cli) -> None:
    run = cli("sweep", "mobilenet_v1", *arguments)
    assert (run.code, run.out) == (2, "")
    assert run.err.startswith(f"error: {message}")
    assert f"help: {help_}" in run.err or not help_


def test_every_value_that_does_not_fit_is_told_within_reason(cli: Cli) -> None:
    run = cli("sweep", "mobilenet_v1", "--alpha", "-5:1:1", "--resolution", "0,8")
    assert re.findall("error: (.+)", run.err) == [
        "`alpha` cannot be -5", "`alpha` cannot be -4", "`alpha` cannot be -3", "`alpha` has 3 more values that do not fit",
        "`resolution` cannot be 0",
    ]  # fmt: skip


def test_the_spec_and_the_convention_are_not_overwritten(uneven: str, tmp_path: Path, cli: Cli) -> None:
    convention = tmp_path / "mine.csv"
    convention.write_text("costcalc-convention: 1\nunit: taps\ncount: {default: macs}\n")
    before = convention.read_text(), Path(uneven).read_text()
    for path in (uneven, str(convention)):
        run = cli("sweep", uneven, "--width", "1,2", "--convention", str(convention), "-o", path)
        assert (run.code, "is the input" in run.err) == (2, True)
    assert (convention.read_text(), Path(uneven).read_text()) == before


def test_names_do_not_act(tmp_path: Path, cli: Cli) -> None:
    """What a spec and a convention are called is data in every format."""
    text = json.dumps("=cmd|' /C calc' <script>alert(1)</script> [x](http://evil.example) $x$ \\input{y} \x1b[31m | \u202e")
    spec, convention = tmp_path / "spec.yaml", tmp_path / "convention.yaml"
    spec.write_text(f"costcalc: 1\nname: {text}\nsource: {text}\nhyperparameters: {{__n__: 1}}\ninput: [3, 8]\n"
                    "layers: [conv: {out: 4, groups: __n__}]\n")  # fmt: skip
    convention.write_text(f"costcalc-convention: 1\nname: {text}\nunit: {text}\nabout: {text}\ncount: {{default: macs}}\n")
    shown = {}
    for format_ in ("table", "md", "csv", "json", "latex", "html"):
        run = cli("sweep", str(spec), "--set", "__n__=1,2,4", "--convention", str(convention), "--format", format_)
        assert run.code == 0
        assert all(line.isprintable() for line in (run.out + run.err).split("\n"))
        shown[format_] = run.out
    assert {cell[:1] for row in rows(shown["csv"]) for cell in row.values()} <= set("'123456789fcp4") | {""}
    assert "<script" not in shown["html"]
    assert "\n## `=cmd" in "\n" + shown["md"]
    assert "| `__n__` | Params | MAdds | `=cmd" in shown["md"]
    assert r"\input" not in shown["latex"]


# -- the command line -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ("SPEC", "--shift", "-3:3:3", "--kernel-size", "1,3", "--flag", "true,false"),
        ("--shift", "-3:3:3", "--kernel-size", "1,3", "--flag", "true,false", "SPEC"),
        ("--flag", "true,false", "SPEC", "--kernel_size=1,3", "--shift=-3:3:3"),
        ("--shift", "-3,0,3", "SPEC", "--flag=true,false", "--kernel-size", "1:3:2"),
        ("--set", "shift=-3:3:3", "--set", "kernel_size=1,3", "--set", "flag=true,false", "SPEC"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_lists_and_ranges_in_any_position(arguments: tuple[str, ...], cli: Cli) -> None:
    found = document(cli, *(OPTIONS if word == "SPEC" else word for word in arguments), "--batch", "2")
    assert found["axes"].keys() == {"shift", "kernel_size", "flag"}
    assert (found["axes"]["shift"], found["axes"]["kernel_size"], found["axes"]["flag"]) == ([-3, 0, 3], [1, 3], [True, False])
    assert (found["batch"], found["hyperparameters"]["batch"], len(found["points"])) == (2, 4, 12)


def test_a_hyperparameter_with_the_name_of_an_option(cli: Cli) -> None:
    found = document(cli, OPTIONS, "--set", "batch=2,4", "--set", "top=1")
    assert (found["axes"], found["batch"]) == ({"batch": [2, 4]}, 1)


def test_one_point(cli: Cli) -> None:
    """A script's list may have one value: then what was set is the row."""
    text = cli("sweep", "mobilenet_v1", "--alpha", "0.75", "--format", "csv").out
    assert text == (
        "alpha,params,madds,convention,unit,status,fault\n0.75,2585560,325400448,paper,MAdds,complete,\n"
    )


def test_standard_input(cli: Cli) -> None:
    run = cli("sweep", "-", "--n", "2,3", "--format", "csv", stdin=WIDE.encode())
    assert [row["params"] for row in rows(run.out)] == ["4", "9"]


def test_help_lists_the_hyperparameters(cli: Cli) -> None:
    assert "--resolution  height and width of the input" in cli("sweep", "mobilenet_v1", "--help").out


def test_what_is_loaded(tmp_path: Path) -> None:
    """Pictures and Parquet are only paid for by who asks for them."""
    code = (
        "import sys\nsys.argv = ['costcalc', 'sweep', 'mobilenet_v1', '--alpha', '1,2', '--format', 'csv']\n"
        "from costcalc.cli import main\ntry:\n    main()\nfinally:\n    sys.stderr.write('\\n'.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {name.partition(".")[0] for name in done.stderr.split("\n")} & {"matplotlib", "pyarrow", "pandas"}


LONG = ("sweep", "mobilenet_v1", "--alpha", "0.001:1:0.001", "--resolution", "32:1031:1", "--classes", "1:1000:1")


def running(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    """A sweep of 10^9 points, which nobody waits for, in a process that heeds Ctrl-C."""
    kept = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
    return subprocess.Popen(
        [sys.executable, "-m", "costcalc", *LONG, *arguments], env=kept, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler), **options,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["points.csv", "points.parquet"])
def test_an_interrupted_sweep_leaves_what_was_there(name: str, tmp_path: Path) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    target = tmp_path / name
    target.write_text("what was there before")
    process = running("-o", str(target))
    while process.poll() is None and not any(part.stat().st_size for part in tmp_path.glob(".costcalc-*")):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=60)
    assert (process.returncode, b"Traceback" in words) == (130, False)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert target.read_text() == "what was there before"


def test_the_reader_of_a_pipe_may_go() -> None:
    process = running("--format", "csv", stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"alpha,resolution,classes,params,madds,convention,unit,status,fault\n"
    process.stdout.close()
    with process.stderr as words:  # type: ignore[union-attr]
        assert (process.wait(60), words.read()) == (0, b"")


# -- Python ---------------------------------------------------------------------------------------------------------


def test_from_python() -> None:
    sweep = costcalc.load("mobilenet_v1").sweep(alpha="0.25:1:0.25", resolution=[128, 160])
    assert repr(sweep) == "<Sweep of MobileNet V1: 8 points, alpha (4), resolution (2)>"
    points = list(sweep)
    assert points == list(sweep), "it can be gone through again"
    assert points[-1].hyperparameters == {"alpha": 1, "resolution": 160, "classes": 1000}
    assert points[-1].totals == {"params": 4_231_976, "madds": 290_675_200}
    assert {point.status for point in points} == {"complete"}


def test_axes_from_python() -> None:
    model = costcalc.load("mobilenet_v1", alpha=0.5)
    for values in ([0.25, 0.75], (Fraction(1, 4), "3/4"), "1/4,0.75", (x for x in ("0.25", 0.75))):
        sweep = model.sweep(alpha=values, resolution=128)
        assert [point.hyperparameters["alpha"] for point in sweep] == [Fraction(1, 4), Fraction(3, 4)]
    fixed = next(iter(model.sweep(resolution=range(32, 34), totals=["weights"], dtype="int8")))
    assert fixed == ({"alpha": Fraction(1, 2), "resolution": 32, "classes": 1000}, {"weight_bytes": 1_331_592}, "", False)
    named = costcalc.load(OPTIONS).sweep({"batch": [1, 2]}, batch=3)
    assert [point.hyperparameters["batch"] for point in named] == [1, 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beta": [1, 2]}, "unknown hyper-parameter `beta`"),
        ({"alpha": []}, "`alpha` has no value"),
        ({"alpha": [0.5, float("nan")]}, "`alpha` cannot be nan"),
        ({"alpha": [1, 2], "totals": ["flops"]}, "unknown total `flops`"),
        ({"alpha": [1, 2], "dtype": "int3"}, "unknown dtype `int3`"),
        ({"alpha": [1, 2], "batch": 0}, "the batch cannot be 0"),
        ({"alpha": [1, 2], "convention": "papr"}, "unknown convention `papr`"),
    ],
)
def test_errors_from_python(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        costcalc.load("mobilenet_v1").sweep(**options)


def test_formats_and_their_limits_are_those_of_the_pages() -> None:
    page = (Path(__file__).parent.parent / "docs" / "exploring.md").read_text(encoding="utf-8")
    assert f"{command.MAX_HELD:,}" in page
    assert f"{command.MAX_STREAMED:,}" in page

"""Reports as they are printed: golden files whose columns are added up again, every format, width and schema."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import costcalc
from costcalc.cost import Report
from costcalc.spec import bundled
from costcalc.version import VERSION

HERE = Path(__file__).parent
SPECS, GOLDEN = HERE / "specs", HERE / "golden"
BARS = re.compile("[█▉▊▋▌▍▎▏ ]*")
SGR = re.compile("\x1b\\[[0-9;]*m")
Cli = Callable[..., Any]
Golden = Callable[[Path, str], None]

VIEWS = {
    "layer": (),
    "node": ("--by", "node"),
    "stage": ("--by", "stage"),
    "kind": ("--by", "kind"),
    "depth2": ("--depth", "2"),
    "top": ("--sort", "params", "--top", "3"),
    "kind-top": ("--by", "kind", "--sort", "madds", "--top", "2"),
    "flops": ("--convention", "flops", "--batch", "8", "--dtype", "float16"),
    "settings": ("--alpha", "0.5", "--wide", "--rule", "torch", "--resolution", "41"),
}
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


# -- what is printed, as numbers again ------------------------------------------------------------------------------


def table_cells(text: str) -> list[list[str]]:
    """The rows of a plain or terminal table, head first and total last; of each the cells in columns of numbers."""
    lines = SGR.sub("", text).split("\n")
    rules = [i for i, line in enumerate(lines) if line.strip("- ") == "" and "---" in line]
    head = lines[rules[0] - 1].split()
    numeric = len(head) - (1 if head[0] == "Kind" else 3)
    body = [line for line in lines[rules[0] + 1 : rules[1]] if re.search(r"\d%|\?|  -", line)]
    rows = [BARS.sub("", line[::-1], count=1)[::-1] for line in (*body, lines[rules[1] + 1])]
    return [head[-numeric:], *(row.replace(">= ", ">=").split()[-numeric:] for row in rows)]


def markdown_cells(text: str) -> list[list[str]]:
    table = [line for line in text.split("\n") if line.startswith("|")]
    rows = [[cell.strip().strip("*") for cell in line.strip("|").split(" | ")] for line in table]
    numeric = [i for i, rule in enumerate(rows[1]) if rule.endswith(":") and rows[0][i] != "Output"]
    return [[row[i] for i in numeric] for i_row, row in enumerate(rows) if i_row != 1]


def csv_cells(text: str) -> list[list[str]]:
    rows = list(csv.reader(io.StringIO(text)))
    assert {len(row) for row in rows} == {len(rows[0])}
    return [row[4:-3] for row in rows]


def latex_cells(text: str) -> list[list[str]]:
    lines = [line.strip() for line in text.split("\n") if line.endswith(r" \\")]
    rows = [
        line.removesuffix(r" \\").replace(r"\%", "%").replace(r"\textgreater{}=", ">=").split(" & ") for line in lines
    ]
    return [row[3:] for row in rows]


class Cells(HTMLParser):
    """The numeric cells of a page's table."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.numeric = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        self.numeric = tag in ("td", "th") and ("class", "n") in attrs

    def handle_data(self, data: str) -> None:
        if self.numeric:
            self.rows[-1].append(data)

    def handle_endtag(self, tag: str) -> None:
        self.numeric = False


def html_cells(text: str) -> list[list[str]]:
    parser = Cells()
    parser.feed(text)
    outputs = 1 if "Output" in parser.rows[0] else 0
    return [row[-len(parser.rows[0]) + outputs :] for row in parser.rows]


CELLS = {"table": table_cells, "md": markdown_cells, "csv": csv_cells, "latex": latex_cells, "html": html_cells}


def number(cell: str) -> float:
    """The number in a cell; what is not known adds nothing."""
    bare = re.sub("^(>=|≥) ?", "", cell).rstrip("%")
    assert bare in ("?", "-", "") or re.fullmatch(r"[\d,]*\d(\.\d\d)?", bare), cell
    return 0 if bare in ("?", "-", "") else float(bare.replace(",", ""))


def columns_of(text: str, format_: str) -> dict[str, float]:
    """The printed totals by column, after each column of the rows above has been added up to it."""
    if format_ == "json":
        return json_columns(json.loads(text))
    head, *rows, total = CELLS[format_](text)
    assert all(len(row) == len(head) for row in (*rows, total)), (head, rows)
    for i, name in enumerate(head):
        added, printed = sum(number(row[i]) for row in rows), number(total[i])
        if name == "Share":
            assert printed in (0, 100)
            assert abs(added - printed) <= 0.005 * len(rows) + 1e-9
        else:
            assert added == printed, name
    return {name: number(cell) for name, cell in zip(head, total, strict=True) if name != "Share"}


def json_columns(document: dict[str, Any]) -> dict[str, float]:
    for part in ("layers", "rows"):
        for quantity in ("params", "madds", "count", "activations", "memory_access_bytes"):
            rows = document.get(part)
            assert rows is None or sum(row[quantity] or 0 for row in rows) == document["totals"][quantity]
    return {"params": document["totals"]["params"], "madds": document["totals"]["madds"]}


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


def unversioned(text: str) -> str:
    return text.replace(f'"version": "{VERSION}"', '"version": "..."')


def report_of(spec: str, options: tuple[str, ...]) -> Report:
    """The report that these options ask for."""
    given: dict[str, Any] = {"small.yaml": {}, "partial.yaml": {}, "mobilenet_v1": {"alpha": 0.75}}[spec]
    if options == VIEWS["settings"]:
        given = {"alpha": 0.5, "wide": True, "rule": "torch", "resolution": 41}
    counted = {"convention": "flops", "batch": 8, "dtype": "float16"} if options == VIEWS["flops"] else {}
    return costcalc.load(spec, **given).report(**counted)


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {f"{name}.{SUFFIXES[f]}" for name, _, _, f in REPORTS} | {
        "small.ir.json"
    }


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


# -- terminals ------------------------------------------------------------------------------------------------------


def digits(text: str) -> list[str]:
    return re.findall(r"\d[\d,.]*", text)


@pytest.mark.parametrize("width", [40, 60, 67, 80, 100, 200])
@pytest.mark.parametrize("spec", ["small.yaml", "partial.yaml", "mobilenet_v1", "mobilenet_v2"])
@pytest.mark.parametrize("view", ["layer", "kind", "depth2"])
def test_no_number_is_shortened(spec: str, width: int, view: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the width, the table holds every number in full, and fits unless it is the plain one."""
    monkeypatch.chdir(SPECS)
    plain = cli("report", spec, *VIEWS[view]).out
    shown = cli("report", spec, *VIEWS[view], FORCE_COLOR="1", COLUMNS=str(width)).out
    assert "…" not in shown
    text = SGR.sub("", shown)
    assert columns_of(text, "table") == columns_of(plain, "table")
    assert table_cells(text) == table_cells(plain)
    if shown == plain:
        assert width < 100
    else:
        assert max(map(len, text.split("\n"))) <= width
        assert sorted(digits(text.replace("\n", ""))) != []
        assert set(digits("\n".join(" ".join(row) for row in table_cells(plain)))) <= set(digits(text))


def test_names_fold_before_numbers_suffer(cli: Cli) -> None:
    text = SGR.sub("", cli("report", str(SPECS / "small.yaml"), FORCE_COLOR="1", COLUMNS="67").out)
    assert "\nstage2/1/" in text
    assert "\ndepthwise" in text
    assert max(map(len, text.split("\n"))) <= 67


def test_bars(cli: Cli) -> None:
    spec = str(SPECS / "small.yaml")
    wide = SGR.sub("", cli("report", spec, FORCE_COLOR="1", COLUMNS="120").out).split("\n")
    lengths = {line.split()[0]: line.count("█") for line in wide if "%" in line}
    assert lengths["stage2/1/expand"] == 16
    assert lengths["stage2/2/expand"] == lengths["stage2/2/project"] == 9
    assert lengths["stage1/shortcut"] == lengths["softmax"] == 0
    assert "█" not in cli("report", spec, COLUMNS="120").out + cli("report", spec, NO_COLOR="1", COLUMNS="120").out


def test_colour_is_asked_for(cli: Cli) -> None:
    spec = str(SPECS / "small.yaml")
    plain = cli("report", spec).out
    assert "\x1b" not in plain
    assert "\x1b[1m" in cli("report", spec, FORCE_COLOR="1", COLUMNS="100").out
    assert cli("report", spec, FORCE_COLOR="1", NO_COLOR="1", COLUMNS="100").out == plain
    assert cli("report", spec, COLUMNS="40", TERM="xterm-256color").out == plain
    for format_ in ("md", "csv", "json", "latex", "html"):
        assert "\x1b" not in cli("report", spec, "--format", format_, FORCE_COLOR="1").out


def test_a_file_gets_plain_text(cli: Cli, tmp_path: Path) -> None:
    spec, target = str(SPECS / "small.yaml"), tmp_path / "report.txt"
    assert cli("report", spec, "-o", str(target), FORCE_COLOR="1", COLUMNS="60").out == ""
    assert target.read_text(encoding="utf-8") == cli("report", spec, NO_COLOR="1").out


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


# -- the other commands ---------------------------------------------------------------------------------------------


def test_convert(cli: Cli, golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SPECS)
    run = cli("convert", "small.yaml", "-", "--alpha", "6/7")
    document = json.loads(run.out)
    assert list(document) == ["schema", "version", "network", "hyperparameters", "input", "outputs", "nodes"]
    assert (document["schema"], document["hyperparameters"]["alpha"]) == ("costcalc/network/1", "6/7")
    assert (document["input"], document["outputs"]) == ([3, 48, 56], ["softmax"])
    known = {"input"}
    for node in document["nodes"]:
        assert set(node["inputs"]) <= known
        known.add(node["path"])
    golden(GOLDEN / "small.ir.json", unversioned(run.out))
    assert cli("convert", "small.yaml", str(tmp_path / "ir.json"), "--alpha", "6/7").out == ""
    assert (tmp_path / "ir.json").read_text(encoding="utf-8") == run.out
    assert cli("convert", "small.yaml", "--alpha", "6/7").out == run.out


@pytest.mark.parametrize(
    ("what", "some"), [("specs", "mobilenet_v1"), ("kinds", "depthwise"), ("conventions", "paper")]
)
def test_list(what: str, some: str, cli: Cli) -> None:
    lines = cli("list", what).out.splitlines()
    document = json.loads(cli("list", what, "--format", "json").out)
    assert (document["schema"], document["version"]) == ("costcalc/list/1", VERSION)
    assert [line.split()[0] for line in lines] == [entry["name"] for entry in document[what]]
    assert any(line.startswith(f"{some} ") for line in lines)
    assert all(entry["about"] for entry in document[what])


SCHEMA_ERRORS = {
    "a misspelt attribute": ("kernel: 3", "kernal: 3"),
    "a misspelt part": ("defaults:", "default:"),
    "a misspelt common part": ("as: stem", "nam: stem"),
    "an unknown part of a hyper-parameter": ("above: 0}", "over: 0}"),
    "a repeat without n": ("repeat: n", "repeats: n"),
    "another version": ("costcalc: 1", "costcalc: 2"),
    "no input": ("input:", "inputs:"),
    "a row of `expect` without its place": (", from: Table 1", ""),
}


def validator(cli: Cli) -> jsonschema.Draft7Validator:
    document = json.loads(cli("schema").out)
    assert document["$schema"] == "http://json-schema.org/draft-07/schema#"
    jsonschema.Draft7Validator.check_schema(document)
    return jsonschema.Draft7Validator(document)


def test_schema_admits_the_specs(cli: Cli, tmp_path: Path) -> None:
    valid = validator(cli)
    paths = [*bundled().values(), *SPECS.glob("*.yaml")]
    assert cli("init", str(tmp_path / "first.yaml")).code == 0
    for path in (*paths, tmp_path / "first.yaml"):
        errors = [error.message for error in valid.iter_errors(yaml.safe_load(path.read_text(encoding="utf-8")))]
        assert errors == [], path.name


@pytest.mark.parametrize("wrong", SCHEMA_ERRORS)
def test_schema_refuses_what_is_misspelt(wrong: str, cli: Cli) -> None:
    before, after = SCHEMA_ERRORS[wrong]
    text = (SPECS / "small.yaml").read_text(encoding="utf-8")
    assert before in text
    assert not validator(cli).is_valid(yaml.safe_load(text.replace(before, after)))


def test_schema_in_a_file(cli: Cli, tmp_path: Path) -> None:
    assert cli("schema", "-o", str(tmp_path / "schema.json")).code == 0
    assert (tmp_path / "schema.json").read_text(encoding="utf-8") == cli("schema").out


def test_init(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = cli("init")
    assert (run.code, run.out) == (0, "")
    assert run.err.startswith("wrote network.yaml; try `costcalc report network.yaml`\n")
    report = cli("report", "network.yaml", "--alpha", "0.5")
    assert report.code == 0
    columns_of(report.out, "table")
    written = Path("network.yaml").read_text(encoding="utf-8")
    again = cli("init", "network.yaml")
    assert (again.code, again.err) == (2, "error: `network.yaml` is there already\n  help: choose another name\n")
    assert Path("network.yaml").read_text(encoding="utf-8") == written
    assert cli("init", "-").out.replace("FILE", "network.yaml") == written
    Path("dangling.yaml").symlink_to("nowhere/there.yaml")
    assert cli("init", "dangling.yaml").code == 2
    assert cli("init", "missing/network.yaml").code == 2

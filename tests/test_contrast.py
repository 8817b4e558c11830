"""A network beside its standard form: rows and their counterparts, exact ratios, and the command that shows them."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from printed import SPECS
from test_baseline import chain, model
from test_harmless import TEXTS, inert, write

import costcalc
from costcalc.api import Model, StandardModel
from costcalc.census import CLASSES
from costcalc.cost import count
from costcalc.cost.report import BY, SORTS
from costcalc.errors import UsageError
from costcalc.explore.baseline import standard_form
from costcalc.explore.contrast import Contrast
from costcalc.spec import bundled
from costcalc.verify import verify

Cli = Callable[..., Any]


# -- rows -----------------------------------------------------------------------------------------------------------


def added_up(contrast: Contrast, by: Any = "layer", **view: Any) -> list[Any]:
    """The rows, after both of their sides have been added up to the totals."""
    rows = contrast.rows(by, **view)
    for report, side in ((contrast.report, "own"), (contrast.standard, "standard")):
        found = [row for pair in rows if (row := getattr(pair, side)) is not None]
        assert sum(row.nodes for row in found) == len(report.layers)
        assert sum(row.count or 0 for row in found) == report.totals.count
        assert sum(row.memory_access_bytes for row in found) == report.totals.memory_access_bytes
        for name in CLASSES:
            assert sum(getattr(row.census, name) for row in found if row.census) == getattr(report.totals.census, name)
    return rows


VIEWS: list[dict[str, Any]] = [
    *({"by": by} for by in BY), *({"depth": depth} for depth in (1, 2, 3)), *({"sort": sort} for sort in SORTS),
    *({"by": by, "sort": "params", "top": top} for by in BY for top in (1, 3)),
]  # fmt: skip


@pytest.mark.parametrize("spec", [*bundled(), str(SPECS / "small.yaml"), str(SPECS / "partial.yaml")])
def test_rows_add_up(spec: str) -> None:
    contrast = costcalc.load(spec).contrast("flops", batch=3)
    for view in VIEWS:
        rows = added_up(contrast, **view)
        assert len({pair.path for pair in rows}) == len(rows)


def test_rows_of_random_networks_add_up() -> None:
    for seed in range(80):
        contrast = model(chain(seed)).contrast()
        for by in BY:
            added_up(contrast, by)


def test_rows_are_named_after_both_layers() -> None:
    contrast = costcalc.load("mobilenet_v2").contrast()
    rows = {pair.path: (pair.own.kind, pair.standard.kind) for pair in contrast.rows()}
    assert rows["stage2/1/depthwise + project"] == ("depthwise 3x3/2 + conv 1x1", "conv 3x3/2")
    assert rows["stage2/1/expand"] == ("conv 1x1", "conv 1x1")
    nodes = {pair.path: (pair.own.nodes, pair.standard.nodes) for pair in contrast.rows("node")}
    assert nodes["stage2/1/depthwise + project"] == (4, 1)  # the norm and the activation between are in it
    assert nodes["stage2/1/project/batch_norm"] == (1, 1)
    kinds = {pair.path: (pair.own, pair.standard) for pair in contrast.rows("kind")}
    assert [row.nodes for row in kinds["depthwise 3x3 + conv 1x1"]] == [34, 17]
    assert [row.nodes for row in kinds["conv 1x1"]] == [17, 17]
    assert [row.nodes for row in kinds["batch_norm"]] == [52, 35]
    assert [row.kind for row in kinds["depthwise 3x3 + conv 1x1"]] == ["depthwise 3x3 + conv 1x1", "conv 3x3"]
    assert [pair.path for pair in contrast.rows("stage")][:3] == ["stem", "stage1", "stage2"]


def test_stages_that_share_a_pair_are_one_row() -> None:
    text = "\n".join(["- conv: {out: 4, kernel: 3}", *["- depthwise", "- relu", "- conv: {out: 4, kernel: 1}"] * 2])
    contrast = model(text).contrast()
    assert [pair.path for pair in contrast.rows("stage")] == ["conv", "depthwise + conv2", "depthwise2 + conv3"]
    assert contrast.rows("stage")[1].own.kind == "depthwise 3x3 + relu + conv 1x1"
    rows = "- rows:\n    columns: [n]\n    data: [[4], [5], [6], [7]]\n    layers:\n      - conv: {out: n, kernel: 1}\n      - depthwise"
    assert [pair.path for pair in model(rows).contrast().rows(depth=1)] == ["stage1 + ... + stage4"]
    one, *_ = model(rows).contrast().rows("stage")
    assert (one.own.nodes, one.standard.nodes, one.standard.kind) == (8, 5, "5 nodes")


def test_pairs_that_cross_each_other_join_their_stages() -> None:
    """Two depthwise convolutions in stages 1 and 2, their 1x1 ones in stages 3 and 3."""
    text = "- depthwise: {as: a}\n- depthwise: {from: input, as: b}\n- conv: {from: a, out: 4, kernel: 1, as: c}\n"
    found = model(f"{text}- conv: {{from: b, out: 4, kernel: 1, as: d}}\n- concat: {{from: [c, d]}}")
    assert [pair.path for pair in found.contrast().rows()] == ["a + c", "b + d", "concat"]
    stages = {"a": "s1/a", "b": "s2/b", "c": "s3/c", "d": "s3/d", "concat": "s4"}
    cases = [
        (stages, ["s1 + s2 + s3", "s4"]),
        (stages | {"c": "s1/c"}, ["s1", "s2 + s3", "s4"]),
        (stages | {"a": "s2/a", "b": "s1/b"}, ["s2 + s1 + s3", "s4"]),
        (stages | {"c": "s2/c"}, ["s1 + s2 + s3", "s4"]),
    ]
    for where, expected in cases:
        nodes = tuple(node._replace(layer=where[node.path]) for node in found.network.nodes)
        form = standard_form(dataclasses.replace(found.network, nodes=nodes))
        report = count(dataclasses.replace(found.network, nodes=nodes))
        contrast = Contrast(report, count(form.network), form.pairs)
        assert [pair.path for pair in added_up(contrast, "stage")] == expected


def test_a_row_with_something_unknown_is_a_lower_bound(tmp_path: Path, cli: Cli) -> None:
    layers = (
        "  - rows: {columns: [n], data: [[4]], layers: [depthwise, conv: {out: n, kernel: 1}, opaque: {op: nms}]}\n"
    )
    (tmp_path / "net.yaml").write_text(f"costcalc: 1\ninput: [6, 11, 8]\nlayers:\n{layers}", encoding="utf-8")
    (pair,) = costcalc.load(tmp_path / "net.yaml").contrast().rows("stage")
    assert (
        pair.ratio("params") is pair.ratio("madds") is pair.ratio("count") is pair.ratio("memory_access_bytes") is None
    )
    assert pair.ratio("activations") is not None
    out = cli("report", str(tmp_path / "net.yaml"), "--baseline", "standard", "--by", "stage").out
    # 9*6 + 6 + 6*4 + 4 = 88 and 9*6*4 + 4 = 220 parameters, (9*6 + 6*4) * 88 = 6,864 and 216 * 88 = 19,008 MAdds
    (row,) = [line.split() for line in out.split("\n") if line.startswith("stage1")]
    assert " ".join(row).endswith(">= 88 >= 220 - >= 6,864 >= 19,008 -")


def test_more_than_the_standard_form(tmp_path: Path, cli: Cli) -> None:
    """With one output the 1x1 convolution comes on top: 1/1 + 1/9. No bar is longer than its column."""
    (tmp_path / "net.yaml").write_text(
        "costcalc: 1\ninput: [6, 11, 8]\nlayers: [depthwise, conv: {out: 1, kernel: 1}]\n", encoding="utf-8"
    )
    run = cli("report", str(tmp_path / "net.yaml"), "--baseline", "standard", "--format", "html")
    assert ">1.1111</td>" in run.out
    assert re.findall(r"width:([\d.]+)%", run.out) == ["100.0"]
    assert (
        "MAdds          1.11x more (1.1111)" in cli("report", str(tmp_path / "net.yaml"), "--baseline", "standard").out
    )


def test_nothing_of_nothing_is_known(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "net.yaml").write_text("costcalc: 1\ninput: [8, 16, 16]\nlayers: [shift: {kernel: 3}]\n")
    out = cli("report", str(tmp_path / "net.yaml"), "--baseline", "standard").out
    assert "\nMAdds          none in either\n" in out
    (tmp_path / "net.yaml").write_text("costcalc: 1\ninput: [8, 16, 16]\nlayers: [opaque: {op: nms}]\n")
    assert "none in either" not in cli("report", str(tmp_path / "net.yaml"), "--baseline", "standard").out.partition("activations")[0]


def test_one_side_of_a_row_may_be_empty() -> None:
    """The only norm stands inside a pair."""
    rows = {
        p.path: p for p in model("- depthwise: {norm: batch_norm}\n- conv: {out: 4, kernel: 1}").contrast().rows("kind")
    }
    assert rows["batch_norm"].standard is None
    assert rows["batch_norm"].ratio("params") is None


def test_rows_are_sorted_by_their_own_numbers() -> None:
    contrast = costcalc.load("mobilenet_v1").contrast()
    shown = contrast.rows(sort="params", top=2)
    assert [pair.path for pair in shown] == ["stage9/depthwise + conv", "linear", "15 more"]
    assert shown[-1].standard.params == 29_294_088 - (9 * 1024**2 + 2 * 1024) - 1_025_000
    for wrong in ({"by": "nodes"}, {"sort": "size"}, {"top": 0}, {"depth": 0}):
        with pytest.raises(UsageError):
            contrast.rows(**wrong)


def test_a_lower_bound_has_no_ratio() -> None:
    contrast = model("- depthwise\n- conv: {out: 4, kernel: 1}\n- opaque: {op: nms}").contrast()
    assert contrast.ratio("madds") is contrast.ratio("params") is contrast.ratio("memory_access_bytes") is None
    assert contrast.ratio("peak_activation_bytes") is not None
    pair, unknown = contrast.rows()
    assert pair.ratio("madds") == Fraction(1, 4) + Fraction(1, 9)
    assert unknown.ratio("count") is None


# -- the command ----------------------------------------------------------------------------------------------------

TINY = """costcalc: 1
name: Tiny
input: [32, 14, 14]
layers:
  - depthwise: {norm: batch_norm, act: relu}
  - conv: {out: 64, kernel: 1, norm: batch_norm, act: relu}
  - global_avg_pool
"""
# own 9*32 + 2*32 + 32*64 + 2*64 = 2,528 parameters, (9*32 + 32*64) * 196 = 457,856 MAdds
# standard 9*32*64 + 2*64 = 18,560 parameters, 9*32*64*196 = 3,612,672 MAdds
# of the first 2528/18560 = 0.13620..., of the second 1/64 + 1/9 = 0.12673...
TABLE = """
Layer             Kind                      Standard form    Params  Standard   Ratio    MAdds   Standard   Ratio
------------------------------------------------------------------------------------------------------------------
depthwise + conv  depthwise 3x3 + conv 1x1  conv 3x3          2,528    18,560  0.1362  457,856  3,612,672  0.1267
global_avg_pool   global_avg_pool           global_avg_pool       0         0       -        0          0       -
------------------------------------------------------------------------------------------------------------------
total                                                         2,528    18,560  0.1362  457,856  3,612,672  0.1267
"""


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    return str(tmp_path / "tiny.yaml")


def test_the_table(tiny: str, cli: Cli) -> None:
    run = cli("report", tiny, "--baseline", "standard")
    assert (run.code, run.err) == (0, "")
    lines = [
        line
        for line in run.out.split("\n")
        if line.split("  ")[0] in ("Layer", "depthwise + conv", "global_avg_pool", "total")
    ]
    assert lines == [line for line in TABLE.split("\n") if line and not line.startswith("-")]
    assert "\nMAdds          7.89x fewer (0.1267): 457,856 of 3,612,672\n" in run.out
    # written are (32 + 64) * 196 + 64 elements, or 64 * 196 + 64: 18880/12608 = 1.49746...
    assert "\nactivations    1.50x more (1.4975): 18,880 of 12,608 elements written\n" in run.out


def test_depthwise_layers_without_a_partner_are_told(tiny: str, cli: Cli) -> None:
    """V3 Large has squeeze-and-excitation, between the two, in 8 of 15 blocks (Howard et al. 2019, Table 1)."""
    run = cli("report", "mobilenet_v3_large", "--baseline", "standard")
    assert "8 depthwise layers have no 1x1 partner: each stands against a full convolution" in run.out
    assert "1x1 partner" not in cli("report", tiny, "--baseline", "standard").out


def test_the_same_numbers_in_every_format(tiny: str, cli: Cli) -> None:
    def shown(format_: str) -> str:
        return str(cli("report", tiny, "--baseline", "standard", "--format", format_).out)

    row = [
        "depthwise + conv",
        "depthwise 3x3 + conv 1x1",
        "conv 3x3",
        "2,528",
        "18,560",
        "0.1362",
        "457,856",
        "3,612,672",
        "0.1267",
    ]
    assert f"| {' | '.join(row)} |" in shown("md")
    assert " & ".join(row) + r" \\" in shown("latex")
    page = shown("html")
    assert all(f">{cell}</td>" in page for cell in row)
    head, first, last, total = csv.reader(io.StringIO(shown("csv")))
    assert {len(line) for line in (first, last, total)} == {len(head)}
    cells = dict(zip(head, first, strict=True))
    assert (cells["path"], cells["kind"], cells["standard_kind"]) == tuple(row[:3])
    assert [cells[k] for k in ("params", "standard_params", "params_ratio")] == ["2528", "18560", "0.1362"]
    assert [cells[k] for k in ("madds", "standard_madds", "madds_ratio")] == ["457856", "3612672", "0.1267"]
    assert [int(cells[k]) for k in ("nodes", "standard_nodes")] == [6, 3]
    assert dict(zip(head, total, strict=True))["count_ratio"] == "0.1267"


def test_json(tiny: str, cli: Cli) -> None:
    plain = json.loads(cli("report", tiny, "--format", "json").out)
    whole = json.loads(cli("report", tiny, "--format", "json", "--baseline", "standard").out)
    baseline = whole.pop("baseline")
    assert whole == plain, "what a report says is said in the same way"
    assert (baseline["name"], baseline["status"], baseline["by"]) == ("standard", "complete", "layer")
    assert baseline["totals"]["madds"] == 3_612_672
    assert Fraction(baseline["ratios"]["madds"]) == Fraction(1, 64) + Fraction(1, 9)
    pair, pool = baseline["rows"]
    assert (pair["own"]["kind"], pair["standard"]["kind"]) == ("depthwise 3x3 + conv 1x1", "conv 3x3")
    assert pair["ratios"] | {"params": "79/580"} == pair["ratios"]
    assert pool["ratios"]["madds"] is None
    chosen = json.loads(cli("report", tiny, "--format", "json", "--baseline", "standard", "--by", "kind").out)
    assert [row["path"] for row in chosen["baseline"]["rows"]] == [
        "depthwise 3x3 + conv 1x1", "batch_norm", "relu", "global_avg_pool",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "view", [(), ("--by", "kind"), ("--by", "node"), ("--depth", "2"), ("--sort", "memory", "--top", "2")]
)
def test_every_column_adds_up(view: tuple[str, ...], cli: Cli) -> None:
    for spec in ("mobilenet_v3_small", "shufflenet_v1"):
        out = cli("report", spec, "--baseline", "standard", "--format", "csv", *view).out
        head, *rows, total = csv.reader(io.StringIO(out))
        for i, name in enumerate(head):
            if name in ("nodes", "standard_nodes") or name.endswith(
                ("params", "madds", "count", "activations", "bytes")
            ):
                assert sum(int(row[i] or 0) for row in rows) == int(total[i]), name


def test_verified_are_both(tiny: str, cli: Cli) -> None:
    run = cli("report", tiny, "--baseline", "standard", "--verify")
    assert run.code == 0
    assert "verified       every node of both was run" in run.out
    document = json.loads(cli("report", tiny, "--baseline", "standard", "--verify", "--format", "json").out)
    assert document["verified"] is document["baseline"]["verified"] is True


def test_a_fault_in_either_is_told(tiny: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for which in (Model, StandardModel):
        with monkeypatch.context() as patch:
            patch.setattr(which, "verify", lambda self, *_: verify(self.report())._replace(executed_peak=1))
            assert cli("report", tiny, "--baseline", "standard", "--verify").code == 3


def test_a_count_without_a_rule_is_partial_on_one_side(tiny: str, tmp_path: Path, cli: Cli) -> None:
    """A convention that knows the separable kinds alone has no count of their standard form."""
    convention = tmp_path / "c.yaml"
    convention.write_text("costcalc-convention: 1\nunit: U\ncount: {depthwise: macs, separable: macs}\n")
    (tmp_path / "lone.yaml").write_text("costcalc: 1\ninput: [2, 5, 5]\nlayers: [depthwise]\n")
    run = cli("report", str(tmp_path / "lone.yaml"), "--baseline", "standard", "--convention", str(convention))
    assert run.code == 0
    assert "\npartial        standard form: not counted: depthwise; the totals are lower bounds\n" in run.out
    assert "\ncount          not known (-): 450 of >= 0 U\n" in run.out
    out = cli(
        "report",
        str(tmp_path / "lone.yaml"),
        "--baseline",
        "standard",
        "--convention",
        str(convention),
        "--format",
        "csv",
    ).out
    assert [line.rpartition(",")[2] for line in out.splitlines()[1:]] == ["partial", "partial"]


def test_wrong_baselines(cli: Cli) -> None:
    run = cli("report", "mobilenet_v1", "--baseline", "dense")
    assert (run.code, run.out) == (2, "")
    assert run.err == "error: unknown baseline `dense`\n  help: known: `standard`\n"


@pytest.mark.parametrize("format_", ["table", "md", "csv", "json", "latex", "html"])
def test_text_of_a_spec_is_harmless(format_: str, tmp_path: Path, cli: Cli) -> None:
    for text in TEXTS:
        spec = write(tmp_path, text)
        run = cli(
            "report",
            str(spec.path),
            "--convention",
            str(spec.convention),
            "--baseline",
            "standard",
            "--format",
            format_,
        )
        assert run.code == 0
        assert inert(run.out)


def test_a_terminal_shows_bars_of_what_is_left(tiny: str, cli: Cli) -> None:
    out = cli("report", tiny, "--baseline", "standard", FORCE_COLOR="1", COLUMNS="200", TERM="xterm").out
    bars = {line.split()[0]: line.count("█") for line in out.split("\n") if "3x3" in line or "conv" in line}
    # a bar is 16 characters at most: 0.1267 of it are 2
    assert [n for line, n in bars.items() if "depthwise" in line] == [2]

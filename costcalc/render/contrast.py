"""A network beside its standard form: the report's table, each number with its counterpart and what is left of it."""

from __future__ import annotations

import csv
import io
from typing import Any

from costcalc.cost.report import Row
from costcalc.explore.comparison import OF_A_ROW, TOTALS, of_report, of_row
from costcalc.explore.contrast import Contrast, Pair
from costcalc.render import escape, to_text
from costcalc.render.data import report_json, to_json
from costcalc.render.ratios import cell, exact, number, ratio, times, uncounted
from costcalc.render.sheet import SORTED_BY, Column, Sheet, View, facts
from costcalc.units import in_bytes

ABOUT = (
    "each depthwise convolution with the 1x1 one after it, each grouped, separable or otherwise cheaper one as one over"
    " all channels; the norm and activation inside a pair are gone"
)
ROWS = "a layer with its norm and activation, or a pair of layers that one convolution stands for"


def render_contrast(
    contrast: Contrast,
    format: str,
    view: View | None = None,
    width: int | None = None,
    color: bool = False,
    unicode: bool = True,
) -> str:
    """The contrast in one of FORMATS, laid out as `render` does a report."""
    if format == "json":
        return to_json(contrast_json(contrast, view))
    if format == "csv":
        return contrast_csv(contrast, view or View())
    return to_text(lay_out(contrast, view or View()), format, width, color, unicode)


def lay_out(contrast: Contrast, view: View) -> Sheet:
    """The sheet; a bar is as long as what is left of a row's standard count."""
    report, rows = contrast.report, contrast.rows(view.by, view.depth, view.sort, view.top)
    shown = [("Params", "params"), (report.convention.unit, "count")]
    if view.sort in SORTED_BY:  # what a table is sorted by can be seen in it
        shown.insert(0, SORTED_BY[view.sort])
    by_kind = view.by == "kind" and view.depth is None
    first = ("Kind", "Standard form") if by_kind else ("Layer", "Kind", "Standard form")
    columns = [Column(head, False) for head in first]
    columns += [column for head, _ in shown for column in map(Column, (head, "Standard", "Ratio"))]
    cells = [(*_names(pair, by_kind), *(c for _, name in shown for c in _beside(pair, name))) for pair in rows]
    totals = [c for _, name in shown for c in _totals(contrast, name)]
    stated = (*facts(report), ("standard", ABOUT))
    if number := contrast.unpaired:
        few = "1 depthwise layer has no 1x1 partner: it stands"
        many = f"{number:,} depthwise layers have no 1x1 partner: each stands"
        stated += (("unpaired", f"{few if number == 1 else many} against a full convolution"),)
    if view.by == "layer" and view.depth is None:
        stated += (("rows", ROWS),)
    bars = tuple(map(_bar, rows))
    title = f"{report.network.name or report.network.origin} beside standard convolutions"
    total = ("total", *[""] * (len(first) - 1), *totals)
    return Sheet(title, stated, tuple(columns), tuple(cells), total, _notes(contrast), bars)


def _names(pair: Pair, by_kind: bool) -> tuple[str, ...]:
    own, standard = (row.kind if row else "-" for row in (pair.own, pair.standard))
    return (pair.path, standard) if by_kind else (pair.path, own, standard)


def _beside(pair: Pair, name: str) -> tuple[str, str, str]:
    own, standard = (number(of_row(row, name)) if row else "-" for row in (pair.own, pair.standard))
    return own, standard, ratio(pair.ratio(name))


def _totals(contrast: Contrast, name: str) -> tuple[str, str, str]:
    own, standard = (number(of_report(report, name)) for report in (contrast.report, contrast.standard))
    return own, standard, ratio(contrast.ratio(name))


def _bar(pair: Pair) -> tuple[int, int]:
    own, standard = (of_row(row, "count").value or 0 for row in (pair.own, pair.standard))
    return min(own, standard), standard


def _notes(contrast: Contrast) -> tuple[tuple[str, str], ...]:
    """Every total beside that of the standard form."""
    report = contrast.report
    named = [("params", "params", ""), ("MAdds", "madds", "")]
    if report.convention.name != "paper":
        named.append(("count", "count", f" {report.convention.unit}"))
    named += [
        ("weights", "weight_bytes", ""),
        ("activations", "activations", " elements written"),
        ("alive at once", "peak_activation_bytes", ""),
        ("memory access", "memory_access_bytes", ""),
    ]
    listed = [(label, _told(contrast, name) + what) for label, name, what in named]
    if report.verified and contrast.standard.verified:
        listed.append(("verified", "every node of both was run, and did what was counted"))
    sides = ((report, ""), (contrast.standard, "standard form: "))
    partial = [("partial", label + uncounted(side)) for side, label in sides if side.uncounted]
    return (*partial, *listed)


def _told(contrast: Contrast, name: str) -> str:
    counts = [of_report(report, name) for report in (contrast.report, contrast.standard)]
    if all(count.value == 0 and not count.least for count in counts):
        return "none in either"
    size = name.endswith("_bytes")
    own, standard = (in_bytes(count.value) if size and not count.least else number(count) for count in counts)
    left = contrast.ratio(name)
    return f"{times(left, size)} ({ratio(left)}): {own} of {standard}"


def contrast_csv(contrast: Contrast, view: View) -> str:
    """One line a row and a last one of totals: each number, its counterpart and their ratio."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    numbers = [column for name in OF_A_ROW for column in (name, f"standard_{name}", f"{name}_ratio")]
    head = ["path", "kind", "standard_kind", "nodes", "standard_nodes"]
    writer.writerow([*head, *numbers, "convention", "unit", "status"])
    convention = [escape.csv(contrast.report.convention.name), escape.csv(contrast.report.convention.unit)]
    for pair in contrast.rows(view.by, view.depth, view.sort, view.top):
        sides = (pair.own, pair.standard)
        kinds = [escape.csv(row.kind) if row else "" for row in sides]
        counts = [c for name in OF_A_ROW for c in (*(cell(of_row(row, name)) for row in sides), _left(pair, name))]
        status = "partial" if any(row and row.uncounted for row in sides) else "complete"
        nodes = [row.nodes if row else 0 for row in sides]
        writer.writerow([escape.csv(pair.path), *kinds, *nodes, *counts, *convention, status])
    reports = (contrast.report, contrast.standard)
    totals = [c for name in OF_A_ROW for c in (*(getattr(r.totals, name) for r in reports), _left(contrast, name))]
    nodes = [len(r.layers) for r in reports]
    status = "partial" if any(r.uncounted for r in reports) else "complete"
    writer.writerow(["total", "", "", *nodes, *totals, *convention, status])
    return out.getvalue()


def _left(of: Pair | Contrast, name: str) -> str:
    left = of.ratio(name)
    return "" if left is None else ratio(left).replace(",", "")


def contrast_json(contrast: Contrast, view: View | None) -> dict[str, Any]:
    """The `costcalc/report/1` document with a `baseline`: the standard form's totals and rows, ratios to them."""
    shown = view or View()
    standard = contrast.standard
    return report_json(contrast.report, view) | {
        "baseline": {
            "name": "standard",
            "status": standard.status,
            **({"verified": True} if standard.verified else {}),
            "totals": {name: getattr(standard.totals, name) for name in TOTALS},
            "ratios": {name: exact(contrast.ratio(name)) for name in TOTALS},
            "by": shown.by if shown.depth is None else f"depth {shown.depth}",
            "rows": [
                _row_json(pair) for pair in contrast.rows(shown.by, shown.depth, shown.sort, shown.top)
            ],
        }
    }  # fmt: skip


def _row_json(pair: Pair) -> dict[str, Any]:
    return {
        "path": pair.path,
        "own": _side(pair.own),
        "standard": _side(pair.standard),
        "ratios": {name: exact(pair.ratio(name)) for name in OF_A_ROW},
    }


def _side(row: Row | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {"kind": row.kind, "nodes": row.nodes} | {name: cell(of_row(row, name)) for name in OF_A_ROW}

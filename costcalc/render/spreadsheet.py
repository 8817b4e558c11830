"""Reports as CSV: one line a row and a last one of totals; the census in full, every number an exact integer."""

from __future__ import annotations

import csv
import io
from typing import Any

from costcalc.census import CLASSES
from costcalc.cost.report import Report, Row
from costcalc.render import escape
from costcalc.render.sheet import View

STORED = ["stored_bits", "uncompressed_bits", "effective_operations", "bit_operations"]  # where anything is compressed


def report_csv(report: Report, view: View) -> str:
    """The table; shapes are written as `24x112x112`."""
    columns = [
        "path",
        "kind",
        "inputs",
        "output",
        "nodes",
        "params",
        "madds",
        "count",
        "activations",
        "memory_access_bytes",
        *CLASSES,
    ]
    stored = report.stored is not None
    if stored:
        columns += STORED
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*columns, "convention", "unit", "status"])
    convention = [escape.csv(report.convention.name), escape.csv(report.convention.unit)]
    for row in report.rows(view.by, view.depth, view.sort, view.top):
        shapes = " ".join(map(str, row.inputs)), str(row.output or "")
        writer.writerow(
            [
                escape.csv(row.path),
                escape.csv(row.kind + row.step),
                *shapes,
                row.nodes,
                *_values(row),
                *(_stored(row) if stored else []),
                *convention,
                "partial" if row.uncounted else "complete",
            ]
        )
    totals, network = report.totals, report.network
    numbers = (totals.params, totals.madds, totals.count, totals.activations, totals.memory_access_bytes)
    census = (getattr(totals.census, name) for name in CLASSES)
    parts = [*numbers, *census, *(_stored(report) if stored else []), *convention]
    writer.writerow(["total", "", network.input, "", len(report.layers), *parts, report.status])
    return out.getvalue()


def _values(row: Row) -> list[Any]:
    """Numbers, empty where they are not known."""
    if row.census is None:
        return ["", "", "", row.activations, row.memory_access_bytes, *([""] * len(CLASSES))]
    return [
        row.params,
        row.madds,
        row.count,
        row.activations,
        row.memory_access_bytes,
        *(getattr(row.census, name) for name in CLASSES),
    ]


def _stored(counted: Row | Report) -> list[Any]:
    """The numbers of STORED; an exact fraction is written as one, such as 129/64."""
    s = counted.stored
    return [""] * len(STORED) if s is None else [s.bits, s.uncompressed, s.operations, s.bit_operations]

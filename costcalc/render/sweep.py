"""Sweeps as tables and documents: a row for each point, its swept values first, then its totals in full.

CSV is made chunk by chunk, for sweeps of any length. Sheets and JSON are made of points held in memory.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Any

from costcalc.explore.swept import Chunk, Outline, Point
from costcalc.network import plain
from costcalc.render import escape
from costcalc.render.data import to_json
from costcalc.render.sheet import Column, Sheet
from costcalc.units import written
from costcalc.version import VERSION

HEADS = {
    "params": "Params",
    "madds": "MAdds",
    "activations": "Activations",
    "weight_bytes": "Weight bytes",
    "peak_activation_bytes": "Peak bytes",
    "memory_access_bytes": "Memory bytes",
    "stored_bytes": "Stored bytes",
}
TAIL = ("convention", "unit", "status", "fault")  # columns of data files, after the totals


def said(value: Any) -> str:
    """A value of a hyper-parameter as a command line has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return written(value) if isinstance(value, int | Fraction) else str(value)


def lay_out(outline: Outline, points: Sequence[Point]) -> Sheet:
    """The sheet of a sweep, with a column that says what is wrong where something is."""
    numeric = [all(map(is_numeric, axis.values)) for axis in outline.axes]
    columns = [Column(axis.name, n) for axis, n in zip(outline.axes, numeric, strict=True)]
    columns += [Column(head(outline, metric)) for metric in outline.metrics]
    rows = []
    for point in points:
        values = [said(point.hyperparameters[axis.name]) for axis in outline.axes]
        counts = ["-" if point.fault else f"{point.totals[metric]:,}" for metric in outline.metrics]
        rows.append((*values, *counts, point.fault or ("partial" if point.partial else "")))
    if any(row[-1] for row in rows):
        columns.append(Column("Status", False))
    else:
        rows = [row[:-1] for row in rows]
    bar = next((metric for metric in ("count", "madds") if metric in outline.metrics), outline.metrics[0])
    lengths = [point.totals.get(bar, 0) for point in points]
    largest = max(lengths)
    bars = tuple((length, largest) for length in lengths)
    return Sheet(outline.name, _facts(outline), tuple(columns), tuple(rows), (), _notes(outline, points), bars)


def _facts(outline: Outline) -> tuple[tuple[str, str], ...]:
    """What the numbers are of, and how they were counted."""
    fixed = [f"{name} {said(value)}" for name, value in outline.fixed.items()]
    fixed += [f"{name} {text}" for name, text in outline.following.items()]
    in_bytes = any(metric.endswith("_bytes") for metric in outline.metrics)
    listed = [
        ("source", outline.citation),
        ("spec", outline.origin),
        ("settings", ", ".join(fixed)),
        ("batch", f"{outline.batch:,}" if outline.batch != 1 else ""),
        ("stored as", outline.dtype if in_bytes else ""),
        ("counted", f"{outline.convention.name}: {outline.convention.about or outline.convention.unit}"),
    ]
    return tuple((name, text) for name, text in listed if text)


def _notes(outline: Outline, points: Sequence[Point]) -> tuple[tuple[str, str], ...]:
    axes = ", ".join(f"{len(axis.values):,} of {axis.name}" for axis in outline.axes)
    notes = [("points", f"{outline.size:,}" + (f" ({axes})" if len(outline.axes) > 1 else ""))]
    if any(point.partial for point in points):
        notes.append(("partial", "not every layer is counted: the totals of those points are lower bounds"))
    return tuple(notes)


def head(outline: Outline, metric: str) -> str:
    """What heads the column of a total: the count has the convention's unit."""
    unit = outline.convention.unit
    if metric != "count":
        return HEADS[metric]
    return f"{unit} ({outline.convention.name})" if "madds" in outline.metrics and unit == HEADS["madds"] else unit


def sweep_json(outline: Outline, points: Sequence[Point]) -> str:
    """The sweep as a document."""
    return to_json(_document(outline, points))


def _document(outline: Outline, points: Sequence[Point]) -> dict[str, Any]:
    """The `costcalc/sweep/1` document."""
    return {
        "schema": "costcalc/sweep/1",
        "version": VERSION,
        "network": {
            "name": outline.name, "source": outline.citation, "spec": outline.origin, "sha256": outline.sha256,
        },
        "axes": {axis.name: [plain(value) for value in axis.values] for axis in outline.axes},
        "hyperparameters": {name: plain(value) for name, value in outline.fixed.items()},
        "batch": outline.batch,
        "dtype": outline.dtype,
        "convention": {"name": outline.convention.name, "unit": outline.convention.unit},
        "status": "partial" if any(point.partial for point in points) else "complete",
        "faults": sum(bool(point.fault) for point in points),
        "points": [_point(point) for point in points],
    }  # fmt: skip


def _point(point: Point) -> dict[str, Any]:
    return {
        "hyperparameters": {name: plain(value) for name, value in point.hyperparameters.items()},
        "totals": dict(point.totals) if not point.fault else None,
        "status": point.status,
        **({"fault": point.fault} if point.fault else {}),
    }


def column_names(outline: Outline) -> list[str]:
    """The columns of data files; a hyper-parameter that is called like one of the others is `hyperparameters.NAME`."""
    others = (*outline.metrics, *TAIL)
    return [f"hyperparameters.{a.name}" if a.name in others else a.name for a in outline.axes] + list(others)


def csv_text(outline: Outline, chunks: Iterable[Chunk]) -> Iterator[str]:
    """The head, then the lines of one chunk after the other; empty cells where a point has no totals."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(column_names(outline))
    convention = [escape.csv(outline.convention.name), escape.csv(outline.convention.unit)]
    texts = [[_cell(value) for value in axis.values] for axis in outline.axes]
    for chunk in chunks:
        length = len(chunk.points)
        counts = [chunk.totals[metric].tolist() for metric in outline.metrics]
        tail = [[constant] * length for constant in (*convention, "complete", "")]
        for i in chunk.partial:
            tail[2][i] = "partial"
        for i, fault in chunk.faults.items():
            tail[2][i], tail[3][i] = "fault", escape.csv(fault)
            for column in counts:
                column[i] = ""
        values = [
            [axis[code] for code in codes.tolist()] for axis, codes in zip(texts, chunk.points.codes, strict=True)
        ]
        writer.writerows(zip(*values, *counts, *tail, strict=True))
        yield out.getvalue()
        out.seek(0)
        out.truncate()


def _cell(value: Any) -> str:
    return said(value) if is_numeric(value) else escape.csv(said(value))


def is_numeric(value: Any) -> bool:
    """Whether a value of a hyper-parameter is a number; true and false are none."""
    return isinstance(value, int | Fraction) and not isinstance(value, bool)

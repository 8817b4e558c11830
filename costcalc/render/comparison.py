"""Networks side by side: their totals, or the rows that share a name; as text, CSV and `costcalc/compare/1`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from costcalc.cost.report import By, Report, Row
from costcalc.explore.comparison import OF_A_ROW, TOTALS, Comparison, of_row
from costcalc.network import plain
from costcalc.render import escape, to_text
from costcalc.render.data import to_json
from costcalc.render.ratios import cell, exact, number, ratio, times, uncounted
from costcalc.render.sheet import Column, Sheet
from costcalc.version import VERSION

ABREAST = 4  # networks that stand in columns; more of them are rows
Line = tuple[str, ...]


def render_comparison(
    comparison: Comparison,
    format: str,
    by: By | None = None,
    total: str = "count",
    width: int | None = None,
    color: bool = False,
    unicode: bool = True,
) -> str:
    """The comparison in one of FORMATS: totals, or with `by` a total of OF_A_ROW row by row."""
    if format == "json":
        return to_json(comparison_json(comparison, by))
    if format == "csv":
        return _csv(_rows_csv(comparison, by) if by else _totals_csv(comparison))
    sheet = _by_rows(comparison, by, total) if by else _by_totals(comparison)
    return to_text(sheet, format, width, color, unicode)


def _names(report: Report) -> dict[str, str]:
    """What the totals are called; the paper's count is not shown twice."""
    named = {
        "params": "Params", "madds": "MAdds", "count": report.convention.unit, "activations": "Activations written",
        "weight_bytes": "Weight bytes", "peak_activation_bytes": "Peak activation bytes",
        "memory_access_bytes": "Memory access bytes",
    }  # fmt: skip
    if report.convention.name == "paper":
        del named["count"]
    return named


def _by_totals(comparison: Comparison) -> Sheet:
    """A row a total and a column a network, or where there are many the other way round."""
    names, networks = _names(comparison.reports[0]), range(len(comparison.reports))
    cells = {
        (i, name): (number(comparison.total(i, name)), ratio(comparison.ratio(i, name)))
        for i in networks
        for name in names
    }
    if len(networks) <= ABREAST:
        columns = [Column("Total", False), *_abreast(comparison)]
        rows = [(head, *_line(cells[i, name] for i in networks)) for name, head in names.items()]
    else:
        columns = [Column("Network", False), *(c for head in names.values() for c in (Column(head), Column("Ratio")))]
        rows = [(label, *(c for name in names for c in cells[i, name])) for i, label in enumerate(comparison.labels)]
    return _sheet(comparison, (), columns, rows, ())


def _by_rows(comparison: Comparison, by: By, total: str) -> Sheet:
    """A row for each name, a column a network."""
    what = _names(comparison.reports[0]).get(total, comparison.reports[0].convention.unit)
    columns = [Column("Layer" if by == "node" else by.capitalize(), False), *_abreast(comparison)]
    alike = [comparison.alike(i, by) for i in range(len(comparison.reports))]
    rows = [
        (name, *_line(_side(sides, i, total, same) for i, same in enumerate(alike)))
        for name, sides in comparison.rows(by)
    ]
    totals = (
        (number(comparison.total(i, total)), ratio(comparison.ratio(i, total))) for i in range(len(comparison.reports))
    )
    shown: tuple[tuple[str, str], ...] = (("shown", f"{what} of each {by}"),)
    if not all(alike):
        shown += (("rows", "matched by name; no ratio between rows of different specs"),)
    return _sheet(comparison, shown, columns, rows, ("total", *_line(totals)))


def _side(sides: Sequence[Row | None], index: int, name: str, alike: bool) -> tuple[str, str]:
    """A number of a network's row, and its ratio to the first network's where the rows are alike."""
    count = of_row(sides[index], name)
    left = ratio(count.ratio(of_row(sides[0], name))) if alike else ""
    return "-" if sides[index] is None else number(count), left


def _line(sides: Iterable[tuple[str, str]]) -> Line:
    """Numbers with their ratios, of which the first has none: it would be 1."""
    first, *others = sides
    return (first[0], *(text for side in others for text in side))


def _abreast(comparison: Comparison) -> list[Column]:
    heads = _heads(comparison)
    return [Column(heads[0]), *(column for head in heads[1:] for column in (Column(head), Column("Ratio")))]


def _heads(comparison: Comparison) -> Line:
    """The labels, without the name where it is the same for all."""
    names = {label.partition(", ")[0] for label in comparison.labels}
    settings = [label.partition(", ")[2] for label in comparison.labels]
    return tuple(settings) if len(names) == 1 and all(settings) else comparison.labels


def _sheet(
    comparison: Comparison,
    shown: tuple[tuple[str, str], ...],
    columns: Sequence[Column],
    rows: Sequence[Line],
    total: Line,
) -> Sheet:
    first = comparison.reports[0]
    networks = [
        (str(i), _described(label, report))
        for i, (label, report) in enumerate(zip(comparison.labels, comparison.reports, strict=True), 1)
    ]
    facts = [
        *networks,
        ("counted", f"{first.convention.name}: {first.convention.about or first.convention.unit}"),
        ("for", f"batch {first.batch}, stored as {first.dtype}"),
        ("ratios", f"to {comparison.labels[0]}"),
        *shown,
    ]
    bars = tuple((0, 0) for _ in rows)
    return Sheet(_title(comparison), tuple(facts), tuple(columns), tuple(rows), total, _notes(comparison), bars)


def _title(comparison: Comparison) -> str:
    names = list(dict.fromkeys(report.network.name or report.network.origin for report in comparison.reports))
    if len(names) == 1:
        one = len({report.network.data for report in comparison.reports}) == 1
        return f"{names[0]}: {len(comparison.reports)} {'settings' if one else 'files'}"
    return " beside ".join(names) if len(names) <= ABREAST else f"{len(comparison.reports)} networks"


def _described(label: str, report: Report) -> str:
    network = report.network
    return f"{label}: {network.origin}, {_settings(report) or 'no settings'}, input {network.input}"


def _settings(report: Report) -> str:
    return ", ".join(f"{name} {_value(value)}" for name, value in report.network.hyperparameters.items())


def _value(value: object) -> str:
    return str(plain(value)).lower() if isinstance(value, bool) else str(plain(value))


def _notes(comparison: Comparison) -> tuple[tuple[str, str], ...]:
    """How many times as large, in words, and what is not counted."""
    notes = []
    for label, report in zip(comparison.labels, comparison.reports, strict=True):
        if report.uncounted:
            notes.append(("partial", f"{label}: {uncounted(report)}"))
    if 1 < len(comparison.reports) <= ABREAST:
        for head, name in (("MAdds", "madds"), ("params", "params")):
            told = (f"{label}: {times(comparison.ratio(i, name))}" for i, label in enumerate(comparison.labels) if i)
            notes.append((head, "; ".join(told)))
    return (*notes, *(("note", note) for note in comparison.notes))


def _csv(lines: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(lines)
    return out.getvalue()


def _totals_csv(comparison: Comparison) -> Iterable[Sequence[object]]:
    """A line for each network."""
    numbers = [column for name in TOTALS for column in (name, f"{name}_ratio")]
    yield ["network", "spec", "settings", *numbers, "convention", "unit", "status"]
    for i, (label, report) in enumerate(zip(comparison.labels, comparison.reports, strict=True)):
        texts = [label, report.network.origin, _settings(report)]
        counts = [c for name in TOTALS for c in (comparison.total(i, name).value, _ratio(comparison.ratio(i, name)))]
        yield [*map(escape.csv, texts), *counts, *_convention(report), report.status]


def _rows_csv(comparison: Comparison, by: By) -> Iterable[Sequence[object]]:
    """A line for each row of each network."""
    numbers = [column for name in OF_A_ROW for column in (name, f"{name}_ratio")]
    yield ["path", "network", "nodes", *numbers, "convention", "unit", "status"]
    for path, sides in comparison.rows(by):
        for i, (label, row, report) in enumerate(zip(comparison.labels, sides, comparison.reports, strict=True)):
            if row is not None:
                first = sides[0] if comparison.alike(i, by) else None
                pairs = [(of_row(row, name), of_row(first, name)) for name in OF_A_ROW]
                counts = [c for own, base in pairs for c in (cell(own), _ratio(own.ratio(base)))]
                status = "partial" if row.uncounted else "complete"
                yield [*map(escape.csv, (path, label)), row.nodes, *counts, *_convention(report), status]
    for i, (label, report) in enumerate(zip(comparison.labels, comparison.reports, strict=True)):
        counts = [c for name in OF_A_ROW for c in (comparison.total(i, name).value, _ratio(comparison.ratio(i, name)))]
        yield ["total", escape.csv(label), len(report.layers), *counts, *_convention(report), report.status]


def _ratio(value: Any) -> str:
    return "" if value is None else ratio(value).replace(",", "")


def _convention(report: Report) -> list[str]:
    return [escape.csv(report.convention.name), escape.csv(report.convention.unit)]


def comparison_json(comparison: Comparison, by: By | None) -> dict[str, Any]:
    """The `costcalc/compare/1` document; ratios are exact."""
    first = comparison.reports[0]
    document: dict[str, Any] = {
        "schema": "costcalc/compare/1",
        "version": VERSION,
        "batch": first.batch,
        "dtype": first.dtype,
        "convention": {"name": first.convention.name, "unit": first.convention.unit},
        "networks": [_network_json(comparison, i) for i in range(len(comparison.reports))],
    }
    if comparison.notes:
        document["notes"] = list(comparison.notes)
    if by is not None:
        document["by"] = by
        document["rows"] = [
            {
                "path": path,
                "networks": [
                    _row_json(row, sides[0] if comparison.alike(i, by) else None) for i, row in enumerate(sides)
                ],
            }
            for path, sides in comparison.rows(by)
        ]
    return document


def _network_json(comparison: Comparison, index: int) -> dict[str, Any]:
    report, totals = comparison.reports[index], comparison.reports[index].totals
    network = report.network
    return {
        "label": comparison.labels[index],
        "network": {"name": network.name, "source": network.source, "spec": network.origin, "sha256": network.sha256},
        "hyperparameters": {name: plain(value) for name, value in network.hyperparameters.items()},
        "input": list(network.input.dims),
        "status": report.status,
        **({"uncounted": report.uncounted} if report.uncounted else {}),
        "totals": {name: getattr(totals, name) for name in TOTALS},
        "ratios": {name: exact(comparison.ratio(index, name)) for name in TOTALS},
    }


def _row_json(row: Row | None, first: Row | None) -> dict[str, Any] | None:
    if row is None:
        return None
    counts = {name: of_row(row, name) for name in OF_A_ROW}
    return {"nodes": row.nodes, **{name: cell(count) for name, count in counts.items()}} | {
        "ratios": {name: exact(count.ratio(of_row(first, name))) for name, count in counts.items()}
    }

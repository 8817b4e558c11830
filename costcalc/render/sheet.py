"""A report laid out once, as strings in rows and columns, for every format that is read by people.

Numbers come from the report as they are; only their writing (separators, per cent) is decided here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from costcalc.cost.report import By, Published, Report, Row, Totals
from costcalc.network import plain
from costcalc.units import in_bytes, percent

if TYPE_CHECKING:
    from costcalc.storage.record import Stored

SORTED_BY = {
    "weights": ("Weights", "weights"),
    "activations": ("Activations", "activations"),
    "memory": ("Memory access", "memory_access_bytes"),
}  # orders whose numbers the table has no column for: its head, and the attribute of a row


MOST_ERRATA = 3  # of one place that a report spells out


class Column(NamedTuple):
    """A column: its head, whether it holds numbers (right-aligned, never folded), and the bar that goes with it."""

    head: str
    numeric: bool = True


class Sheet(NamedTuple):
    """The whole report as text: `facts` above, the table, `notes` below. An empty `total` is none."""

    title: str
    facts: tuple[tuple[str, str], ...]
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...]
    notes: tuple[tuple[str, str], ...]
    bars: tuple[tuple[int, int], ...]  # for each row, its count and what would be a full bar


class View(NamedTuple):
    """Which rows of a report are shown."""

    by: By = "layer"
    depth: int | None = None
    sort: str = "order"
    top: int | None = None


def lay_out(report: Report, view: View) -> Sheet:
    """The sheet of a report."""
    rows = report.rows(view.by, view.depth, view.sort, view.top)
    if view.by == "kind" and view.depth is None:
        cells, columns = _by_kind(report, rows)
    else:
        cells, columns = _by_path(report, rows, view.sort)
    largest = max((row.count or 0 for row in rows), default=0)
    bars = tuple((row.count or 0, largest) for row in rows)
    title = report.network.name or report.network.origin
    stated = facts(report)
    if view.by == "layer" and view.depth is None:
        stated += (("rows", "a layer with its norm and activation; `--by node` shows each alone"),)
    return Sheet(title, stated, columns, tuple(cells[:-1]), cells[-1], notes(report, view.by == "kind"), bars)


def _by_path(report: Report, rows: Sequence[Row], sort: str) -> tuple[list[tuple[str, ...]], tuple[Column, ...]]:
    unit, totals = report.convention.unit, report.totals
    columns = [
        Column("Layer", False),
        Column("Kind", False),
        Column("Output"),
        Column("Params"),
        Column(unit),
        Column("Share"),
    ]
    table = [
        [
            row.path,
            row.kind + row.step,
            str(row.output or ""),
            _params(row),
            _count(row),
            _share(row.count, totals.count),
        ]
        for row in rows
    ]
    params, count = _totals(report)
    table.append(["total", "", "", params, count, _share(totals.count, totals.count)])
    if report.stored is not None:
        columns[4:4] = [Column("Stored bits"), Column("Rate")]
        records = [*((row.stored, row.unknown) for row in rows), (report.stored, _unknown(report))]
        for cells, (record, missing) in zip(table, records, strict=True):
            cells[4:4] = _stored(record, missing)
    if sort in SORTED_BY:  # what a table is sorted by can be seen in it
        head, attribute = SORTED_BY[sort]
        columns.insert(4, Column(head))
        counted: list[Row | Totals] = [*rows, totals]
        for cells, row in zip(table, counted, strict=True):
            cells.insert(4, "?" if row.census is None and sort == "weights" else f"{getattr(row, attribute):,}")
    return [tuple(cells) for cells in table], tuple(columns)


def _by_kind(report: Report, rows: Sequence[Row]) -> tuple[list[tuple[str, ...]], tuple[Column, ...]]:
    unit, totals, share = report.convention.unit, report.totals, Column("Share")
    columns = (
        Column("Kind", False), Column("Nodes"), Column(unit), share, Column("Weights"), share, Column("Params"), share,
    )  # fmt: skip
    table: list[tuple[str, ...]] = []
    for row in rows:
        known = row.census is not None
        weights, params = (row.weights, row.params) if known else (None, None)
        table.append((
            row.path, f"{row.nodes:,}", _count(row), _share(row.count, totals.count),
            f"{_least(row.unknown)}{weights:,}" if known else "?", _share(weights, totals.weights),
            _params(row), _share(params, totals.params),
        ))  # fmt: skip
    params, count = _totals(report)
    weights = f"{_least(_unknown(report))}{totals.weights:,}"
    whole = (_share(n, n) for n in (totals.count, totals.weights, totals.params))
    table.append(
        (
            "total",
            f"{len(report.layers):,}",
            *(x for pair in zip((count, weights, params), whole, strict=True) for x in pair),
        )
    )
    return table, columns


def _totals(report: Report) -> tuple[str, str]:
    """Parameters and count of the whole; a lower bound where something is missing from them."""
    totals = report.totals
    return f"{_least(_unknown(report))}{totals.params:,}", f"{_least(len(report.uncounted))}{totals.count:,}"


def _unknown(report: Report) -> int:
    return sum(row.unknown for row in report.layers)


def _least(missing: int) -> str:
    return ">= " if missing else ""


def _stored(stored: Stored | None, missing: int) -> list[str]:
    """The bits that are stored, and the part that this is of the weights as they are."""
    if stored is None:
        return ["?", "?"]
    return [f"{_least(missing)}{stored.bits:,}", percent(stored.bits, stored.uncompressed)]


def _share(part: int | None, whole: int) -> str:
    return "?" if part is None else percent(part, whole)


def _count(row: Row) -> str:
    """A count; one that misses something is a lower bound, and one that is not known at all a question mark."""
    return "?" if row.count is None else f"{_least(row.uncounted)}{row.count:,}"


def _params(row: Row) -> str:
    return "?" if row.census is None else f"{_least(row.unknown)}{row.params:,}"


def facts(report: Report) -> tuple[tuple[str, str], ...]:
    """What the numbers are of, and how they were counted."""
    network = report.network
    settings = ", ".join(f"{name} {_shown(value)}" for name, value in network.hyperparameters.items()) or "none"
    listed = [
        ("source", network.source),
        ("spec", network.origin),
        ("settings", settings),
        ("input", f"{network.input} ({', '.join(network.input.named)}), batch {report.batch}"),
        ("counted", f"{report.convention.name}: {report.convention.about or report.convention.unit}"),
    ]
    return tuple((name, text) for name, text in listed if text)


def _shown(value: object) -> str:
    return str(plain(value)).lower() if isinstance(value, bool) else str(plain(value))


def notes(report: Report, by_kind: bool) -> tuple[tuple[str, str], ...]:
    """The totals that are not in the table, what was not counted, and the published figures for this setting."""
    totals = report.totals
    listed = [
        ("weights", f"{in_bytes(totals.weight_bytes)} as {report.dtype}"),
        (
            "activations",
            f"{totals.activations:,} elements written, at most {in_bytes(totals.peak_activation_bytes)} alive at once",
        ),
        ("memory access", f"{in_bytes(totals.memory_access_bytes)} (inputs, weights and outputs of every node)"),
    ]
    if report.stored is not None:
        from costcalc.render.stored import stored_notes

        listed += stored_notes(report.stored, report.dtype)
    if report.convention.name != "paper":
        listed.append(("MAdds", f"{totals.madds:,} (convention `paper`)"))
    if report.verified:
        listed.append(("verified", "every node was run, and did what was counted"))
    if report.uncounted:
        names = ", ".join(report.uncounted[:8]) + (
            f" and {len(report.uncounted) - 8} more" if len(report.uncounted) > 8 else ""
        )
        listed.insert(0, ("partial", f"not counted: {names}; the totals are lower bounds"))
    places: dict[str, list[Published]] = {}
    for p in report.published:
        if by_kind or " of " not in p.quantity or p.status != "met":
            places.setdefault(p.place, []).append(p)
    return (*listed, *(("published", _published(place, figures)) for place, figures in places.items()))


def _published(place: str, figures: Sequence[Published]) -> str:
    """One line for a place: the figures that are met, then the first that are not with what they should be."""
    met = [f"{p.quantity} {p.figure}" for p in figures if p.status == "met"]
    parts = [f"{', '.join(met)}: met"] if met else []
    errata = [p for p in figures if p.status == "erratum"]
    for p in [*(p for p in figures if p.status == "missed"), *errata[:MOST_ERRATA]]:
        exact = percent(*p.counted) if isinstance(p.counted, tuple) else f"{p.counted:,}"
        verdict = "an erratum" if p.status == "erratum" else "missed"
        parts.append(f"{p.quantity} {p.figure}: {verdict}, exactly {exact}" + (f" ({p.why})" if p.why else ""))
    more = len(errata) - MOST_ERRATA
    if more > 0:
        parts.append(f"{more} more {'erratum' if more == 1 else 'errata'}, which `--format json` lists")
    return f"{place}; {'; '.join(parts)}"

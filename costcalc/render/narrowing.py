"""What each layer would have to lose, as text, CSV and a `costcalc/narrowing/1` document."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from costcalc.explore.fitted import Narrowed, Narrowing
from costcalc.render import escape, to_text
from costcalc.render.data import TOTALS
from costcalc.render.fit import HEADS, limited, setting
from costcalc.render.fitdata import counted_json
from costcalc.render.sheet import Column, Sheet
from costcalc.units import percent
from costcalc.version import VERSION

SHOWN = 2  # names of a group; the others are counted
SAVED = ("madds", "params", "peak_activation_bytes", "memory_access_bytes")


def out_of_reach(found: Narrowing) -> str:
    """What is to be said where no layer alone reaches the budgets; empty where one does."""
    if found.uncounted:
        names = ", ".join(f"`{name}`" for name in found.uncounted[:8]) + ", ..." * (len(found.uncounted) > 8)
        return f"nothing can be said: {names} cannot be counted, so every total is a lower bound"
    return "" if any(layer.reached for layer in found.layers) else "no layer alone can be narrowed so far"


def narrowing_text(
    found: Narrowing, format: str, width: int | None = None, color: bool = False, unicode: bool = True
) -> str:
    """The table, or nothing where nothing can be said."""
    return "" if found.uncounted else to_text(lay_out(found), format, width, color, unicode)


def lay_out(found: Narrowing) -> Sheet:
    """A row for each group of layers; those that cannot be narrowed are told below."""
    report, unit = found.report, found.report.convention.unit
    metrics = ["count", *SAVED] if any(b.metric == "count" for b in found.budgets) else list(SAVED)
    metrics += [b.metric for b in found.budgets if b.metric not in metrics]
    facts = (
        ("wanted", limited(found.budgets, report)),
        ("spec", report.network.origin),
        ("settings", setting(report.network.hyperparameters) or "none"),
        ("counted", f"{report.convention.name}: {report.convention.about or unit}"),
        ("rows", "layers that have filters; those tied by additions, products and the like shrink together"),
    )
    columns = [Column("Layer", False), Column("Filters"), Column("Remove"), Column("Share"), Column("Left")]
    columns += [Column(f"{unit if m == 'count' else HEADS[m]} saved") for m in metrics]
    narrowed = [layer for layer in found.layers if not layer.reason]
    rows = tuple(_row(layer, metrics) for layer in narrowed)
    notes = [("cannot", f"{names(layer.layers)}: {layer.reason}") for layer in found.layers if layer.reason]
    if not all(layer.reached for layer in narrowed):
        notes.append(("*", "not enough by itself: all but the last filters go"))
    if found.left_out:
        notes.append(("left out", f"{found.left_out:,} more that could be narrowed"))
    title = f"{report.network.name or report.network.origin}: the fewest filters to remove, layer by layer"
    bars = tuple((layer.removed, layer.filters) for layer in narrowed)
    return Sheet(title, facts, tuple(columns), rows, (), tuple(notes), bars)


def _row(layer: Narrowed, metrics: Sequence[str]) -> tuple[str, ...]:
    removed = f"{layer.removed:,}" if layer.reached else f"{layer.removed:,} *"
    saved = [f"{layer.saved[m]:,}" for m in metrics]
    share = percent(layer.removed, layer.filters, 1)
    return (names(layer.layers), f"{layer.filters:,}", removed, share, f"{layer.filters - layer.removed:,}", *saved)


def names(layers: Sequence[str]) -> str:
    """The layers of a group, the first of them by name."""
    more = len(layers) - SHOWN
    return ", ".join(layers[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def narrowing_csv(found: Narrowing) -> str:
    """A line for each group of layers."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    saved = [f"{name}_saved" for name in TOTALS]
    writer.writerow(["layers", "filters", "step", "removed", "left", "reached", *saved, "reason"])
    for layer in found.layers:
        numbers: list[Any] = [""] * (4 + len(TOTALS))
        if not layer.reason:
            counts = layer.step, layer.removed, layer.filters - layer.removed
            numbers = [*counts, str(layer.reached).lower(), *(layer.saved[name] for name in TOTALS)]
        writer.writerow([escape.csv(" ".join(layer.layers)), layer.filters, *numbers, escape.csv(layer.reason)])
    return out.getvalue()


def narrowing_json(found: Narrowing) -> dict[str, Any]:
    """The `costcalc/narrowing/1` document."""
    totals = found.report.totals._asdict()
    document = {
        "schema": "costcalc/narrowing/1",
        "version": VERSION,
        **counted_json(found.report),
        "budget": {b.metric: b.limit for b in found.budgets},
        "status": "partial" if found.uncounted else "complete",
        "totals": {name: totals[name] for name in TOTALS},
        "layers": [_layer(layer) for layer in found.layers],
    }
    if found.left_out:
        document["left_out"] = found.left_out
    return document | ({"uncounted": list(found.uncounted)} if found.uncounted else {})


def _layer(layer: Narrowed) -> dict[str, Any]:
    record: dict[str, Any] = {"layers": dict(layer.before), "filters": layer.filters}
    if layer.reason:
        return record | {"reason": layer.reason}
    saved = {name: layer.saved[name] for name in TOTALS}
    return record | {
        "step": layer.step, "removed": layer.removed, "left": dict(layer.left), "reached": layer.reached,
        "saved": saved,
    }  # fmt: skip

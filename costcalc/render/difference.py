"""A difference as text and as data: the totals first, then every layer that changed and what its change costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from costcalc.network import Network, plain
from costcalc.render import escape, ratios, to_text
from costcalc.render.check import NAMES, change, counted
from costcalc.render.data import to_json
from costcalc.render.sheet import Column, Sheet
from costcalc.review.difference import Difference, LayerChange, ratio
from costcalc.version import VERSION

SHOWN = ("params", "madds", "count", "activations", "weight_bytes", "peak_activation_bytes", "memory_access_bytes")
SIGNS = {"same": "", "changed": "~", "added": "+", "removed": "-"}
HOWS = ("changed", "added", "removed")


def difference_text(
    found: Difference,
    names: tuple[str, str],
    every: bool,
    format: str,
    width: int | None = None,
    color: bool = False,
    unicode: bool = True,
) -> str:
    """The difference of two networks as a table or Markdown; `every` shows the layers that did not change too."""
    unit = found.new.convention.unit
    columns = (
        Column("", False), Column("Layer", False), Column("Kind", False), Column("What changed", False),
        Column("Params"), Column("+/-"), Column(unit), Column("+/-"),
    )  # fmt: skip
    shown = [layer for layer in found.layers if every or layer.how != "same" or layer.renamed or layer.moved]
    rows = tuple(_row(layer) for layer in shown)
    moves = [abs(new - old) for old, new in (layer.costs["count"] for layer in shown)]
    bars = tuple((move, max(moves)) for move in moves)
    facts = tuple(_fact(found, metric, unit) for metric in SHOWN if _differs(found, metric))
    title = verdict(found, names)
    if not rows:
        width = max(len(name) for name, _ in facts)
        lines = [escape.terminal(title), *(f"{name:<{width}}  {text}" for name, text in facts)]
        return "\n".join(lines) + "\n"
    return to_text(Sheet(title, facts, columns, rows, (), _notes(found, every), bars), format, width, color, unicode)


def verdict(found: Difference, names: tuple[str, str]) -> str:
    """`net.yaml -> net.yaml alpha=0.5: 3 layers changed, 1 added`."""
    return f"{names[0]} -> {names[1]}: {summary(found)}"


def summary(found: Difference) -> str:
    """How many layers changed."""
    if found.same:
        return "nothing changed"
    counts = {how: sum(layer.how == how for layer in found.layers) for how in HOWS}
    parts = [f"{counted(n, 'layer')} {how}" for how, n in counts.items() if n]
    for what in ("moved", "renamed"):
        number = sum(layer.how == "same" and bool(getattr(layer, what)) for layer in found.layers)
        parts += [f"{counted(number, 'layer')} {what}"] * bool(number)
    if found.rewired:
        parts.append("layers read from others than before")
    return ", ".join(parts) or "the input changed"


def _differs(found: Difference, metric: str) -> bool:
    old, new = found.totals[metric]
    always = metric in ("params", "madds")
    return always or (old != new and (metric != "count" or found.new.convention.name != "paper"))


def _fact(found: Difference, metric: str, unit: str) -> tuple[str, str]:
    old, new = found.totals[metric]
    name = unit if metric == "count" else NAMES[metric]
    if old == new:
        return name, f"{new:,}, as before"
    text = f"{old:,} -> {new:,}, {new - old:+,}"
    quotient = ratio((old, new))
    return name, f"{text} ({change(new, old)}, {ratios.decimal(quotient, 4)}x)" if quotient is not None else text


def _row(layer: LayerChange) -> tuple[str, ...]:
    row = layer.new or layer.old
    told = [str(attribute) for attribute in layer.attributes]
    if layer.how in ("added", "removed"):
        told.append("new" if layer.how == "added" else "gone")
    if layer.moved:
        told.append("moved")
    if layer.renamed and layer.old:
        told.append(f"was {layer.old.path}")
    cells = []
    for metric in ("params", "count"):
        old, new = layer.costs[metric]
        cells += [f"{new:,}", f"{new - old:+,}" if new != old else ""]
    kind = f"{row.kind}{row.step}" if row else ""
    return (SIGNS[layer.how], layer.path, kind, ", ".join(told), *cells)


def _notes(found: Difference, every: bool) -> tuple[tuple[str, str], ...]:
    same = sum(layer.how == "same" and not layer.renamed and not layer.moved for layer in found.layers)
    notes = [("counted", f"as {found.new.convention.name} does, in {found.new.convention.unit}")]
    if same and not every:
        notes.append(("unchanged", f"{counted(same, 'layer')}, which --all shows"))
    partial = [name for name, report in (("old", found.old), ("new", found.new)) if report.uncounted]
    if partial:
        notes.append(("partial", f"layers of the {' and the '.join(partial)} network have no count"))
    return tuple(notes)


def difference_json(found: Difference) -> str:
    """The `costcalc/diff/1` document."""
    return to_json(document(found))


def document(found: Difference) -> dict[str, Any]:
    """The same as a value."""
    return {
        "schema": "costcalc/diff/1",
        "version": VERSION,
        "convention": {"name": found.new.convention.name, "unit": found.new.convention.unit},
        "same": found.same,
        "old": _network(found.old.network, found.old.status),
        "new": _network(found.new.network, found.new.status),
        "totals": {metric: _pair(pair) for metric, pair in found.totals.items()},
        "layers": [_layer(layer) for layer in found.layers],
    }


def several_json(base: str, found: Sequence[tuple[str | None, str | None, Difference]]) -> str:
    """The `costcalc/diffs/1` document: what changed since a revision, by file."""
    diffs = [{"old_file": old, "new_file": new, **document(one)} for old, new, one in found]
    return to_json({"schema": "costcalc/diffs/1", "version": VERSION, "base": base, "diffs": diffs})


def _network(network: Network, status: str) -> dict[str, Any]:
    settings = {name: plain(value) for name, value in network.hyperparameters.items()}
    return {
        "name": network.name, "source": network.source, "sha256": network.sha256, "hyperparameters": settings,
        "status": status,
    }  # fmt: skip


def _layer(layer: LayerChange) -> dict[str, Any]:
    return {
        "path": layer.path,
        "change": layer.how,
        "moved": layer.moved,
        "old": _side(layer, 0),
        "new": _side(layer, 1),
        "attributes": [attribute._asdict() for attribute in layer.attributes],
        "difference": {metric: new - old for metric, (old, new) in layer.costs.items()},
    }


def _side(layer: LayerChange, side: int) -> dict[str, Any] | None:
    row = (layer.old, layer.new)[side]
    if row is None:
        return None
    costs: Mapping[str, int] = {metric: pair[side] for metric, pair in layer.costs.items()}
    output = list(row.output.dims) if row.output else None
    return {"path": row.path, "kind": f"{row.kind}{row.step}", "output": output, **costs}


def _pair(pair: tuple[int, int]) -> dict[str, Any]:
    old, new = pair
    return {"old": old, "new": new, "difference": new - old, "ratio": ratios.exact(ratio(pair))}

"""What every format says of an explained layer, in the same words."""

from __future__ import annotations

from fractions import Fraction

from costcalc.cost.report import Row
from costcalc.explore.explanation import Explained, ExplainedLayer, Explanation
from costcalc.formulas import Formula
from costcalc.render.sheet import facts
from costcalc.units import percent
from costcalc.units import written as number_text

CALLED = {
    "macs": "multiply-adds",
    "valid_macs": "not on padding",
    "norm_scales": "scales",
    "norm_shifts": "shifts",
}  # the other classes go by their own names
STATED = ("spec", "settings", "input", "counted")
ALIKE = 4  # paths of layers alike that are named


def title(e: Explanation) -> str:
    return e.report.network.name or e.report.network.origin


def stated(e: Explanation) -> list[tuple[str, str]]:
    """What the numbers are of, and which layers these are."""
    listed = [(name, text) for name, text in facts(e.report) if name in STATED]
    listed.insert(-1, ("stored", e.report.dtype))
    which = [_most(e)] if not e.named else []
    if e.tied:
        which.append(_tie(e))
    if not e.named:
        which.append("to explain another: costcalc explain SPEC LAYER")
    return [*listed, ("layers", "; ".join(which))] if which else listed


def _most(e: Explanation) -> str:
    if len(e.layers) == 1:
        return f"{'a' if e.tied else 'the'} layer that costs most"
    return f"the {len(e.layers)} layers that cost most"


def _tie(e: Explanation) -> str:
    """Which layers are left out though they cost as much as the last that is shown."""
    more = f" and {len(e.tied) - 1:,} more" if len(e.tied) > 1 else ""
    if len(e.layers) == 1:
        return f"{e.tied[0]}{more} cost{'' if more else 's'} the same"
    return f"the cut goes through a tie: {e.tied[0]}{more} cost{'' if more else 's'} as much as the last"


def heading(row: Row) -> str:
    """A layer and what it maps to what."""
    return f"{row.path}: {row.kind}{row.step}, {', '.join(map(str, row.inputs))} to {row.output}"


def own_name(node: Explained) -> str:
    """The last part of a path."""
    return node.row.path.rpartition("/")[2]


def alike(layer: ExplainedLayer) -> str:
    more = f" and {len(layer.alike) - ALIKE} more" if len(layer.alike) > ALIKE else ""
    return ", ".join(layer.alike[:ALIKE]) + more


def counts(e: Explanation, node: Explained) -> list[tuple[str, Formula | str]]:
    """What is counted, each with its formula, or a word: first what the convention counts, then the census."""
    if node.row.census is None:
        return [("count", "not known: there is no rule for this operation")]
    rows: list[tuple[str, Formula | str]] = []
    if node.cost is None:
        rows.append((e.report.convention.unit, "not counted by this convention"))
    elif node.cost.value:
        rows.append((e.report.convention.unit, node.cost))
    for name, formula in node.census.items():
        if name == "macs" and node.cost is not None and formula.polynomial == node.cost.polynomial:
            continue  # the same as what the convention counts
        whole = name == "valid_macs" and formula.polynomial == node.census["macs"].polynomial
        rows.append((CALLED.get(name, name.replace("_", " ")), "all of them" if whole else formula))
    if node.stored is not None:
        rows.append(("stored bits", node.stored))
    return rows or [("count", "nothing: it computes no number")]


def memory(node: Explained) -> list[str]:
    """The bytes that are read and written, and their sum."""
    m = node.memory
    if not m.elements:
        return ["none: it is a view of its input"]
    parts = ((m.inputs, "read"), (m.parameters, "parameters"), (m.outputs, "written"))
    listed = " + ".join(f"{_bytes(m.size(n))} {words}" for n, words in parts if n)
    return [listed, f"{node.row.memory_access_bytes:,} bytes"]


def _bytes(size: Fraction | int) -> str:
    return f"{size:,}" if isinstance(size, int) else number_text(size)


def together(e: Explanation, row: Row) -> str:
    """The totals of a layer with what follows it."""
    total, unit = e.report.totals.count, e.report.convention.unit
    parts = [f"{row.params:,} parameters"]
    if row.count is not None:
        parts.append(f"{row.count:,} {unit} ({percent(row.count, total)} of the network)")
    return ", ".join([*parts, f"{row.memory_access_bytes:,} bytes"])

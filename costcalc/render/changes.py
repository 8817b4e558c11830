"""What changed between networks, as parts of a Markdown page: totals in a table, layers folded away."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from costcalc.render.check import NAMES, change, counted
from costcalc.render.difference import summary
from costcalc.render.escape import inline, markdown, terminal
from costcalc.review.difference import Difference, LayerChange

MARKER = "<!-- costcalc -->"
COMPARED = ("params", "madds")
TOLD = 200  # layers of one network
MOST = 60_000  # characters of a comment; GitHub takes 65,536
MOST_OF_ONE = 15_000  # of the layers of one network
Found = Sequence[tuple[str | None, str | None, Difference]]  # the file before, the file now, what changed in it


def table(heads: Sequence[str], numeric: int, rows: Iterable[Sequence[str]]) -> list[str]:
    """A table whose columns from `numeric` on are numbers; the cells are escaped already."""
    rules = ["---" if i < numeric else "---:" for i in range(len(heads))]
    return ["| " + " | ".join(cells) + " |" for cells in (heads, rules, *rows)]


def more(number: int, what: str, columns: int) -> list[tuple[str, ...]]:
    """The last row of a table that leaves out so many."""
    return [("", f"... and {counted(number, what)} more", *[""] * (columns - 2))] if number > 0 else []


def folded(summary: str, lines: Sequence[str]) -> list[str]:
    """Lines that a reader opens, as one part; the summary is read as HTML, and code, so that it names nobody."""
    return ["\n".join([f"<details><summary><code>{summary}</code></summary>", "", *lines, "", "</details>", ""])]


def fitting(parts: Sequence[str]) -> str:
    """The parts as a page, without those that a comment has no room for."""
    kept: list[str] = []
    size = left = 0
    for part in parts:
        if size + len(part) + 1 > MOST:
            left += 1
            continue
        size += len(part) + 1
        kept.append(part)
    if left:
        kept += ["", f"... and {counted(left, 'part')} more, which a comment has no room for."]
    return "\n".join(kept).rstrip() + "\n"


def differences(base: str, found: Found) -> str:
    """What changed since a revision, as a comment of its own."""
    networks = counted(len(found), "network") if found else "no network"
    head = f"### costcalc: {networks} changed since {inline(base)}"
    return fitting([MARKER, head, "", *changes(found)])


def changes(found: Found) -> list[str]:
    """A table of the totals of each network that changed, and its layers folded away."""
    rows = [
        (markdown(new or f"{old} (gone)"), NAMES[m], f"{before:,}", f"{after:,}", difference(after, before))
        for old, new, one in found
        for m in COMPARED
        for before, after in [one.totals[m]]
    ]
    parts = []
    if rows:
        parts += [*table(("Network", "Total", "Old", "New", "Difference"), 2, rows), ""]
    for old, new, one in found:
        title = f"{html(new or old or '')}: {html(summary(one))}"
        told = _told(one)
        layers = _fitting_rows([*map(_change, told[:TOLD])])
        layers += more(len(told) - len(layers), "layer", 5)
        parts += folded(title, table(("", "Layer", "What changed", "Params", "MAdds"), 3, layers))
    return parts


def _fitting_rows(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The first rows, as many as leave room for other networks."""
    sizes = itertools.accumulate(sum(map(len, row)) + 3 * len(row) for row in rows)
    return [row for row, size in zip(rows, sizes, strict=True) if size <= MOST_OF_ONE]


def _told(found: Difference) -> list[LayerChange]:
    return [layer for layer in found.layers if layer.how != "same" or layer.renamed or layer.moved]


def _change(layer: LayerChange) -> tuple[str, ...]:
    was = [f"was {layer.old.path}"] if layer.renamed and layer.old else []
    told = [*map(str, layer.attributes), *(["moved"] if layer.moved else []), *was]
    costs = [difference(new, old) for old, new in (layer.costs["params"], layer.costs["madds"])]
    return layer.how, markdown(layer.path), ", ".join(map(markdown, told)), *costs


def difference(new: int, old: int) -> str:
    """`+1,234 (+2.1%)`."""
    return "0" if new == old else f"{new - old:+,} ({change(new, old)})"


def html(text: str) -> str:
    """Text inside HTML in Markdown: nothing of it is markup of either."""
    return "".join(c if c.isalnum() or c in " ./_-=,:" else f"&#{ord(c)};" for c in terminal(text)).replace(
        "_", "&#95;"
    )

"""Explanations in every format; text and Markdown are laid out here, line by line."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from costcalc.explore.explanation import Explained, ExplainedLayer, Explanation
from costcalc.explore.instead import Ratio
from costcalc.formulas import Formula, Symbol
from costcalc.render import escape, ratios
from costcalc.render.explained import alike, counts, heading, memory, own_name, stated, title, together
from costcalc.render.worked import TEXT_RATIO, TEXT_SUM, in_numbers, simplified, steps, unsimplified
from costcalc.units import written

FORMATS = ("text", "md", "latex", "json")
WIDTH = 92  # columns; folded at spaces
LABELS = ("memory", "intensity")


def render_explanation(e: Explanation, format: str) -> str:
    """The explanation in one of FORMATS."""
    if format == "json":
        from costcalc.render.data import to_json
        from costcalc.render.explanation_data import explanation_json

        return to_json(explanation_json(e))
    if format == "latex":
        from costcalc.render.derivation import explanation_latex

        return explanation_latex(e)
    return {"text": explanation_text, "md": explanation_markdown}[format](e)


def explanation_text(e: Explanation) -> str:
    """What the numbers are of, then layer by layer what they are computed by."""
    lines = [escape.terminal(title(e))]
    for name, text in stated(e):
        lines += _folded(f"{name:<8}  ", escape.terminal(text))
    for layer in e.layers:
        lines += ["", *_folded("", escape.terminal(heading(layer.row))), *_layer(e, layer)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def explanation_markdown(e: Explanation) -> str:
    """Headings, a list of facts, and the sums as blocks of text."""
    lines = [f"## {escape.markdown(title(e))}", "", *(f"- {name}: {escape.markdown(text)}" for name, text in stated(e))]
    for layer in e.layers:
        body = "\n".join(line.rstrip() for line in _layer(e, layer)).strip("\n")
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", body)), default=0))
        lines += ["", f"### {escape.markdown(heading(layer.row))}", "", f"{fence}text", textwrap.dedent(body), fence]
    return "\n".join(lines) + "\n"


def _layer(e: Explanation, layer: ExplainedLayer) -> list[str]:
    """All that is said of a layer below its heading."""
    listed = [(node, counts(e, node)) for node in layer.nodes]
    labels = [*LABELS, *(escape.terminal(label) for _, rows in listed for label, _ in rows)]
    width = max(map(len, labels))
    lines = _folded("the same: ", escape.terminal(alike(layer))) if layer.alike else []
    lines += ["", *_legend(layer.nodes[0].symbols)] if layer.nodes[0].symbols else []
    for node, rows in listed:
        first = node is layer.nodes[0]
        lines += ["", *([] if first else [f"  {escape.terminal(own_name(node))}"])]
        lines += _node(e, node, rows, width, first)
    if len(layer.nodes) > 1:
        lines += ["", *_folded(f"  {'together':<{width}}  ", escape.terminal(together(e, layer.row)))]
    if layer.pair:
        what = f"{' and '.join(layer.pair.paths)}, in place of one {layer.pair.kind}"
        lines += ["", *_ratio(e, layer.pair, f"  {'pair':<{width}}  ", what)]
    return lines


def _legend(symbols: Sequence[Symbol]) -> list[str]:
    names, values = max(len(s.name) for s in symbols), max(len(_value(s)) for s in symbols)
    lines = []
    for s in symbols:
        short = f": {TEXT_SUM.written(s.short_for)}" if s.short_for else ""
        lines += _folded(f"  {s.name:<{names}}  {_value(s):>{values}}  ", s.meaning + short)
    return lines


def _value(s: Symbol) -> str:
    return f"{s.value:,}" if isinstance(s.value, int) else written(s.value)


def _node(
    e: Explanation, node: Explained, rows: Sequence[tuple[str, Formula | str]], width: int, first: bool
) -> list[str]:
    """Every number by its formula, the first one of a layer step by step."""
    lines = []
    for i, (label, formula) in enumerate(rows):
        parts = [formula] if isinstance(formula, str) else steps(formula, TEXT_SUM)
        lines += _sum(f"  {escape.terminal(label):<{width}}  ", parts, long=first and i == 0 and len(parts) > 2)
    lines += _sum(f"  {'memory':<{width}}  ", memory(node))
    if node.intensity is not None:
        moved = f"{node.row.madds:,} / {node.row.memory_access_bytes:,}"
        lines += _sum(f"  {'intensity':<{width}}  ", [moved, f"{ratios.ratio(node.intensity)} MAdds per byte"])
    if node.standard:
        lines += _ratio(e, node.standard, f"  {'ratio':<{width}}  ", f"to a standard {node.standard.kind}")
    return lines


def _ratio(e: Explanation, r: Ratio, head: str, what: str) -> list[str]:
    """The quotient of formulas, in lowest terms, in numbers, as a decimal."""
    outcome = f"{ratios.ratio(r.value)}, {ratios.times(r.value)} {escape.terminal(e.report.convention.unit)}"
    counted = f"{' + '.join(f'{n:,}' for n in r.parts)}, not {r.standard.value:,}"
    parts = dict.fromkeys(text(r, TEXT_RATIO) for text in (unsimplified, simplified, in_numbers))
    lines = _folded(head, escape.terminal(what))
    return lines + _sum(" " * len(head), [*parts, f"{outcome}: {counted}"], long=True)


def _sum(head: str, parts: Sequence[str], long: bool = False) -> list[str]:
    """The steps of a sum on one line; one below the other where that is too long, or they are what matters most."""
    whole = head + " = ".join(parts)
    if not long and len(whole) <= WIDTH:
        return [whole]
    margin = " " * (len(head) - 2)
    return [line for i, part in enumerate(parts) for line in _folded(f"{margin}= " if i else head, part)]


def _folded(head: str, text: str) -> list[str]:
    """Text after a head, in lines as wide as the page, folded at spaces below its beginning."""
    lines = textwrap.wrap(text, max(WIDTH - len(head), 40), break_long_words=False, break_on_hyphens=False) or [""]
    return [head + lines[0], *(" " * len(head) + line for line in lines[1:])]

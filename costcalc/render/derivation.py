"""Explanations as LaTeX: the sums of each layer in an `align*` of amsmath, with what its symbols stand for."""

from __future__ import annotations

from collections.abc import Sequence

from costcalc.explore.explanation import Explained, ExplainedLayer, Explanation
from costcalc.explore.instead import Ratio
from costcalc.formulas import Symbol
from costcalc.render import escape, ratios
from costcalc.render.explained import alike, counts, heading, memory, own_name, stated, title
from costcalc.render.expression import LATEX, symbol_text
from costcalc.render.worked import LATEX_RATIO, LATEX_SUM, in_numbers, simplified, steps, unsimplified

LONG = 90  # characters of a sum that has a line for each of its steps


def explanation_latex(e: Explanation) -> str:
    """A part of a document, for one that loads amsmath."""
    lines = [f"% {escape.terminal(title(e))}; needs \\usepackage{{amsmath}}"]
    lines += [f"% {name}: {escape.terminal(text)}" for name, text in stated(e)]
    for layer in e.layers:
        lines += ["", *_layer(e, layer)]
    return "\n".join(lines) + "\n"


def _layer(e: Explanation, layer: ExplainedLayer) -> list[str]:
    lines = [rf"\paragraph{{{escape.latex(heading(layer.row))}.}}"]
    if layer.alike:
        lines.append(f"The same: {escape.latex(alike(layer))}.")
    for node in layer.nodes:
        if node is layer.nodes[0]:
            lines += [f"With {_legend(node.symbols)}:"] if node.symbols else []
        else:
            lines.append(rf"Then \texttt{{{escape.latex(own_name(node))}}}:")
        lines += [*_sums(e, node), _moved(node)]
    if layer.pair:
        both = " and ".join(rf"\texttt{{{escape.latex(path)}}}" for path in layer.pair.paths)
        lines.append(f"{both}, in place of one {escape.latex(layer.pair.kind)}:")
        lines += _display([_ratio(e, layer.pair)])
    return lines


def _legend(symbols: Sequence[Symbol]) -> str:
    listed = []
    for s in symbols:
        short = f" = {LATEX_SUM.written(s.short_for)}" if s.short_for else ""
        listed.append(f"${symbol_text(s.name, LATEX)}{short} = {s.value}$ ({escape.latex(s.meaning)})")
    return ", ".join(listed)


def _sums(e: Explanation, node: Explained) -> list[str]:
    """What is counted, in one display; where there is no formula, in words."""
    rows: list[str] = []
    for label, formula in counts(e, node):
        parts = [rf"\text{{{formula}}}"] if isinstance(formula, str) else steps(formula, LATEX_SUM)
        name = rf"\text{{{escape.latex(label)}}} &= "
        long = len(parts) > 2 and sum(map(len, parts)) >= LONG
        rows += [name + parts[0], *(f"&= {part}" for part in parts[1:])] if long else [name + " = ".join(parts)]
    if node.standard:
        name = rf"\text{{to a standard {escape.latex(node.standard.kind)}}}"
        rows.append(f"{name} &= {_ratio(e, node.standard)}")
    return _display(rows)


def _moved(node: Explained) -> str:
    """Memory access and intensity, in a sentence."""
    intensity = "" if node.intensity is None else f"; {ratios.ratio(node.intensity)} MAdds per byte"
    return f"Memory access: {escape.latex(' = '.join(memory(node)))}{intensity}."


def _ratio(e: Explanation, r: Ratio) -> str:
    """The quotient of formulas, in lowest terms, in numbers, as a decimal."""
    parts = dict.fromkeys(text(r, LATEX_RATIO) for text in (unsimplified, simplified, in_numbers))
    fewer = f"{ratios.times(r.value)} {escape.latex(e.report.convention.unit)}"
    return rf"{' = '.join(parts)} \approx {ratios.ratio(r.value)}\quad\text{{({fewer})}}"


def _display(rows: Sequence[str]) -> list[str]:
    return [r"\begin{align*}", " \\\\\n".join(f"  {row}" for row in rows), r"\end{align*}"]

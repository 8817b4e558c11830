"""Formulas in LaTeX: an `align*` of amsmath, and below it what names of roundings stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from costcalc.explore.formulated import WHOLE, Formulated
from costcalc.number.polynomial import Polynomial
from costcalc.render import escape
from costcalc.render.expression import LATEX, Names, Writer, named_roundings, symbol_text
from costcalc.render.formula_page import reading, unit
from costcalc.render.where import where_texts

PER_LINE = 4  # terms of a sum


def formula_latex(f: Formulated, exact: bool) -> str:
    """A line for each formula, long ones over several; where they hold as a comment."""
    formulas = [f.total, *f.rows]
    polynomials = [p for formula in formulas for p in reading(formula, exact).values()]
    named = named_roundings(polynomials, list(f.symbols)) if exact else {}
    writer = Writer(LATEX, Names({}, {node: symbol_text(name, LATEX) for node, name in named.items()}))
    lines = []
    for formula in formulas:
        index = "" if formula is f.total else rf"_{{\text{{{escape.latex(formula.path)}}}}}"
        for metric, polynomial in reading(formula, exact).items():
            name = rf"\text{{{escape.latex(unit(f, metric))}}}{index}"
            lines += aligned(name, polynomial, writer, f.symbols if exact else None)
    for d in f.derivatives:
        below = rf"\partial {symbol_text(d.symbol, LATEX)}"
        above = rf"\partial\,\text{{{escape.latex(unit(f, d.metric))}}}"
        lines += aligned(rf"\frac{{{above}}}{{{below}}}", d.polynomial, writer, None)
    used = polynomials[0] if polynomials else None
    lines += [f"{writer.names.roundings[n]} &= {writer.definition(used, n)}" for n in named if used is not None]
    body = [r"\begin{align*}", " \\\\\n".join(lines), r"\end{align*}"]
    return "\n".join([*_comments(f, exact, writer), *body]) + "\n"


def _comments(f: Formulated, exact: bool, writer: Writer) -> list[str]:
    where = where_texts(f.exact_where if exact else f.ideal_where, writer)
    about = f"{f.report.network.name}, counted as `{f.report.convention.name}`; needs amsmath"
    lines = [f"% {escape.terminal(about)}"]
    lines += [f"% part: {escape.terminal(f.total.path)}"] if f.total.path != WHOLE else []
    if f.total.uncounted:
        lines.append(f"% partial, not counted: {escape.terminal(', '.join(f.total.uncounted))}")
    return [*lines, *(f"% {'holds for' if exact else 'exact for'} ${text}$" for text in where)]


def aligned(name: str, polynomial: Polynomial, writer: Writer, point: Mapping[str, Any] | None) -> list[str]:
    """A formula in lines of a few terms."""
    first, *rest = [text for text, _ in writer.terms(polynomial, point)] or ["0"]
    signed = [first, *(f"- {text[1:]}" if text.startswith("-") else f"+ {text}" for text in rest)]
    return _joined(name, [" ".join(signed[i : i + PER_LINE]) for i in range(0, len(signed), PER_LINE)])


def _joined(name: str, chunks: Sequence[str]) -> list[str]:
    return [f"{name} &= {chunks[0]}", *(rf"&\quad {chunk}" for chunk in chunks[1:])]

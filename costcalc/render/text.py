"""Formats made of lines: plain text, Markdown, LaTeX. Every number in full, whatever the width."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from costcalc.render import escape
from costcalc.render.sheet import Sheet


def plain(sheet: Sheet) -> str:
    """Aligned columns two spaces apart, as wide as they are."""
    table = [tuple(map(escape.terminal, row)) for row in ([c.head for c in sheet.columns], *sheet.rows, *_total(sheet))]
    widths = [max(len(row[i]) for row in table) for i in range(len(sheet.columns))]
    lines = [_aligned(row, widths, sheet) for row in table]
    rule = "-" * max(map(len, lines))
    end = len(sheet.rows) + 1
    lines = [lines[0], rule, *lines[1:end], *([rule] if sheet.total else []), *lines[end:]]
    return (
        "\n".join([escape.terminal(sheet.title), *_labelled(sheet.facts), "", *lines, "", *_labelled(sheet.notes)])
        + "\n"
    )


def _total(sheet: Sheet) -> list[tuple[str, ...]]:
    return [sheet.total] if sheet.total else []


def _aligned(row: Sequence[str], widths: Sequence[int], sheet: Sheet) -> str:
    cells = [
        cell.rjust(w) if c.numeric else cell.ljust(w) for cell, w, c in zip(row, widths, sheet.columns, strict=True)
    ]
    return "  ".join(cells).rstrip()


def _labelled(facts: Sequence[tuple[str, str]]) -> list[str]:
    names = [escape.terminal(name) for name, _ in facts]
    width = max(map(len, names), default=0)
    return [f"{name:<{width}}  {escape.terminal(text)}" for name, (_, text) in zip(names, facts, strict=True)]


def markdown(sheet: Sheet) -> str:
    """A heading, a list of facts, a GitHub table, a list of notes."""

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    def listed(facts: Sequence[tuple[str, str]]) -> list[str]:
        return [f"- {escape.inline(name)}: {escape.inline(text)}" for name, text in facts]

    rule = line(["---:" if c.numeric else "---" for c in sheet.columns])
    totals = [["**" + escape.markdown(cell) + "**" if cell else "" for cell in _harmless(row)] for row in _total(sheet)]
    table = [
        line(_cells([c.head for c in sheet.columns])),
        rule,
        *(line(_cells(row)) for row in sheet.rows),
        *map(line, totals),
    ]
    parts = [f"## {escape.markdown(sheet.title)}", "", *listed(sheet.facts), "", *table, "", *listed(sheet.notes)]
    return "\n".join(parts) + "\n"


def _cells(row: Sequence[str]) -> list[str]:
    return [escape.markdown(cell) for cell in _harmless(row)]


def _harmless(row: Sequence[str]) -> list[str]:
    """A lower bound in words' stead: `>=` would need escaping, and reads as a quotation at the start of a line."""
    return ["≥ " + cell[3:] if cell.startswith(">= ") else cell for cell in row]


def latex(sheet: Sheet) -> str:
    """A `booktabs` table with its facts as the caption; needs nothing but `\\usepackage{booktabs}`."""
    row: Callable[[Sequence[str]], str] = lambda cells: "  " + " & ".join(map(escape.latex, cells)) + r" \\"  # noqa: E731
    partial = [note for note in sheet.notes if note[0] == "partial"]
    caption = ". ".join(f"{name}: {text}" for name, text in (*sheet.facts, *partial))
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape.latex(sheet.title)}. {escape.latex(caption)}.}}",
        rf"\begin{{tabular}}{{{''.join('r' if c.numeric else 'l' for c in sheet.columns)}}}",
        r"\toprule",
        row([c.head for c in sheet.columns]),
        r"\midrule",
        *map(row, sheet.rows),
        *(line for total in _total(sheet) for line in (r"\midrule", row(total))),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"

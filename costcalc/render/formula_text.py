"""Formulas as text and as Markdown, fit for a design review."""

from __future__ import annotations

import re
import textwrap

from costcalc.explore.formulated import Formulated
from costcalc.render import escape
from costcalc.render.formula_page import SUMS, WIDTH, Rows, lay_out


def formula_text(f: Formulated, exact: bool = False) -> str:
    """What the formulas are of, the formulas, their terms by size, and where they hold."""
    page = lay_out(f, exact)
    width = max(len(name) for name, _ in (*page.facts, *page.notes))
    lines = [escape.terminal(page.title)]
    for name, fact in page.facts:
        lines += wrapped(f"{name:<{width}}  ", escape.terminal(fact))
    lines += ["", *page.formulas]
    for heading, rows in page.tables:
        lines += ["", *_table(heading, rows)]
    lines.append("")
    for name, texts in page.notes:
        for i, text in enumerate(texts):
            lines += wrapped(f"{'' if i else name:<{width}}  ", escape.terminal(text))
    return "\n".join(line.rstrip() for line in lines) + "\n"


def formula_markdown(f: Formulated, exact: bool = False) -> str:
    """A heading, a list of facts, the formulas as a block of text, tables of their terms, a list of notes."""
    page = lay_out(f, exact)
    body = "\n".join(page.formulas)
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", body)), default=0))
    lines = [f"## {escape.markdown(page.title)}", ""]
    lines += [f"- {name}: {escape.markdown(fact)}" for name, fact in page.facts]
    lines += ["", f"{fence}text", body, fence]
    for heading, rows in page.tables:
        lines += ["", f"| {escape.markdown(heading)} | Value | Share |", "| --- | ---: | ---: |"]
        lines += [f"| {name if name in SUMS else f'`{name}`'} | {value} | {share} |" for name, value, share in rows]
    lines.append("")
    for name, texts in page.notes:
        lines.append(f"- {name}: {'; '.join(map(escape.markdown, texts))}")
    return "\n".join(lines) + "\n"


def _table(heading: str, rows: Rows) -> list[str]:
    lines = [(heading, "Value", "Share"), *rows]
    a, b, c = (max(len(line[i]) for line in lines) for i in range(3))
    texts = [f"{name:<{a}}  {value:>{b}}  {share:>{c}}" for name, value, share in lines]
    rule, end = "-" * len(texts[0]), max(i for i, line in enumerate(lines) if line[0] == SUMS[0])
    return [texts[0], rule, *texts[1:end], rule, *texts[end:]]


def wrapped(head: str, text: str) -> list[str]:
    """Words after their head, in lines below each other."""
    width = max(WIDTH - len(head), 40)
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]
    return [f"{' ' * len(head) if i else head}{line}" for i, line in enumerate(lines)]

"""A report as one self-contained page: no script, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from costcalc.render.escape import terminal
from costcalc.render.sheet import Sheet

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem }
body { color: #1a1a1a; background: #fff }
h1 { font-size: 1.5rem; margin-bottom: .5rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 0 0 1.5rem }
dt { color: #555 } dd { margin: 0; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100%; margin-bottom: 1.5rem; font-variant-numeric: tabular-nums }
th, td { padding: .2rem .7rem; text-align: left; overflow-wrap: anywhere }
th.n, td.n { text-align: right; white-space: nowrap }
thead th { border-bottom: 2px solid #1a1a1a } tfoot td { border-top: 2px solid #1a1a1a; font-weight: 600 }
tbody tr:hover { background: #f3f6fa }
.bar { width: 8rem } .bar i { display: block; height: .7rem; background: #3b6ea5; border-radius: 2px }
@media (prefers-color-scheme: dark) {
  body { color: #e6e6e6; background: #16181c } dt { color: #9aa3ad } tbody tr:hover { background: #20242b }
  thead th { border-color: #e6e6e6 } tfoot td { border-color: #e6e6e6 } .bar i { background: #6ea0d8 }
}
""".strip()


def html(sheet: Sheet) -> str:
    """The page."""
    title = html_text(sheet.title)
    body = "\n".join(
        f"<tr>{_cells(sheet, row)}{_bar(*bar)}</tr>" for row, bar in zip(sheet.rows, sheet.bars, strict=True)
    )
    heads = "".join(f'<th scope="col"{_class(c.numeric)}>{html_text(c.head)}</th>' for c in sheet.columns)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{STYLE}
</style>
</head>
<body>
<h1>{title}</h1>
{_facts(sheet.facts)}
<table>
<thead><tr>{heads}<th></th></tr></thead>
<tbody>
{body}
</tbody>
{_foot(sheet)}</table>
{_facts(sheet.notes)}
</body>
</html>
"""


def _foot(sheet: Sheet) -> str:
    return f"<tfoot><tr>{_cells(sheet, sheet.total)}<td></td></tr></tfoot>\n" if sheet.total else ""


def _class(numeric: bool) -> str:
    return ' class="n"' if numeric else ""


def _cells(sheet: Sheet, row: Sequence[str]) -> str:
    return "".join(f"<td{_class(c.numeric)}>{html_text(cell)}</td>" for c, cell in zip(sheet.columns, row, strict=True))


def _bar(part: int, largest: int) -> str:
    width = 1000 * part // largest if largest else 0
    return f'<td class="bar"><i style="width:{width // 10}.{width % 10}%"></i></td>'


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<dt>{html_text(name)}</dt><dd>{html_text(text)}</dd>" for name, text in facts) + "</dl>"


def html_text(text: str) -> str:
    """Text for an element or a quoted attribute of the page."""
    return escape(terminal(text), quote=True)
